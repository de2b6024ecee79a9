//! `samples/portfolio.json`: accounts that match their names.

use margin::greeks;
use model::{
    AccountDocument, BalanceDocument, Market, MarketDocument, OrderDocument, PORTFOLIO_FORMAT, Portfolio,
    PortfolioDocument, PositionDocument, Side,
};

use super::{decimal, exact};

/// A balance: asset, amount, and location ("" for none).
type Held = (&'static str, &'static str, &'static str);
/// A position: instrument, contracts, and entry price ("" for the mark).
type Open = (&'static str, &'static str, &'static str);

/// The document. Hedges are computed in `market`.
pub fn document(market: &MarketDocument) -> PortfolioDocument {
    let market = Market::new(market).expect("the sample market is valid");
    let mut resting = account("resting orders", &RESTING.0, &RESTING.1);
    resting.orders = RESTING_ORDERS.map(order).into();
    let accounts = vec![
        hedged(account("delta-hedged book", &BOOK.0, &BOOK.1), &["BTC-PERPETUAL", "ETH-PERPETUAL"], &market),
        account("short strangle", &STRANGLE.0, &STRANGLE.1),
        account("calendar", &CALENDAR.0, &CALENDAR.1),
        account("covered call", &COVERED.0, &COVERED.1),
        account("basis trade", &BASIS.0, &BASIS.1),
        account("pair trade", &PAIR.0, &PAIR.1),
        account("staked collateral", &STAKED.0, &STAKED.1),
        account("coin on credit", &CREDIT.0, &CREDIT.1),
        resting,
    ];
    PortfolioDocument { format: PORTFOLIO_FORMAT.into(), accounts }
}

/// A volatility book: short the near expiries, long the far ones, short upside against downside, in coin and in dollars.
const BOOK: ([Held; 3], [Open; 28]) = (
    [("USDC", "350000", ""), ("BTC", "4.5", ""), ("ETH", "90", "")],
    [
        ("BTC-21NOV26-84000-P", "-15", "0.0051"),
        ("BTC-21NOV26-88000-C", "-15", "0.0048"),
        ("BTC-27NOV26-78000-P", "25", ""),
        ("BTC-27NOV26-82000-P", "-35", "0.0121"),
        ("BTC-27NOV26-90000-C", "-40", "0.0138"),
        ("BTC-27NOV26-96000-C", "30", ""),
        ("BTC-25DEC26-70000-P", "40", "0.0142"),
        ("BTC-25DEC26-80000-P", "-20", ""),
        ("BTC-25DEC26-95000-C", "-45", "0.0261"),
        ("BTC-25DEC26-110000-C", "60", ""),
        ("BTC_USDC-25DEC26-85000-C", "12", "4610"),
        ("BTC-26MAR27-70000-P", "25", ""),
        ("BTC-26MAR27-100000-C", "20", "0.0795"),
        ("BTC-26MAR27-130000-C", "-50", ""),
        ("BTC-25JUN27-60000-P", "30", ""),
        ("BTC-25JUN27-120000-C", "25", "0.0801"),
        ("ETH-27NOV26-2700-P", "-300", "0.0102"),
        ("ETH-27NOV26-3200-C", "-350", ""),
        ("ETH-27NOV26-3400-C", "400", ""),
        ("ETH-25DEC26-2400-P", "450", "0.0203"),
        ("ETH-25DEC26-3200-C", "-250", ""),
        ("ETH_USDC-25DEC26-3000-P", "120", "265"),
        ("ETH-26MAR27-2400-P", "300", ""),
        ("ETH-26MAR27-3600-C", "-200", "0.0701"),
        ("ETH-25JUN27-2000-P", "-150", ""),
        ("ETH-25JUN27-4000-C", "260", ""),
        ("BTC-26MAR27", "-12000", "88450"),
        ("ETH-25DEC26", "90000", ""),
    ],
);

const STRANGLE: ([Held; 1], [Open; 4]) = (
    [("USDC", "520000", "")],
    [
        ("BTC_USDC-25DEC26-75000-P", "-20", "1490"),
        ("BTC_USDC-25DEC26-100000-C", "-20", "1240"),
        ("ETH_USDC-25DEC26-2400-P", "-150", "58.4"),
        ("ETH_USDC-25DEC26-3600-C", "-150", "52.6"),
    ],
);

/// Short a week, long four months, at the same strikes; the remaining delta is sold.
const CALENDAR: ([Held; 2], [Open; 7]) = (
    [("BTC", "2", ""), ("USDC", "120000", "")],
    [
        ("BTC-27NOV26-90000-C", "-30", "0.0109"),
        ("BTC-26MAR27-90000-C", "30", ""),
        ("BTC-27NOV26-80000-P", "-20", ""),
        ("BTC-26MAR27-80000-P", "20", "0.0702"),
        ("SOL_USDC-27NOV26-140-C", "-2000", "2.95"),
        ("SOL_USDC-26MAR27-140-C", "2000", ""),
        ("BTC-PERPETUAL", "-58000", "86190"),
    ],
);

const COVERED: ([Held; 1], [Open; 2]) =
    ([("BTC", "25", "")], [("BTC-25DEC26-95000-C", "-15", "0.0224"), ("BTC-26MAR27-110000-C", "-10", "0.0488")]);

/// Coin against a dated inverse future, and a perpetual against a dated one.
const BASIS: ([Held; 2], [Open; 3]) = (
    [("BTC", "20", ""), ("USDC", "60000", "")],
    [
        ("BTC-25JUN27", "-178200", "89420"),
        ("ETH_USDC-PERPETUAL", "500", "2896.4"),
        ("ETH_USDC-26MAR27", "-500", "2967.1"),
    ],
);

/// Ether and Solana against bitcoin, in dollars.
const PAIR: ([Held; 1], [Open; 3]) = (
    [("USDC", "548000", "")],
    [
        ("ETH_USDC-PERPETUAL", "600", "2951.3"),
        ("BTC_USDC-PERPETUAL", "-28", "86010"),
        ("SOL_USDC-PERPETUAL", "5000", "129.7"),
    ],
);

/// Staked ether on two chains, protected below and partly sold forward.
const STAKED: ([Held; 3], [Open; 3]) = (
    [("stETH", "260", "ethereum"), ("stETH", "70", "arbitrum"), ("USDT", "60000", "ethereum")],
    [
        ("ETH-25DEC26-2600-P", "300", ""),
        ("ETH-25DEC26-3400-C", "-300", "0.0215"),
        ("ETH-PERPETUAL", "-500000", "2931.2"),
    ],
);

/// Bitcoin bought with borrowed dollars.
const CREDIT: ([Held; 2], [Open; 1]) =
    ([("BTC", "10", ""), ("USDC", "-753000", "")], [("BTC-25DEC26-80000-P", "2", "")]);

/// Quotes on both sides of a small position.
const RESTING: ([Held; 2], [Open; 2]) = (
    [("USDC", "190000", ""), ("SOL", "300", "solana")],
    [("BTC_USDC-PERPETUAL", "2", "85900"), ("SOL_USDC-25DEC26-150-C", "-400", "4.1")],
);

/// Instrument, side, contracts and limit of each order.
const RESTING_ORDERS: [(&str, Side, &str, &str); 5] = [
    ("BTC_USDC-PERPETUAL", Side::Buy, "6", "85200"),
    ("BTC_USDC-PERPETUAL", Side::Sell, "8", "87400"),
    ("BTC_USDC-25DEC26-95000-C", Side::Sell, "10", "1950"),
    ("ETH_USDC-27NOV26-2700-P", Side::Buy, "80", "21.5"),
    ("SOL_USDC-PERPETUAL", Side::Sell, "1500", "136.2"),
];

fn account(name: &str, balances: &[Held], positions: &[Open]) -> AccountDocument {
    AccountDocument {
        account: name.into(),
        balances: balances
            .iter()
            .map(|(asset, amount, location)| BalanceDocument {
                asset: (*asset).into(),
                amount: exact(amount),
                location: said(location).map(String::from),
            })
            .collect(),
        positions: positions
            .iter()
            .map(|(instrument, quantity, entry)| PositionDocument {
                instrument: (*instrument).into(),
                quantity: Some(exact(quantity)),
                amount: None,
                entry: said(entry).map(exact),
            })
            .collect(),
        orders: Vec::new(),
    }
}

fn said(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn order((instrument, side, quantity, limit): (&str, Side, &str, &str)) -> OrderDocument {
    let quantity = Some(exact(quantity));
    OrderDocument { instrument: instrument.into(), side, quantity, amount: None, limit: exact(limit) }
}

/// The account with the whole contracts of each perpetual that offset its delta.
fn hedged(mut account: AccountDocument, perpetuals: &[&str], market: &Market) -> AccountDocument {
    let document = PortfolioDocument { format: PORTFOLIO_FORMAT.into(), accounts: vec![account.clone()] };
    let portfolio = Portfolio::new(&document, market).expect("the sample account is valid");
    let exposures =
        greeks::of_account(&portfolio.accounts[0], market, 0.0).expect("the sample account has volatilities");
    for name in perpetuals {
        let perpetual = market.instrument(name).expect("the sample market lists it");
        let underlying = &market.underlyings[market.listing(perpetual).underlying.0].name;
        let held =
            exposures.iter().find(|exposure| exposure.underlying == *underlying).map_or(0.0, |exposure| exposure.delta);
        let each = greeks::of_contract(perpetual, market, 0.0).expect("a perpetual has a delta").delta;
        let quantity = Some(decimal((-held / each).round(), 0));
        account.positions.push(PositionDocument { instrument: (*name).into(), quantity, amount: None, entry: None });
    }
    account
}

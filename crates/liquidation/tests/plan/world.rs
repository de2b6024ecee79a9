//! Markets, accounts and two gauges simple enough to compute by hand.

use liquidation::{Gauge, LiquidationRules, OrderBook, Plan, Standing, Step, plan};
use margin::Refusal;
use margin::valuation::equity;
use model::{
    Account, AssetDocument, AssetId, Balance, ExpiryDocument, InstrumentDocument, InstrumentId, KindDocument,
    MARKET_FORMAT, Market, MarketDocument, Payoff, Position, Right, Side, UnderlyingDocument,
};
use pricing::black76::{Black76, Inputs};
use units::{Decimal, Quantity, Ratio, Timestamp};

/// The index of BTC in [`market`].
pub const INDEX: f64 = 80_000.0;
/// The perpetual, the inverse perpetual, the future, spot, a call and a put of [`market`].
pub const PERPETUAL: InstrumentId = InstrumentId(0);
pub const INVERSE: InstrumentId = InstrumentId(1);
pub const FUTURE: InstrumentId = InstrumentId(2);
pub const SPOT: InstrumentId = InstrumentId(3);
pub const CALL: InstrumentId = InstrumentId(4);
pub const PUT: InstrumentId = InstrumentId(5);
/// The assets of [`market`].
pub const USD: AssetId = AssetId(0);
pub const BTC: AssetId = AssetId(1);

pub fn quantity(number: f64) -> Quantity {
    format!("{number:.10}").parse().unwrap()
}

/// A price of the type that the caller asks for.
pub fn price<T: Decimal>(number: f64) -> T {
    T::cut(&format!("{number:.10}"), 0).unwrap()
}

/// The whole part of a number that is not negative.
pub fn whole(number: f64) -> i64 {
    format!("{:.0}", number.floor()).parse().unwrap()
}

pub fn now() -> Timestamp {
    "2026-11-22T08:00:00Z".parse().unwrap()
}

pub fn days(days: i64) -> Timestamp {
    Timestamp::from_micros(now().micros() + days * 86_400_000_000)
}

pub fn empty() -> MarketDocument {
    MarketDocument {
        format: MARKET_FORMAT.to_owned(),
        time: now(),
        assets: Vec::new(),
        underlyings: Vec::new(),
        instruments: Vec::new(),
    }
}

pub fn underlying(name: &str, index: f64, expiries: &[i64]) -> UnderlyingDocument {
    let expiry = |after: &i64| ExpiryDocument {
        expiry: days(*after),
        forward: price(index),
        rate: None,
        forward_settled: None,
        confidence: None,
    };
    UnderlyingDocument {
        underlying: name.to_owned(),
        index: Some(price(index)),
        basket: None,
        scale: None,
        confidence: None,
        expiries: expiries.iter().map(expiry).collect(),
        depth: None,
        adv_usd: None,
    }
}

pub fn asset(name: &str, usd: f64) -> AssetDocument {
    AssetDocument { asset: name.to_owned(), price: price(usd), follows: None, depth: None, adv_usd: None }
}

/// A linear perpetual settled in USD, of one coin a contract.
pub fn perpetual(name: &str, underlying: &str, mark: f64) -> InstrumentDocument {
    InstrumentDocument {
        instrument: name.to_owned(),
        kind: KindDocument::Perpetual,
        underlying: underlying.to_owned(),
        payoff: Payoff::Linear,
        quote: "USD".to_owned(),
        settle: "USD".to_owned(),
        contract_size: Quantity::ONE,
        expiry: None,
        strike: None,
        right: None,
        mark: price(mark),
        iv: None,
        funding_rate_8h: None,
        bid: None,
        ask: None,
        open_interest: None,
        volume_24h: None,
        fee_rate: None,
        delta: None,
        venue: None,
    }
}

pub fn future(name: &str, underlying: &str, mark: f64, after: i64) -> InstrumentDocument {
    InstrumentDocument { kind: KindDocument::Future, expiry: Some(days(after)), ..perpetual(name, underlying, mark) }
}

/// A linear option marked by the model at the forward `index`.
pub fn option(underlying: &str, index: f64, after: i64, (strike, right, iv): (f64, Right, f64)) -> InstrumentDocument {
    let years = days(after).years_since(now());
    let model = Black76::new(Inputs { right, forward: index, strike, vol: iv, years, discount: 1.0 }).unwrap().price();
    InstrumentDocument {
        kind: KindDocument::Option,
        strike: Some(price(strike)),
        right: Some(right),
        iv: Some(Ratio::from_raw(quantity(iv).raw())),
        mark: price(model),
        ..future(&format!("{underlying}-{after}-{strike}-{right:?}"), underlying, index, after)
    }
}

/// BTC with a perpetual, an inverse perpetual, a future, spot, a call and a put.
pub fn market() -> Market {
    let mut document = empty();
    document.assets.push(asset("BTC", INDEX));
    document.underlyings.push(underlying("BTC", INDEX, &[30]));
    let inverse = InstrumentDocument {
        payoff: Payoff::Inverse,
        settle: "BTC".to_owned(),
        contract_size: quantity(10.0),
        ..perpetual("BTC-INVERSE", "BTC", INDEX)
    };
    document.instruments = vec![
        perpetual("BTC-PERPETUAL", "BTC", INDEX),
        inverse,
        future("BTC-30", "BTC", INDEX, 30),
        InstrumentDocument { kind: KindDocument::Spot, ..perpetual("BTC-SPOT", "BTC", INDEX) },
        option("BTC", INDEX, 30, (80_000.0, Right::Call, 0.6)),
        option("BTC", INDEX, 30, (60_000.0, Right::Put, 0.6)),
    ];
    Market::new(&document).unwrap()
}

/// A book of lots of `lot` contracts that costs `cost` per USD traded and moves by 1 % for `depth` USD.
pub fn book(lot: f64, cost: f64, depth: f64) -> OrderBook {
    OrderBook {
        lot: quantity(lot),
        open: true,
        reduces_only: false,
        half_spread: cost / 2.0,
        depth_usd: depth,
        fee: cost / 2.0,
        room: OrderBook::UNLIMITED,
        whole_room: OrderBook::UNLIMITED,
    }
}

/// Books in which nothing trades.
pub fn closed(market: &Market) -> Vec<OrderBook> {
    vec![OrderBook { open: false, ..book(0.001, 0.001, 1e8) }; market.instruments.len()]
}

pub fn account(usd: f64, positions: &[(InstrumentId, f64)], market: &Market) -> Account {
    let held = |(instrument, contracts): &(InstrumentId, f64)| Position {
        instrument: *instrument,
        quantity: quantity(*contracts),
        entry: market.mark(*instrument),
    };
    Account {
        name: "test".to_owned(),
        balances: vec![Balance { asset: USD, amount: quantity(usd), location: None }],
        positions: positions.iter().map(held).collect(),
        orders: Vec::new(),
    }
}

/// A gauge whose maintenance margin is a part of every position's notional; initial margin is 1.3 times that.
pub struct OfNotional<'a> {
    pub market: &'a Market,
    pub rate: f64,
}

impl Gauge for OfNotional<'_> {
    fn stands(&self, account: &Account) -> Result<Standing, Refusal> {
        let notional = account.positions.iter().map(|position| {
            let listing = self.market.listing(position.instrument);
            let units = position.quantity.to_f64().abs() * listing.contract_size.to_f64();
            if listing.payoff == Payoff::Inverse {
                units
            } else {
                units * self.market.mark(listing.id).in_quote().to_f64()
            }
        });
        standing(account, self.market, self.rate * notional.sum::<f64>())
    }
}

/// A gauge whose maintenance margin is a part of the net delta, which is given by instrument, plus a smaller part of
/// every delta; orders hold some margin too.
pub struct OfDelta<'a> {
    pub market: &'a Market,
    pub deltas: Vec<f64>,
    pub net: f64,
    pub gross: f64,
    pub order: f64,
    pub debt: f64,
}

impl Gauge for OfDelta<'_> {
    fn stands(&self, account: &Account) -> Result<Standing, Refusal> {
        let of = |position: &Position| position.quantity.to_f64() * self.deltas[position.instrument.0] * INDEX;
        let net: f64 = account.positions.iter().map(of).sum();
        let gross: f64 = account.positions.iter().map(|position| of(position).abs()).sum();
        let owed = account.balances.iter().filter(|balance| balance.amount.is_negative());
        let owed = owed.map(|balance| -balance.amount.to_f64() * self.market.price(balance.asset).usd().to_f64());
        let orders: f64 = account.orders.iter().map(|_| self.order).sum();
        let maintenance = self.net * net.abs() + self.gross * gross + self.debt * owed.sum::<f64>() + orders;
        standing(account, self.market, maintenance)
    }
}

/// The standing of an account with the given maintenance margin, and initial margin of 1.3 times that.
pub fn standing(account: &Account, market: &Market, maintenance: f64) -> Result<Standing, Refusal> {
    let equity = equity(account, market)
        .map_err(|overflow| Refusal::OutOfRange { account: account.name.clone(), overflow })?
        .to_f64();
    Ok(Standing { equity, initial: 1.3 * maintenance, maintenance })
}

/// The plan by the default rules.
pub fn planned(account: &Account, market: &Market, gauge: &dyn Gauge, books: &[OrderBook]) -> Plan {
    plan(account, market, gauge, books, &LiquidationRules::default()).unwrap()
}

/// The trades of a plan: which instrument and how many lots, negative when sold.
pub fn trades(plan: &Plan) -> Vec<(InstrumentId, i64)> {
    let trade = |step: &Step| match step {
        Step::Trade { instrument, lots, .. } | Step::Repay { instrument, lots, .. } => Some((*instrument, *lots)),
        _ => None,
    };
    plan.steps.iter().filter_map(|planned| trade(&planned.step)).collect()
}

/// Formats a plan for the message of a failed test.
pub fn shown(plan: &Plan) -> String {
    format!("{plan:#?}")
}

/// An order that holds margin.
pub fn order(instrument: InstrumentId) -> model::Order {
    model::Order { instrument, side: Side::Buy, quantity: Quantity::ONE, limit: price(INDEX) }
}

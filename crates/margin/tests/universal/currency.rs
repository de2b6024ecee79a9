//! The currencies in which prices are written and paid: stablecoins away from one USD, depegs, and contracts written in
//! a coin.

use margin::Assessment;
use margin::method::universal;
use margin::scenario::ScenarioSet;
use model::{Account, AssetId, Balance, Market, MarketDocument, Payoff, Portfolio, Position, UsdPrice};
use pricing::kernel::Isa;
use proptest::prelude::*;
use units::{Quantity, Ratio, Round};

use crate::generate::{self, PARAMS, config};

const PEG: [&str; 2] = [include_str!("data/peg-0.88.market.json"), include_str!("data/peg.portfolio.json")];
const CARRY: [&str; 2] =
    [include_str!("data/depeg-carry.market.json"), include_str!("data/depeg-carry.portfolio.json")];

/// Every account of two documents with its assessment.
fn assessed([market, portfolio]: [&str; 2]) -> Vec<(Account, Assessment)> {
    let market = Market::parse(market).expect("a market");
    let portfolio = Portfolio::parse(portfolio, &market).expect("a portfolio");
    let judge = universal::prepare(&market, &PARAMS.rules, &ScenarioSet::default(), Isa::detect()).expect("in range");
    let assess = |account: Account| {
        let answer = margin::assess(&account, &judge).expect("in range");
        (account, answer)
    };
    portfolio.accounts.into_iter().map(assess).collect()
}

fn of<'a>(answers: &'a [(Account, Assessment)], name: &str) -> &'a Assessment {
    &answers.iter().find(|(account, _)| account.name == name).expect("an account of that name").1
}

fn loss(answer: &Assessment, family: &str) -> f64 {
    answer.families.iter().find(|found| found.family == family).expect("a family").loss.to_f64()
}

fn near(found: f64, expected: f64, within: f64) {
    assert!((found - expected).abs() <= within, "{found}, expected {expected}");
}

/// VAL-3: a linear option is priced in the asset in which it is written. With USDC at 0.88, a call struck at 0.01 USDC
/// is worth the coin, an option is at the money where the forward equals the strike in USDC, and deltas are those of a
/// contract written in USD.
#[test]
fn what_is_written_in_a_stablecoin_is_priced_in_it() {
    let answers = assessed(PEG);
    let riskless = of(&answers, "call less perp: no risk");
    near(riskless.greeks[0].delta, 0.0, 1e-9);
    for family in ["scan together", "scan alone", "named stress", "tails"] {
        assert!(loss(riskless, family) <= 1e-6, "{family}: {}", loss(riskless, family));
    }
    let at_the_money = of(&answers, "ATM call");
    near(at_the_money.greeks[0].delta, 0.5279, 5e-5);
    let at_once = |one: &&margin::ScenarioPnl| one.family == "scan together" && !one.scenario.contains("day");
    let scanned = at_the_money.scenarios.iter().filter(at_once).map(|one| -one.pnl).fold(0.0, f64::max);
    near(scanned, 1037.0, 0.5);
    assert!(loss(at_the_money, "scan together") > scanned, "a day takes some of what is left");
    near(of(&answers, "perp").greeks[0].delta, 1.0, 1e-12);
}

/// SCN-1: a price written in USDC rises when USDC falls; a price in USD that USDC pays for does not.
#[test]
fn a_depeg_moves_what_is_written_in_the_stablecoin() {
    let answers = assessed(CARRY);
    let depegged = |name: &str| {
        let scenarios = &of(&answers, name).scenarios;
        scenarios.iter().find(|found| found.scenario == "USDC −10 %").expect("a scenario").pnl
    };
    for (account, expected) in [
        ("spot + short USDC perp", -10_000.0),
        ("owes USDC, spot, short USDC perp (basis trade financed)", -5_000.0),
        ("USDC + long USDC perp", 0.0),
        ("long USDC perp, short USD perp", 0.0),
        ("spot + short USD perp", 0.0),
        ("spot + short inverse", 0.0),
        ("USDC only", -10_000.0),
    ] {
        near(depegged(account), expected, 1e-6);
    }
    let notes = &of(&answers, "long USDC perp, short USD perp").notes;
    let says = |words: &str| notes.iter().any(|note| note.contains(words));
    assert!(
        says("USDC: prices of BTC_USDC-PERPETUAL are written in USDC, so that they rise when USDC falls"),
        "{notes:?}"
    );
    assert!(says("USDC: prices of BTC-USD-PERP are in USD, and USDC pays for them one for one"), "{notes:?}");
}

/// SCN-1, CHG-1: a perpetual on ETH written and paid in BTC is an amount of ETH less an amount of BTC: hedged with
/// both, it has no risk, and nothing to pay but its spread.
#[test]
fn a_contract_written_in_a_coin_is_one_coin_less_the_other() {
    let mut document = generate::empty_market();
    document.assets.extend([generate::asset("BTC", 80_000.0, None), generate::asset("ETH", 2_500.0, None)]);
    document.underlyings.extend([generate::underlying("BTC", 80_000.0), generate::underlying("ETH", 2_500.0)]);
    let mut cross = generate::perpetual("ETH_BTC-PERPETUAL", "ETH", Payoff::Linear, 2_500.0 / 80_000.0);
    (cross.quote, cross.settle) = ("BTC".to_owned(), "BTC".to_owned());
    (cross.fee_rate, cross.funding_rate_8h) = (Some(Ratio::ZERO), Some(Ratio::ZERO));
    document.instruments.push(cross);
    let market = Market::new(&document).expect("valid");
    let [ten, owed]: [Quantity; 2] = ["0.3125", "-10"].map(|text| text.parse().expect("a quantity"));
    let instrument = market.instrument("ETH_BTC-PERPETUAL").expect("listed");
    let balance =
        |name: &str, amount: Quantity| Balance { asset: market.asset(name).expect("listed"), amount, location: None };
    let account = Account {
        name: "against its legs".to_owned(),
        balances: vec![balance("BTC", ten), balance("ETH", owed)],
        positions: vec![Position {
            instrument,
            quantity: "10".parse().expect("a quantity"),
            entry: market.mark(instrument),
        }],
        ..Account::default()
    };
    let answer = generate::assessed(&account, &market);
    for greeks in &answer.greeks {
        near(greeks.delta, 0.0, 1e-9);
    }
    for scenario in answer.scenarios.iter().filter(|scenario| scenario.family.starts_with("scan")) {
        near(scenario.pnl, 0.0, 1e-6);
    }
    let liquidity = answer.charges.iter().find(|charge| charge.charge == "liquidity").expect("a charge");
    near(liquidity.maintenance.to_f64(), 0.0001 * 25_000.0, 1e-6);
}

/// The market with USDC at `peg`: contracts written in USDC keep their numbers, so index and forwards in USD scale with it.
fn pegged(document: &MarketDocument, peg: f64) -> Market {
    let mut document = document.clone();
    let scaled = |price: UsdPrice| UsdPrice::from_f64(price.usd().to_f64() * peg, Round::Down).expect("in range");
    for asset in &mut document.assets {
        asset.price = scaled(asset.price);
    }
    for underlying in &mut document.underlyings {
        underlying.index = underlying.index.map(scaled);
        for expiry in &mut underlying.expiries {
            expiry.forward = scaled(expiry.forward);
        }
    }
    Market::new(&document).expect("valid")
}

proptest! {
    #![proptest_config(config(60))]

    /// SCN-1, VAL-3: everything written and paid in USDC scales with the price of USDC, and deltas do not change. Only what
    /// USDC itself may do (FAM-9) is another thing when it has lost its par.
    #[test]
    fn what_is_written_in_usdc_scales_with_its_price(
        peg in 0.5..1.5, strike in 0.6..1.6, call in any::<bool>(), iv in 0.2..1.5, quantities in [-5.0..5.0, -5.0..5.0],
    ) {
        let mut document = generate::empty_market();
        document.assets.extend([generate::asset("USDC", 1.0, None), generate::asset("BTC", 80_000.0, None)]);
        let terms = generate::expiry(20 * 86_400, 80_500.0, 0.0, None);
        let right = if call { model::Right::Call } else { model::Right::Put };
        let contract = (80_000.0 * strike, right, Payoff::Linear);
        document.instruments.extend([
            generate::perpetual("P", "BTC", Payoff::Linear, 80_000.0),
            generate::option("O", "BTC", &terms, contract, (iv, 0.0)),
        ]);
        document.underlyings.push(generate::underlying("BTC", 80_000.0));
        document.underlyings[0].expiries.push(terms);
        let answer = |market: &Market| {
            let position = |place: usize| Position {
                instrument: model::InstrumentId(place),
                quantity: generate::quantity(quantities[place]),
                entry: market.mark(model::InstrumentId(place)),
            };
            let balance = Balance { asset: AssetId(1), amount: generate::quantity(1e6), location: None };
            let account = Account {
                balances: vec![balance], positions: vec![position(0), position(1)], ..Account::default()
            };
            generate::assessed(&account, market)
        };
        let (par, away) = (answer(&pegged(&document, 1.0)), answer(&pegged(&document, peg)));
        let close = |found: f64, expected: f64| (found - expected).abs() <= 1e-6 * (1.0 + expected.abs());
        prop_assert!(close(away.equity.to_f64(), par.equity.to_f64() * peg));
        prop_assert!(close(away.greeks[0].delta, par.greeks[0].delta), "{} {}", away.greeks[0].delta, par.greeks[0].delta);
        let at_par = PARAMS.rules.depeg.is_stablecoin("USDC", peg);
        let scaling = away.families.iter().zip(&par.families);
        for (found, expected) in scaling.filter(|(found, _)| at_par || found.family != "depeg and location") {
            let (found, expected) = (found.loss.to_f64(), expected.loss.to_f64() * peg);
            prop_assert!(close(found, expected), "{found} {expected}");
        }
    }
}

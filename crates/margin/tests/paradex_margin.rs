//! Paradex against the venue's own engine.
//!
//! `paradex/*.json` holds two moments of one market (`night`, and `settlement`: a quarter of an hour before options
//! settle, with fees), one portfolio document, and the answers of `paradex_py.margin` 0.8.2 for every account in it
//! (`engine-*.json`; its cross margin reads the options' parameters that the documentation publishes). The engine
//! margins one underlying per call, so its answers are summed.

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may what it is written with")]

use margin::book::{Contract, Leg, OptionTerms, Order, UnderlyingAccount};
use margin::method::paradex::black_scholes::{BlackScholes, cdf};
use margin::method::paradex::{cross, portfolio};
use margin::params::Params;
use margin::{Refusal, Workings};
use model::{Account, AssetId, Market, Payoff, Right, UnderlyingId};
use serde::Deserialize;

const PORTFOLIO: &str = include_str!("paradex/portfolio.json");
const NIGHT: &str = include_str!("paradex/market-night.json");
const SETTLEMENT: &str = include_str!("paradex/market-settlement.json");

/// The relative difference that the order of additions alone can cause.
const TOLERANCE: f64 = 1e-12;

fn rules() -> portfolio::PortfolioParameters {
    Params::parse(portfolio::PARAMS).unwrap().rules
}

fn cross_rules() -> cross::CrossParameters {
    Params::parse(cross::PARAMS).unwrap().rules
}

fn accounts(market: &Market) -> Vec<Account> {
    model::Portfolio::parse(PORTFOLIO, market).unwrap().accounts
}

/// Workings in the engine's units: in USDC, with its charges for balances separate.
fn in_usdc(mut workings: Workings, market: &Market) -> (Workings, f64) {
    let owed = workings.charges.pop().filter(|line| line.charge == "spot balances owed").unwrap().initial;
    let balances = owed + workings.state.value_not_accepted().unwrap().to_f64();
    let usdc = market.price(market.asset("USDC").unwrap()).usd().to_f64();
    (workings.scaled(1.0 / usdc), balances)
}

fn initial(workings: &Workings) -> f64 {
    workings.core().1 + workings.charges.iter().map(|line| line.initial).sum::<f64>()
}

fn maintenance(workings: &Workings) -> f64 {
    workings.core().1 + workings.charges.iter().map(|line| line.maintenance).sum::<f64>()
}

fn charge(workings: &Workings, name: &str) -> (f64, f64) {
    let line = workings.charges.iter().find(|line| line.charge == name).unwrap();
    (line.initial, line.maintenance)
}

#[track_caller]
fn close(found: f64, expected: f64, what: &str) {
    let error = (found - expected).abs() / expected.abs().max(1e-3);
    assert!(error <= TOLERANCE, "{what}: {found} instead of {expected}, {error:e}");
}

/// The answer of the engine.
#[derive(Deserialize)]
struct Engine {
    cross: CrossAnswer,
    portfolio: PortfolioAnswer,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
struct CrossAnswer {
    #[serde(rename = "IMR")]
    initial: String,
    #[serde(rename = "MMR")]
    maintenance: String,
    net_mmr: String,
    fee_provision_imr: String,
    fee_provision_mmr: String,
    open_loss: String,
    spot_balance_margin: String,
}

#[derive(Deserialize)]
struct PortfolioAnswer {
    initial: String,
    maintenance: String,
    underlyings: Vec<UnderlyingAnswer>,
}

#[derive(Deserialize)]
struct UnderlyingAnswer {
    underlying: String,
    scan: String,
    scenario: usize,
    minimum_delta: String,
    funding: String,
    fee_initial: String,
    fee_maintenance: String,
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

fn engine(text: &str) -> std::collections::BTreeMap<String, Engine> {
    serde_json::from_str(text).unwrap()
}

const MOMENTS: [(&str, &str); 2] =
    [(NIGHT, include_str!("paradex/engine-night.json")), (SETTLEMENT, include_str!("paradex/engine-settlement.json"))];

#[test]
fn portfolio_margin_is_that_of_the_official_engine() {
    for (market, answers) in MOMENTS {
        let (market, answers) = (Market::parse(market).unwrap(), engine(answers));
        for account in accounts(&market) {
            let workings = portfolio::workings(&account, &market, &rules(), true).unwrap();
            let (workings, balances) = in_usdc(workings, &market);
            let expected = &answers[&account.name].portfolio;
            close(initial(&workings) + balances, number(&expected.initial), &format!("{}: IM", account.name));
            close(maintenance(&workings) + balances, number(&expected.maintenance), &format!("{}: MM", account.name));

            let sum = |part: fn(&UnderlyingAnswer) -> &String| -> f64 {
                expected.underlyings.iter().map(|underlying| number(part(underlying))).sum()
            };
            close(charge(&workings, "funding provision").0, sum(|of| &of.funding), &account.name);
            close(charge(&workings, "fee provision").0, sum(|of| &of.fee_initial), &account.name);
            close(charge(&workings, "fee provision").1, sum(|of| &of.fee_maintenance), &account.name);
            if account.orders.is_empty() {
                for of in &expected.underlyings {
                    let family = |name: &str| {
                        workings.families.iter().find(|line| line.family == format!("{} {name}", of.underlying))
                    };
                    close(family("SCAN risk").unwrap().loss, number(&of.scan), &account.name);
                    close(family("minimum delta").unwrap().loss, number(&of.minimum_delta), &account.name);
                    assert_eq!(
                        family("SCAN risk").unwrap().scenario,
                        words(&of.underlying, of.scenario),
                        "{}",
                        account.name
                    );
                }
            }
        }
    }
}

/// The words of scenario `number` in the venue's list, which counts from 1.
fn words(underlying: &str, number: usize) -> String {
    let rules = rules();
    let class = rules.class.values().find(|class| class.members.iter().any(|member| member == underlying)).unwrap();
    class.scenarios[number - 1].words(underlying)
}

#[test]
fn cross_margin_is_that_of_the_official_engine() {
    for (market, answers) in MOMENTS {
        let (market, answers) = (Market::parse(market).unwrap(), engine(answers));
        for account in accounts(&market) {
            let workings = cross::workings(&account, &market, &cross_rules(), true).unwrap();
            let (workings, balances) = in_usdc(workings, &market);
            let expected = &answers[&account.name].cross;
            close(initial(&workings) + balances, number(&expected.initial), &format!("{}: IM", account.name));
            close(maintenance(&workings) + balances, number(&expected.maintenance), &format!("{}: MM", account.name));
            close(workings.core().1, number(&expected.net_mmr), &account.name);
            close(charge(&workings, "fee provision").0, number(&expected.fee_provision_imr), &account.name);
            close(charge(&workings, "fee provision").1, number(&expected.fee_provision_mmr), &account.name);
            close(charge(&workings, "open loss").0, number(&expected.open_loss), &account.name);
            close(balances, number(&expected.spot_balance_margin), &account.name);
        }
    }
}

#[test]
fn contributions_are_the_core() {
    for (market, _) in MOMENTS {
        let market = Market::parse(market).unwrap();
        for account in accounts(&market) {
            let both = [
                portfolio::workings(&account, &market, &rules(), true).unwrap(),
                cross::workings(&account, &market, &cross_rules(), true).unwrap(),
            ];
            for workings in both {
                let parts: f64 = workings.position_contributions.iter().chain(&workings.balance_contributions).sum();
                close(parts, workings.core().1, &account.name);
                assert_eq!(workings.position_contributions.len(), account.positions.len());
                assert_eq!(workings.haircuts.len(), account.balances.len());
                assert!(
                    workings
                        .haircuts
                        .iter()
                        .zip(&account.balances)
                        .all(|(haircut, balance)| { market.assets[balance.asset.0].name != "USDC" || *haircut == 0.0 })
                );
            }
        }
    }
}

/// PDX-PM-1: the prices of perpetual and call in all 24 scenarios.
#[test]
fn scenario_prices_are_those_of_the_official_engine() {
    let rules = rules();
    let class = &rules.class["major"];
    let expected: Vec<[String; 2]> = serde_json::from_str(include_str!("paradex/scenario-prices.json")).unwrap();
    assert_eq!(class.scenarios.len(), expected.len());
    for (scenario, [perpetual_price, call_price]) in class.scenarios.iter().zip(expected) {
        let price = |leg| portfolio::scenario_price(&leg, SPOT, scenario, &rules, class).unwrap();
        close(price(perpetual(-0.0005)), number(&perpetual_price), "perpetual");
        // Far out of the money, the call is worth less than a rounding error of the spot.
        assert!((price(call(0.001)) - number(&call_price)).abs() <= TOLERANCE * SPOT);
    }
}

const SPOT: f64 = 77_939.768;

fn perpetual(size: f64) -> Leg {
    Leg {
        place: 0,
        name: "BTC-USD-PERP".into(),
        contract: Contract::Future { years: 0.0, funding_rate_8h: Some(-0.000_174_03) },
        payoff: Payoff::Linear,
        settle: AssetId(0),
        mark: 77_888.84,
        delta: Some(0.999_346_58),
        fee_rate: Some(0.0),
        profit: 0.0,
        size,
    }
}

/// A call with that many seconds to expiry.
fn call_in(seconds: f64, size: f64) -> Leg {
    let contract = Contract::Option(OptionTerms {
        right: Right::Call,
        strike: 78_000.0,
        expiry: "2026-05-08T08:00:00Z".parse().unwrap(),
        years: seconds / 86_400.0 / 365.0,
        seconds,
        forward: SPOT,
        forward_settled: 0.0,
        rate: 0.0,
        vol: 0.427_466_87,
    });
    let name = "BTC-USD-8MAY26-78000-C".into();
    Leg { place: 1, name, contract, mark: 2455.661, delta: Some(0.477_151_19), ..perpetual(size) }
}

fn call(size: f64) -> Leg {
    call_in((16.0 * 24.0 + 8.0) * 3600.0, size)
}

fn account(spot: f64, legs: Vec<Leg>) -> UnderlyingAccount {
    UnderlyingAccount { legs, ..UnderlyingAccount::empty(UnderlyingId(0), "BTC".into(), spot) }
}

/// PDX-PM-1, from the natural inputs, to the digits of the source.
#[test]
fn a_call_hedged_with_a_perpetual() {
    let book = account(SPOT, vec![perpetual(-0.0005), call(0.001)]);
    let rules = rules();
    let requirement = portfolio::requirement(&book, &rules, &rules.class["major"]).unwrap();
    assert_eq!(requirement.positions.scenario, 8);
    close(requirement.positions.scan, 0.415_886_586_439_126_4, "scan");
    close(requirement.positions.minimum_delta, 0.406_997_875_472_695_1, "minimum delta");
    close(requirement.funding.initial, 0.006_781_928_912_52, "funding");
    close(requirement.initial_margin(), 0.422_668_515_351_646_4, "IM");
    close(requirement.maintenance_margin(0.5), 0.214_725_222_132_083_2, "MM");
}

/// PDX-DELTA: one perpetual against five calls of delta 0.3 at 70,000.
#[test]
fn minimum_delta_charges_the_hedged_part_less() {
    let rules = rules();
    let class = &rules.class["major"];
    let with_delta = |leg: Leg, delta: f64| Leg { delta: Some(delta), ..leg };
    let positions = vec![with_delta(perpetual(1.0), 1.0), with_delta(call(-5.0), 0.3)];
    let book = account(70_000.0, positions);
    let requirement = portfolio::requirement(&book, &rules, class).unwrap();
    close(requirement.positions.minimum_delta, 1_400.0, "PDX-DELTA");
    assert_eq!(requirement.positions, requirement.with_orders);
}

/// PDX-XM-1: the venue reports 3.2504 and 1.6339 for the account, its fees of a hundredth or so included.
#[test]
fn cross_margin_of_two_markets() {
    let rules = cross_rules();
    let class = &rules.class["major"];
    let short = cross::requirement(&perpetual(0.0), -0.0005, &[], SPOT, &rules.general, class);
    let long = cross::requirement(&call(0.0), 0.001, &[], SPOT, &rules.general, class);
    close(short.initial_margin(), 0.778_888_4, "perpetual IM");
    close(short.maintenance_margin(), 0.389_444_2, "perpetual MM");
    close(long.initial_margin(), 2.455_661, "call IM");
    close(long.maintenance_margin(), 1.227_830_5, "call MM");
    assert!((short.initial_margin() + long.initial_margin() - 3.2504).abs() < 0.02);
    assert!((short.maintenance_margin() + long.maintenance_margin() - 1.6339).abs() < 0.02);
}

/// PDX-XM-2: one short, three to buy and two to sell; and a purchase above the mark.
#[test]
fn the_larger_side_of_a_market_counts() {
    let rules = cross_rules();
    let class = &rules.class["major"];
    let market = Leg { mark: 90_000.0, fee_rate: Some(0.0003), ..perpetual(0.0) };
    let order = |size: f64, limit: f64| Order { leg: Leg { size, ..market.clone() }, limit };
    let (buy, sell) = (order(3.0, 90_000.0), order(-2.0, 88_000.0));
    let requirement = cross::requirement(&market, -1.0, &[&buy, &sell], 90_000.0, &rules.general, class);
    assert_eq!((requirement.buy_open_size, requirement.sell_open_size), (2.0, 3.0));
    close(requirement.net_initial, 5_400.0, "net IM");
    close(requirement.fee_initial, 81.0, "fee");
    close(requirement.maintenance_margin(), 927.0, "MM");
    close(requirement.open_loss, 4_000.0, "two sold 2,000 below the mark");

    let aggressive = Order { leg: perpetual(0.1), limit: 80_000.0 };
    let requirement = cross::requirement(&perpetual(0.0), 0.0, &[&aggressive], SPOT, &rules.general, class);
    close(requirement.open_loss, 211.116, "open loss");
    close(requirement.net_initial, 155.777_68, "order IM");
}

/// Option fractions on the engine's own cases: capped in the money, capped for puts, floored out of the money.
#[test]
fn option_fractions() {
    let rules = cross_rules();
    let imf = rules.class["major"].initial;
    close(imf.long(2455.661, SPOT), 2455.661, "a long call");
    close(imf.long(20_000.0, 95_000.0), 19_000.0, "deep in the money");
    close(imf.short(Right::Call, 78_000.0, SPOT), 0.15 * SPOT - 60.232, "short, 60.232 out of the money");
    close(imf.short(Right::Call, 120_000.0, SPOT), 0.1 * SPOT, "short, far out of the money");
    close(imf.short(Right::Put, 90_000.0, SPOT), 0.15 * SPOT, "short put in the money");
    let capped = cross::OptionFractions { short_itm: 0.6, ..imf };
    close(capped.short(Right::Put, 90_000.0, SPOT), 0.5 * SPOT, "short put at its cap");
}

#[test]
fn the_settlement_average_fades_an_option_out() {
    let listed = rules().listed;
    let at = |seconds: f64| portfolio::live_fraction(&call_in(seconds, 1.0), &listed);
    assert_eq!([at(3600.0), at(1800.0), at(900.0), at(0.0)], [1.0, 1.0, 0.5, 0.0]);
    assert_eq!(portfolio::live_fraction(&perpetual(1.0), &listed), 1.0);
}

/// The approximation is intended: 7.9656 is the true price, and the engine is within its own tolerance of it.
#[test]
fn black_scholes_of_the_engine() {
    let terms = |right, strike, years| BlackScholes { right, strike, years, rate: 0.0 };
    assert!((terms(Right::Call, 100.0, 1.0).price(100.0, 0.2) - 7.9656).abs() < 1e-3);
    assert_eq!(terms(Right::Call, 90.0, 0.0).price(100.0, 0.3), 10.0);
    assert_eq!(terms(Right::Put, 90.0, 0.0).price(100.0, 0.3), 0.0);
    assert!((cdf(0.0) - 0.5).abs() < 1e-9);
    assert!((cdf(-1.96) + cdf(1.96) - 1.0).abs() < 1e-15);
    let parity = BlackScholes { rate: 0.05, ..terms(Right::Call, 95.0, 0.5) };
    let put = BlackScholes { right: Right::Put, ..parity };
    let forward = 100.0 - 95.0 * pricing::math::exp(-0.025);
    assert!((parity.price(100.0, 0.3) - put.price(100.0, 0.3) - forward).abs() < 1e-12);
}

const INVERSE: &str = r#"{
  "format": "upm.market/1", "time": "2026-04-22T00:00:00Z",
  "assets": [{"asset": "USDC", "price": "0.9999"}, {"asset": "BTC", "price": "77939.768"}, {"asset": "XRP", "price": "2"}],
  "underlyings": [{"underlying": "BTC", "index": "77939.768"}, {"underlying": "XRP", "index": "2"}],
  "instruments": [
    {"instrument": "BTC-PERPETUAL", "kind": "perpetual", "underlying": "BTC", "payoff": "inverse", "quote": "USD",
     "settle": "BTC", "contract_size": "10", "mark": "78000"},
    {"instrument": "XRP-PERP", "kind": "perpetual", "underlying": "XRP", "payoff": "linear", "quote": "USDC",
     "settle": "USDC", "contract_size": "1", "mark": "2"}
  ]
}"#;

#[test]
fn what_is_not_listed_is_converted_with_a_note_or_refused() {
    let market = Market::parse(INVERSE).unwrap();
    let hold = |instrument: &str| {
        let text = format!(
            r#"{{"format": "upm.portfolio/1", "accounts": [{{"account": "a", "balances": [{{"asset": "USD", "amount": "5"}}],
                "positions": [{{"instrument": "{instrument}", "quantity": "-7800"}}]}}]}}"#
        );
        model::Portfolio::parse(&text, &market).unwrap().accounts.remove(0)
    };
    let workings = portfolio::workings(&hold("BTC-PERPETUAL"), &market, &rules(), false).unwrap();
    // One coin short: +16 % is the worst scenario with full weight; the 500 % tail at weight 0.024 costs less.
    close(workings.core().1, 0.16 * 78_000.0, "as a linear perpetual of one coin");
    assert!(workings.notes.iter().any(|note| note.contains("BTC-PERPETUAL: not listed at Paradex")));
    assert!(workings.notes.iter().any(|note| note.contains("no fee_rate")));
    assert!(workings.notes.iter().any(|note| note.contains("no funding_rate_8h")));
    assert!(
        workings.notes.iter().any(|note| note == "USD: not listed at Paradex, it is counted as USDC of the same value")
    );

    let workings = cross::workings(&hold("XRP-PERP"), &market, &cross_rules(), false).unwrap();
    close(initial(&workings), 0.1 * 15_600.0 * 0.9999, "the fallback class, quoted in USDC");
    assert!(workings.state.reasons()[0].contains("class `volatile`"), "{:?}", workings.state);

    let cash = Account { positions: Vec::new(), ..hold("XRP-PERP") };
    let strict = |account: &Account| {
        [portfolio::workings(account, &market, &rules(), true), cross::workings(account, &market, &cross_rules(), true)]
    };
    for refusal in strict(&Account { balances: Vec::new(), ..hold("XRP-PERP") }) {
        assert!(matches!(refusal, Err(Refusal::NotKnown { venue: "Paradex", .. })), "{refusal:?}");
    }
    for account in [hold("BTC-PERPETUAL"), hold("XRP-PERP"), cash] {
        for refusal in strict(&account) {
            assert!(matches!(refusal, Err(Refusal::NotListed { venue: "Paradex", .. })));
        }
    }
}

#[test]
fn a_shock_that_cannot_be_priced_is_refused() {
    let mut rules = rules();
    let scenarios = &mut rules.class.get_mut("major").unwrap().scenarios;
    scenarios.truncate(1);
    let book = account(SPOT, vec![call(1.0)]);
    rules.class.get_mut("major").unwrap().scenarios[0].vol_shock = -0.9;
    assert!(matches!(portfolio::requirement(&book, &rules, &rules.class["major"]), Err(Refusal::NotPriceable { .. })));
    rules.class.get_mut("major").unwrap().scenarios[0].spot_shock = -1.0;
    assert!(matches!(portfolio::requirement(&book, &rules, &rules.class["major"]), Err(Refusal::NotPriceable { .. })));
}

/// Paradex has no spot in these rules: an order there is noted as one on the perpetual.
#[test]
fn a_spot_order_is_noted() {
    let spot = r#"{"instrument": "XRP_USDC", "kind": "spot", "underlying": "XRP", "payoff": "linear", "quote": "USDC",
        "settle": "USDC", "contract_size": "1", "mark": "2"},
        {"instrument": "XRP-PERP""#;
    let market = Market::parse(&INVERSE.replace(r#"{"instrument": "XRP-PERP""#, spot)).unwrap();
    let text = r#"{"format": "upm.portfolio/1", "accounts": [{"account": "a",
        "orders": [{"instrument": "XRP_USDC", "side": "buy", "quantity": "1", "limit": "2"}]}]}"#;
    let account = model::Portfolio::parse(text, &market).unwrap().accounts.remove(0);
    let workings = portfolio::workings(&account, &market, &rules(), false).unwrap();
    assert!(workings.notes.iter().any(|note| note.contains("as an order on the perpetual")));
    assert!(matches!(portfolio::workings(&account, &market, &rules(), true), Err(Refusal::NotListed { .. })));
}

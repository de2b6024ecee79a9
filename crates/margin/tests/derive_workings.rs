//! From an account to the workings of Derive's managers. `cargo xtask vectors derive` compares the managers' numbers
//! with the contracts; these tests cover the translation from an account.

use margin::method::derive::{pmrm, pmrm2, standard};
use margin::params::Params;
use margin::{Refusal, Workings};
use model::{Market, Portfolio};

/// Spot 100 and 10, so that percentages read as money.
const MARKET: &str = r#"{
  "format": "upm.market/1", "time": "2026-04-22T08:00:00Z",
  "assets": [
    {"asset": "USDC", "price": "1"}, {"asset": "USDT", "price": "1"}, {"asset": "FDUSD", "price": "1"},
    {"asset": "BTC", "price": "100"}, {"asset": "ETH", "price": "10"}, {"asset": "SOL", "price": "1"},
    {"asset": "stETH", "price": "9", "follows": "ETH"}
  ],
  "underlyings": [
    {"underlying": "BTC", "index": "100",
     "expiries": [{"expiry": "2026-05-22T08:00:00Z", "forward": "100"}, {"expiry": "2026-06-26T08:00:00Z", "forward": "101"}]},
    {"underlying": "ETH", "index": "10", "expiries": [{"expiry": "2026-05-22T08:00:00Z", "forward": "10"}]},
    {"underlying": "SOL", "index": "1"}
  ],
  "instruments": [
    {"instrument": "BTC-PERP", "kind": "perpetual", "underlying": "BTC", "payoff": "linear", "quote": "USDC", "settle": "USDC",
     "contract_size": "1", "mark": "100"},
    {"instrument": "ETH-PERP", "kind": "perpetual", "underlying": "ETH", "payoff": "linear", "quote": "USDC", "settle": "USDC",
     "contract_size": "1", "mark": "10"},
    {"instrument": "SOL-PERP", "kind": "perpetual", "underlying": "SOL", "payoff": "linear", "quote": "USDC", "settle": "USDC",
     "contract_size": "1", "mark": "1"},
    {"instrument": "BTC-INVERSE", "kind": "perpetual", "underlying": "BTC", "payoff": "inverse", "quote": "USD", "settle": "BTC",
     "contract_size": "10", "mark": "100"},
    {"instrument": "BTC-JUNE", "kind": "future", "underlying": "BTC", "payoff": "linear", "quote": "USDC", "settle": "USDC",
     "contract_size": "1", "expiry": "2026-06-26T08:00:00Z", "mark": "101"},
    {"instrument": "BTC-C100", "kind": "option", "underlying": "BTC", "payoff": "linear", "quote": "USDC", "settle": "USDC",
     "contract_size": "1", "expiry": "2026-05-22T08:00:00Z", "strike": "100", "right": "call", "mark": "5.7", "iv": "0.5"},
    {"instrument": "BTC-P90", "kind": "option", "underlying": "BTC", "payoff": "linear", "quote": "USDC", "settle": "USDC",
     "contract_size": "1", "expiry": "2026-05-22T08:00:00Z", "strike": "90", "right": "put", "mark": "1.9", "iv": "0.55"},
    {"instrument": "BTC-C120-JUNE", "kind": "option", "underlying": "BTC", "payoff": "linear", "quote": "USDC", "settle": "USDC",
     "contract_size": "1", "expiry": "2026-06-26T08:00:00Z", "strike": "120", "right": "call", "mark": "2.9", "iv": "0.5"},
    {"instrument": "BTC-C100-COIN", "kind": "option", "underlying": "BTC", "payoff": "inverse", "quote": "BTC", "settle": "BTC",
     "contract_size": "1", "expiry": "2026-05-22T08:00:00Z", "strike": "100", "right": "call", "mark": "0.057", "iv": "0.5"},
    {"instrument": "ETH-C10", "kind": "option", "underlying": "ETH", "payoff": "linear", "quote": "USDC", "settle": "USDC",
     "contract_size": "1", "expiry": "2026-05-22T08:00:00Z", "strike": "10", "right": "call", "mark": "0.57", "iv": "0.5"}
  ]
}"#;

type Margined = Result<Workings, Refusal>;

/// The answer of each manager for a book such as `USDC 1000, BTC-PERP +1`, or its refusal.
fn all(book: &str, strict: bool) -> [(&'static str, Margined); 3] {
    let market = Market::parse(MARKET).expect("a market");
    let (mut balances, mut positions) = (Vec::new(), Vec::new());
    for line in book.split(',') {
        let (name, number) = line.trim().split_once(' ').expect("a name and a number");
        if market.asset(name).is_some() {
            balances.push(format!(r#"{{"asset": "{name}", "amount": "{number}"}}"#));
        } else {
            let quantity = number.trim_start_matches('+');
            positions.push(format!(r#"{{"instrument": "{name}", "quantity": "{quantity}"}}"#));
        }
    }
    let text = format!(
        r#"{{"format": "upm.portfolio/1", "accounts": [{{"account": "a", "balances": [{}], "positions": [{}]}}]}}"#,
        balances.join(","),
        positions.join(",")
    );
    let portfolio = Portfolio::parse(&text, &market).expect("a portfolio");
    let account = &portfolio.accounts[0];
    let (first, second, third) = (rules(pmrm::PARAMS), rules(pmrm2::PARAMS), rules(standard::PARAMS));
    [
        ("PMRM", pmrm::workings(account, &market, &first, strict)),
        ("PMRM_2", pmrm2::workings(account, &market, &second, strict)),
        ("SRM", standard::workings(account, &market, &third, strict)),
    ]
}

fn rules<T: serde::de::DeserializeOwned>(text: &str) -> T {
    Params::parse(text).expect("a parameter file").rules
}

/// Initial and maintenance requirement, floating.
fn required(workings: &Workings) -> (f64, f64) {
    let core = workings.core().1;
    workings
        .charges
        .iter()
        .fold((core, core), |(initial, maintenance), line| (initial + line.initial, maintenance + line.maintenance))
}

/// Each manager's initial and maintenance requirement for a book.
fn check(book: &str, expected: [(f64, f64); 3]) {
    for ((manager, workings), expected) in all(book, false).into_iter().zip(expected) {
        let (initial, maintenance) = required(&workings.expect("an answer"));
        let near = |ours: f64, theirs: f64| (ours - theirs).abs() < 1e-9;
        assert!(
            near(initial, expected.0) && near(maintenance, expected.1),
            "{book} under {manager}: found {initial} and {maintenance}, expected {expected:?}"
        );
    }
}

/// PMRM: 20 % of the notional in the worst scenario and 3 % on top; the initial margin is 125 % of both. `PMRM_2`: 18 %
/// and 3 %; maintenance takes 80 % of the first, initial 1 % more of the notional. SRM: 6.5 % and 10 %.
#[test]
fn a_perpetual_is_a_share_of_its_notional() {
    for book in ["BTC-PERP +1", "BTC-PERP -1", "USDC 1000, BTC-PERP +1"] {
        check(book, [(1.25 * 23.0, 23.0), (18.0 + 3.0 + 1.0, 18.0 * 0.8 + 3.0), (10.0, 6.5)]);
    }
}

/// PMRM and `PMRM_2` have a manager for each underlying, so nothing offsets between them.
#[test]
fn underlyings_add_up() {
    check("BTC-PERP +1, ETH-PERP -10", [(2.0 * 1.25 * 23.0, 46.0), (44.0, 2.0 * 17.4), (20.0, 13.0)]);
    for (_, workings) in all("BTC-PERP +1, ETH-PERP -10", false) {
        let workings = workings.unwrap();
        assert!((workings.position_contributions[0] - workings.core().1 / 2.0).abs() < 1e-9);
    }
}

/// PMRM: 20 % and 3 % of base. `PMRM_2`: 18 % and haircuts of 2 % and 1 %. SRM: 75 % counts, and 93 % of that.
#[test]
fn a_coin_is_collateral() {
    check("BTC 1", [(1.25 * 23.0, 23.0), (18.0 + 2.0 + 1.0, 18.0 * 0.8 + 2.0), (100.0 - 75.0 * 0.93, 25.0)]);
}

/// The coin and a short perpetual of the same size lose nothing together; only contingencies remain.
#[test]
fn a_hedged_coin_needs_contingencies_only() {
    check("BTC 1, BTC-PERP -1", [(1.25 * 6.0, 6.0), (3.0 + 1.0 + 2.0 + 1.0, 5.0), (10.0 + 30.25, 6.5 + 25.0)]);
}

/// Dollars that Derive accepts as collateral have haircuts under `PMRM_2`: 2 % of USDT, and 3 % in addition.
#[test]
fn cash_needs_nothing() {
    check("USDC 1000", [(0.0, 0.0); 3]);
    check("USDC -1000", [(0.0, 0.0); 3]);
    check("USDT 1000", [(0.0, 0.0), (50.0, 20.0), (0.0, 0.0)]);
    let taken = |book: &str| all(book, false).map(|(_, workings)| workings.unwrap().state.not_accepted().is_empty());
    assert_eq!(taken("USDT 1000"), [false, true, false]);
    assert_eq!(taken("FDUSD 1000"), [false; 3]);
    assert_eq!(taken("stETH 5"), [false; 3]);
    assert_eq!(taken("SOL 5"), [false; 3]);
    assert_eq!(taken("BTC 1, USDC 5, USDT -5"), [true; 3]);
}

/// A debt in coins moves like a short perpetual, and is counted as one there.
#[test]
fn a_coin_that_is_owed_is_a_short_perpetual() {
    check("BTC -1", [(1.25 * 23.0, 23.0), (22.0, 17.4), (10.0, 6.5)]);
    for (_, workings) in all("BTC -1", false) {
        let workings = workings.unwrap();
        assert!((workings.balance_contributions[0] - workings.core().1).abs() < 1e-9);
        assert!(workings.notes.iter().any(|note| note.contains("coins are not lent")), "{:?}", workings.notes);
    }
}

#[test]
fn contributions_sum_to_the_core() {
    let books = [
        "USDC 500, BTC-C100 -3, BTC-P90 -2, BTC-PERP +1.5",
        "BTC 2, BTC-C100 -2, BTC-C120-JUNE +4, BTC-P90 +1, BTC-JUNE -1",
        "BTC-C100 +5, BTC-C120-JUNE -5",
        "BTC-C100 -5, BTC-C100-COIN +5, ETH-C10 -20, ETH 7, stETH 3, BTC-INVERSE -4, SOL-PERP +9, USDT 10",
        "BTC-C100 +1, BTC-P90 +1",
        "BTC-PERP +1, BTC-INVERSE -10",
    ];
    for book in books {
        for (manager, workings) in all(book, false) {
            let workings = workings.unwrap();
            let parts = workings.position_contributions.iter().chain(&workings.balance_contributions);
            let (sum, core) = (parts.sum::<f64>(), workings.core().1);
            assert!((sum - core).abs() < 1e-9, "{book} under {manager}: {sum} is not {core}");
            let (initial, maintenance) = required(&workings);
            assert!(
                maintenance >= -1e-9 && initial >= maintenance - 1e-9,
                "{book} under {manager}: {initial}, {maintenance}"
            );
        }
    }
}

#[test]
fn families_compete_and_scenarios_are_named() {
    let [(_, pmrm), (_, pmrm2), (_, standard)] = all("BTC-PERP -1, BTC-C100 -1", false);
    let (pmrm, pmrm2, standard) = (pmrm.unwrap(), pmrm2.unwrap(), standard.unwrap());
    assert_eq!(pmrm.families[pmrm.core().0].scenario, "BTC +20% vol up");
    assert_eq!(pmrm.scenarios.len(), 23 + 1);
    assert_eq!(pmrm2.families[pmrm2.core().0].scenario, "BTC +18% vol up");
    assert_eq!(pmrm2.scenarios.len(), 33 + 1);
    assert_eq!(pmrm2.scenarios[23].scenario, "BTC -66% vol up times 0.21");
    assert_eq!(standard.families[0].scenario, "BTC 2026-05-22 every short by itself");
    let worst = pmrm.scenarios.iter().map(|scenario| -scenario.pnl).fold(0.0, f64::max);
    assert_eq!(pmrm.core().1, worst);

    let calendar = all("BTC-C100 +50, BTC-C120-JUNE -90", false).map(|(_, workings)| workings.unwrap());
    let family = |name: &str| calendar[0].families.iter().find(|line| line.family == name).unwrap().loss;
    assert_eq!(calendar[0].core().1, family("scan").max(family("basis contingency")));
}

/// Several underlyings: the sum of the worst of each, from scan or basis.
#[test]
fn the_core_of_several_underlyings_is_the_first_family() {
    let [(_, pmrm), ..] = all("BTC-PERP +1, ETH-C10 -10", false);
    let pmrm = pmrm.unwrap();
    assert_eq!(pmrm.core().0, 0);
    assert_eq!(pmrm.families[0].family, "worst of each underlying");
    assert_eq!(pmrm.families[0].scenario, "BTC -20% vol up; ETH +20% vol up");
}

#[test]
fn what_is_not_listed_is_noted_and_strict_refuses_it() {
    // Each row: the book, the managers that convert something in it, and the note.
    let rows: [(&str, &[&str], &str); 4] = [
        ("BTC-INVERSE +1", &["PMRM", "PMRM_2", "SRM"], "as a linear contract"),
        ("BTC-JUNE +1", &["PMRM", "PMRM_2", "SRM"], "as the perpetual"),
        ("BTC-C100-COIN +1", &["PMRM", "PMRM_2", "SRM"], "its mark converted at the index"),
        ("USDT -5", &["PMRM", "PMRM_2", "SRM"], "as USDC of the same value"),
    ];
    for (book, managers, how) in rows {
        for ((manager, lax), (_, strict)) in all(book, false).into_iter().zip(all(book, true)) {
            let noted = lax.unwrap().notes.iter().any(|note| note.contains(how));
            assert_eq!(noted, managers.contains(&manager), "{book} under {manager}");
            if managers.contains(&manager) {
                assert!(matches!(strict, Err(Refusal::NotListed { .. })), "{book} under {manager}: {strict:?}");
            }
        }
    }
    for ((manager, lax), (_, strict)) in all("SOL-PERP +1", false).into_iter().zip(all("SOL-PERP +1", true)) {
        let reasons = lax.unwrap().state.reasons().join(" ");
        assert!(
            reasons.contains("SOL: what Derive requires is not known") && reasons.contains("those of ETH"),
            "{reasons}"
        );
        assert!(matches!(strict, Err(Refusal::NotKnown { .. })), "SOL under {manager}: {strict:?}");
    }
    for book in ["FDUSD 5", "stETH 5"] {
        for (manager, strict) in all(book, true) {
            assert!(matches!(strict, Err(Refusal::NotListed { .. })), "{book} under {manager}: {strict:?}");
        }
    }
    for (manager, strict) in all("USDC 100, BTC 1, ETH 2, BTC-PERP -1, BTC-C100 +1, ETH-C10 -1", true) {
        assert!(strict.unwrap().notes.is_empty(), "{manager}");
    }
}

/// The two readings of the script's static discounts differ in two numbers; the other reading requires more.
#[test]
fn the_other_reading_exchanges_two_discounts() {
    let other = include_str!("../params/derive/2026-01-21-unswapped.toml");
    let literal: Params<pmrm2::Pmrm2Parameters> = Params::parse(pmrm2::PARAMS).unwrap();
    let unswapped: Params<pmrm2::Pmrm2Parameters> = Params::parse(other).unwrap();
    let changed = literal.evidence.iter().zip(&unswapped.evidence).filter(|(a, b)| a.value != b.value);
    let changed: Vec<(&str, &str, &str)> =
        changed.map(|(a, b)| (a.path.as_str(), a.value.as_str(), b.value.as_str())).collect();
    assert_eq!(
        changed,
        [
            ("parameters.margin.long_base_static_discount", "1.05", "0.95"),
            ("parameters.margin.short_base_static_discount", "0.95", "1.05"),
        ]
    );
}

/// Every value of the three files has a reason, a source and a date.
#[test]
fn every_parameter_has_its_evidence() {
    let evidence = [
        Params::<pmrm::PmrmParameters>::parse(pmrm::PARAMS).unwrap().evidence,
        Params::<pmrm2::Pmrm2Parameters>::parse(pmrm2::PARAMS).unwrap().evidence,
        Params::<standard::StandardParameters>::parse(standard::PARAMS).unwrap().evidence,
    ];
    for leaf in evidence.iter().flatten() {
        assert!(!leaf.reason.is_empty() && !leaf.source.is_empty() && !leaf.as_of.is_empty(), "{leaf:?}");
    }
}

/// A put worth less than the one below it: the contract's margin is above the mark. No requirement is below 0.
#[test]
fn marks_that_contradict_each_other_require_nothing() {
    let market =
        MARKET.replace(r#""right": "put", "mark": "1.9", "iv": "0.55""#, r#""right": "put", "mark": "1.9", "iv": "5""#);
    let higher = r#"{"instrument": "BTC-P95", "kind": "option", "underlying": "BTC", "payoff": "linear", "quote": "USDC",
        "settle": "USDC", "contract_size": "1", "expiry": "2026-05-22T08:00:00Z", "strike": "95", "right": "put", "mark": "1",
        "iv": "0.1"}, {"instrument": "BTC-P90""#;
    let market = Market::parse(&market.replace(r#"{"instrument": "BTC-P90""#, higher)).expect("a market");
    let text = r#"{"format": "upm.portfolio/1", "accounts": [{"account": "a", "positions": [
        {"instrument": "BTC-P95", "quantity": "1"}, {"instrument": "BTC-P90", "quantity": "-1"}]}]}"#;
    let account = Portfolio::parse(text, &market).expect("a portfolio").accounts.remove(0);
    let workings = standard::workings(&account, &market, &rules(standard::PARAMS), false).expect("workings");
    assert!(workings.families[0].loss < 0.0);
    let (_, _, initial, maintenance) = workings.requirement().expect("money");
    assert!(initial >= maintenance && maintenance == units::Money::ZERO, "{initial} {maintenance}");
}

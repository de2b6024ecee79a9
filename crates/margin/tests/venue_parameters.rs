//! Numbers that a venue may change are read from its parameter file: a test changes the file and sees another answer.

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may what it is written with")]

use margin::method::{METHODS, Method, Options};
use margin::{Assessment, assess};
use model::{Market, Portfolio};

const MARKET: &str = r#"{
  "format": "upm.market/1", "time": "2026-04-22T08:00:00Z",
  "assets": [{"asset": "USDC", "price": "1"}, {"asset": "BTC", "price": "100"}, {"asset": "ETH", "price": "10"}],
  "underlyings": [
    {"underlying": "BTC", "index": "100", "expiries": [{"expiry": "2026-05-22T08:00:00Z", "forward": "101"}]},
    {"underlying": "ETH", "index": "10"}
  ],
  "instruments": [
    {"instrument": "SPOT", "kind": "spot", "underlying": "BTC", "payoff": "linear", "quote": "USDC", "settle": "USDC",
     "contract_size": "1", "mark": "100"},
    {"instrument": "PERP", "kind": "perpetual", "underlying": "BTC", "payoff": "linear", "quote": "USDC", "settle": "USDC",
     "contract_size": "1", "mark": "100", "funding_rate_8h": "0.001", "fee_rate": "0"},
    {"instrument": "INVERSE", "kind": "perpetual", "underlying": "BTC", "payoff": "inverse", "quote": "USD", "settle": "BTC",
     "contract_size": "10", "mark": "100", "fee_rate": "0"},
    {"instrument": "DATED", "kind": "future", "underlying": "BTC", "payoff": "linear", "quote": "USDC", "settle": "USDC",
     "contract_size": "1", "expiry": "2026-05-22T08:00:00Z", "mark": "101", "fee_rate": "0"},
    {"instrument": "CALL", "kind": "option", "underlying": "BTC", "payoff": "linear", "quote": "USDC", "settle": "USDC",
     "contract_size": "1", "expiry": "2026-05-22T08:00:00Z", "strike": "100", "right": "call", "mark": "5.7", "iv": "0.5"},
    {"instrument": "COIN-CALL", "kind": "option", "underlying": "BTC", "payoff": "inverse", "quote": "BTC", "settle": "BTC",
     "contract_size": "1", "expiry": "2026-05-22T08:00:00Z", "strike": "100", "right": "call", "mark": "0.057", "iv": "0.5"}
  ]
}"#;

fn venues() -> impl Iterator<Item = &'static Method> {
    METHODS.iter().filter(|method| method.about.name != "universal")
}

fn named(name: &str) -> &'static Method {
    venues().find(|method| method.about.name == name).unwrap()
}

/// The built-in file of a method with one piece of text replaced.
fn file(method: &Method, (from, to): (&str, &str)) -> String {
    assert!(method.params.contains(from), "{}: no {from}", method.about.name);
    method.params.replacen(from, to, 1)
}

/// The answer for an account of this text, with a changed parameter file.
fn answer(method: &Method, change: (&str, &str), account: &str) -> Assessment {
    let market = Market::parse(MARKET).unwrap();
    let text = format!(r#"{{"format": "upm.portfolio/1", "accounts": [{{"account": "a", {account}}}]}}"#);
    let accounts = Portfolio::parse(&text, &market).unwrap().accounts;
    let rulebook = method.rulebook(&file(method, change)).unwrap();
    let judge = rulebook.judge(&market, &Options::default()).unwrap();
    assess(&accounts[0], &*judge).unwrap()
}

const SAME: (&str, &str) = ("[about]", "[about]");

#[test]
fn the_settlement_window_is_that_of_the_file() {
    let market = Market::parse(MARKET).unwrap();
    for method in venues() {
        for (seconds, window) in [("1800", 1800.0), ("600", 600.0), ("0.5", 0.5)] {
            let seconds = format!("settlement_seconds = {{ value = \"{seconds}\"");
            let text = file(method, ("settlement_seconds = { value = \"1800\"", &seconds));
            let rulebook = method.rulebook(&text).unwrap();
            let judge = rulebook.judge(&market, &Options::default()).unwrap();
            assert_eq!(judge.settlement_window(), window, "{}", method.about.name);
        }
        for wrong in ["0", "-1800"] {
            let seconds = format!("settlement_seconds = {{ value = \"{wrong}\"");
            let text = file(method, ("settlement_seconds = { value = \"1800\"", &seconds));
            let refused = method.rulebook(&text).err().unwrap().to_string();
            let expected = format!("listed.settlement_seconds: found {wrong}, expected a number above 0");
            assert_eq!(refused, expected, "{}", method.about.name);
        }
        let refused = method.rulebook(&file(method, ("[listed]", "[unlisted]"))).err().unwrap().to_string();
        assert!(refused.starts_with("unlisted: unknown field `unlisted`, expected "), "{refused}");
    }
}

/// What a venue lists is not converted, and the note of the conversion follows the file.
#[test]
fn what_a_venue_lists_is_that_of_the_file() {
    let held = |instrument: &str| format!(r#""positions": [{{"instrument": "{instrument}", "quantity": "1"}}]"#);
    let ordered = r#""orders": [{"instrument": "SPOT", "side": "buy", "quantity": "1", "limit": "100"}]"#.to_owned();
    for method in venues() {
        for (kind, instrument, account) in [
            ("spot", "SPOT", ordered.clone()),
            ("inverse_futures", "INVERSE", held("INVERSE")),
            ("dated_futures", "DATED", held("DATED")),
            ("inverse_options", "COIN-CALL", held("COIN-CALL")),
            ("linear_options", "CALL", held("CALL")),
        ] {
            let noted = |listed: &str| {
                let [yes, no] = ["true", "false"].map(|value| format!("\n{kind} = {{ value = {value},"));
                let from = if method.params.contains(&yes) { yes } else { no };
                let to = format!("\n{kind} = {{ value = {listed},");
                let note = format!("{instrument}: not listed at ");
                answer(method, (&from, &to), &account).notes.iter().any(|one| {
                    // Paradex and Derive settle in USDC alone, which is another conversion.
                    one.starts_with(&note) && !one.contains("settle")
                })
            };
            assert_eq!([noted("true"), noted("false")], [false, true], "{}: {kind}", method.about.name);
        }
    }
}

/// Two cents and half a cent of a coin: the initial margin is rounded to as many parts as the file says.
#[test]
fn the_rounding_of_deribit_is_that_of_the_file() {
    let deribit = named("deribit");
    let account = r#""positions": [{"instrument": "PERP", "quantity": "0.12345"}]"#;
    let parts = |parts: &str| {
        let to = format!("rounding_parts = {{ value = \"{parts}\"");
        answer(deribit, ("rounding_parts = { value = \"1000000000\"", &to), account).initial_margin.to_f64()
    };
    assert!((parts("1000000000") - 0.17 * 12.345).abs() < 1e-6, "{}", parts("1000000000"));
    assert!((parts("1") - 2.0).abs() < 1e-6, "{}", parts("1"));
}

#[test]
fn the_periods_of_funding_of_paradex_are_those_of_the_file() {
    let paradex = named("paradex");
    let account = r#""positions": [{"instrument": "PERP", "quantity": "10"}]"#;
    let funding = |change| {
        let answer = answer(paradex, change, account);
        let line = answer.charges.iter().find(|line| line.charge == "funding provision").unwrap();
        (line.initial.to_f64(), line.maintenance.to_f64())
    };
    assert_eq!(funding(SAME), (1.0, 1.0));
    assert_eq!(funding(("funding_periods = { value = \"1\"", "funding_periods = { value = \"3\"")), (3.0, 3.0));
}

/// A coin that follows its underlying loses with it, unless the file says that it cancels no risk.
#[test]
fn the_coins_that_cancel_risk_at_derive_are_those_of_the_file() {
    let derive = named("derive");
    let account = r#""balances": [{"asset": "BTC", "amount": "1"}]"#;
    let scan = |change| {
        let answer = answer(derive, change, account);
        answer.families.iter().find(|family| family.family == "scan").unwrap().loss.to_f64()
    };
    assert!((scan(SAME) - 18.0).abs() < 1e-6, "{}", scan(SAME));
    let no = (
        "BTC = { mm_haircut = \"0.02\", im_haircut = \"0.01\", risk_cancelling = true",
        "BTC = { mm_haircut = \"0.02\", im_haircut = \"0.01\", risk_cancelling = false",
    );
    assert_eq!(scan(no), 0.0);
}

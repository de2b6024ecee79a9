//! The size of a position: given in contracts or as a size, shown as both, and rounded in one way wherever it is
//! printed.

mod common;

use common::{answer, document, path, sample, upm, written};
use serde_json::Value;
use units::{Money, Round};

/// Deribit's inverse perpetual of 10 USD a contract, a linear one of 0.001 coins, and an option of each kind.
const MARKET: &str = r#"{
  "format": "upm.market/1", "time": "2026-04-22T00:00:00Z",
  "assets": [{"asset": "USDC", "price": "0.5"}, {"asset": "BTC", "price": "80000"}],
  "underlyings": [{"underlying": "BTC", "index": "80000",
    "expiries": [{"expiry": "2026-05-08T08:00:00Z", "forward": "80000"}]}],
  "instruments": [
    {"instrument": "INVERSE", "kind": "perpetual", "underlying": "BTC", "payoff": "inverse", "quote": "USD",
     "settle": "BTC", "contract_size": "10", "mark": "80000"},
    {"instrument": "LINEAR", "kind": "perpetual", "underlying": "BTC", "payoff": "linear", "quote": "USD",
     "settle": "USD", "contract_size": "0.001", "mark": "80000"},
    {"instrument": "COIN CALL", "kind": "option", "underlying": "BTC", "payoff": "inverse", "quote": "BTC",
     "settle": "BTC", "contract_size": "0.1", "expiry": "2026-05-08T08:00:00Z", "strike": "80000", "right": "call",
     "mark": "0.05", "iv": "0.5"}
  ]}"#;

fn portfolio(positions: &str) -> String {
    format!(
        r#"{{"format": "upm.portfolio/1", "accounts": [{{"account": "alice",
            "balances": [{{"asset": "BTC", "amount": "5"}}], "positions": [{positions}]}}]}}"#
    )
}

const BY_QUANTITY: &str = r#"{"instrument": "INVERSE", "quantity": "-4000", "entry": "64000"},
    {"instrument": "LINEAR", "quantity": "250"}, {"instrument": "COIN CALL", "quantity": "30"}"#;
const BY_AMOUNT: &str = r#"{"instrument": "INVERSE", "amount": "-40000", "entry": "64000"},
    {"instrument": "LINEAR", "amount": "0.25"}, {"instrument": "COIN CALL", "amount": "3"}"#;

fn margin(name: &str, positions: &str, more: &[&str]) -> Vec<String> {
    let (market, portfolio) =
        (written(&format!("{name}-m.json"), MARKET), written(&format!("{name}-p.json"), &portfolio(positions)));
    let mut arguments = ["margin", "--market", &market, "--portfolio", &portfolio].map(str::to_owned).to_vec();
    arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
    arguments
}

#[test]
fn a_size_is_margined_as_its_contracts_are() {
    let [by_quantity, by_amount] = [("sizes-quantity", BY_QUANTITY), ("sizes-amount", BY_AMOUNT)]
        .map(|(name, positions)| document(&margin(name, positions, &["--output", "json"])));
    assert_eq!(by_quantity["accounts"], by_amount["accounts"]);
}

#[test]
fn a_position_says_how_large_it_is() {
    let answer = document(&margin("sizes-said", BY_QUANTITY, &["--output", "json"]));
    let positions = answer["accounts"][0]["positions"].as_array().unwrap();
    let fields = ["quantity", "amount", "unit", "entry", "mark", "quote", "notional"];
    let said = |position: &Value| fields.map(|field| position[field].as_str().unwrap().to_owned());
    assert_eq!(said(&positions[0]), ["-4000", "-40000", "USD", "64000", "80000", "USD", "40000"]);
    assert_eq!(said(&positions[1]), ["250", "0.25", "BTC", "80000", "80000", "USD", "20000"]);
    assert_eq!(said(&positions[2]), ["30", "3", "BTC", "0.05", "0.05", "BTC", "240000"]);
    let delta = |place: usize| positions[place]["delta"].as_str().unwrap().parse::<f64>().unwrap();
    assert!((delta(0) + 0.5).abs() < 1e-12 && (delta(1) - 0.25).abs() < 1e-12, "{} {}", delta(0), delta(1));
    assert!(delta(2) > 1.0 && delta(2) < 2.0, "{}", delta(2));
}

#[test]
fn a_table_shows_contracts_size_notional_and_delta() {
    let text = answer(&margin("sizes-table", BY_QUANTITY, &[]));
    let row = |name: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(name)).unwrap_or_else(|| panic!("{text}"));
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(row("held"), ["held", "contracts", "size", "mark", "notional USD", "delta"]);
    assert_eq!(row("INVERSE"), ["INVERSE", "-4,000", "-40,000 USD", "80,000 USD", "40,000", "-0.5000"]);
    assert_eq!(row("LINEAR"), ["LINEAR", "250", "0.25 BTC", "80,000 USD", "20,000", "0.2500"]);
    assert_eq!(row("COIN CALL")[..4], ["COIN CALL", "30", "3 BTC", "0.05 BTC"]);
}

#[test]
fn a_trade_may_be_a_size() {
    let arguments = |trade: &str| {
        let mut arguments = margin("sizes-trade", BY_QUANTITY, &["--trade", trade, "--output", "json"]);
        "what-if".clone_into(&mut arguments[0]);
        arguments
    };
    assert_eq!(document(&arguments("INVERSE 1000 USD"))["after"], document(&arguments("INVERSE +100"))["after"]);
    let refused = upm(&arguments("INVERSE 1000 BTC"));
    assert_eq!((refused.status, refused.out.as_str()), (2, ""));
    let message = "--trade: \"INVERSE 1000 BTC\": found 1000 BTC, expected contracts or an amount in USD";
    assert!(refused.err.contains(message), "{}", refused.err);
}

/// An amount in whole dollars, thousands separated.
fn dollars(amount: Money, round: Round) -> String {
    let digits = amount.to_decimals(0, round).expect("in range").to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The same requirement in a sheet, a comparison, a what-if and a picture: rounded up in each; equity is rounded down.
#[test]
fn one_number_is_rounded_in_one_way() {
    let [market, portfolio] = ["market.json", "portfolio.json"].map(sample);
    for account in ["short strangle", "pair trade", "basis trade"] {
        let of = |command: &str, more: &[&str]| {
            answer(&[&[command, "--market", &market, "--portfolio", &portfolio, "--account", account], more].concat())
        };
        let document: Value = serde_json::from_str(&of("margin", &["--output", "json"])).unwrap();
        let amount = |field: &str| document["accounts"][0][field].as_str().unwrap().parse::<Money>().unwrap();
        let (initial, maintenance) =
            (dollars(amount("initial_margin"), Round::Up), dollars(amount("maintenance_margin"), Round::Up));
        let equity = dollars(amount("equity"), Round::Down);
        let comparison = of("compare", &[]);
        let line = comparison.lines().find(|line| line.starts_with("  universal ")).unwrap();
        assert!(line.contains(&format!(" {initial} ")) && line.contains(&format!(" {maintenance} ")), "{comparison}");
        assert!(comparison.contains(&format!("equity {equity} ")), "{comparison}");
        let file = path(&format!("sizes {account}.svg"));
        of("stress", &["--svg", &file]);
        let picture = std::fs::read_to_string(&file).unwrap();
        for number in [&initial, &maintenance, &equity] {
            assert!(picture.contains(&format!(">{number}</text>")), "{account}: {number}");
        }
    }
}

//! `upm plan` shows in names and contracts the few trades that a liquidation would do.

mod common;

use std::collections::BTreeSet;

use common::{answer, document, path, root, sample, upm, written};
use serde_json::Value;
use testdata::{MARKET, shared};

/// Short fifteen perpetuals with too little margin, at an index of 80,000: only a purchase helps.
const SHORT: &str = r#"{"format": "upm.portfolio/1", "accounts": [{"account": "alice",
    "balances": [{"asset": "USDC", "amount": "100000"}],
    "positions": [{"instrument": "BTC-PERP", "quantity": "-15"}]}]}"#;

fn planned(test: &str, more: &[&str]) -> Vec<String> {
    let market = written(&format!("{test}-market.json"), MARKET);
    let portfolio = written(&format!("{test}-portfolio.json"), SHORT);
    let arguments = ["plan", "--market", &market, "--portfolio", &portfolio, "--depth", "50000000"];
    arguments.iter().chain(more).map(|argument| (*argument).to_owned()).collect()
}

/// The number of JSON numbers in a document.
fn numbers(value: &Value) -> usize {
    match value {
        Value::Number(_) => 1,
        Value::Array(values) => values.iter().map(numbers).sum(),
        Value::Object(fields) => fields.values().map(numbers).sum(),
        _ => 0,
    }
}

fn decimal(value: &Value) -> f64 {
    value.as_str().expect("decimal text").parse().expect("a number")
}

#[test]
fn a_trade_has_a_name_contracts_and_a_currency() {
    let plan = document(&planned("plan-names", &["--output", "json"]));
    assert_eq!((plan["format"].as_str(), numbers(&plan)), (Some("upm.plan/1"), 0), "{plan}");
    let found = &plan["plans"][0];
    let [step] = &found["steps"].as_array().expect("steps")[..] else { panic!("{found}") };
    for (field, expected) in [
        ("step", "trade"),
        ("purpose", "reduce"),
        ("instrument", "BTC-PERP"),
        ("side", "buy"),
        ("lot", "0.001"),
        ("currency", "USDC"),
        ("why", "reaches"),
    ] {
        assert_eq!(step[field], expected, "{step}");
    }
    let contracts = decimal(&step["contracts"]);
    assert!(contracts > 1.0 && contracts < 15.0, "{step}");
    assert!((decimal(&step["value"]) - contracts * 80_050.0 * 0.9999).abs() < 1.0, "{step}");
    assert!(decimal(&step["worst_price"]) > 80_050.0 && found["reached"] == true && found["missing"] == "0", "{found}");
    assert!(decimal(&found["after"]["health"]) >= 1.1, "{found}");
    // The same in words.
    let text = answer(&planned("plan-words", &[]));
    for part in ["buy BTC-PERP", "USDC or better", "reduces the position", "reached: health 1.1"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains("lots"), "{text}");
}

/// A trade is shown whole, with the number of intervals that it needs.
#[test]
fn a_large_trade_is_spread_over_intervals() {
    let arguments = planned("plan-intervals", &["--output", "json"]);
    let thin: Vec<&str> = arguments.iter().map(|text| if text == "50000000" { "1000000" } else { text }).collect();
    let plan = document(&thin);
    let step = &plan["plans"][0]["steps"][0];
    let intervals = decimal(&step["intervals"]);
    // A tenth of the depth in each.
    assert!((intervals - (decimal(&step["value"]) / 100_000.0).ceil()).abs() < 1e-9 && intervals > 1.0, "{step}");
    assert_eq!(plan["plans"][0]["reached"], true, "{plan}");
}

/// A target that trades cannot reach is reported with the equity that is missing.
#[test]
fn a_target_out_of_reach_says_what_is_missing() {
    let plan = document(&planned("plan-missing", &["--less", "99990", "--output", "json"]));
    let found = &plan["plans"][0];
    assert!(found["reached"] == false && decimal(&found["missing"]) > 0.0, "{found}");
    let text = answer(&planned("plan-missing-words", &["--less", "99990"]));
    assert!(text.contains("not reached by trades: health") && text.contains("USD short; "), "{text}");
}

/// The example of the guide.
#[test]
fn the_sample_is_planned_in_contracts() {
    let (market, portfolio) = (sample("market.json"), sample("portfolio.json"));
    let arguments = ["plan", "--market", &market, "--portfolio", &portfolio, "--less", "750000", "--output", "json"];
    let plan = document(&[&arguments[..], &["--account", "delta-hedged book"]].concat());
    let found = &plan["plans"][0];
    assert_eq!((found["reached"].clone(), numbers(&plan)), (Value::Bool(true), 0), "{found}");
    let steps = found["steps"].as_array().expect("steps");
    assert!(steps.len() <= 4 && steps.iter().all(|step| decimal(&step["contracts"]) < 1e6), "{found}");
}

/// Thirty positions on a recorded chain: a few trades, each instrument once, none of a few lots.
#[test]
fn thirty_positions_take_a_few_trades_from_shared() {
    let chain = "data/options/deribit_btc_eth_chain_6hourly_stress_2026-02_2026-06.parquet";
    let futures = "data/options/deribit_futures_prices_at_snapshots_2025-12-30_2026-04-15.csv.gz";
    let (Some(chain), Some(futures)) = (shared(chain), shared(futures)) else { return };
    let (chain, futures, market) = (chain.display().to_string(), futures.display().to_string(), path("plan-30.json"));
    let imported = ["import", "deribit-chain", &chain, "--futures", &futures, "--price", "USDC=1"];
    answer(&[&imported[..], &["--at", "2026-02-05T16:00:00Z", "--out", &market]].concat());
    let portfolio = root().join("crates/cli/tests/data/plan-30.portfolio.json").display().to_string();
    let arguments = ["plan", "--market", &market, "--portfolio", &portfolio, "--less", "1500000"];
    let plan = document(&[&arguments[..], &["--depth", "5000000", "--output", "json"]].concat());
    let found = &plan["plans"][0];
    assert_eq!(found["reached"], true, "{found}");
    let steps = found["steps"].as_array().expect("steps");
    let once: BTreeSet<&str> = steps.iter().filter_map(|step| step["instrument"].as_str()).collect();
    assert!(steps.len() <= 10 && once.len() == steps.len(), "{found}");
    assert!(steps.iter().all(|step| decimal(&step["value"]) > 100.0), "{found}");
}

/// An option out of its range is refused by its own name, with what was given.
#[test]
fn sizes_that_no_plan_can_be_made_of_are_refused() {
    let mut arguments = planned("plan-options", &[]);
    arguments.truncate(arguments.len() - 2);
    for (option, value, problem) in [
        ("--depth", "0", "upm: --depth: found 0, expected above 0"),
        ("--depth", "-5", "upm: --depth: found -5, expected above 0"),
        ("--depth", "inf", "a decimal number such as"),
        ("--depth", "nan", "a decimal number such as"),
        ("--lot", "0", "upm: --lot: found 0, expected above 0"),
        ("--beta", "1", "upm: --beta: found 1, expected above 1"),
    ] {
        let given = format!("{option}={value}");
        let run = upm(&[&arguments[..], &[given]].concat());
        assert!(run.status == 2 && run.err.contains(problem), "{option} {value}: {}", run.err);
    }
}

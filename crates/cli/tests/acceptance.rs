//! The acceptance run: a recorded day of the whole option chain becomes a market, and a book of dozens of positions over
//! BTC and ETH on it is margined by every method.

mod common;

use common::{answer, document, upm, written};
use margin::method::METHODS;
use serde_json::{Value, json};
use testdata::shared;

/// Imports the snapshot at `at` and margins a book on it.
fn check(test: &str, chain: &str, at: &str) {
    let futures = "data/options/deribit_futures_prices_at_snapshots_2025-12-30_2026-04-15.csv.gz";
    let (Some(chain), Some(futures)) = (shared(chain), shared(futures)) else { return };
    let [chain, futures] = [chain, futures].map(|file| file.display().to_string());
    let run = upm(&["import", "deribit-chain", &chain, "--at", at, "--currency", "BTC,ETH", "--futures", &futures]);
    assert_eq!(run.status, 0, "{}", run.err);
    println!("{}", run.err);
    assert!(median_error(&run.err) <= 1e-5, "{}", run.err);

    let market: Value = serde_json::from_str(&run.out).expect("the market is JSON");
    let book = book_on(&market);
    let positions = list(&book["accounts"][0]["positions"]).len();
    assert!(positions >= 25, "{positions} positions");
    let market = written(&format!("{test}-market.json"), &run.out);
    let portfolio = written(&format!("{test}-portfolio.json"), &book.to_string());
    for method in METHODS {
        let name = method.about.name;
        let arguments =
            ["margin", "--market", &market, "--portfolio", &portfolio, "--method", name, "--output", "json"];
        let account = document(&arguments)["accounts"][0].clone();
        let [initial, maintenance] = ["initial_margin", "maintenance_margin"].map(|field| number(&account[field]));
        assert!(initial >= maintenance && maintenance > 0.0, "{name}: {initial}, {maintenance}");
        assert_eq!(list(&account["positions"]).len(), positions, "{name}");
    }
    println!("{}", answer(&["compare", "--market", &market, "--portfolio", &portfolio]));
}

/// The median error in coin, over all options: the third word of the report's line "all".
fn median_error(report: &str) -> f64 {
    let line =
        report.lines().find(|line| line.trim_start().starts_with("all ")).expect("the report has a line for all");
    line.split_whitespace().nth(2).expect("count, median").parse().expect("a number")
}

fn number(text: &Value) -> f64 {
    text.as_str().expect("an amount is text").parse().expect("a number")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

/// Options of every few strikes and expiries within a third of the index, long and short, hedged with the perpetuals.
fn book_on(market: &Value) -> Value {
    let mut positions = Vec::new();
    for (underlying, size, perpetual) in [("BTC", 1, -20_000), ("ETH", 10, 30_000)] {
        let index = list(&market["underlyings"]).iter().find(|one| one["underlying"] == underlying).expect("asked for");
        let index = number(&index["index"]);
        let near: Vec<&Value> = list(&market["instruments"])
            .iter()
            .filter(|one| one["underlying"] == underlying && one["kind"] == "option" && one["iv"].is_string())
            .filter(|one| (number(&one["strike"]) / index - 1.0).abs() < 1.0 / 3.0)
            .collect();
        let step = near.len() / 14;
        for (place, option) in near.iter().step_by(step).take(14).enumerate() {
            let quantity = [3, -2, 5, -4, 1, -1][place % 6] * size;
            positions.push(json!({"instrument": option["instrument"], "quantity": quantity.to_string()}));
        }
        positions.push(json!({"instrument": format!("{underlying}-PERPETUAL"), "quantity": perpetual.to_string()}));
    }
    let balances = json!([{"asset": "BTC", "amount": "12.5"}, {"asset": "ETH", "amount": "200"}]);
    json!({"format": "upm.portfolio/1", "accounts": [{"account": "a book", "balances": balances, "positions": positions}]})
}

#[test]
fn the_crash_of_5_february_2026_from_shared() {
    let chain = "data/options/deribit_btc_eth_chain_6hourly_stress_2026-02_2026-06.parquet";
    check("crash", chain, "2026-02-05T15:51:32Z");
}

#[test]
fn a_quiet_day_from_shared() {
    let chain = "data/options/deribit_btc_eth_chain_daily_2025-12-30_2026-08-22.parquet";
    check("quiet", chain, "2026-03-14T16:00:00Z");
}

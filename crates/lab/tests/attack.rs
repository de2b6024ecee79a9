//! `upm-lab coverage` and `upm-lab attack`: tables, documents, limits, recorded chains, and what is refused.

mod common;

use common::LAB;
use serde_json::Value;
use testdata::{program::sample, schema::valid_by_format, shared};

const STRESS: &str = "data/options/deribit_btc_eth_chain_6hourly_stress_2026-02_2026-06.parquet";
const CHAIN: &str = "data/options/deribit_btc_eth_chain_daily_2025-12-30_2026-08-22.parquet";
const FUTURES: &str = "data/options/deribit_futures_prices_at_snapshots_2025-12-30_2026-04-15.csv.gz";
const CLOSES: &str = "data/prices/binance_usdm_perp_hourly_close_wide.parquet";

/// The attack on the sample of one underlying with few strikes.
fn attack(further: &[&str]) -> Vec<String> {
    let market = sample("market.json");
    let few = ["attack", "--market", &market, "--underlying", "SOL", "--strikes", "2"];
    few.iter().chain(further).map(|word| (*word).to_owned()).collect()
}

#[test]
fn a_limit_decides_the_status_and_the_table_names_the_book() {
    let within = LAB.run(&attack(&["--kinds", "depeg", "--limit", "depeg=1000"]));
    assert_eq!(within.status, 0, "{}", within.err);
    let words = ["worst loss/margin", "within the limits", "SOL depeg"];
    assert!(words.iter().all(|word| within.out.contains(word)), "{}", within.out);
    let above = LAB.run(&attack(&["--kinds", "depeg", "--limit", "depeg=0.001"]));
    assert_eq!((above.status, above.out.contains("above a limit")), (1, true), "{}", above.out);
}

#[test]
fn a_document_follows_its_schema_and_is_the_same_on_any_number_of_threads() {
    let of = |threads| LAB.document(&attack(&["--kinds", "grid,history", "--output", "json", "--threads", threads]));
    let one: Value = of("1");
    assert_eq!(one, of("2"));
    valid_by_format(&one);
    let found = one["found"].as_array().unwrap();
    assert_eq!((found.len(), &found[0]["kind"]), (2, &Value::from("grid")));
    assert!(found[0]["worst"]["ratio"].as_f64().unwrap() > 0.5, "{}", found[0]);
    assert_eq!(found[1]["skipped"], "no recorded prices were given");
}

#[test]
fn what_cannot_be_attacked_is_refused() {
    let refused = |further: &[&str], why: &str| {
        let run = LAB.run(&attack(further));
        assert!(run.status == 2 && run.err.contains(why), "{}", run.err);
    };
    refused(&["--kinds", "storm"], "expected one of grid, ");
    refused(&["--limit", "grid"], "expected a kind and a ratio");
    refused(&["--kinds", "grid", "--limit", "venues=1"], "venues: no day of this kind was tried");
    let run = LAB.run(&["attack"]);
    assert!(run.status == 2 && run.err.contains("--market: missing"), "{}", run.err);
    for command in ["coverage", "moves"] {
        let run = LAB.run(&[command]);
        assert!(run.status == 2 && run.err.contains("--chain: missing"), "{}", run.err);
    }
    let run = LAB.run(&["attack", "--market", &sample("market.json"), "--underlying", "XRP"]);
    assert!(run.status == 2 && run.err.contains("expected one of BTC, ETH, SOL"), "{}", run.err);
}

#[test]
fn the_reference_books_are_listed() {
    let list = LAB.answer(&["coverage", "--list"]);
    assert!(list.contains("protective put") && list.contains("+1 perpetual, +1 put 30 d 0.25 delta"), "{list}");
}

/// Five days of February 2026: every method is judged, and the result does not depend on threads.
#[test]
fn a_recorded_week_is_covered_from_shared() {
    let (Some(chain), Some(futures), Some(closes)) = (shared(CHAIN), shared(FUTURES), shared(CLOSES)) else { return };
    let files = [chain, futures, closes].map(|file| file.display().to_string());
    let span = ["--from", "2026-02-03T00:00:00Z", "--to", "2026-02-07T00:00:00Z", "--output", "json"];
    let of = |threads| {
        let files = ["--chain", &files[0], "--futures", &files[1], "--closes", &files[2]];
        LAB.document(&[&["coverage"][..], &files, &span, &["--threads", threads]].concat())
    };
    let one = of("1");
    assert_eq!(one, of("2"));
    valid_by_format(&one);
    let methods = one["coverage"]["methods"].as_array().unwrap();
    assert_eq!((methods.len(), &methods[0]["method"]), (8, &Value::from("universal")));
    let judged = methods[0]["tally"]["judged"].as_u64().unwrap();
    assert!(one["coverage"]["intervals"].as_u64().unwrap() >= 3 && judged > 250, "{judged}");
}

/// The sizes of docs/attack.md: the parameters of twist and skew rest on them.
#[test]
fn the_moves_of_a_recorded_surface_are_those_of_the_page_from_shared() {
    let Some(chain) = shared(STRESS) else { return };
    let chain = chain.display().to_string();
    let one = LAB.document(&["moves", "--chain", &chain, "--hours", "24", "--output", "json"]);
    valid_by_format(&one);
    let largest = |of: &str| {
        let row = one["moves"].as_array().unwrap().iter().find(|row| row["underlying"] == "BTC" && row["of"] == of);
        let row = row.unwrap_or_else(|| panic!("{of}: {one}"));
        assert_eq!(row["intervals"], 79);
        (1000.0 * row["largest"].as_f64().unwrap()).round()
    };
    assert_eq!(["twist", "skew", "rest"].map(largest), [195.0, 108.0, 88.0]);
}

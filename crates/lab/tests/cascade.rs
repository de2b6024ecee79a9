//! `upm-lab cascade`: tables, documents and pictures of one market under all engines, and recorded shocks.

mod common;

use common::LAB;
use testdata::shared;

const PRICES: &str = "data/prices/crash_windows_intraday.parquet";

#[test]
fn a_table_says_where_ours_is_not_better() {
    let text = LAB.answer(&["cascade", "--seeds", "1..2", "--shock", "gap"]);
    for words in
        ["gap · ", "deepest fall, BTC, %", "bad debt, million USD", "not better  ", "time to calm (", "45.0 to 51.7"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn a_document_has_runs_and_evidence_and_is_the_same_on_any_number_of_threads() {
    let of =
        |threads| LAB.document(&["cascade", "--seeds", "3..4", "--shock", "outage", "--json", "--threads", threads]);
    let one = of("1");
    assert_eq!(one, of("2"));
    assert_eq!((&one["format"], one["runs"][0].as_array().unwrap().len()), (&"upm.cascade/1".into(), 6));
    assert!(
        one["evidence"]
            .as_array()
            .unwrap()
            .iter()
            .all(|row| row["source"].as_str().is_some_and(|text| !text.is_empty()))
    );
    // Runs are sorted by engine, then by seed.
    let run = |place: usize| &one["runs"][0][place];
    assert_eq!((&run(2)["engine"], &run(2)["seed"]), (&"isolated".into(), &3.into()));
    // An outage empties the funds. The naive engine takes more than is missing; ours never does.
    assert!(run(0)["overshoot"].as_f64().unwrap() > 1e6 && run(4)["taken"].as_f64().unwrap() > 1e5);
    assert!(run(4)["overshoot"].as_f64().unwrap() < 118.0);
}

#[test]
fn the_engine_itself_runs_when_it_is_asked_for() {
    let quiet = ["cascade", "--seeds", "1..1", "--shock", "quiet", "--engine"];
    let text = LAB.answer(&quiet);
    assert!(text.contains("engine") && text.contains("published"), "{text}");
    let all = LAB.document(&[&quiet[..], &["--json"]].concat());
    let comparison = &all["comparisons"][0];
    assert_eq!(comparison["engines"], serde_json::json!(["naive", "isolated", "ours", "engine", "engine-published"]));
    let rows = comparison["rows"].as_array().unwrap();
    assert!(rows.iter().all(|row| row["spreads"].as_array().unwrap().len() == 5));
    let without = LAB.document(&quiet[..5].iter().chain(&["--json"]).copied().collect::<Vec<_>>());
    assert_eq!(without["comparisons"][0]["engines"], serde_json::json!(["naive", "isolated", "ours"]));
}

#[test]
fn without_recorded_prices_the_synthetic_shocks_run() {
    let run = LAB.run(&["cascade", "--seeds", "1..1"]);
    assert_eq!(run.status, 0, "{}", run.err);
    assert!(run.err.contains("october and october-lows are left out: --prices gives no"), "{}", run.err);
    assert!(run.out.contains("plunge · ") && !run.out.contains("october · "));
    let run = LAB.run(&["cascade", "--shock", "october"]);
    assert_eq!((run.status, run.err.contains("--prices: missing, expected ")), (2, true), "{}", run.err);
}

#[test]
fn recorded_prices_are_read_where_they_are_given_and_refused_where_they_would_not_be() {
    for shock in ["all", "october"] {
        let run = LAB.run(&["cascade", "--shock", shock, "--prices", "no/such.parquet"]);
        assert_eq!((run.status, run.err.contains("no/such.parquet: ")), (2, true), "{}", run.err);
    }
    let run = LAB.run(&["cascade", "--shock", "plunge", "--prices", "no/such.parquet"]);
    assert_eq!((run.status, run.out.as_str()), (2, ""));
    assert!(run.err.starts_with("upm-lab: --prices: found with --shock plunge, expected october, "), "{}", run.err);
}

#[test]
fn what_is_no_shock_is_refused() {
    let run = LAB.run(&["cascade", "--shock", "flood"]);
    assert_eq!(run.status, 2);
    assert!(run.err.starts_with("upm-lab: --shock: found flood, expected all, quiet, "), "{}", run.err);
    assert_eq!(LAB.run(&["cascade", "--support", "101"]).status, 2);
    assert_eq!(LAB.run(&["cascade", "--carried", "90"]).status, 2);
}

/// The calibration agrees with the records: on the path of closes, isolated margin falls as far as the recorded low,
/// 101,516.5 after 116,970.
#[test]
fn the_recorded_lows_are_met_by_isolated_margin_from_shared() {
    let Some(file) = shared(PRICES) else { return };
    let (file, picture) = (file.display().to_string(), LAB.path("cascade.svg"));
    let seeds = ["--seeds", "1..16", "--shock", "october", "--prices", &file, "--plot", &picture, "--json"];
    let all = LAB.document(&[&["cascade"][..], &seeds].concat());
    let row = &all["comparisons"][0]["rows"][0];
    assert_eq!(row["measure"]["key"], "fall_btc");
    let fall = row["spreads"][1]["median"].as_f64().unwrap();
    assert!((fall - (1.0 - 101_516.5 / 116_970.0)).abs() < 0.01, "{fall}");
    assert!(std::fs::read_to_string(picture).unwrap().contains("</svg>"));
}

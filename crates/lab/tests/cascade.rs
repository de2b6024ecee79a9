//! `upm-lab cascade`: tables, documents and pictures of one market under all engines, and recorded shocks.

mod common;

use cascade::{Calibration, Engine, PerCoin, Shock, run};
use common::LAB;
use feed::bars::{self, Bar, Wanted};
use testdata::shared;

const PRICES: &str = "data/prices/crash_windows_intraday.parquet";

#[test]
fn a_table_says_where_upm_is_not_better() {
    let text = LAB.answer(&["cascade", "--seeds", "1..2", "--shock", "gap", "--traders", "200"]);
    for words in
        ["gap · ", "deepest fall, BTC, %", "bad debt, million USD", "not better  ", "time to calm (", "45.0 to 51.7"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn a_document_has_runs_and_evidence_and_is_the_same_on_any_number_of_threads() {
    let of = |threads| {
        let few = ["--traders", "400", "--json", "--threads", threads];
        LAB.document(&[&["cascade", "--seeds", "3..4", "--shock", "outage"][..], &few].concat())
    };
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
    // An outage empties the funds. The naive engine takes more than is missing; upm never does.
    assert!(run(0)["overshoot"].as_f64().unwrap() > 1e6);
    assert!(run(4)["bad_debt"].as_f64().unwrap() > 1e5 && run(4)["overshoot"].as_f64().unwrap() < 118.0);
}

#[test]
fn the_method_as_published_runs_when_it_is_asked_for() {
    let quiet = ["cascade", "--seeds", "1..1", "--shock", "quiet", "--traders", "200", "--published"];
    let text = LAB.answer(&quiet);
    assert!(text.contains("upm") && text.contains("published"), "{text}");
    let all = LAB.document(&[&quiet[..], &["--json"]].concat());
    let comparison = &all["comparisons"][0];
    assert_eq!(comparison["engines"], serde_json::json!(["naive", "isolated", "upm", "upm-published"]));
    let rows = comparison["rows"].as_array().unwrap();
    assert!(rows.iter().all(|row| row["spreads"].as_array().unwrap().len() == 4));
    let without = LAB.document(&quiet[..7].iter().chain(&["--json"]).copied().collect::<Vec<_>>());
    assert_eq!(without["comparisons"][0]["engines"], serde_json::json!(["naive", "isolated", "upm"]));
    assert_eq!(without["calibration"]["longs"], 62, "200 of 4,000 traders are a twentieth of 1,250 longs");
}

#[test]
fn without_recorded_prices_the_synthetic_shocks_run() {
    let run = LAB.run(&["cascade", "--seeds", "1..1", "--traders", "40"]);
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
    assert_eq!(LAB.run(&["cascade", "--traders", "7"]).status, 2);
    assert_eq!(LAB.run(&["cascade", "--carried", "90"]).status, 2);
}

/// The calibration agrees with the records: on the path of closes, isolated margin falls as far as the recorded low,
/// 101,516.5 after 116,970.
#[test]
fn the_recorded_lows_are_met_by_isolated_margin_from_shared() {
    let Some(file) = shared(PRICES) else { return };
    let bytes = std::fs::read(&file).unwrap();
    let closes = |symbol| -> Vec<f64> {
        let wanted = Wanted { window: "2025-10-10", symbol, interval: "15min" };
        let bars = bars::read("prices", bytes.clone(), &wanted).unwrap();
        // The bars of 20:30 to 22:45.
        let of_the_crash = |bar: &&Bar| (1_760_128_200..=1_760_136_300).contains(&(bar.time.micros() / 1_000_000));
        bars.iter().filter(of_the_crash).map(|bar| bar.close).collect()
    };
    let path: Vec<PerCoin> =
        closes("BTCUSDT").into_iter().zip(closes("ETHUSDT")).map(|(one, two)| [one, two]).collect();
    let shock = Shock::recorded("october", "", 900, &path).unwrap();
    let fall = |seed| -run(&Calibration::default(), &shock, Engine::Isolated, seed).trough[0];
    let mut falls = pool::map(2, 1..=16, fall, |_| {});
    falls.sort_by(f64::total_cmp);
    let median = f64::midpoint(falls[7], falls[8]);
    assert!((median - (1.0 - 101_516.5 / 116_970.0)).abs() < 0.01, "{median}");
}

#[test]
fn the_recorded_crash_is_drawn_from_shared() {
    let Some(file) = shared(PRICES) else { return };
    let (file, picture) = (file.display().to_string(), LAB.path("cascade.svg"));
    let seeds = ["--seeds", "1..1", "--shock", "october", "--traders", "200"];
    LAB.answer(&[&["cascade"][..], &seeds, &["--prices", &file, "--plot", &picture]].concat());
    let drawn = std::fs::read_to_string(picture).unwrap();
    assert!(drawn.contains("</svg>") && drawn.contains(">upm<"));
}

//! Texts that an import accepts, and texts that it refuses.

mod common;

use common::{answer, root, upm, upm_reading, written};
use serde_json::Value;

const CHAIN: &str = "crates/feed/tests/data/chain.parquet";

fn chain(at: &str, more: &[&str]) -> common::Run {
    upm(&[&["import", "deribit-chain", CHAIN, "--at", at], more].concat())
}

#[test]
fn a_snapshot_far_away_is_refused_with_the_nearest() {
    let taken = chain("2026-04-22T17:00:00Z", &[]);
    assert_eq!(taken.status, 0, "{}", taken.err);
    let document: Value = serde_json::from_str(&taken.out).unwrap();
    assert_eq!(document["time"], "2026-04-22T18:00:00Z");

    for (at, more, span) in [
        ("2022-04-22T12:00:00Z", &[][..], "6 h"),
        ("2026-04-22T17:00:00Z", &["--within", "30min"], "30 min"),
        ("2026-05-01T12:00:00Z", &["--within", "8d"], "8 d"),
    ] {
        let refused = chain(at, more);
        assert_eq!((refused.status, refused.out.as_str()), (2, ""), "{}", refused.err);
        let expected = format!("upm: {CHAIN}: no snapshot within {span} of {at}, the nearest found: 2026-04-22T1");
        assert!(refused.err.starts_with(&expected), "{}", refused.err);
    }
    assert_eq!(chain("2026-05-01T12:00:00Z", &["--within", "9d"]).status, 0);
    for span in ["", "6", "h", "-1h", "1.5h", "6 h", "99999999999d"] {
        let refused = chain("2026-04-22T17:00:00Z", &["--within", span]);
        assert_eq!((refused.status, refused.out.as_str()), (2, ""), "{span}: {}", refused.err);
    }
}

#[test]
fn help_points_only_into_the_repository() {
    for command in ["deribit", "deribit-chain"] {
        let help = answer(&["import", command, "--help"]);
        assert!(!help.contains("../"), "{help}");
    }
}

#[test]
fn what_an_import_leaves_out_is_on_standard_error() {
    let file = root().join("crates/feed/tests/data/positions-after-listing.jsonl").display().to_string();
    let run = upm(&["import", "deribit", &file]);
    assert_eq!(run.status, 0, "{}", run.err);
    let document: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(document["instruments"][0]["contract_size"], "1");
    assert!(run.err.contains("1 other answers\nother answers     "), "{}", run.err);
    assert!(run.err.contains("positions-after-listing.jsonl, line 4"), "{}", run.err);
}

#[test]
fn what_is_no_text_is_named() {
    let ticker = std::fs::read_to_string(root().join("crates/feed/tests/data/quoted-numbers.jsonl")).unwrap();
    let marked = written("marked.jsonl", &format!("\u{feff}{ticker}"));
    assert_eq!(upm(&["import", "deribit", &marked]).status, 0);

    let wide: Vec<u8> = [0xff, 0xfe].into_iter().chain(ticker.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let utf16 = common::path("utf16.jsonl");
    std::fs::write(&utf16, wide).unwrap();
    let cases = [
        (upm(&["import", "deribit", &utf16]), "found UTF-16 text, little endian, expected UTF-8 text"),
        (upm(&["import", "deribit", &written("empty.jsonl", "")]), "found an empty file, expected UTF-8 text"),
        (upm_reading(&["import", "deribit", "-"], "\n \n"), "-: found a file without text, expected UTF-8 text"),
        (upm(&["import", "deribit", CHAIN]), "found a parquet file, expected UTF-8 text"),
    ];
    for (run, expected) in cases {
        assert_eq!((run.status, run.out.as_str()), (2, ""), "{}", run.err);
        assert!(run.err.contains(expected), "{}", run.err);
    }
}

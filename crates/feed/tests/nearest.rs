//! A snapshot too far from the requested moment is not used.

#[path = "common/written.rs"]
mod written;

use std::path::PathBuf;
use std::time::Duration;

use feed::chain::{Asked, ChainError, ChainFile, import};
use units::Timestamp;

const TIMES: [&str; 3] = ["2022-04-22T12:00:00Z", "2026-04-22T12:00:00Z", "2026-04-22T18:00:00Z"];

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// The time of the market for a requested moment, or the reason why there is none.
fn taken(at: &str, within: Duration) -> Result<String, ChainError> {
    let file = ChainFile::read("chain.parquet", written::chain(&TIMES)).expect("a chain");
    file.market(Asked { at: time(at), within }, &[], None).map(|(document, _)| document.time.to_string())
}

#[test]
fn the_nearest_snapshot_is_taken_within_the_span_and_not_beyond() {
    let six = Duration::from_hours(6);
    assert_eq!(taken("2026-04-22T14:00:00Z", six).unwrap(), TIMES[1]);
    assert_eq!(taken("2026-04-22T15:00:00Z", six).unwrap(), TIMES[1], "the earlier of two as near");
    assert_eq!(taken("2026-04-23T00:00:00Z", six).unwrap(), TIMES[2], "the end of the span belongs to it");
    assert_eq!(taken("2026-04-22T12:00:00Z", Duration::ZERO).unwrap(), TIMES[1]);

    let cases = [
        (
            "2024-04-22T12:00:00Z",
            six,
            "no snapshot within 6 h of 2024-04-22T12:00:00Z, the nearest found: 2022-04-22T12:00:00Z (731 d earlier), \
             2026-04-22T12:00:00Z (730 d later)",
        ),
        (
            "2026-04-23T00:00:01Z",
            six,
            "no snapshot within 6 h of 2026-04-23T00:00:01Z, the nearest found: 2026-04-22T18:00:00Z (6 h 1 s earlier)",
        ),
        (
            "2020-01-01T00:00:00Z",
            Duration::from_hours(48),
            "no snapshot within 2 d of 2020-01-01T00:00:00Z, the nearest found: 2022-04-22T12:00:00Z (842 d 12 h later)",
        ),
    ];
    for (at, within, expected) in cases {
        assert_eq!(taken(at, within).unwrap_err().to_string(), format!("chain.parquet: {expected}"));
    }
}

#[test]
fn six_hours_hold_when_nobody_says() {
    let at = |text| import("chain.parquet", written::chain(&TIMES), time(text), &[], None);
    assert!(at("2026-04-23T00:00:00Z").is_ok());
    assert!(matches!(at("2026-04-23T00:00:01Z"), Err(ChainError::TooFar { .. })));
}

#[test]
fn the_example_of_the_help_is_what_is_written_here() {
    let file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/chain.parquet"));
    assert!(std::fs::read(&file).unwrap() == written::chain(&TIMES[1..]), "{}: not as written", file.display());
}

#[test]
fn what_is_no_parquet_is_called_so() {
    let cases: [(&[u8], &str); 2] = [
        (b"", "found an empty file, expected parquet"),
        (b"{\"result\": []}", "found a file of another kind, expected parquet"),
    ];
    for (bytes, expected) in cases {
        let refused = import("chain.parquet", bytes.to_vec(), time(TIMES[1]), &[], None).unwrap_err().to_string();
        assert_eq!(refused, format!("chain.parquet: {expected}"));
    }
}

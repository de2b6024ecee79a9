//! Recorded option chains become markets whose marks the model explains.

use feed::Reason;
use feed::chain::{self, ChainError, ChainFile, ChainReport, FuturesFile};
use model::{InstrumentKind, Market, MarketDocument};
use testdata::shared_bytes;
use units::Timestamp;

const STRESS: &str = "data/options/deribit_btc_eth_chain_6hourly_stress_2026-02_2026-06.parquet";
const DAILY: &str = "data/options/deribit_btc_eth_chain_daily_2025-12-30_2026-08-22.parquet";
const OLD: &str = "data/options/deribit_chains_2020_2024.parquet";
const FUTURES: &str = "data/options/deribit_futures_prices_at_snapshots_2025-12-30_2026-04-15.csv.gz";

/// The largest median of |model − mark| that is accepted, in coin.
const MEDIAN_MAX: f64 = 1e-5;

/// Unoptimised builds check every eighth snapshot, others all 323.
const STEP: usize = if cfg!(debug_assertions) { 8 } else { 1 };

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn imported(path: &str, at: &str) -> Option<(MarketDocument, ChainReport)> {
    let (document, report) = chain::import(path, shared_bytes(path)?, time(at), &[], None).expect("a market");
    println!("{report}\n");
    Market::new(&document).expect("a consistent market");
    Some((document, report))
}

#[test]
fn the_crash_of_2026_02_05_and_a_quiet_day_are_explained_from_shared() {
    let cases = [
        (STRESS, "2026-02-05T04:29:52Z", 1500),
        (STRESS, "2026-02-05T09:36:47Z", 1500),
        (STRESS, "2026-02-05T15:51:32Z", 1500),
        (STRESS, "2026-02-05T21:29:37Z", 1500),
        (DAILY, "2026-04-15T16:15:04Z", 1500),
    ];
    for (path, at, least) in cases {
        let Some((document, report)) = imported(path, at) else { return };
        assert_eq!(report.snapshot, time(at));
        assert_eq!(report.options, document.instruments.len());
        assert_eq!(report.rows, report.options + report.left_out.total());
        assert!(report.options >= least, "{}", report.options);
        let all = report.all.unwrap();
        assert!(all.median <= MEDIAN_MAX, "{at}: {}", all.median);
        assert_eq!(report.by_currency.values().map(|errors| errors.count).sum::<usize>(), all.count);
    }
}

#[test]
fn every_snapshot_of_both_files_is_explained_from_shared() {
    let mut medians = Vec::new();
    for path in [STRESS, DAILY] {
        let Some(bytes) = shared_bytes(path) else { return };
        let file = ChainFile::read(path, bytes).unwrap();
        for snapshot in file.snapshots().step_by(STEP) {
            let (_, report) = file.market(snapshot, &["BTC", "ETH"], None).unwrap();
            assert_eq!(report.snapshot, snapshot);
            medians.push(report.all.unwrap().median);
        }
    }
    medians.sort_by(f64::total_cmp);
    println!("{} snapshots, worst median {}", medians.len(), medians.last().unwrap());
    assert_eq!(medians.len(), 87_usize.div_ceil(STEP) + 236_usize.div_ceil(STEP));
    assert!(*medians.last().unwrap() <= MEDIAN_MAX);
}

#[test]
fn the_nearest_snapshot_is_taken_and_the_distance_reported_from_shared() {
    let Some((document, report)) = imported(STRESS, "2026-02-05T12:00:00Z") else { return };
    assert_eq!(document.time, time("2026-02-05T09:36:47Z"));
    assert!(report.to_string().contains("2 h 23 min 13 s before 2026-02-05T12:00:00Z"), "{report}");
}

#[test]
fn one_currency_is_one_underlying_from_shared() {
    let Some(bytes) = shared_bytes(STRESS) else { return };
    let (document, report) = chain::import(STRESS, bytes, time("2026-02-05T21:29:37Z"), &["ETH"], None).unwrap();
    let names: Vec<_> = document.underlyings.iter().map(|entry| entry.underlying.as_str()).collect();
    assert_eq!(names, ["ETH"]);
    assert!(document.instruments.iter().all(|entry| entry.instrument.starts_with("ETH-")));
    assert_eq!(report.by_currency.len(), 1);
}

#[test]
fn futures_of_the_same_moment_are_added_from_shared() {
    let (Some(bytes), Some(futures)) = (shared_bytes(STRESS), shared_bytes(FUTURES)) else { return };
    let file = ChainFile::read(STRESS, bytes).unwrap();
    let futures = FuturesFile::read(FUTURES, &futures).unwrap();
    let (document, report) = file.market(time("2026-02-05T04:29:52Z"), &["BTC"], Some(&futures)).unwrap();
    let market = Market::new(&document).unwrap();
    let perpetual = market.listing(market.instrument("BTC-PERPETUAL").unwrap());
    assert_eq!(perpetual.kind, InstrumentKind::Perpetual);
    assert_eq!(perpetual.contract_size.to_string(), "10");
    let dated = market.listing(market.instrument("BTC-25DEC26").unwrap());
    assert_eq!(dated.expiry(), Some(time("2026-12-25T08:00:00Z")));
    assert!(report.futures >= 8, "{report}");

    // In June there are no futures prices.
    let (_, report) = file.market(time("2026-06-24T04:00:00Z"), &["BTC"], Some(&futures)).unwrap();
    assert_eq!(report.futures, 0);
    assert!(report.to_string().contains("left out, the nearest prices are"), "{report}");
}

#[test]
fn older_chains_are_read_as_far_as_they_go_from_shared() {
    let Some(bytes) = shared_bytes(OLD) else { return };
    let (document, report) = chain::import(OLD, bytes.clone(), time("2020-05-22T00:00:00Z"), &[], None).unwrap();
    println!("{report}\n");
    assert_eq!(document.time, time("2020-05-21T23:19:53Z"));
    // The rows of this snapshot were sampled over minutes, and no single forward fits all of them.
    assert!(report.all.unwrap().median <= 1e-3);

    let (document, report) = chain::import(OLD, bytes.clone(), time("2024-01-08T12:00:00Z"), &[], None).unwrap();
    println!("{report}\n");
    assert_eq!(report.all, None);
    assert!(report.notes.iter().any(|note| note.contains("carry the one their mark implies")), "{report}");
    let with_vol = document.instruments.iter().filter(|entry| entry.iv.is_some()).count();
    assert!(with_vol * 10 >= document.instruments.len() * 9, "{with_vol} of {}", document.instruments.len());

    // The days of 2021 have neither mark nor index, and the importer invents none.
    let refused = chain::import(OLD, bytes, time("2021-06-15T04:00:00Z"), &[], None).unwrap_err();
    assert!(matches!(refused, ChainError::NoIndex { .. }), "{refused}");
    println!("{refused}");
}

#[test]
fn bad_files_are_refused_by_name_from_shared() {
    let Some(bytes) = shared_bytes(OLD) else { return };
    let at = time("2021-06-15T04:00:00Z");
    for bad in [&bytes[..0], &bytes[..7], &bytes[..bytes.len() / 2], &bytes[bytes.len() / 2..], b"not parquet at all"] {
        let refused = chain::import("chain.parquet", bad.to_vec(), at, &[], None).unwrap_err();
        assert!(refused.to_string().starts_with("chain.parquet"), "{refused}");
    }
    let refused = chain::import("chain.parquet", bytes.clone(), at, &["DOGE"], None).unwrap_err();
    assert_eq!(refused.to_string(), "chain.parquet: no row of DOGE, expected at least one snapshot");
    let at = time("2020-05-21T23:19:53Z");
    let refused = chain::import("chain.parquet", bytes, at, &["BTC", "SOL"], None).unwrap_err();
    assert!(refused.to_string().contains("no row of SOL in the snapshot of 2020-05-21T23:19:53Z"), "{refused}");

    let Some(bytes) = shared_bytes("data/prices/binance_usdm_perp_daily_ohlcv.parquet") else { return };
    let refused = chain::import("bars.parquet", bytes, at, &[], None).unwrap_err();
    let expected = "bars.parquet, column snapshot_ts: found no such column, expected a column of UTC timestamps";
    assert_eq!(refused.to_string(), expected);
}

#[test]
fn a_damaged_file_is_refused_or_read_and_never_panics_from_shared() {
    let Some(bytes) = shared_bytes(OLD) else { return };
    let at = time("2020-05-21T23:19:53Z");
    let mut seed = 1_u64;
    for _ in 0..60 {
        let mut damaged = bytes.clone();
        for _ in 0..8 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let position = usize::try_from(seed >> 33).unwrap() % damaged.len();
            damaged[position] ^= 1 << (seed % 8);
        }
        let _ = chain::import("damaged.parquet", damaged, at, &[], None);
    }
}

#[test]
fn bad_futures_are_refused_by_line_and_column() {
    let cases = [
        ("", "futures.csv: found an empty file, expected UTF-8 text"),
        ("ts,currency,price\n", "futures.csv, line 1, column instrument_name: found \"ts,currency,price\", expected"),
        (
            "ts,currency,instrument_name,price\nsoon,BTC,BTC-PERPETUAL,1\n",
            "futures.csv, line 2, column ts: found \"soon\", expected a time such as",
        ),
        (
            "ts,currency,instrument_name,price\n2026-02-05 04:29:52+00:00,BTC,BTC-PERPETUAL,cheap\n",
            "futures.csv, line 2, column price: found \"cheap\", expected a decimal number",
        ),
        ("ts,currency,instrument_name,price\n2026-02-05 04:29:52+00:00,BTC\n", "futures.csv: CSV error: record 1"),
    ];
    for (text, expected) in cases {
        let refused = FuturesFile::read("futures.csv", text.as_bytes()).unwrap_err().to_string();
        assert!(refused.starts_with(expected), "{refused}");
    }
}

#[test]
fn reasons_cover_what_is_left_out_of_futures_from_shared() {
    let Some(bytes) = shared_bytes(STRESS) else { return };
    let text = "\
ts,currency,instrument_name,price
2026-02-05 04:30:00+00:00,BTC,BTC-PERPETUAL,70000.5
2026-02-05 04:30:00+00:00,BTC,BTC-PERPETUAL,70000.5
2026-02-05 04:30:00+00:00,BTC,BTC-5FEB25,70000
2026-02-05 04:30:00+00:00,BTC,BTC-5MAR26,
2026-02-05 04:30:00+00:00,BTC,BTC-FS-5MAR26_PERP,10
2026-02-05 04:31:00+00:00,BTC,BTC-6MAR26,70000
";
    let futures = ("futures.csv", text.as_bytes());
    let (_, report) = chain::import(STRESS, bytes, time("2026-02-05T04:29:52Z"), &["BTC"], Some(futures)).unwrap();
    assert_eq!(report.futures, 1);
    for reason in [Reason::Duplicate, Reason::Expired, Reason::NoMark, Reason::UnknownName] {
        assert_eq!(report.left_out.count(reason), 1, "{reason}");
    }
}

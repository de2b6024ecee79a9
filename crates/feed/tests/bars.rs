//! Recorded bars against published prices.

use feed::bars::{Wanted, read};
use feed::chain::ChainError;
use testdata::shared_bytes;

/// 10 October 2025: bitcoin fell to 101,516.5 in the quarter of an hour from 21:15.
#[test]
fn the_low_of_october_is_in_its_bar_from_shared() {
    let Some(bytes) = shared_bytes("data/prices/crash_windows_intraday.parquet") else { return };
    let wanted = Wanted { window: "2025-10-10", symbol: "BTCUSDT", interval: "15min" };
    let bars = read("crash.parquet", bytes, &wanted).unwrap();
    assert_eq!(bars.len(), 384);
    assert!(bars.windows(2).all(|pair| pair[0].time < pair[1].time));
    let lowest = bars.iter().min_by(|one, other| one.low.total_cmp(&other.low)).unwrap();
    assert_eq!((lowest.low, lowest.time.to_string().as_str()), (101_516.5, "2025-10-10T21:15:00Z"));
    assert!(bars.iter().all(|bar| bar.low <= bar.close && bar.close <= bar.high));
}

#[test]
fn what_is_no_parquet_is_refused() {
    let wanted = Wanted { window: "", symbol: "", interval: "" };
    assert!(matches!(read("bad.parquet", vec![0_u8; 64], &wanted), Err(ChainError::File { .. })));
}

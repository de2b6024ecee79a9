//! Reads recorded price bars: parquet files with a row for each symbol, window and interval.

use bytes::Bytes;
use parquet::data_type::ByteArray;
use units::Timestamp;

use crate::chain::ChainError;
use crate::chain::columns::Columns;

/// The window, symbol and interval of the bars to read.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The window, such as "2025-10-10".
    pub window: &'a str,
    /// The symbol, such as "BTCUSDT".
    pub symbol: &'a str,
    /// The interval, such as "15min".
    pub interval: &'a str,
}

/// The prices of one interval, in the quote currency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// The moment at which the bar begins.
    pub time: Timestamp,
    /// The highest price.
    pub high: f64,
    /// The lowest price.
    pub low: f64,
    /// The last price.
    pub close: f64,
}

/// Reads the bars of one window, symbol and interval, in the order of time. `file` is used in messages only.
pub fn read(file: &str, bytes: impl Into<Bytes>, wanted: &Wanted) -> Result<Vec<Bar>, ChainError> {
    let columns = Columns::open(file, bytes.into())?;
    let texts = ["window", "symbol", "interval"].map(|column| columns.texts(column));
    let [windows, symbols, intervals] = texts;
    let (windows, symbols, intervals) = (windows?, symbols?, intervals?);
    let times = columns.times("ts")?;
    let (highs, lows, closes) = (columns.doubles("high")?, columns.doubles("low")?, columns.doubles("close")?);
    let is = |text: &Option<ByteArray>, word: &str| text.as_ref().is_some_and(|text| text.data() == word.as_bytes());
    let mut bars = Vec::new();
    for row in 0..times.len() {
        let asked = is(&windows[row], wanted.window)
            && is(&symbols[row], wanted.symbol)
            && is(&intervals[row], wanted.interval);
        if !asked {
            continue;
        }
        let missing = |column| ChainError::Row {
            file: file.into(),
            row,
            column,
            found: "null".into(),
            expected: "a price above 0, or a time".into(),
        };
        let price =
            |values: &[Option<f64>], column| values[row].filter(|price| *price > 0.0).ok_or_else(|| missing(column));
        bars.push(Bar {
            time: times[row].ok_or_else(|| missing("ts"))?,
            high: price(&highs, "high")?,
            low: price(&lows, "low")?,
            close: price(&closes, "close")?,
        });
    }
    bars.sort_by_key(|bar| bar.time);
    Ok(bars)
}

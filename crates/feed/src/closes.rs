//! Reads recorded hourly closes: a parquet file with a column of times and a column of prices for each symbol.

use bytes::Bytes;
use units::Timestamp;

use crate::chain::ChainError;
use crate::chain::columns::Columns;

/// Microseconds in an hour, the length of a bar.
const HOUR: i64 = 3_600_000_000;

/// The closes of one symbol, in the order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Closes {
    times: Vec<Timestamp>,
    prices: Vec<f64>,
}

/// Reads the closes of one symbol, such as `BTCUSDT`, from a file whose column `ts` is the opening time of each bar.
/// Hours without a price are left out. `file` is used in messages only.
pub fn read(file: &str, bytes: impl Into<Bytes>, symbol: &str) -> Result<Closes, ChainError> {
    let columns = Columns::open(file, bytes.into())?;
    let (opens, prices) = (columns.times("ts")?, columns.doubles(symbol)?);
    let mut rows = Vec::new();
    for (row, (open, price)) in opens.into_iter().zip(prices).enumerate() {
        let Some(price) = price else { continue };
        let refuse = |column, found: String, expected: &str| ChainError::Row {
            file: file.into(),
            row,
            column,
            found,
            expected: expected.into(),
        };
        let open = open.ok_or_else(|| refuse("ts", "null".into(), "the time at which the bar opens"))?;
        if price <= 0.0 || !price.is_finite() {
            return Err(refuse("close", price.to_string(), "a price above 0"));
        }
        rows.push((Timestamp::from_micros(open.micros() + HOUR), price));
    }
    Ok(Closes::of(rows))
}

impl Closes {
    /// Closes from pairs of a moment and the price at that moment, in any order.
    pub fn of(rows: impl IntoIterator<Item = (Timestamp, f64)>) -> Self {
        let mut rows: Vec<(Timestamp, f64)> = rows.into_iter().collect();
        rows.sort_by_key(|row| row.0);
        let (times, prices) = rows.into_iter().unzip();
        Self { times, prices }
    }

    /// The price at which the hour that ends at `moment` closed; none where it was not recorded.
    pub fn at(&self, moment: Timestamp) -> Option<f64> {
        self.times.binary_search(&moment).ok().map(|place| self.prices[place])
    }

    /// The moment of each close with its price, in the order of time.
    pub fn iter(&self) -> impl Iterator<Item = (Timestamp, f64)> {
        self.times.iter().copied().zip(self.prices.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_is_found_at_the_end_of_its_hour_alone() {
        let at = |hour: i64| Timestamp::from_micros(hour * HOUR);
        let closes = Closes::of([(at(2), 20.0), (at(1), 10.0)]);
        assert_eq!((closes.at(at(1)), closes.at(at(2)), closes.at(at(3))), (Some(10.0), Some(20.0), None));
        assert_eq!(closes.at(Timestamp::from_micros(HOUR + 1)), None);
        assert_eq!(closes.iter().map(|(_, price)| price).collect::<Vec<_>>(), [10.0, 20.0]);
    }

    #[test]
    fn a_file_that_is_not_parquet_is_refused() {
        let refused = read("closes", &b"ts,BTCUSDT\n"[..], "BTCUSDT").unwrap_err();
        assert_eq!(refused.to_string(), "closes: found a file of another kind, expected parquet");
    }

    /// The settlement of 8 May 2026: the bar that opens at 07:00 closes at 08:00.
    #[test]
    fn the_close_of_eight_is_that_of_the_bar_of_seven_from_shared() {
        let Some(bytes) = testdata::shared_bytes("data/prices/binance_usdm_perp_hourly_close_wide.parquet") else {
            return;
        };
        let closes = read("closes", bytes, "BTCUSDT").unwrap();
        let price = closes.at("2026-02-05T08:00:00Z".parse().unwrap()).unwrap();
        assert!((60_000.0..80_000.0).contains(&price), "{price}");
        assert!(closes.iter().count() > 50_000);
    }
}

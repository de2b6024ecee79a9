//! Reads prices of futures and perpetuals at snapshot times from a CSV file.
//!
//! It reads the columns `ts` (`2026-02-05 04:29:52+00:00`), `currency`, `instrument_name` and `price`; others are
//! ignored.

use model::UsdPrice;
use units::{Decimal as _, Timestamp};

use super::ChainError;
use crate::report::shortened;

/// A row of the file.
#[derive(Clone, Debug)]
pub struct FuturePrice {
    pub time: Timestamp,
    pub currency: String,
    pub instrument: String,
    /// The price; none where the file has none.
    pub price: Option<UsdPrice>,
}

/// Reads every row of `text`.
pub fn read(file: &str, text: &str) -> Result<Vec<FuturePrice>, ChainError> {
    let refuse = |line: u64, column: &str, found: &str, expected: &str| ChainError::Csv {
        file: file.into(),
        line,
        column: column.into(),
        found: format!("\"{}\"", shortened(found)),
        expected: expected.into(),
    };
    let not_csv = |error: csv::Error| ChainError::File { file: file.into(), problem: error.to_string() };
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers().map_err(not_csv)?.clone();
    let position = |column: &str| {
        let expected = format!("a column \"{column}\"");
        let header = headers.iter().collect::<Vec<_>>().join(",");
        headers.iter().position(|name| name == column).ok_or_else(|| refuse(1, column, &header, &expected))
    };
    let (time, currency) = (position("ts")?, position("currency")?);
    let (instrument, price) = (position("instrument_name")?, position("price")?);
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(not_csv)?;
        let line = record.position().map_or(0, csv::Position::line);
        // Every record has as many fields as the header, else the reader fails.
        let field = |index: usize| record.get(index).unwrap_or_default();
        let moment = field(time).replacen(' ', "T", 1).parse();
        let number = match field(price) {
            "" => None,
            text => {
                Some(UsdPrice::cut(text, 0).map_err(|expected| refuse(line, "price", text, &expected.to_string()))?)
            }
        };
        rows.push(FuturePrice {
            time: moment.map_err(|_| refuse(line, "ts", field(time), "a time such as 2026-02-05 04:29:52+00:00"))?,
            currency: field(currency).into(),
            instrument: field(instrument).into(),
            price: number,
        });
    }
    Ok(rows)
}

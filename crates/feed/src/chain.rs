//! Imports recorded option chains of Deribit, parquet snapshots with one row per option, as one market.
//!
//! # The forward
//!
//! Within a snapshot `underlying_price` and `index_price` were sampled at slightly other moments than `mark_price`, so
//! an expiry has several of each. In a crash, a model that takes the `underlying_price` of each row misses the mark by
//! 2e-5 coin in the median. The marks themselves agree: put-call parity of two marks `C`, `P` in coin at one strike
//! `K`,
//!
//! ```text
//! C − P = (F − K)/F,   so   F = K/(1 − (C − P))
//! ```
//!
//! gives the same forward at every strike. The forward of an expiry is the median of these over its strikes (where no
//! strike has both marks, the median `underlying_price`, and the report says so); the index is the median
//! `index_price`. The report holds the remaining difference between model and mark.
//!
//! An option with a mark and no volatility gets the implied volatility of its mark; the report counts these options.
//! Time to expiry is counted from the snapshot, in years of 365 days.

pub(crate) mod columns;
mod error;
mod futures;
mod report;
mod snapshot;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use model::{CounterPrice, MarketDocument, QuotePrice, Right};
use parquet::data_type::ByteArray;
use units::{Decimal, NotDecimal, Ratio, Timestamp};

use crate::moment::distance;
use crate::read_text;
use columns::Columns;
use futures::FuturePrice;
use snapshot::{OptionRow, Snapshot};

pub use error::ChainError;
pub use report::{ChainReport, Distribution};

/// The moment for which a market of a chain is requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The requested moment.
    pub at: Timestamp,
    /// The largest distance of a snapshot from that moment.
    pub within: Duration,
}

impl Asked {
    /// The default distance of a snapshot: chains are recorded every six hours.
    pub const WITHIN: Duration = Duration::from_hours(6);
}

/// A moment with the default distance [`Asked::WITHIN`].
impl From<Timestamp> for Asked {
    fn from(at: Timestamp) -> Self {
        Self { at, within: Self::WITHIN }
    }
}

/// Imports the snapshot of `file` nearest to the requested moment (the earlier of two equally near) in `currencies`
/// (all when empty). With `futures`, futures and perpetuals are added from that CSV file, plain or gzip-compressed.
pub fn import(
    file: &str,
    bytes: impl Into<Bytes>,
    asked: impl Into<Asked>,
    currencies: &[&str],
    futures: Option<(&str, &[u8])>,
) -> Result<(MarketDocument, ChainReport), ChainError> {
    let futures = futures.map(|(file, bytes)| FuturesFile::read(file, bytes)).transpose()?;
    ChainFile::read(file, bytes)?.market(asked, currencies, futures.as_ref())
}

/// A file of option chains in memory, to make many markets from one file. All columns have the same length.
#[derive(Debug)]
pub struct ChainFile {
    file: String,
    /// The numbers of the rows, by the time of their snapshot.
    rows: BTreeMap<Timestamp, Vec<usize>>,
    currencies: Vec<Option<ByteArray>>,
    names: Vec<Option<ByteArray>>,
    expiries: Vec<Option<Timestamp>>,
    rights: Vec<Option<ByteArray>>,
    strikes: Vec<Option<f64>>,
    marks: Vec<Option<f64>>,
    vols: Vec<Option<f64>>,
    underlying_prices: Vec<Option<f64>>,
    index_prices: Vec<Option<f64>>,
    bids: Vec<Option<f64>>,
    asks: Vec<Option<f64>>,
    deltas: Vec<Option<f64>>,
    open_interests: Vec<Option<f64>>,
    volumes: Vec<Option<f64>>,
}

/// A file of futures prices in memory.
#[derive(Debug)]
pub struct FuturesFile {
    file: String,
    rows: Vec<FuturePrice>,
}

impl FuturesFile {
    /// Reads a CSV file, plain or gzip-compressed. `file` is used in messages only.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Self, ChainError> {
        Ok(Self { file: file.into(), rows: futures::read(file, &read_text(file, bytes)?)? })
    }
}

impl ChainFile {
    /// Reads the columns that a market needs. `file` is used in messages only.
    pub fn read(file: &str, bytes: impl Into<Bytes>) -> Result<Self, ChainError> {
        let columns = Columns::open(file, bytes.into())?;
        let mut rows: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (row, time) in columns.times("snapshot_ts")?.into_iter().enumerate() {
            let time = time.ok_or_else(|| ChainError::Row {
                file: file.into(),
                row,
                column: "snapshot_ts",
                found: "null".into(),
                expected: "the time of the snapshot".into(),
            })?;
            rows.entry(time).or_default().push(row);
        }
        Ok(Self {
            file: file.into(),
            rows,
            currencies: columns.texts("currency")?,
            names: columns.texts("instrument_name")?,
            expiries: columns.times("expiry")?,
            rights: columns.texts("option_type")?,
            strikes: columns.doubles("strike")?,
            marks: columns.doubles("mark_price")?,
            vols: columns.doubles("mark_iv")?,
            underlying_prices: columns.doubles("underlying_price")?,
            index_prices: columns.doubles("index_price")?,
            bids: columns.doubles("bid_price")?,
            asks: columns.doubles("ask_price")?,
            deltas: columns.doubles("delta")?,
            open_interests: columns.doubles("open_interest")?,
            volumes: columns.doubles("volume_24h")?,
        })
    }

    /// The times of the snapshots in the file, in order.
    pub fn snapshots(&self) -> impl Iterator<Item = Timestamp> {
        self.rows.keys().copied()
    }

    /// The market of the snapshot nearest to the requested moment; see [`import`].
    pub fn market(
        &self,
        asked: impl Into<Asked>,
        currencies: &[&str],
        futures: Option<&FuturesFile>,
    ) -> Result<(MarketDocument, ChainReport), ChainError> {
        let Asked { at, within } = asked.into();
        let wanted = |row: &usize| -> bool {
            let currency = self.currencies[*row].as_ref().and_then(|text| text.as_utf8().ok());
            currencies.is_empty() || currency.is_some_and(|currency| currencies.contains(&currency))
        };
        let candidates = || self.rows.iter().filter(|(_, rows)| rows.iter().any(wanted));
        let nearest = candidates().min_by_key(|(time, _)| (distance(**time, at), **time));
        let (&time, rows) = nearest.ok_or_else(|| ChainError::NoSnapshot {
            file: self.file.clone(),
            currencies: if currencies.is_empty() { "any currency".into() } else { currencies.join(", ") },
        })?;
        if distance(time, at) > within {
            let times = || candidates().map(|(time, _)| *time);
            let (before, after) = (times().rfind(|time| *time < at), times().find(|time| *time > at));
            return Err(ChainError::TooFar { file: self.file.clone(), at, within, before, after });
        }
        let mut snapshot = Snapshot::new(&self.file, time);
        for &row in rows.iter().filter(|row| wanted(row)) {
            snapshot.read(self.option(row)?);
        }
        if let Some(missing) = currencies.iter().find(|currency| !snapshot.currencies.contains_key(**currency)) {
            let (file, currency) = (self.file.clone(), (*missing).to_owned());
            return Err(ChainError::NoCurrency { file, currency, snapshot: time });
        }
        if let Some(futures) = futures {
            snapshot.read_futures(futures);
        }
        snapshot.market(at)
    }

    /// Reads one row as an option.
    fn option(&self, row: usize) -> Result<OptionRow, ChainError> {
        let refuse = |column, found: String, expected: &str| {
            let (file, expected) = (self.file.clone(), expected.to_owned());
            ChainError::Row { file, row, column, found, expected }
        };
        let text = |column, values: &[Option<ByteArray>], expected| {
            let value = values[row].as_ref().ok_or_else(|| refuse(column, "null".into(), expected))?;
            value.as_utf8().map(str::to_owned).map_err(|error| refuse(column, error.to_string(), expected))
        };
        let expected_right = "\"call\" or \"put\"";
        let right = match text("option_type", &self.rights, expected_right)?.as_str() {
            "call" => Right::Call,
            "put" => Right::Put,
            other => return Err(refuse("option_type", format!("{other:?}"), expected_right)),
        };
        let strike =
            number(&self.strikes, row, "strike", &refuse)?.filter(|strike: &CounterPrice| *strike > CounterPrice::ZERO);
        // These files write null where there is no quote, the venue writes zero.
        let quoted = |price: Option<QuotePrice>| price.filter(|price| *price != QuotePrice::ZERO);
        Ok(OptionRow {
            currency: text("currency", &self.currencies, "a currency")?,
            name: text("instrument_name", &self.names, "an instrument name")?,
            expiry: self.expiries[row].ok_or_else(|| refuse("expiry", "null".into(), "the time of settlement"))?,
            strike: strike.ok_or_else(|| refuse("strike", "none".into(), "a price above 0"))?,
            right,
            mark: number(&self.marks, row, "mark_price", &refuse)?,
            vol: number(&self.vols, row, "mark_iv", &refuse)?.filter(|vol: &Ratio| *vol > Ratio::ZERO),
            underlying_price: number(&self.underlying_prices, row, "underlying_price", &refuse)?,
            index_price: number(&self.index_prices, row, "index_price", &refuse)?,
            bid: quoted(number(&self.bids, row, "bid_price", &refuse)?),
            ask: quoted(number(&self.asks, row, "ask_price", &refuse)?),
            delta: number(&self.deltas, row, "delta", &refuse)?,
            open_interest: number(&self.open_interests, row, "open_interest", &refuse)?,
            volume: number(&self.volumes, row, "volume_24h", &refuse)?,
        })
    }
}

/// The number in a row of a column.
fn number<T: Decimal>(
    values: &[Option<f64>],
    row: usize,
    column: &'static str,
    refuse: &impl Fn(&'static str, String, &str) -> ChainError,
) -> Result<Option<T>, ChainError> {
    let read =
        |value: f64| T::shortest(value).map_err(|why: NotDecimal| refuse(column, value.to_string(), &why.to_string()));
    values[row].map(read).transpose()
}

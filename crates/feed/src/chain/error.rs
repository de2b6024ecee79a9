//! The errors of an import of recorded chains.

use std::time::Duration;

use model::Invalid;
use units::Timestamp;

use crate::NotText;
use crate::moment::{apart, span};

/// The reason why a file does not make a market.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The file is not of the kind expected.
    #[error("{file}: {problem}")]
    File {
        /// The file, as the caller names it.
        file: String,
        /// The problem, as a sentence.
        problem: String,
    },
    /// A column is missing, has another type, or is damaged.
    #[error("{file}, column {column}: found {found}, expected {expected}")]
    Column {
        /// The file, as the caller names it.
        file: String,
        /// The name of the column.
        column: String,
        /// The content of the file at this place.
        found: String,
        /// The content that the importer needs at this place.
        expected: String,
    },
    /// A value is impossible for its column.
    #[error("{file}, row {row}, column {column}: found {found}, expected {expected}")]
    Row {
        /// The file, as the caller names it.
        file: String,
        /// The row of the file, counted from 0.
        row: usize,
        /// The name of the column.
        column: &'static str,
        /// The value in the file.
        found: String,
        /// The values that are allowed here.
        expected: String,
    },
    /// A value of the futures file is invalid.
    #[error("{file}, line {line}, column {column}: found {found}, expected {expected}")]
    Csv {
        /// The file, as the caller names it.
        file: String,
        /// The line of the file, counted from 1.
        line: u64,
        /// The name of the column.
        column: String,
        /// The value in the file.
        found: String,
        /// The values that are allowed here.
        expected: String,
    },
    /// The futures file is not text.
    #[error(transparent)]
    Text(#[from] NotText),
    /// A requested currency is not in the snapshot.
    #[error("{file}: no row of {currency} in the snapshot of {snapshot}, expected some of each currency asked for")]
    NoCurrency {
        /// The file, as the caller names it.
        file: String,
        /// The currency that is missing.
        currency: String,
        /// The moment of the snapshot.
        snapshot: Timestamp,
    },
    /// The file has no rows for the requested currencies.
    #[error("{file}: no row of {currencies}, expected at least one snapshot")]
    NoSnapshot {
        /// The file, as the caller names it.
        file: String,
        /// The requested currencies.
        currencies: String,
    },
    /// No snapshot is near the requested moment.
    #[error("{file}: no snapshot within {} of {at}, {}", span(*within), nearest(*at, *before, *after))]
    TooFar {
        /// The file, as the caller names it.
        file: String,
        /// The requested moment.
        at: Timestamp,
        /// The largest distance allowed.
        within: Duration,
        /// The last snapshot before the requested moment.
        before: Option<Timestamp>,
        /// The first snapshot after the requested moment.
        after: Option<Timestamp>,
    },
    /// A currency has no index.
    #[error("{file}, column index_price: found none of {currency} at {snapshot}, expected the index of the options")]
    NoIndex {
        /// The file, as the caller names it.
        file: String,
        /// The currency whose index is missing.
        currency: String,
        /// The moment of the snapshot.
        snapshot: Timestamp,
    },
    /// The market refuses the content of the file.
    #[error("{file}: the snapshot of {snapshot} is not consistent: {invalid}")]
    Refused {
        /// The file, as the caller names it.
        file: String,
        /// The moment of the snapshot.
        snapshot: Timestamp,
        /// The problems of the market document.
        invalid: Invalid,
    },
}

/// The snapshots nearest to a moment, in words for a message.
fn nearest(at: Timestamp, before: Option<Timestamp>, after: Option<Timestamp>) -> String {
    let side = |time: Option<Timestamp>, word| time.map(|time| format!("{time} ({} {word})", apart(time, at)));
    let sides: Vec<String> = [side(before, "earlier"), side(after, "later")].into_iter().flatten().collect();
    format!("the nearest found: {}", sides.join(", "))
}

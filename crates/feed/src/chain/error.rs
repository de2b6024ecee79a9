//! Why files make no market.

use std::time::Duration;

use model::Invalid;
use units::Timestamp;

use crate::NotText;
use crate::moment::{apart, span};

/// Why a file makes no market.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// Not a file of its kind.
    #[error("{file}: {problem}")]
    File {
        /// The file, as the caller calls it.
        file: String,
        /// What is wrong with it, as a sentence.
        problem: String,
    },
    /// A column that is missing, of another type, or damaged.
    #[error("{file}, column {column}: found {found}, expected {expected}")]
    Column {
        /// The file, as the caller calls it.
        file: String,
        /// The name of the column.
        column: String,
        /// What the file has there.
        found: String,
        /// What the importer needs there.
        expected: String,
    },
    /// A value that cannot be what its column says.
    #[error("{file}, row {row}, column {column}: found {found}, expected {expected}")]
    Row {
        /// The file, as the caller calls it.
        file: String,
        /// The row of the file, counted from 0.
        row: usize,
        /// The name of the column.
        column: &'static str,
        /// What the file has there.
        found: String,
        /// What may stand there.
        expected: String,
    },
    /// A value of the futures file.
    #[error("{file}, line {line}, column {column}: found {found}, expected {expected}")]
    Csv {
        /// The file, as the caller calls it.
        file: String,
        /// The line of the file, counted from 1.
        line: u64,
        /// The name of the column.
        column: String,
        /// What the file has there.
        found: String,
        /// What may stand there.
        expected: String,
    },
    /// The futures file is no text.
    #[error(transparent)]
    Text(#[from] NotText),
    /// A currency that was asked for and is not there.
    #[error("{file}: no row of {currency} in the snapshot of {snapshot}, expected some of each currency asked for")]
    NoCurrency {
        /// The file, as the caller calls it.
        file: String,
        /// The currency that is missing.
        currency: String,
        /// The moment of the snapshot.
        snapshot: Timestamp,
    },
    /// No rows at all.
    #[error("{file}: no row of {currencies}, expected at least one snapshot")]
    NoSnapshot {
        /// The file, as the caller calls it.
        file: String,
        /// The currencies that were asked for.
        currencies: String,
    },
    /// No snapshot near the moment that was asked for.
    #[error("{file}: no snapshot within {} of {at}, {}", span(*within), nearest(*at, *before, *after))]
    TooFar {
        /// The file, as the caller calls it.
        file: String,
        /// The moment that was asked for.
        at: Timestamp,
        /// How far from it was searched.
        within: Duration,
        /// The last snapshot before it.
        before: Option<Timestamp>,
        /// The first snapshot after it.
        after: Option<Timestamp>,
    },
    /// A currency without index.
    #[error("{file}, column index_price: found none of {currency} at {snapshot}, expected the index of the options")]
    NoIndex {
        /// The file, as the caller calls it.
        file: String,
        /// The currency whose index is missing.
        currency: String,
        /// The moment of the snapshot.
        snapshot: Timestamp,
    },
    /// The market refuses what the file says.
    #[error("{file}: the snapshot of {snapshot} is not consistent: {invalid}")]
    Refused {
        /// The file, as the caller calls it.
        file: String,
        /// The moment of the snapshot.
        snapshot: Timestamp,
        /// What the market document refuses.
        invalid: Invalid,
    },
}

/// The snapshots around a moment, for people.
fn nearest(at: Timestamp, before: Option<Timestamp>, after: Option<Timestamp>) -> String {
    let side = |time: Option<Timestamp>, word| time.map(|time| format!("{time} ({} {word})", apart(time, at)));
    let sides: Vec<String> = [side(before, "earlier"), side(after, "later")].into_iter().flatten().collect();
    format!("the nearest found: {}", sides.join(", "))
}

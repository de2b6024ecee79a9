//! Why answers make no market.

use std::time::Duration;

use model::Invalid;
use units::Timestamp;

use crate::LeftOut;

/// Why texts do not make a market.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// A line that cannot be read.
    #[error("{file}, line {line}: found {found}, expected {expected}")]
    Line {
        /// The file, as the caller calls it.
        file: String,
        /// The line of the file, counted from 1.
        line: usize,
        /// What the file has there.
        found: String,
        /// What may stand there.
        expected: String,
    },
    /// A field that cannot be what it says.
    #[error("{file}, line {line}, {path}: found {found}, expected {expected}")]
    Field {
        /// The file, as the caller calls it.
        file: String,
        /// The line its JSON begins on, from 1.
        line: usize,
        /// Inside that JSON.
        path: String,
        /// What the file has there.
        found: String,
        /// What may stand there.
        expected: String,
    },
    /// Nothing in the texts is dated.
    #[error("no mark price and no index in {texts} texts, expected tickers or book summaries beside the instruments")]
    NoTime {
        /// Number of texts that were read.
        texts: usize,
    },
    /// Nothing is left to import.
    #[error("no instrument to import at {time}: other answers or another time are needed\n{left_out}")]
    NoInstrument {
        /// The market's time.
        time: Timestamp,
        /// The instruments that were left out, by reason.
        left_out: LeftOut,
    },
    /// An underlying without an index.
    #[error("no index of {underlying} within {} s of {time}, expected an index_price in a ticker, or an index frame", window.as_secs())]
    NoIndex {
        /// The underlying without an index.
        underlying: String,
        /// The market's time.
        time: Timestamp,
        /// How far from it was searched.
        window: Duration,
    },
    /// A quote or settlement currency without a price.
    #[error(
        "no price of {asset} in USD, which {instrument} is quoted in: expected index frames of {}_usd, or a price given by \
         the caller; it is not taken to be 1",
        asset.to_ascii_lowercase()
    )]
    NoPrice {
        /// The currency without a price.
        asset: String,
        /// The first instrument that needs it.
        instrument: String,
    },
    /// A number that leaves its range on the way to USD or to contracts.
    #[error("{instrument}: {overflow}")]
    Overflow {
        /// The instrument whose number does not fit.
        instrument: String,
        /// The quantity whose range it leaves.
        overflow: units::Overflow,
    },
    /// The market refuses what the venue says.
    #[error("the venue's market is not consistent: {0}")]
    Refused(#[from] Invalid),
}

//! The errors of an import of answers.

use std::time::Duration;

use model::Invalid;
use units::Timestamp;

use crate::LeftOut;

/// The reason why texts do not make a market.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// A line cannot be read.
    #[error("{file}, line {line}: found {found}, expected {expected}")]
    Line {
        /// The file, as the caller names it.
        file: String,
        /// The line of the file, counted from 1.
        line: usize,
        /// The content of the line.
        found: String,
        /// The content that is allowed here.
        expected: String,
    },
    /// A field has an impossible value.
    #[error("{file}, line {line}, {path}: found {found}, expected {expected}")]
    Field {
        /// The file, as the caller names it.
        file: String,
        /// The line on which its JSON begins, from 1.
        line: usize,
        /// The path inside that JSON.
        path: String,
        /// The value in the file.
        found: String,
        /// The values that are allowed here.
        expected: String,
    },
    /// No answer in the texts has a time.
    #[error("no mark price and no index in {texts} texts, expected tickers or book summaries beside the instruments")]
    NoTime {
        /// Number of texts that were read.
        texts: usize,
    },
    /// No instrument is left to import.
    #[error("no instrument to import at {time}: other answers or another time are needed\n{left_out}")]
    NoInstrument {
        /// The market's time.
        time: Timestamp,
        /// The instruments left out, by reason.
        left_out: LeftOut,
    },
    /// An underlying has no index.
    #[error("no index of {underlying} within {} s of {time}, expected an index_price in a ticker, or an index frame", window.as_secs())]
    NoIndex {
        /// The underlying without an index.
        underlying: String,
        /// The market's time.
        time: Timestamp,
        /// The largest distance of an index from the market's time.
        window: Duration,
    },
    /// A quote or settlement currency has no price.
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
    /// A number leaves its range when it is converted to USD or to contracts.
    #[error("{instrument}: {overflow}")]
    Overflow {
        /// The instrument whose number does not fit.
        instrument: String,
        /// The quantity that does not fit.
        overflow: units::Overflow,
    },
    /// The market refuses the data of the venue.
    #[error("the venue's market is not consistent: {0}")]
    Refused(#[from] Invalid),
}

//! The one error of this crate.

use margin::Refusal;
use margin::stress::NotGrid;
use model::{Invalid, NotTrade};
use units::{NotDecimal, NotTime, Overflow};

/// Why a question has no answer. Each message names the field or the account, what was found and what was expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A document, or a market or an account that was built, says what cannot be; every problem with its path.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// A reader gave no text: it failed, or its bytes are not UTF-8.
    #[error("{document}: {why}, expected UTF-8 text that can be read")]
    Unreadable {
        /// What was read: "market", "portfolio", "parameters" or "scenarios".
        document: &'static str,
        /// What the reader said.
        #[source]
        why: std::io::Error,
    },
    /// No method has this name.
    #[error("method: found \"{found}\", expected one of {known}")]
    UnknownMethod {
        /// The name that was asked for.
        found: String,
        /// The names of all methods.
        known: String,
    },
    /// The market has no underlying of this name.
    #[error("underlying: found \"{found}\", expected one of {known}")]
    UnknownUnderlying {
        /// The name that was asked for.
        found: String,
        /// The names of the market's underlyings.
        known: String,
    },
    /// A trade that cannot be made in the market.
    #[error("trade: {0}")]
    Trade(#[from] NotTrade),
    /// The method, or whatever else was asked, cannot answer for this account in this market.
    #[error("account \"{account}\": {why}")]
    Refused {
        /// The account that was asked about.
        account: String,
        /// What is missing, or out of range.
        #[source]
        why: Refusal,
    },
    /// The method cannot be applied to the market.
    #[error("market: {0}")]
    Market(#[source] Refusal),
    /// A stress grid was asked of a venue's method.
    #[error("method: found {found}, expected universal: its scan ranges are the grid")]
    NotUniversal {
        /// The method that was asked.
        found: &'static str,
    },
    /// An option that the method does not have.
    #[error("{option}: found with method {found}, expected {expected}")]
    Option {
        /// The option, such as "strict".
        option: &'static str,
        /// The method it was given to.
        found: &'static str,
        /// The methods that have it.
        expected: &'static str,
    },
    /// A text or counts that are no stress grid.
    #[error("grid: {0}")]
    Grid(#[from] NotGrid),
    /// A text that is no number.
    #[error("number: expected {0}")]
    Number(#[from] NotDecimal),
    /// A text that is no moment.
    #[error("time: expected {0}")]
    Time(#[from] NotTime),
    /// An amount that left the range of its quantity.
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

impl Error {
    /// For `map_err`: a refusal with the account it is about.
    pub(crate) fn of(account: &str) -> impl Fn(Refusal) -> Self {
        move |why| Self::Refused { account: account.to_owned(), why }
    }
}

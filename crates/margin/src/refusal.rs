//! Why an account cannot be margined. Nothing is ever assumed in place of what is missing.

use units::Overflow;

/// A question without an answer: the account is refused, never margined on a default.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// An option is held whose volatility the market does not give.
    #[error("{instrument}: the market gives no iv, expected one for an option that is held")]
    NoVolatility {
        /// Which option.
        instrument: String,
    },
    /// A shocked or given number is outside what can be priced.
    #[error("{instrument}: {what} is {value}, expected {expected}")]
    NotPriceable {
        /// Which instrument.
        instrument: String,
        /// Which number.
        what: &'static str,
        /// Its value.
        value: f64,
        /// What was expected.
        expected: &'static str,
    },
    /// The venue does not list the instrument and conversions were forbidden.
    #[error("{instrument}: {venue} does not list it ({why}), and --strict forbids an equivalent")]
    NotListed {
        /// Which instrument or asset.
        instrument: String,
        /// Which venue.
        venue: &'static str,
        /// What would have been done.
        why: String,
    },
    /// The method cannot answer for this account at all.
    #[error("{method}: {why}")]
    NotSupported {
        /// Which method.
        method: &'static str,
        /// Why.
        why: String,
    },
    /// A number left the range of its quantity.
    #[error("account {account}: {overflow}")]
    OutOfRange {
        /// Whose.
        account: String,
        /// Which quantity.
        overflow: Overflow,
    },
}

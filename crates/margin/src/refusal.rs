//! The reasons why an account cannot be margined. Missing data is never replaced by an assumption.

use units::{Money, Overflow};

/// Why an account is refused; it is never margined on a default.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The account holds an option for which the market gives no volatility.
    #[error("{instrument}: the market gives no iv, expected one for an option that is held")]
    NoVolatility {
        /// The option's name.
        instrument: String,
    },
    /// A shocked or given number is outside the range that can be priced.
    #[error("{instrument}: {what} is {value}, expected {expected}")]
    NotPriceable {
        /// The instrument's name.
        instrument: String,
        /// The name of the number.
        what: &'static str,
        /// The value of the number.
        value: f64,
        /// The range that can be priced, in words.
        expected: &'static str,
    },
    /// The venue does not list the instrument and conversions were forbidden.
    #[error("{instrument}: {venue} does not list it ({why}), and strict rules forbid an equivalent")]
    NotListed {
        /// The name of the instrument or asset.
        instrument: String,
        /// The venue that does not list it.
        venue: &'static str,
        /// The conversion that would have been made.
        why: String,
    },
    /// The method has no rule for a part of the account, and only known requirements were wanted.
    #[error("{what}: what {venue} requires for it is not known ({why}), and strict rules accept only what is")]
    NotKnown {
        /// The name of the underlying or asset.
        what: String,
        /// The venue whose rule is not known.
        venue: &'static str,
        /// Why the rule is not known, as a sentence.
        why: String,
    },
    /// The margins of a method contradict each other.
    #[error(
        "account {account}: initial margin {initial} and maintenance margin {maintenance}, expected the first not below the second and neither below 0"
    )]
    OutOfOrder {
        /// The account's name.
        account: String,
        /// Required to take new risk, in USD.
        initial: Money,
        /// Required to keep the positions, in USD.
        maintenance: Money,
    },
    /// The method cannot answer for this account at all.
    #[error("{method}: {why}")]
    NotSupported {
        /// The method's name.
        method: &'static str,
        /// Why it cannot answer, as a sentence.
        why: String,
    },
    /// A number left the range of its quantity.
    #[error("account {account}: {overflow}")]
    OutOfRange {
        /// The account's name.
        account: String,
        /// The quantity that left its range.
        overflow: Overflow,
    },
}

//! Whether the rules of new risk would take trades that have not happened.

use units::Money;

use crate::{Assessment, Standing, Status};

/// What the rules of new risk say of trades, and what decided.
///
/// After its trades an account holds its initial margin, or is nearer to it than before and needs less. What the method
/// does not accept as collateral counts for nothing, and where the requirement is not known nothing is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Taken: the account holds its initial margin after them.
    Holds,
    /// Taken: the account is below its initial margin, and they bring it nearer.
    Nearer,
    /// Refused: the account does not hold its initial margin after them.
    Short {
        /// The equity that counts after them, in USD.
        equity: Money,
        /// The initial margin after them, in USD.
        initial_margin: Money,
    },
    /// Refused: what the account must hold after them is not known.
    Unknown {
        /// Why it is not known, a sentence each.
        reasons: Vec<String>,
    },
}

impl Verdict {
    /// What is said of an account that was assessed before and after trades.
    pub fn of(before: &Assessment, after: &Assessment) -> Self {
        let is_nearer = before.requirement.is_known()
            && after.initial_margin <= before.initial_margin
            && slack(after) >= slack(before);
        match after.status {
            Standing::Unknown => Self::Unknown { reasons: after.requirement.reasons().to_vec() },
            Standing::Known(Status::Healthy) => Self::Holds,
            Standing::Known(_) if is_nearer => Self::Nearer,
            Standing::Known(_) => Self::Short { equity: after.counted_equity, initial_margin: after.initial_margin },
        }
    }

    /// Whether the trades are taken.
    pub fn accepts(&self) -> bool {
        matches!(self, Self::Holds | Self::Nearer)
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Holds => formatter.write_str("the account holds its initial margin after it"),
            Self::Nearer => {
                formatter.write_str("the account is below its initial margin, and the trade brings it nearer")
            }
            Self::Short { equity, initial_margin } => {
                write!(formatter, "equity {equity} USD is below the initial margin {initial_margin} USD")
            }
            Self::Unknown { reasons } => {
                write!(formatter, "what the account needs is not known: {}", reasons.join("; "))
            }
        }
    }
}

/// Equity that counts less initial margin, in raw units.
fn slack(assessment: &Assessment) -> i128 {
    assessment.counted_equity.raw().saturating_sub(assessment.initial_margin.raw())
}

//! Whether the rules for new risk accept trades that have not happened yet.

use units::Money;

use crate::{Assessment, Standing, Status};

/// The answer of the rules for new risk to proposed trades, with the reason.
///
/// Trades are accepted when the account holds its initial margin after them, or is nearer to it than before and needs
/// no more. Assets that the method does not accept as collateral count for nothing, and trades are refused where the
/// requirement is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Accepted: the account holds its initial margin after the trades.
    Holds,
    /// Accepted: the account is below its initial margin, and the trades bring it nearer.
    Nearer,
    /// Refused: the account does not hold its initial margin after the trades.
    Short {
        /// The counted equity after the trades, in USD.
        equity: Money,
        /// The initial margin after the trades, in USD.
        initial_margin: Money,
    },
    /// Refused: the requirement after the trades is not known.
    Unknown {
        /// The reasons why it is not known, a sentence each.
        reasons: Vec<String>,
    },
}

impl Verdict {
    /// The verdict on an account assessed before and after the trades.
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

    /// Whether the trades are accepted.
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

/// Counted equity less initial margin, in raw units.
fn slack(assessment: &Assessment) -> i128 {
    assessment.counted_equity.raw().saturating_sub(assessment.initial_margin.raw())
}

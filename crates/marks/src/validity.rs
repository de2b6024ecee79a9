//! What a price may be used for, and why not for more.

use serde::{Deserialize, Serialize};

/// How far a price can be trusted, best first: the worse of two is the greater.
///
/// Whatever it is, there is a price: reducing and closing are always possible (I-14, I-17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validity {
    /// A quorum agrees and nothing holds the price back.
    Valid,
    /// A quorum answers, but it disagrees or the price is still on its way.
    Suspect,
    /// No quorum. The price is the last one there was.
    Invalid,
}

impl Validity {
    /// Whether an account may be liquidated at this price.
    pub const fn may_liquidate(self) -> bool {
        matches!(self, Self::Valid)
    }

    /// Whether an account may take more risk at this price.
    pub const fn may_add_risk(self) -> bool {
        matches!(self, Self::Valid)
    }
}

/// Why a quote is as valid as it is. The first that applies, from the bottom up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A quorum agrees.
    Agreed,
    /// A quorum is within the band, but more than a minority is farther apart than the dispersion allowed.
    Dispersed,
    /// The set of sources changed and the price is moving to what the new set says.
    Handover,
    /// The price is held at the edge of the collar around the slow average.
    Collared,
    /// Enough sources are live, but too few of them are within the band of their median.
    Disagreed,
    /// Too few sources have ever reported, or may report.
    Quorum,
    /// Too few sources are live: one or more are silent for longer than they may be.
    Stale,
    /// Too few sources are live: one or more are less sure of their price than is allowed.
    Imprecise,
    /// Too few sources are live: one or more stand at a bound where they stop following the market.
    Clamped,
}

impl Cause {
    /// What a price may be used for when this is the cause.
    pub const fn validity(self) -> Validity {
        match self {
            Self::Agreed => Validity::Valid,
            Self::Dispersed | Self::Handover | Self::Collared => Validity::Suspect,
            Self::Disagreed | Self::Quorum | Self::Stale | Self::Imprecise | Self::Clamped => Validity::Invalid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// I-11, I-13: only a valid price liquidates or lets risk grow.
    #[test]
    fn only_a_valid_price_liquidates_or_lets_risk_grow() {
        for validity in [Validity::Valid, Validity::Suspect, Validity::Invalid] {
            assert_eq!(validity.may_liquidate(), validity == Validity::Valid);
            assert_eq!(validity.may_add_risk(), validity == Validity::Valid);
        }
    }

    #[test]
    fn the_worse_of_two_is_the_greater() {
        assert!(Validity::Valid < Validity::Suspect && Validity::Suspect < Validity::Invalid);
    }
}

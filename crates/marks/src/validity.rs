//! The validity of a price: the uses it may be put to, and the reason for a limit.

use serde::{Deserialize, Serialize};

/// How far a price can be trusted, best first: the worse of two is the greater.
///
/// A price exists at every validity, so reducing and closing are always possible (I-14, I-17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Validity {
    /// A quorum agrees and nothing holds the price back.
    Valid,
    /// A quorum reports, but it disagrees or the price is still on its way.
    Suspect,
    /// There is no quorum. The price is the last one.
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

/// The reason for the validity of a quote. When several apply, the last of them in this list is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A quorum agrees.
    Agreed,
    /// A quorum is within the band, but the sources, without a minority, are farther apart than the dispersion allowed.
    Dispersed,
    /// The set of sources changed, and the price is on its way to the index of the new set.
    Handover,
    /// The price is held at the edge of the collar around the slow average.
    Collared,
    /// Enough sources are live, but too few of them are within the band of their median.
    Disagreed,
    /// Too few sources have ever reported or are allowed to report.
    Quorum,
    /// Too few sources are live: one or more have been silent for longer than allowed.
    Stale,
    /// Too few sources are live: one or more have a half-width wider than allowed.
    Imprecise,
    /// Too few sources are live: one or more report a bound at which they stop following the market.
    Clamped,
}

impl Cause {
    /// The validity of a price with this cause.
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

    /// I-11, I-13: only a valid price permits liquidation or more risk.
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

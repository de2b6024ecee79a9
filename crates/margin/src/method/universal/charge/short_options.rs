//! CHG-3, short options: a part of the index for each short option that no long option at its strike covers.
//!
//! Calls and puts at one strike are netted first, so that a synthetic forward is not charged. A short option far from the
//! money loses almost nothing in any scenario and a coin in the worst case.
//!
//! Over a cell, contracts are counted exactly and the index is taken at its highest. The count of two accounts together is
//! no more than that of both, so a fill adds nothing beyond its own.

use model::{Invalid, UnderlyingId};

use super::options::OptionRules;
use super::rule::{Fill, Part, Rule, Scope};
use crate::method::universal::by_name::within;
use crate::method::universal::exposure::Exposures;

/// CHG-3 with the highest index of each underlying.
#[derive(Clone, Debug)]
pub(crate) struct ShortOptions {
    rate: f64,
    highest: Box<[f64]>,
}

impl Rule for ShortOptions {
    type Rules = OptionRules;

    const ID: &'static str = "CHG-3";
    const NAME: &'static str = "short options";
    const CLOSES: bool = false;

    fn check(rules: &OptionRules) -> Result<(), Invalid> {
        within(rules.short_rate, "options.short_rate", 0.0, 1.0)
    }

    fn new(scope: &Scope<'_>, rules: &OptionRules) -> Self {
        let highest = (0..scope.market.underlyings.len()).map(|place| scope.highest_index(UnderlyingId(place)));
        Self { rate: rules.short_rate, highest: highest.collect() }
    }

    #[inline]
    fn exact(&self, exposures: &Exposures) -> f64 {
        exposures.touched().fold(0.0, |sum, (_, exposure)| sum + exposure.naked * self.rate * exposure.index)
    }

    #[inline]
    fn most(&self, part: &Part) -> Option<f64> {
        match part {
            Part::Bucket(bucket) => Some(bucket.naked * self.rate * self.highest[bucket.underlying]),
            Part::Underlying { .. } | Part::Balance { .. } | Part::Funding(_) | Part::Fees(_) => None,
        }
    }

    #[inline]
    fn beyond(&self, _: &Fill) -> Option<f64> {
        None
    }
}

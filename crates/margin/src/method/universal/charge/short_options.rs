//! CHG-3, short options: a part of the index for each short option that no long option covers (`cover.rs`).
//!
//! A short option far from the money loses almost nothing in any scenario and a coin in the worst case, unless a long
//! option pays what it owes. A long option at a worse strike leaves the width between the strikes open, and is taken to
//! cover nothing: the width of neighbouring strikes is about the rate or more.
//!
//! Over a cell, contracts are counted exactly and the index is taken at its highest. A fill is in one contract: bought, it
//! adds no naked option, and sold, no more than itself, so it adds nothing beyond its own.

use model::{Invalid, UnderlyingId};

use super::options::OptionRules;
use super::rule::{Fill, Part, Rule, Scope};
use crate::method::universal::by_name::within;
use crate::method::universal::exposure::{Exposure, Exposures};

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
        exposures.touched().fold(0.0, |sum, (underlying, exposure)| sum + self.on_underlying(underlying, exposure))
    }

    #[inline]
    fn on_underlying(&self, _: usize, exposure: &Exposure) -> f64 {
        exposure.naked * self.rate * exposure.index
    }

    #[inline]
    fn most(&self, part: &Part) -> Option<f64> {
        match part {
            Part::Bucket(bucket) => Some(bucket.naked * self.rate * self.highest[bucket.underlying]),
            Part::Underlying { .. } | Part::Balance { .. } | Part::Funding(_) | Part::Fees(_) | Part::Spread(_) => None,
        }
    }

    #[inline]
    fn beyond(&self, _: &Fill) -> Option<f64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::Bucket;
    use super::*;
    use crate::method::universal::charge::example::{INDEX, bucket, contract, exposures};
    use crate::method::universal::listed::{ContractTerms, Strike};

    /// CHG-3: a synthetic forward and a debit spread are not charged. What remains short pays the rate, over a cell at the
    /// highest index that the cell allows.
    #[test]
    fn what_no_long_option_covers_pays() {
        let charge = ShortOptions { rate: 0.005, highest: [1.1 * INDEX].into() };
        let option = |rank: u32, call: bool| ContractTerms {
            strike: Some(Strike { chain: 0, rank, call }),
            ..contract(1, 0.0, 0.0, 0.0)
        };
        let forward = exposures(&[(-2.0, option(0, true)), (2.0, option(0, false))]);
        assert_eq!(charge.exact(&forward), 0.0);
        let debit = exposures(&[(2.0, option(0, true)), (-2.0, option(1, true))]);
        assert_eq!(charge.exact(&debit), 0.0);
        let other_chain = Some(Strike { chain: 1, rank: 0, call: true });
        let calendar =
            exposures(&[(-2.0, option(0, true)), (2.0, ContractTerms { strike: other_chain, ..option(0, true) })]);
        assert_eq!(charge.exact(&calendar), 2.0 * 0.005 * INDEX);
        let apart = exposures(&[(-2.0, option(0, true)), (2.0, option(1, false))]);
        assert_eq!(charge.exact(&apart), 2.0 * 0.005 * INDEX);
        let most = charge.most(&Part::Bucket(Bucket { naked: 2.0, ..bucket(1) })).unwrap();
        assert!((most - 1.1 * charge.exact(&apart)).abs() < 1e-12, "{most}");
    }
}

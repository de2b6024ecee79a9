//! CHG-4, expiry: short gamma of options that are about to expire, over a move of the index around the strike.
//!
//! On the last day gamma at a strike is more than any scenario sees. It applies to each expiry within `options.pin_days`.
//!
//! Over a cell, an expiry is charged where it comes that near before the cell ends, at its least gamma. Short gamma of two
//! accounts together is no more than that of both, so a fill adds nothing beyond its own.

use model::Invalid;

use super::options::OptionRules;
use super::rule::{Fill, Part, Rule, Scope};
use crate::method::universal::by_name::within;
use crate::method::universal::exposure::Exposures;
use crate::method::universal::listed::Bucket;

/// CHG-4 with the expiries that are near.
#[derive(Clone, Debug)]
pub(crate) struct Expiry {
    /// Move of the index around a strike, as a part of it.
    pin_move: f64,
    /// For each underlying whether each of its buckets is charged; the first holds perpetuals and is not.
    pinned: Box<[Box<[bool]>]>,
}

impl OptionRules {
    /// Whether CHG-4 applies to an expiry that is `days` away.
    pub(crate) fn pins(&self, days: f64) -> bool {
        days <= self.pin_days
    }
}

impl Rule for Expiry {
    type Rules = OptionRules;

    const ID: &'static str = "CHG-4";
    const NAME: &'static str = "expiry";
    const CLOSES: bool = false;

    fn check(rules: &OptionRules) -> Result<(), Invalid> {
        within(rules.pin_move, "options.pin_move", 0.0, 1.0)?;
        within(rules.pin_days, "options.pin_days", 0.0, 30.0)
    }

    fn new(scope: &Scope<'_>, rules: &OptionRules) -> Self {
        let pins = |bucket: &Bucket| bucket.expiry.is_some_and(|expiry| rules.pins(expiry.days_since(scope.until)));
        let pinned = scope.buckets.of_underlyings.iter().map(|buckets| buckets.iter().map(pins).collect());
        Self { pin_move: rules.pin_move, pinned: pinned.collect() }
    }

    #[inline]
    fn exact(&self, exposures: &Exposures) -> f64 {
        exposures.touched().fold(0.0, |sum, (underlying, exposure)| {
            let dollars = self.pin_move * exposure.index;
            let pinned = exposure.buckets.iter().zip(&self.pinned[underlying]).filter(|(_, pinned)| **pinned);
            sum + pinned.fold(0.0, |sum, (bucket, _)| sum + 0.5 * (-bucket.gamma).max(0.0) * dollars * dollars)
        })
    }

    #[inline]
    fn most(&self, part: &Part) -> Option<f64> {
        match part {
            Part::Bucket(bucket) if self.pinned[bucket.underlying][bucket.place] => {
                Some(0.5 * (-bucket.gamma).max(0.0) * self.pin_move * self.pin_move)
            }
            Part::Bucket(_)
            | Part::Underlying { .. }
            | Part::Balance { .. }
            | Part::Funding(_)
            | Part::Fees(_)
            | Part::Spread(_) => None,
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

    /// CHG-4: short gamma pays where the expiry is near, long gamma never, by hand.
    #[test]
    fn short_gamma_pays_where_the_expiry_is_near() {
        let charge = Expiry { pin_move: 0.01, pinned: [[false, true, false].into()].into() };
        let held = |quantity: f64, bucket: usize| exposures(&[(quantity, contract(bucket, 0.0, 0.3, 0.0))]);
        let expected = 0.5 * 0.6 * (0.01 * INDEX) * (0.01 * INDEX);
        assert_eq!(charge.exact(&held(-2.0, 1)), expected);
        assert_eq!([charge.exact(&held(2.0, 1)), charge.exact(&held(-2.0, 2))], [0.0, 0.0]);
        // Over a cell gamma is in dollars: times the square of the index.
        let gamma = -0.6 * INDEX * INDEX;
        let most = charge.most(&Part::Bucket(Bucket { gamma, ..bucket(1) })).unwrap();
        assert!((most - expected).abs() < 1e-12, "{most}");
        assert_eq!(charge.most(&Part::Bucket(Bucket { gamma, ..bucket(2) })), None);
        let rules = OptionRules { short_rate: 0.0, pin_move: 0.01, pin_days: 1.0 };
        assert!(rules.pins(1.0) && !rules.pins(1.001));
    }
}

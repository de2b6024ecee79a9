//! CHG-4, expiry: options that are about to expire, each expiry within `options.pin_days`.
//!
//! *Short gamma*, over a move of the index around the strike: on the last day no scenario sees all of the gamma at a strike.
//!
//! *Long options at one strike.* An account that is long there is worth least where the price stops at the strike, and two
//! moves of the scan on either side of it do not see how little: what has settled turns at its strikes. Between two moves
//! that are `scan.spacing` apart the line through both is above the payoff of one option by at most a quarter of the
//! spacing, where the strike is in the middle; `options.unseen` is that part and a little more. The price stops at one
//! strike, so the strike with the most options is charged. Strikes of one expiry are taken to be at least half of the
//! spacing apart: then no others add to it.
//!
//! Over a cell, an expiry is charged where it comes that near before the cell ends, at its least gamma, and at the highest
//! index. Short gamma of two accounts together is no more than that of both, and neither are their options at one strike, so
//! a fill adds nothing beyond its own.

use model::{Invalid, UnderlyingId};

use super::options::OptionRules;
use super::rule::{Fill, Part, Rule, Scope};
use crate::method::universal::by_name::within;
use crate::method::universal::exposure::{Bucket, Exposure, Exposures};
use crate::method::universal::listed;

/// CHG-4 with the expiries that are near.
#[derive(Clone, Debug)]
pub(crate) struct Expiry {
    /// Move of the index around a strike, as a part of it.
    pin_move: f64,
    /// The part of the index by which an option at a strike is worth less than two moves of the scan see.
    unseen: f64,
    /// The highest index of each underlying, in USD.
    highest: Box<[f64]>,
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
        within(rules.unseen, "options.unseen", 0.0, 1.0)?;
        within(rules.pin_days, "options.pin_days", 0.0, 30.0)
    }

    fn new(scope: &Scope<'_>, rules: &OptionRules) -> Self {
        let pins =
            |bucket: &listed::Bucket| bucket.expiry.is_some_and(|expiry| rules.pins(expiry.days_since(scope.until)));
        let pinned = scope.buckets.of_underlyings.iter().map(|buckets| buckets.iter().map(pins).collect());
        let highest = (0..scope.market.underlyings.len()).map(|place| scope.highest_index(UnderlyingId(place)));
        let unseen = rules.unseen * scope.scan.spacing;
        Self { pin_move: rules.pin_move, unseen, highest: highest.collect(), pinned: pinned.collect() }
    }

    #[inline]
    fn exact(&self, exposures: &Exposures) -> f64 {
        exposures.touched().fold(0.0, |sum, (underlying, exposure)| sum + self.on_underlying(underlying, exposure))
    }

    #[inline]
    fn on_underlying(&self, underlying: usize, exposure: &Exposure) -> f64 {
        let dollars = self.pin_move * exposure.index;
        let pinned = exposure.buckets.iter().zip(&self.pinned[underlying]).filter(|(_, pinned)| **pinned);
        let unseen = self.unseen * exposure.index;
        let of = |bucket: &Bucket| 0.5 * (-bucket.gamma).max(0.0) * dollars * dollars + bucket.at_a_strike * unseen;
        pinned.fold(0.0, |sum, (bucket, _)| sum + of(bucket))
    }

    #[inline]
    fn most(&self, part: &Part) -> Option<f64> {
        match part {
            Part::Bucket(bucket) if self.pinned[bucket.underlying][bucket.place] => {
                let gamma = 0.5 * (-bucket.gamma).max(0.0) * self.pin_move * self.pin_move;
                Some(gamma + bucket.at_a_strike * self.unseen * self.highest[bucket.underlying])
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
    use super::super::rule;
    use super::*;
    use crate::method::universal::charge::example::{INDEX, bucket, contract, exposures};
    use crate::method::universal::listed::{ContractTerms, Strike};

    fn example() -> Expiry {
        let pinned = [[false, true, false].into()].into();
        Expiry { pin_move: 0.01, unseen: 0.0025, highest: [1.1 * INDEX].into(), pinned }
    }

    /// CHG-4: of the options of a chain the most at one strike pay, calls and puts together; what is short pays nothing, and
    /// neither does what expires later.
    #[test]
    fn the_most_long_options_at_one_strike_pay() {
        let charge = example();
        let option = |bucket: usize, rank: u32, call: bool| ContractTerms {
            strike: Some(Strike { chain: 0, rank, call }),
            ..contract(bucket, 0.0, 0.0, 0.0)
        };
        let near = exposures(&[
            (2.0, option(1, 0, true)),
            (1.0, option(1, 0, false)),
            (2.5, option(1, 1, true)),
            (-4.0, option(1, 2, false)),
        ]);
        assert_eq!(charge.exact(&near), 3.0 * 0.0025 * INDEX);
        assert_eq!(charge.exact(&exposures(&[(2.0, option(2, 0, true))])), 0.0);
        assert_eq!(charge.exact(&exposures(&[(-2.0, option(1, 0, true)), (1.0, option(1, 0, false))])), 0.0);
        let most = charge.most(&Part::Bucket(rule::Bucket { at_a_strike: 3.0, ..bucket(1) })).unwrap();
        assert!((most - 1.1 * charge.exact(&near)).abs() < 1e-12, "{most}");
    }

    /// CHG-4: short gamma pays where the expiry is near, long gamma never, by hand.
    #[test]
    fn short_gamma_pays_where_the_expiry_is_near() {
        let charge = example();
        let held = |quantity: f64, bucket: usize| exposures(&[(quantity, contract(bucket, 0.0, 0.3, 0.0))]);
        let expected = 0.5 * 0.6 * (0.01 * INDEX) * (0.01 * INDEX);
        assert_eq!(charge.exact(&held(-2.0, 1)), expected);
        assert_eq!([charge.exact(&held(2.0, 1)), charge.exact(&held(-2.0, 2))], [0.0, 0.0]);
        // Over a cell gamma is in dollars: times the square of the index.
        let gamma = -0.6 * INDEX * INDEX;
        let most = charge.most(&Part::Bucket(rule::Bucket { gamma, ..bucket(1) })).unwrap();
        assert!((most - expected).abs() < 1e-12, "{most}");
        assert_eq!(charge.most(&Part::Bucket(rule::Bucket { gamma, ..bucket(2) })), None);
        let rules = OptionRules { short_rate: 0.0, pin_move: 0.01, unseen: 0.25, pin_days: 1.0 };
        assert!(rules.pins(1.0) && !rules.pins(1.001));
    }
}

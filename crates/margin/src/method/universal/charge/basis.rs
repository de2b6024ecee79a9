//! CHG-2, basis: forwards of different expiries, and contracts of different venues, do not move together.
//!
//! Each bucket, which is what one venue lists of an underlying for one expiry or without any, is charged on its own absolute
//! forward delta, the perpetuals at no time: both legs of a calendar pair pay, and so do both legs of a position that is
//! long at one venue and short at another. The move of a basis grows with the time to expiry. The forward delta is what the positions gain with
//! the forward while the index stays. A coin-margined box has no delta, but pays a fixed amount of dollars in coins of the
//! forward, so it loses 1 % of that when the forward rises by 1 %.
//!
//! Over a cell, each forward delta is taken at its largest, and the move at the anchor, where the time to expiry is longest. A sum
//! of absolute values: two accounts together are charged no more than both alone, so a fill adds nothing beyond its own.

use model::{Invalid, Market, UnderlyingId};
use pricing::math;
use serde::Deserialize;

use super::rule::{Fill, Part, Rule, Scope};
use crate::basket;
use crate::method::universal::by_name::{ByName, within};
use crate::method::universal::exposure::{Exposure, Exposures};
use crate::method::universal::listed::Bucket;
use crate::params::decimal;

/// The cost of a basis move (CHG-2).
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BasisRules {
    /// The least move of a basis.
    #[serde(deserialize_with = "decimal::read")]
    pub floor: f64,
    /// Move of the yearly rate that a basis implies.
    #[serde(deserialize_with = "decimal::read")]
    pub rate: f64,
    /// The least move of a basis, by underlying, where that is more than [`Self::floor`].
    #[serde(default = "no_more")]
    pub least: ByName,
    /// How far the marks of an underlying may leave its index within a day, all together (FAM-10), by underlying.
    #[serde(default = "no_more")]
    pub index: ByName,
    /// The least move of a contract that another venue lists, by underlying: half of how far two venues come apart.
    #[serde(default = "no_more")]
    pub venue: ByName,
}

/// The numbers of files that do not give them.
fn no_more() -> ByName {
    ByName::of_all(0.0)
}

impl BasisRules {
    /// The move of the basis of the contracts of an underlying that expire in so many years, 0 for perpetuals; `named`
    /// where the market names the venue that lists them. A basket that the parameters do not name has the mean of the
    /// underlyings in it.
    pub(crate) fn of(&self, (market, id): (&Market, UnderlyingId), named: bool, years: f64) -> f64 {
        let between = if named { basket::rate(&self.venue, market, id) } else { 0.0 };
        let least = self.floor.max(basket::rate(&self.least, market, id));
        least.max(between).max(math::exp(self.rate * years) - 1.0)
    }
}

/// CHG-2 with the move of each basis.
#[derive(Clone, Debug)]
pub(crate) struct Basis {
    /// For each underlying the move of each of its buckets, as a part of the delta.
    moves: Box<[Box<[f64]>]>,
}

impl Rule for Basis {
    type Rules = BasisRules;

    const ID: &'static str = "CHG-2";
    const NAME: &'static str = "basis";
    const CLOSES: bool = false;

    fn check(rules: &BasisRules) -> Result<(), Invalid> {
        within(rules.floor, "basis.floor", 0.0, 1.0)?;
        within(rules.rate, "basis.rate", 0.0, 2.0)?;
        rules.least.check("basis.least", 0.0, 0.5)?;
        rules.index.check("basis.index", 0.0, 0.5)?;
        rules.venue.check("basis.venue", 0.0, 1.0)
    }

    fn new(scope: &Scope<'_>, rules: &BasisRules) -> Self {
        let now = scope.market.time;
        let of = |id: UnderlyingId, bucket: &Bucket| {
            let years = bucket.expiry.map_or(0.0, |expiry| expiry.years_since(now));
            rules.of((scope.market, id), bucket.named, years)
        };
        let all = scope.buckets.of_underlyings.iter().enumerate();
        let moves = all.map(|(place, buckets)| buckets.iter().map(|bucket| of(UnderlyingId(place), bucket)).collect());
        Self { moves: moves.collect() }
    }

    #[inline]
    fn exact(&self, exposures: &Exposures) -> f64 {
        exposures.touched().fold(0.0, |sum, (underlying, exposure)| sum + self.on_underlying(underlying, exposure))
    }

    #[inline]
    fn on_underlying(&self, underlying: usize, exposure: &Exposure) -> f64 {
        let legs = exposure.buckets.iter().zip(&self.moves[underlying]);
        let legs = legs.map(|(bucket, part)| bucket.forward_delta.abs() * exposure.index * part);
        legs.fold(0.0, |sum, leg| sum + leg)
    }

    #[inline]
    fn most(&self, part: &Part) -> Option<f64> {
        match part {
            Part::Bucket(bucket) => Some(self.moves[bucket.underlying][bucket.place] * bucket.forward_delta),
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
    use crate::method::universal::charge::example::{bucket, contract, exposures};

    /// CHG-2: both legs of a calendar pair pay the move of their own expiry, by hand.
    #[test]
    fn both_legs_of_a_calendar_pair_pay() {
        let basis = Basis { moves: [[0.01, 0.02, 0.05].into()].into() };
        let pair = exposures(&[(3.0, contract(1, 1.0, 0.0, 0.0)), (-3.0, contract(2, 1.0, 0.0, 0.0))]);
        assert_eq!(basis.exact(&pair), 300.0 * 0.02 + 300.0 * 0.05);
        // Positions of one expiry are netted before.
        let flat = exposures(&[(3.0, contract(1, 1.0, 0.0, 0.0)), (-6.0, contract(1, 0.5, 0.0, 0.0))]);
        assert_eq!(basis.exact(&flat), 0.0);
        let most = [1, 2].map(|place| basis.most(&Part::Bucket(Bucket { forward_delta: 300.0, ..bucket(place) })));
        assert_eq!(most, [Some(6.0), Some(15.0)]);
        assert_eq!(basis.most(&Part::Fees(1.0)), None);
    }
}

//! CHG-1, liquidity: the cost of leaving a position that the market cannot absorb within the margin period of risk.
//!
//! Two costs are charged. The first is the impact: in each underlying, of the net delta, balances and unsettled profit
//! included, and of the vega of each expiry, what an exit at the best pace costs beyond the risk that the scan already
//! holds. The second is half the spread of every position, because positions that hedge each other are still closed one by
//! one: of a future or perpetual a part of its value, of an option its vega times the spread of volatilities. Balances pay
//! theirs in CHG-5 and CHG-6.
//!
//! Over a cell, each exit is taken at its largest size, because its cost never falls with it, and each spread at its
//! largest, contract by contract. The cost of impact is convex, so a fill adds no more than its size times the slope at the
//! size that is reached. Spreads add up.

use model::{Instrument, Invalid, Market, UnderlyingId};
use serde::Deserialize;

use super::rule::{Fill, Part, Rule, Scope};
use crate::basket;
use crate::method::universal::by_name::{ByName, within};
use crate::method::universal::exit::{Exit, Leave};
use crate::method::universal::exposure::{Exposure, Exposures, Totals};
use crate::params::decimal;

/// The cost of leaving large positions (CHG-1).
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LiquidityRules {
    /// Price concession for trading one day's volume in one day.
    #[serde(deserialize_with = "decimal::read")]
    pub impact: f64,
    /// Average daily volume in USD, by underlying, where the market gives none.
    pub adv_usd: ByName,
    /// Half the spread, as a part of the price, by underlying.
    pub half_spread: ByName,
    /// Standard deviation of daily volatility moves (σ), in points.
    #[serde(deserialize_with = "decimal::read")]
    pub vol_sigma_points: f64,
    /// Vega that trades in one expiry in a day, in USD per point, by underlying.
    pub vega_adv_usd: ByName,
    /// Concession in points for trading one day's vega in one day.
    #[serde(deserialize_with = "decimal::read")]
    pub vega_impact_points: f64,
    /// Half the spread of a volatility, in points.
    #[serde(deserialize_with = "decimal::read")]
    pub vega_half_spread_points: f64,
}

impl LiquidityRules {
    /// Half the spread that is paid to close one contract, in USD: of a future or perpetual worth `value` USD, or of an
    /// option with a vega of `vega` USD per 1.00 of volatility.
    pub(crate) fn to_cross(&self, listing: &Instrument, market: &Market, value: f64, vega: f64) -> f64 {
        if listing.is_option() {
            points(vega.abs()) * self.vega_half_spread_points
        } else {
            basket::rate(&self.half_spread, market, listing.underlying) * value
        }
    }
}

/// CHG-1 with the exits from each underlying.
#[derive(Clone, Debug)]
pub(crate) struct Liquidity {
    exits: Box<[Exits]>,
}

/// The exits from one underlying.
#[derive(Clone, Copy, Debug)]
struct Exits {
    /// From its delta; values in USD.
    delta: Leave,
    /// From the vega of one expiry; values in USD per point.
    vega: Leave,
}

impl Exits {
    /// The exits from one underlying. The numbers that a basket has not itself follow from its parts.
    fn new(id: UnderlyingId, scope: &Scope<'_>, rules: &LiquidityRules) -> Self {
        let (market, scan) = (scope.market, scope.scan);
        let given = |id: UnderlyingId| market.underlying_liquidity(id).adv_usd.map(units::Money::to_f64);
        let traded = basket::volume(&rules.adv_usd, market, id, given);
        let delta = Exit::new(traded, rules.impact, basket::rate(&scan.sigma, market, id), scan);
        let vega = Exit::new(
            basket::volume(&rules.vega_adv_usd, market, id, |_| None),
            rules.vega_impact_points,
            rules.vol_sigma_points,
            scan,
        );
        Self { delta: delta.into(), vega: vega.into() }
    }
}

/// USD per point of volatility, from USD per 1.00 of it.
fn points(vega: f64) -> f64 {
    vega / 100.0
}

impl Rule for Liquidity {
    type Rules = LiquidityRules;

    const ID: &'static str = "CHG-1";
    const NAME: &'static str = "liquidity";
    const CLOSES: bool = true;

    fn check(rules: &LiquidityRules) -> Result<(), Invalid> {
        within(rules.impact, "liquidity.impact", 0.0, 10.0)?;
        rules.adv_usd.check("liquidity.adv_usd", 1.0, 1e15)?;
        rules.half_spread.check("liquidity.half_spread", 0.0, 0.5)?;
        rules.vega_adv_usd.check("liquidity.vega_adv_usd", 1.0, 1e15)?;
        within(rules.vol_sigma_points, "liquidity.vol_sigma_points", 0.0, 100.0)?;
        within(rules.vega_impact_points, "liquidity.vega_impact_points", 0.0, 100.0)?;
        within(rules.vega_half_spread_points, "liquidity.vega_half_spread_points", 0.0, 100.0)
    }

    fn new(scope: &Scope<'_>, rules: &LiquidityRules) -> Self {
        let ids = (0..scope.market.underlyings.len()).map(UnderlyingId);
        let exits = ids.map(|id| Exits::new(id, scope, rules));
        Self { exits: exits.collect() }
    }

    #[inline]
    fn exact(&self, exposures: &Exposures) -> f64 {
        let spread = self.on_totals(&exposures.totals);
        exposures.touched().fold(spread, |sum, (underlying, exposure)| sum + self.on_underlying(underlying, exposure))
    }

    #[inline]
    fn on_totals(&self, totals: &Totals) -> f64 {
        totals.spread
    }

    #[inline]
    fn on_underlying(&self, underlying: usize, exposure: &Exposure) -> f64 {
        let exits = &self.exits[underlying];
        let delta = exits.delta.cost(exposure.delta().abs() * exposure.index);
        let vegas = exposure.buckets.iter().map(|bucket| exits.vega.cost(points(bucket.vega.abs())));
        vegas.fold(delta, |sum, exit| sum + exit)
    }

    #[inline]
    fn most(&self, part: &Part) -> Option<f64> {
        match part {
            Part::Bucket(bucket) => Some(self.exits[bucket.underlying].vega.cost(points(bucket.vega))),
            Part::Underlying { underlying, delta } => Some(self.exits[*underlying].delta.cost(*delta)),
            Part::Spread(spread) => Some(*spread),
            Part::Balance { .. } | Part::Funding(_) | Part::Fees(_) => None,
        }
    }

    #[inline]
    fn beyond(&self, fill: &Fill) -> Option<f64> {
        let Exits { delta, vega } = &self.exits[fill.underlying];
        let traded =
            fill.traded_delta * delta.slope(fill.delta) + points(fill.traded_vega) * vega.slope(points(fill.vega));
        let paid = fill.paid_underlying.map(|followed| fill.paid_delta * self.exits[followed].delta.slope(fill.delta));
        Some(paid.map_or(traded, |paid| traded + paid))
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::Bucket;
    use super::*;
    use crate::method::universal;
    use crate::method::universal::charge::example::{INDEX, SPREAD, bucket, contract, exposures};

    /// CHG-1: net delta and the vega of each expiry leave by exits of their own, and every contract crosses its spread.
    #[test]
    fn delta_and_each_vega_leave_by_themselves() {
        let scan = universal::parse(universal::PARAMS).unwrap().rules.scan;
        let exits =
            Exits { delta: Exit::new(1e6, 0.1, 0.03, &scan).into(), vega: Exit::new(1e3, 10.0, 3.0, &scan).into() };
        let charge = Liquidity { exits: [exits].into() };
        let held = exposures(&[(5e4, contract(1, 1.0, 0.0, 4.0)), (-2e4, contract(2, 1.0, 0.0, 4.0))]);
        let vegas = exits.vega.cost(2e5 / 100.0) + exits.vega.cost(8e4 / 100.0);
        let delta = exits.delta.cost(3e4 * INDEX);
        let (found, spreads) = (charge.exact(&held), 7e4 * SPREAD);
        assert!((found - delta - vegas - spreads).abs() < 1e-9 * found, "{found} against {delta}, {vegas}, {spreads}");
        let parts = [
            Part::Bucket(Bucket { vega: 2e5, ..bucket(1) }),
            Part::Bucket(Bucket { vega: 8e4, ..bucket(2) }),
            Part::Underlying { underlying: 0, delta: 3e4 * INDEX },
            Part::Spread(spreads),
        ];
        let most: f64 = parts.iter().filter_map(|part| charge.most(part)).sum();
        assert!((most - found).abs() < 1e-9 * found, "{most} against {found}");
    }

    /// CHG-1: more of the same costs no more than the fill's own size at the slope that is reached.
    #[test]
    fn a_fill_adds_no_more_than_its_slope() {
        let scan = universal::parse(universal::PARAMS).unwrap().rules.scan;
        let leave = Leave::from(Exit::new(1e6, 0.1, 0.03, &scan));
        let charge = Liquidity { exits: [Exits { delta: leave, vega: leave }].into() };
        for (before, more) in [(0.0, 1e3), (1e5, 1e5), (1e7, 1e4), (1e7, 1e8)] {
            let fill = Fill {
                underlying: 0,
                traded_delta: more,
                traded_vega: 0.0,
                paid_underlying: None,
                paid_delta: 0.0,
                delta: before + more,
                vega: 0.0,
                asset: 0,
                price: 1.0,
                gained: 0.0,
                owed: 0.0,
            };
            let added = leave.cost(before + more) - leave.cost(before);
            assert!(added <= charge.beyond(&fill).unwrap() * (1.0 + 1e-9), "{before} {more}: {added}");
        }
    }
}

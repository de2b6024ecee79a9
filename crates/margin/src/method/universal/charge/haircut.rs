//! CHG-6, haircut: selling a balance moves its price; an asset that follows no underlying also has a volatility that no
//! scenario shocks.
//!
//! Each dollar has a haircut of at most the cap, so that another dollar of a stablecoin never costs more than it is worth.
//!
//! The charge never falls when the value rises, so over a cell it is taken at the highest price. Another dollar adds no
//! more than the cap, or the volatility where that is more.

use model::{Asset, AssetId, Invalid, Liquidity, Market, USD};
use serde::Deserialize;

use super::rule::{Fill, Part, Rule, Scope};
use crate::aggregate::largest;
use crate::method::universal::by_name::{ByName, within};
use crate::method::universal::exposure::Exposures;
use crate::params::decimal;

/// The haircut on assets that must be sold (CHG-6).
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HaircutRules {
    /// USD that can be sold within `depth_distance`, by asset, where the market gives no depth.
    pub depth_usd: ByName,
    /// The distance from the mid within which `depth_usd` can be sold, as a part of the price.
    #[serde(default = "one_per_cent", deserialize_with = "decimal::read")]
    pub depth_distance: f64,
    /// Volatility haircut of assets that follow no underlying.
    pub volatility: ByName,
    /// The largest haircut, as a part of the value.
    #[serde(deserialize_with = "decimal::read")]
    pub cap: f64,
}

/// The distance of files that do not name it: their depth is that within one per cent.
fn one_per_cent() -> f64 {
    0.01
}

/// CHG-6 with the terms of each asset.
#[derive(Clone, Debug)]
pub(crate) struct Haircut {
    cap: f64,
    assets: Box<[Terms]>,
}

/// The terms on which one asset is sold.
#[derive(Clone, Debug)]
struct Terms {
    /// The volatility haircut, at most the cap; none for USD, which has no haircut.
    volatility: Option<f64>,
    /// The book as pairs of dollars up to a level and its distance from the mid, nearest first.
    book: Box<[(f64, f64)]>,
}

impl Terms {
    fn new(market: &Market, id: AssetId, rules: &HaircutRules) -> Self {
        let Asset { name, follows } = &market.assets[id.0];
        let Liquidity { depth, .. } = market.asset_liquidity(id);
        let volatility = if follows.is_none() { rules.volatility.get(name) } else { 0.0 };
        let book = if depth.is_empty() {
            [(rules.depth_usd.get(name), rules.depth_distance)].into()
        } else {
            depth.iter().map(|level| (level.usd.to_f64(), level.bps.to_f64() / 10_000.0)).collect()
        };
        Self { volatility: (id != USD).then_some(volatility.min(rules.cap)), book }
    }
}

impl Haircut {
    /// The haircut of each balance, in USD, in the order of the account.
    pub(crate) fn each(&self, exposures: &Exposures) -> impl Iterator<Item = f64> {
        exposures.balances.iter().map(|(asset, value)| self.of(*asset, *value))
    }

    /// The haircut of an asset worth `value` dollars; 0 for a debt.
    #[inline]
    fn of(&self, asset: usize, value: f64) -> f64 {
        let Terms { volatility, book } = &self.assets[asset];
        match volatility {
            Some(volatility) if value > 0.0 => {
                let held_back = value * volatility + concession(value, book, self.cap - volatility);
                // Rounding may leave a result slightly below zero where the cap is 0.
                largest(0.0, held_back)
            }
            _ => 0.0,
        }
    }

    /// The most that another dollar adds.
    #[inline]
    fn steepest(&self, asset: usize) -> f64 {
        self.assets[asset].volatility.map_or(0.0, |volatility| volatility.max(self.cap))
    }
}

impl Rule for Haircut {
    type Rules = HaircutRules;

    const ID: &'static str = "CHG-6";
    const NAME: &'static str = "haircut";
    const CLOSES: bool = false;

    fn check(rules: &HaircutRules) -> Result<(), Invalid> {
        rules.depth_usd.check("haircut.depth_usd", 1.0, 1e15)?;
        within(rules.depth_distance, "haircut.depth_distance", 1e-6, 1.0)?;
        rules.volatility.check("haircut.volatility", 0.0, 1.0)?;
        within(rules.cap, "haircut.cap", 0.0, 1.0)
    }

    fn new(scope: &Scope<'_>, rules: &HaircutRules) -> Self {
        let assets = (0..scope.market.assets.len()).map(AssetId);
        let assets = assets.map(|id| Terms::new(scope.market, id, rules));
        Self { cap: rules.cap, assets: assets.collect() }
    }

    #[inline]
    fn exact(&self, exposures: &Exposures) -> f64 {
        self.each(exposures).fold(0.0, |sum, haircut| sum + haircut)
    }

    #[inline]
    fn on_balance(&self, asset: usize, value: f64) -> f64 {
        self.of(asset, value)
    }

    #[inline]
    fn most(&self, part: &Part) -> Option<f64> {
        match part {
            Part::Balance { asset, value } => Some(self.of(*asset, *value)),
            Part::Bucket(_) | Part::Underlying { .. } | Part::Funding(_) | Part::Fees(_) | Part::Spread(_) => None,
        }
    }

    #[inline]
    fn beyond(&self, fill: &Fill) -> Option<f64> {
        Some(fill.price * (self.steepest(fill.asset) * fill.gained.max(0.0)))
    }
}

/// The price concession from selling `value` into a book: the area under the distance from the mid, at most `limit` for
/// each dollar.
///
/// `book` is `(value up to here, distance)`, nearest first. The distance is linear between the levels; beyond the last
/// level it rises at the average slope from the mid to that level. An empty book sells nothing: every dollar concedes
/// the limit.
fn concession(value: f64, book: &[(f64, f64)], limit: f64) -> f64 {
    let (mut sold, mut at, mut conceded) = (0.0, 0.0, 0.0);
    for (usd, distance) in book.iter().copied() {
        if usd > sold {
            let slope = (distance - at) / (usd - sold);
            conceded += stretch(value.min(usd) - sold, at, slope, limit);
            sold = usd;
        }
        if value <= sold {
            return conceded;
        }
        at = distance;
    }
    if sold <= 0.0 { value * limit } else { conceded + stretch(value - sold, at, at / sold, limit) }
}

/// The area under `min(at + slope·x, limit)` for `x` from 0 to `value`.
fn stretch(value: f64, at: f64, slope: f64, limit: f64) -> f64 {
    let below = if at >= limit {
        0.0
    } else if slope > 0.0 {
        value.min((limit - at) / slope)
    } else {
        value
    };
    below * (at + 0.5 * slope * below) + (value - below) * limit
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CHG-6, with the area under the book computed by hand.
    #[test]
    fn a_balance_sells_down_the_book() {
        let close = |value: f64, book: &[(f64, f64)], limit: f64, expected: f64| {
            let found = concession(value, book, limit);
            assert!((found - expected).abs() < 1e-12, "{value}: {found} against {expected}");
        };
        let book = [(100.0, 0.0010), (200.0, 0.0030)];
        // Half of the first level concedes 2.5 bp on average, all of it 5 bp.
        close(50.0, &book, 1.0, 50.0 * 0.00025);
        close(100.0, &book, 1.0, 100.0 * 0.0005);
        // Half of the second level: 100 at 5 bp, 50 from 10 to 20 bp.
        close(150.0, &book, 1.0, 100.0 * 0.0005 + 50.0 * 0.0015);
        close(200.0, &book, 1.0, 100.0 * 0.0005 + 100.0 * 0.002);
        // Beyond the last level: 30 bp for every 200, starting from 30.
        close(400.0, &book, 1.0, 250.0 * 0.001 + 200.0 * (0.003 + 0.0015));
        // No dollar concedes more than the limit: 20 bp are reached half way through the second level.
        close(400.0, &book, 0.0020, 100.0 * 0.0005 + 50.0 * 0.0015 + 250.0 * 0.0020);
        // A level without additional value only moves the price; an empty book sells nothing.
        close(50.0, &[(100.0, 0.001), (100.0, 0.002)], 1.0, 50.0 * 0.00025);
        close(150.0, &[(0.0, 0.001), (100.0, 0.002), (200.0, 0.004)], 1.0, 100.0 * 0.0015 + 50.0 * 0.0025);
        close(10.0, &[(0.0, 0.001)], 0.85, 8.5);
    }

    /// CHG-6, P-1: another dollar never concedes less than the one before, and never more than the limit.
    #[test]
    fn more_concedes_more_up_to_the_limit() {
        let book = [(1000.0, 0.0005), (1000.0, 0.0010), (50_000.0, 0.004), (60_000.0, 0.01)];
        let conceded: Vec<f64> = (0..2000).map(|step| concession(100.0 * f64::from(step), &book, 0.02)).collect();
        let steps: Vec<f64> = conceded.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(steps.windows(2).all(|pair| pair[0] <= pair[1] + 1e-9));
        assert!(steps.iter().all(|step| *step <= 100.0 * 0.02 + 1e-9) && steps[1998] > 100.0 * 0.0199);
    }
}

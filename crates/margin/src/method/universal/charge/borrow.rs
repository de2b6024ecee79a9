//! CHG-5, borrow: a debt may become dearer to borrow, and the more so the larger it is.
//!
//! What is owed pays `borrow.rate` and, for each day's volume that is owed, `borrow.size_slope` more.
//!
//! The charge never falls when the debt rises, so over a cell it is taken at the highest price. It grows with the square
//! of the debt: another dollar of debt adds the rate at the debt that is reached, the size term twice.

use model::Invalid;
use serde::Deserialize;

use super::rule::{Fill, Part, Rule, Scope};
use crate::method::universal::by_name::{ByName, within};
use crate::method::universal::exposure::Exposures;
use crate::params::decimal;

/// The cost of buying back owed assets (CHG-5).
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BorrowRules {
    /// Charge as a part of the debt, by asset.
    pub rate: ByName,
    /// Additional rate for each day's volume that is owed.
    #[serde(deserialize_with = "decimal::read")]
    pub size_slope: f64,
}

/// CHG-5 with the terms of each asset.
#[derive(Clone, Debug)]
pub(crate) struct Borrow {
    size_slope: f64,
    assets: Box<[Terms]>,
}

/// The terms on which one asset is borrowed.
#[derive(Clone, Copy, Debug)]
struct Terms {
    /// The rate on a dollar owed, before the size term.
    rate: f64,
    /// Dollars that trade in a day.
    daily_volume: f64,
}

impl Borrow {
    /// The charge on `owed` dollars of an asset; 0 when nothing is owed.
    #[inline]
    fn of(&self, asset: usize, owed: f64) -> f64 {
        if owed <= 0.0 {
            return 0.0;
        }
        let Terms { rate, daily_volume } = self.assets[asset];
        owed * (rate + self.size_slope * owed / daily_volume)
    }

    /// The most that another dollar of debt adds while the debt is no more than `owed` dollars.
    #[inline]
    fn steepest(&self, asset: usize, owed: f64) -> f64 {
        let Terms { rate, daily_volume } = self.assets[asset];
        rate + if owed > 0.0 { 2.0 * self.size_slope * owed / daily_volume } else { 0.0 }
    }
}

impl Rule for Borrow {
    type Rules = BorrowRules;

    const ID: &'static str = "CHG-5";
    const NAME: &'static str = "borrow";
    const CLOSES: bool = false;

    fn check(rules: &BorrowRules) -> Result<(), Invalid> {
        rules.rate.check("borrow.rate", 0.0, 1.0)?;
        within(rules.size_slope, "borrow.size_slope", 0.0, 10.0)
    }

    fn new(scope: &Scope<'_>, rules: &BorrowRules) -> Self {
        let assets = scope.market.assets.iter().zip(&scope.market.turnover.assets).map(|(asset, liquidity)| Terms {
            rate: rules.rate.get(&asset.name),
            daily_volume: scope.daily_volume(&asset.name, liquidity.adv_usd),
        });
        Self { size_slope: rules.size_slope, assets: assets.collect() }
    }

    #[inline]
    fn exact(&self, exposures: &Exposures) -> f64 {
        exposures.balances.iter().fold(0.0, |sum, (asset, value)| sum + self.on_balance(*asset, *value))
    }

    #[inline]
    fn on_balance(&self, asset: usize, value: f64) -> f64 {
        self.of(asset, -value)
    }

    #[inline]
    fn most(&self, part: &Part) -> Option<f64> {
        match part {
            Part::Balance { asset, value } => Some(self.of(*asset, -value)),
            Part::Bucket(_) | Part::Underlying { .. } | Part::Funding(_) | Part::Fees(_) | Part::Spread(_) => None,
        }
    }

    #[inline]
    fn beyond(&self, fill: &Fill) -> Option<f64> {
        Some(fill.price * (self.steepest(fill.asset, fill.owed) * (-fill.gained).max(0.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CHG-5: the rate and half the volume in the size term, by hand; no dollar of a debt costs more than the steepest.
    #[test]
    fn a_debt_pays_more_the_larger_it_is() {
        let borrow = Borrow { size_slope: 0.5, assets: [Terms { rate: 0.03, daily_volume: 1e6 }].into() };
        assert_eq!(borrow.of(0, -5.0), 0.0);
        assert!((borrow.of(0, 5e5) - 5e5 * (0.03 + 0.25)).abs() < 1e-6);
        for owed in [1.0, 1e4, 1e6, 1e9] {
            let last = borrow.of(0, owed) - borrow.of(0, 0.99 * owed);
            assert!(last <= 0.01 * owed * borrow.steepest(0, owed) * (1.0 + 1e-9), "{owed}: {last}");
        }
        assert_eq!(borrow.steepest(0, 0.0), 0.03);
    }
}

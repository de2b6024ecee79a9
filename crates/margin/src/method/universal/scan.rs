//! The scan range of an underlying (SCN-4): the move that families scan, and the risk of an exit beyond it.

use model::{Invalid, Market, UnderlyingId};
use serde::Deserialize;

use super::by_name::{ByName, within};
use crate::basket;
use crate::params::decimal;

/// The scan range (SCN-4, FAM-1, FAM-2).
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ScanRules {
    /// Margin period of risk, in days.
    #[serde(deserialize_with = "decimal::read")]
    pub days: f64,
    /// The parts of the range that are scanned, from −1 to 1, in the order in which ties are decided.
    #[serde(default = "quarters", deserialize_with = "decimal::list")]
    pub steps: Vec<f64>,
    /// The farthest that two moves of an underlying with options are apart once the period has passed (FAM-2). Steps that
    /// are farther apart have moves between them.
    #[serde(default = "steps_alone", deserialize_with = "decimal::read")]
    pub spacing: f64,
    /// The parts of the period, ascending up to 1, up to which contracts that expire settle before the move (SCN-8).
    #[serde(default = "quarters_of_the_period", deserialize_with = "decimal::list")]
    pub settle_within: Vec<f64>,
    /// Quantile of the standardised return that the range covers.
    #[serde(deserialize_with = "decimal::read")]
    pub quantile: f64,
    /// Forecast daily volatility, by underlying.
    pub sigma: ByName,
    /// The least range, by underlying.
    pub floor: ByName,
    /// Relative move of volatility up, at 30 days.
    #[serde(deserialize_with = "decimal::read")]
    pub vol_up: f64,
    /// Relative move of volatility down, at 30 days.
    #[serde(deserialize_with = "decimal::read")]
    pub vol_down: f64,
}

/// The steps of files that do not name them: those were written for quarters of the range.
fn quarters() -> Vec<f64> {
    vec![0.0, -1.0, -0.75, -0.5, -0.25, 0.25, 0.5, 0.75, 1.0]
}

/// The spacing of files that do not give it: no range is wider, so that nothing is between the steps.
fn steps_alone() -> f64 {
    1.0
}

/// The parts of files that do not name them.
fn quarters_of_the_period() -> Vec<f64> {
    vec![0.25, 0.5, 0.75, 1.0]
}

impl ScanRules {
    /// The scan range of an underlying of `market`. A basket has none of its own: it moves by the mean of the ranges of
    /// its parts when all of them move together (SCN-7).
    pub fn range_of(&self, market: &Market, id: UnderlyingId) -> f64 {
        match market.basket(id) {
            Some(basket) => basket::mean(market, basket, |part| self.range(part)),
            None => self.range(&market.underlyings[id.0].name),
        }
    }

    /// The scan range, `max(floor, quantile · σ · √days)` (SCN-4).
    pub fn range(&self, underlying: &str) -> f64 {
        self.floor.get(underlying).max(self.quantile * self.sigma.get(underlying) * self.days.sqrt())
    }

    /// Refuses numbers out of range.
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        within(self.days, "scan.days", 0.01, 30.0)?;
        self.steps.iter().try_for_each(|step| within(*step, "scan.steps", -1.0, 1.0))?;
        if let Some(end) = [-1.0, 0.0, 1.0].iter().find(|end| !self.steps.contains(end)) {
            return Err(Invalid::missing(
                "scan.steps",
                format_args!("the step {end}: no scan without the ends and the middle of its range"),
            ));
        }
        within(self.spacing, "scan.spacing", 0.001, 1.0)?;
        self.settle_within.iter().try_for_each(|part| within(*part, "scan.settle_within", 0.001, 1.0))?;
        if self.settle_within.windows(2).any(|pair| pair[0] >= pair[1]) || self.settle_within.last() != Some(&1.0) {
            let found = format_args!("{:?}", self.settle_within);
            return Err(Invalid::new("scan.settle_within", found, "parts of the period, ascending, the last 1"));
        }
        within(self.quantile, "scan.quantile", 0.5, 20.0)?;
        self.sigma.check("scan.sigma", 0.0, 1.0)?;
        self.floor.check("scan.floor", 0.001, 0.9)?;
        for (name, _) in self.sigma.iter() {
            // A price that falls by its whole range must stay above zero.
            within(self.range(name), &format!("scan range of {name} (quantile · sigma · √days)"), 0.0, 0.99)?;
        }
        within(self.vol_up, "scan.vol_up", 0.0, 10.0)?;
        within(self.vol_down, "scan.vol_down", 0.0, 1.0)
    }
}

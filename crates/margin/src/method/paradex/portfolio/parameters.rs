//! The parameters of the portfolio margin, and its scenarios.

use std::collections::BTreeMap;

use serde::Deserialize;
use units::Ratio;

use crate::book::{Listed, VenueParameters};
use crate::params::decimal;
use crate::scenario::percent;
use crate::vol::TermRule;

/// The parameters of the method.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PortfolioParameters {
    /// What the venue lists.
    pub listed: Listed,
    /// Parameters of every underlying.
    pub general: PortfolioGeneral,
    /// The growth of a volatility shock towards expiry.
    pub vol_shock: VolTerm,
    /// Classes of underlyings that share parameters, by the name of the class.
    pub class: BTreeMap<String, PortfolioClass>,
}

/// Parameters of every underlying.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PortfolioGeneral {
    /// The maintenance margin, as a share of the net requirement.
    #[serde(deserialize_with = "decimal::read")]
    pub maintenance_factor: f64,
    /// The collateral token, whose balances are not charged.
    pub collateral: String,
    /// The maximum fee of an option, as a share of its mark.
    #[serde(deserialize_with = "decimal::read")]
    pub option_fee_cap: f64,
    /// The periods of eight hours for which funding is provided.
    #[serde(deserialize_with = "decimal::read")]
    pub funding_periods: f64,
    /// The class of underlyings that belong to no class.
    pub fallback: String,
}

/// The growth of a volatility shock towards expiry: `(30 / max(days, floor))^power`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VolTerm {
    /// The minimum of days to expiry: a nearer expiry counts as this many days.
    #[serde(deserialize_with = "decimal::read")]
    pub days_floor: f64,
    /// The power for expiries nearer than 30 days.
    #[serde(deserialize_with = "decimal::read")]
    pub short_power: f64,
    /// The power for expiries from 30 days on.
    #[serde(deserialize_with = "decimal::read")]
    pub long_power: f64,
}

/// A class of underlyings that share parameters.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PortfolioClass {
    /// The names of the underlyings.
    pub members: Vec<String>,
    /// The charge on delta that other delta hedges, as a share of it.
    #[serde(deserialize_with = "decimal::read")]
    pub hedged_margin_factor: f64,
    /// The charge on unhedged delta, as a share of it.
    #[serde(deserialize_with = "decimal::read")]
    pub unhedged_margin_factor: f64,
    /// The minimum volatility after an upward shock.
    #[serde(deserialize_with = "decimal::read")]
    pub vol_floor_up: f64,
    /// The scenarios of the scan.
    pub scenarios: Vec<WeightedScenario>,
}

/// A scenario, written `[spot shock, vol shock, weight]`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(from = "[Ratio; 3]")]
pub struct WeightedScenario {
    /// Relative move of the spot.
    pub spot_shock: f64,
    /// Relative move of volatility at 30 days.
    pub vol_shock: f64,
    /// The share of the profit or loss that counts.
    pub weight: f64,
}

impl From<[Ratio; 3]> for WeightedScenario {
    fn from([spot_shock, vol_shock, weight]: [Ratio; 3]) -> Self {
        Self { spot_shock: spot_shock.to_f64(), vol_shock: vol_shock.to_f64(), weight: weight.to_f64() }
    }
}

impl WeightedScenario {
    /// The scenario in words, such as `BTC −66 % vol up, weight 0.18`.
    pub fn words(&self, underlying: &str) -> String {
        let vol = if self.vol_shock > 0.0 { "vol up" } else { "vol down" };
        let weight = if self.weight == 1.0 { String::new() } else { format!(", weight {}", self.weight) };
        format!("{underlying} {} {vol}{weight}", percent(self.spot_shock))
    }
}

impl AsRef<[String]> for PortfolioClass {
    fn as_ref(&self) -> &[String] {
        &self.members
    }
}

impl VolTerm {
    /// The factor on a volatility shock that many days before expiry.
    pub fn multiplier(&self, days: f64) -> f64 {
        let Self { days_floor: floor_days, short_power, long_power } = *self;
        TermRule { short_power, long_power, floor_days, short_at_30: false }.multiplier(days)
    }
}

impl VenueParameters for PortfolioParameters {
    fn listed(&self) -> &Listed {
        &self.listed
    }
}

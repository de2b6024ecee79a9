//! The parameters of the portfolio margin, under the venue's names.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::book::{Listed, VenueParameters};
use crate::method::deribit::pair::Currencies;
use crate::params::decimal;

/// The parameters of the method.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PmParameters {
    /// What the venue lists.
    pub listed: Listed,
    /// Parameters of every pair.
    pub general: PmGeneral,
    /// The column of each underlying.
    pub underlying: BTreeMap<String, UnderlyingParameters>,
}

/// Parameters of every pair.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PmGeneral {
    /// The moves of the standard table, as shares of the price range.
    #[serde(deserialize_with = "decimal::list")]
    pub buckets: Vec<f64>,
    /// The moves of the extended table.
    #[serde(deserialize_with = "decimal::list")]
    pub extended_moves: Vec<f64>,
    /// The maintenance margin, as a share of the risk matrix margin.
    #[serde(deserialize_with = "decimal::read")]
    pub maintenance_factor: f64,
    /// The minimum of days to expiry in the vol shock: a nearer expiry counts as this many days.
    #[serde(deserialize_with = "decimal::read")]
    pub days_floor: f64,
    /// Worst case and initial margin are rounded to one part in this many of a currency.
    #[serde(deserialize_with = "decimal::above_zero")]
    pub rounding_parts: f64,
    /// The currencies in which contracts settle.
    pub currencies: Currencies,
}

/// The parameters of one underlying, under the venue's names.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UnderlyingParameters {
    /// The largest move of the standard table.
    #[serde(deserialize_with = "decimal::read")]
    pub price_range: f64,
    /// Relative move of volatility up, at 30 days.
    #[serde(deserialize_with = "decimal::read")]
    pub volatility_range_up: f64,
    /// Relative move of volatility down, at 30 days.
    #[serde(deserialize_with = "decimal::read")]
    pub volatility_range_down: f64,
    /// The minimum volatility after an upward shock.
    #[serde(deserialize_with = "decimal::read")]
    pub min_volatility_for_shock_up: f64,
    /// The power by which vol shocks grow below 30 days.
    #[serde(deserialize_with = "decimal::read")]
    pub short_term_vega_power: f64,
    /// The power by which vol shocks shrink beyond 30 days.
    #[serde(deserialize_with = "decimal::read")]
    pub long_term_vega_power: f64,
    /// The fraction of a profit or loss in the extended table that counts, at the edge of the price range.
    #[serde(deserialize_with = "decimal::read")]
    pub extended_table_factor: f64,
    /// USD subtracted from an extended loss for each further price range moved.
    #[serde(deserialize_with = "decimal::read")]
    pub extended_dampener: f64,
    /// The share of a gain that may offset other books.
    #[serde(deserialize_with = "decimal::read")]
    pub pnl_offset: f64,
    /// The minimum cost of rolling a delta, as a share of it.
    #[serde(deserialize_with = "decimal::read")]
    pub min_annualised_move: f64,
    /// The growth of that cost with the time to expiry, per year.
    #[serde(deserialize_with = "decimal::read")]
    pub annualised_move_risk: f64,
    /// USD of delta that can be unwound without a shock.
    #[serde(deserialize_with = "decimal::read")]
    pub delta_total_liq_shock_threshold: f64,
    /// Shock for each coin of delta beyond it.
    #[serde(deserialize_with = "decimal::read")]
    pub m_inc: f64,
    /// The largest shock, as a share of delta.
    #[serde(deserialize_with = "decimal::read")]
    pub max_delta_shock: f64,
}

impl PmGeneral {
    /// The amount rounded as the venue rounds worst case and initial margin, but not the maintenance margin.
    pub fn rounded(&self, amount: f64) -> f64 {
        (amount * self.rounding_parts).round() / self.rounding_parts
    }
}

impl VenueParameters for PmParameters {
    fn listed(&self) -> &Listed {
        &self.listed
    }
}

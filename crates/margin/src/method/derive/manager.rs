//! What the parameter files of the managers share besides the parameters of the contracts.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::params::decimal;

/// The underlyings of a manager, and substitutes for data that it lacks.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Manager {
    /// The stablecoin that serves as cash.
    pub cash: String,
    /// Its price in a market that gives none, in USD.
    #[serde(deserialize_with = "decimal::read")]
    pub cash_price: f64,
    /// The underlyings for which the manager has parameters.
    pub underlyings: Vec<String>,
    /// The underlying whose parameters are borrowed for an estimate of any other. All of them are shares.
    pub fallback: String,
}

/// The accepted collateral and its haircuts (`PMRM_2`).
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CollateralRules {
    /// The haircut of each coin, by its name in capitals. Other coins count for nothing.
    pub haircuts: BTreeMap<String, Haircut>,
}

/// The haircut of a coin, and whether it hedges.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Haircut {
    /// The share held back from both margins.
    #[serde(deserialize_with = "decimal::read")]
    pub mm_haircut: f64,
    /// The additional share held back from the initial margin.
    #[serde(deserialize_with = "decimal::read")]
    pub im_haircut: f64,
    /// Whether a coin that follows an underlying moves with it in scenarios; otherwise its value never moves.
    pub risk_cancelling: bool,
}

//! The parameters of the standard manager, under the names of the contract.

use std::collections::BTreeMap;

use serde::Deserialize;
use units::Ratio;

use crate::params::decimal;

/// The parameters of the contract, under their names there.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StandardContractParameters {
    /// The charge for a stablecoin below its peg.
    pub depeg: DepegRules,
    /// The parameters of each market, by underlying.
    pub markets: BTreeMap<String, MarketRules>,
}

/// The charge for a stablecoin below its peg, on the notional of perpetuals and short options.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DepegRules {
    /// The price below which the charge applies.
    #[serde(deserialize_with = "decimal::read")]
    pub threshold: f64,
    /// The share of the notional, per dollar below that price.
    #[serde(deserialize_with = "decimal::read")]
    pub factor: f64,
}

/// The rules of one underlying.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MarketRules {
    /// The parameters of the perpetual.
    pub perp: PerpRules,
    /// The parameters of the options.
    pub option: OptionRules,
    /// The charges for feeds with low confidence.
    pub oracle: OracleRules,
    /// The underlying itself as collateral.
    pub base: BaseRules,
}

/// Shares of the notional of a perpetual.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PerpRules {
    /// Share for the maintenance margin.
    #[serde(deserialize_with = "decimal::read")]
    pub mm: f64,
    /// Share for the initial margin.
    #[serde(deserialize_with = "decimal::read")]
    pub im: f64,
}

/// The margin of a short option: shares of spot, and scales.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OptionRules {
    /// Initial margin, at the money.
    #[serde(deserialize_with = "decimal::read")]
    pub max_spot_req: f64,
    /// Initial margin, far out of the money.
    #[serde(deserialize_with = "decimal::read")]
    pub min_spot_req: f64,
    /// Maintenance margin of a call.
    #[serde(deserialize_with = "decimal::read")]
    pub mm_call_spot_req: f64,
    /// Maintenance margin of a put.
    #[serde(deserialize_with = "decimal::read")]
    pub mm_put_spot_req: f64,
    /// Maintenance margin of a put, as a share of its mark.
    #[serde(deserialize_with = "decimal::read")]
    pub mm_put_mtm_req: f64,
    /// Initial margin on top of the largest loss: share of the forward for each call that no call covers.
    #[serde(deserialize_with = "decimal::read")]
    pub unpaired_im_scale: f64,
    /// Maintenance margin on top of the largest loss, for the same calls.
    #[serde(deserialize_with = "decimal::read")]
    pub unpaired_mm_scale: f64,
    /// Minimum initial margin of a put, as a multiple of its maintenance margin.
    #[serde(deserialize_with = "decimal::read")]
    pub mm_offset_scale: f64,
}

/// The confidence thresholds below which a notional is charged; a threshold of 0 charges nothing.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OracleRules {
    /// Threshold for perpetuals: the confidence in spot and the perpetual.
    pub perp_threshold: Ratio,
    /// Threshold for options: the confidence in spot, the forward and the volatilities.
    pub option_threshold: Ratio,
    /// Threshold for holdings of the underlying: the confidence in spot.
    pub base_threshold: Ratio,
    /// The charge at a confidence of 0, as a share of the notional.
    #[serde(deserialize_with = "decimal::read")]
    pub factor: f64,
}

/// The value of the underlying as collateral.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BaseRules {
    /// Share of its value in the maintenance margin.
    #[serde(deserialize_with = "decimal::read")]
    pub margin_factor: f64,
    /// Share of that in the initial margin.
    #[serde(deserialize_with = "decimal::read")]
    pub im_scale: f64,
}

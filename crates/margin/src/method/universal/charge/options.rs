//! The table `[options]` of the parameter file: the numbers of the two charges on options, CHG-3 and CHG-4.

use serde::Deserialize;

use crate::params::decimal;

/// Net short options, and strikes about to expire (CHG-3, CHG-4).
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OptionRules {
    /// Charge per net short option, as a part of the index.
    #[serde(deserialize_with = "decimal::read")]
    pub short_rate: f64,
    /// Move of the index around expiring strikes.
    #[serde(deserialize_with = "decimal::read")]
    pub pin_move: f64,
    /// Days before expiry in which the pin charge applies.
    #[serde(deserialize_with = "decimal::read")]
    pub pin_days: f64,
    /// How much less an option that is about to expire may be worth between two moves of the scan than they show, as a part
    /// of `scan.spacing` times the index. Older files without it charge nothing for that.
    #[serde(default, deserialize_with = "decimal::read")]
    pub unseen: f64,
}

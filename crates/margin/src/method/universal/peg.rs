//! Claims and tokens (FAM-9): which assets that follow no underlying are stablecoins, how far each asset may move against
//! what it is worth, and how much of that happens to many at once.

use std::collections::BTreeMap;

use model::Invalid;
use serde::Deserialize;

use super::by_name::{ByName, within};
use crate::params::decimal;

/// Coins that lose their peg, tokens that follow nothing, and locations that fail (FAM-9).
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DepegRules {
    /// The names of stablecoins: each is one while its price is near par.
    #[serde(default = "known_stablecoins")]
    pub stablecoins: Vec<String>,
    /// The distance from 1 USD up to which the price of a stablecoin is near par.
    #[serde(default = "a_fifth", deserialize_with = "decimal::read")]
    pub par_within: f64,
    /// Move of a stablecoin that has none of its own in `fall`.
    #[serde(deserialize_with = "decimal::read")]
    pub stablecoin: f64,
    /// Move of each stablecoin that has one of its own.
    #[serde(default, deserialize_with = "decimal::map")]
    pub fall: BTreeMap<String, f64>,
    /// The range of an asset that follows no underlying and is no stablecoin.
    #[serde(default)]
    pub token: TokenRules,
    /// Move of a staked or wrapped token against the underlying it follows.
    #[serde(deserialize_with = "decimal::read")]
    pub wrapped: f64,
    /// The correlation of the moves of many claims at once.
    #[serde(default)]
    pub correlation: ClaimRules,
    /// The factor on the profit and loss of a depeg.
    #[serde(deserialize_with = "decimal::read")]
    pub weight: f64,
    /// The factor on the profit and loss of a crash in which stablecoins fall too.
    #[serde(default = "most_of_both", deserialize_with = "decimal::read")]
    pub crash_weight: f64,
    /// The part of the collateral that is lost at a failing location.
    pub location_loss: ByName,
    /// The factor on the profit and loss of a failure.
    #[serde(deserialize_with = "decimal::read")]
    pub location_weight: f64,
}

/// The range of assets that follow no underlying and are no stablecoins.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TokenRules {
    /// Move down, by asset.
    pub down: ByName,
    /// Move up, by asset.
    pub up: ByName,
}

impl Default for TokenRules {
    /// The range of files that do not give it: the rise of FTT, and of its fall what still leaves a token worth having.
    fn default() -> Self {
        Self { down: ByName::of_all(-0.72), up: ByName::of_all(1.44) }
    }
}

/// The correlation of the moves of many claims at once: all of one kind together move by its root.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClaimRules {
    /// Between staked and wrapped tokens of one underlying.
    #[serde(deserialize_with = "decimal::read")]
    pub wrapped: f64,
    /// Correlation between the moves of stablecoins away from par.
    #[serde(deserialize_with = "decimal::read")]
    pub stablecoin: f64,
}

impl Default for ClaimRules {
    /// The correlations of files that do not give them.
    fn default() -> Self {
        Self { wrapped: 0.40, stablecoin: 0.47 }
    }
}

/// The stablecoins of files that do not list them: those whose other numbers they give by name.
fn known_stablecoins() -> Vec<String> {
    vec!["USDC".to_owned(), "USDT".to_owned()]
}

/// The distance from par of files that do not give it.
fn a_fifth() -> f64 {
    0.2
}

/// The weight of files that do not give it.
fn most_of_both() -> f64 {
    0.95
}

impl DepegRules {
    /// Whether an asset that follows no underlying is a stablecoin at this price in USD: by its name, and by its price. Any
    /// other asset that follows none is a token.
    pub fn is_stablecoin(&self, name: &str, price: f64) -> bool {
        self.stablecoins.iter().any(|known| known == name) && (price - 1.0).abs() <= self.par_within
    }

    /// The move of a stablecoin.
    pub fn fall(&self, stablecoin: &str) -> f64 {
        self.fall.get(stablecoin).copied().unwrap_or(self.stablecoin)
    }

    /// Refuses numbers out of range.
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        if self.stablecoins.iter().any(|name| name == "USD") {
            let expected = "any other asset: USD is what the others are measured in";
            return Err(Invalid::new("depeg.stablecoins", "USD", expected));
        }
        within(self.par_within, "depeg.par_within", 0.0, 0.99)?;
        within(self.stablecoin, "depeg.stablecoin", -0.99, 0.0)?;
        for (name, fall) in &self.fall {
            let path = format!("depeg.fall.{name}");
            if !self.stablecoins.contains(name) {
                return Err(Invalid::new(path, format_args!("\"{name}\""), "one of depeg.stablecoins"));
            }
            within(*fall, &path, -0.99, 0.0)?;
        }
        self.token.down.check("depeg.token.down", -0.99, 0.0)?;
        self.token.up.check("depeg.token.up", 0.0, 100.0)?;
        within(self.wrapped, "depeg.wrapped", -0.99, 0.0)?;
        within(self.correlation.wrapped, "depeg.correlation.wrapped", 0.0, 1.0)?;
        within(self.correlation.stablecoin, "depeg.correlation.stablecoin", 0.0, 1.0)?;
        within(self.weight, "depeg.weight", 0.001, 1.0)?;
        within(self.crash_weight, "depeg.crash_weight", 0.001, 1.0)?;
        self.location_loss.check("depeg.location_loss", 0.0, 1.0)?;
        within(self.location_weight, "depeg.location_weight", 0.001, 1.0)
    }
}

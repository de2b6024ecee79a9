//! The parameters of the universal method, as its file gives them. Those of a charge are in the file of the charge.

use std::collections::BTreeMap;

use model::Invalid;
use serde::Deserialize;

use super::by_name::within;
use super::charge::ChargeRules;
use crate::params::decimal;
use crate::risk_array::{OTHER, VolRules};
use crate::vol::TermRule;

pub use super::by_name::ByName;
pub use super::charge::{BasisRules, BorrowRules, FeeRules, HaircutRules, LiquidityRules, OptionRules};
pub use super::peg::{ClaimRules, DepegRules, TokenRules};
pub use super::scan::ScanRules;

/// All parameters of the method. Fractions, not per cent; days; USD.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Factors from core and charges to margins and health (REQ-3, REQ-5).
    pub margin: MarginRules,
    /// The scan range (SCN-4, FAM-1, FAM-2).
    pub scan: ScanRules,
    /// Correlated underlyings that move apart (FAM-3).
    pub apart: ApartRules,
    /// The size of volatility moves, twists and skews (SCN-2, FAM-8).
    pub vol: VolatilityRules,
    /// Historical days, by name (FAM-6).
    pub stress: BTreeMap<String, StressRules>,
    /// Moves far beyond the scan (FAM-7).
    pub tails: TailRules,
    /// Coins that lose their peg, tokens that follow nothing, and locations that fail (FAM-9).
    pub depeg: DepegRules,
    /// The cost of leaving large positions (CHG-1).
    pub liquidity: LiquidityRules,
    /// The cost of a basis move (CHG-2).
    pub basis: BasisRules,
    /// Net short options, and strikes about to expire (CHG-3, CHG-4).
    pub options: OptionRules,
    /// The cost of buying back owed assets (CHG-5).
    pub borrow: BorrowRules,
    /// The haircut on assets that must be sold (CHG-6).
    pub haircut: HaircutRules,
    /// Fees to close positions (CHG-7).
    pub fees: FeeRules,
    /// The settlement average of instruments (VAL-4).
    pub settlement: SettlementRules,
    /// Limits of an engine, on which no margin depends. Older files without them have the default.
    #[serde(default)]
    pub engine: EngineRules,
}

/// Factors from core and charges to margins and health (REQ-3, REQ-5).
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MarginRules {
    /// The factor on the core in the initial margin.
    #[serde(deserialize_with = "decimal::read")]
    pub im_factor: f64,
    /// Health below which an account is warned.
    pub warn: units::Ratio,
}

/// Correlated underlyings that move apart (FAM-3).
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApartRules {
    /// The part of their ranges by which two underlyings move apart.
    #[serde(deserialize_with = "decimal::read")]
    pub part: f64,
    /// Pairs with a correlation above this are moved apart.
    #[serde(deserialize_with = "decimal::read")]
    pub from: f64,
    /// Correlation of daily returns, by pair in alphabetical order, such as `BTC/ETH`.
    pub correlation: ByName,
}

/// The size of volatility moves, twists and skews (SCN-2, FAM-8).
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VolatilityRules {
    /// Power of the term rule below 30 days.
    #[serde(deserialize_with = "decimal::read")]
    pub short_power: f64,
    /// Power of the term rule from 30 days.
    #[serde(deserialize_with = "decimal::read")]
    pub long_power: f64,
    /// The minimum of days to expiry: a nearer expiry counts as this many days.
    #[serde(deserialize_with = "decimal::read")]
    pub floor_days: f64,
    /// The minimum to which volatilities are raised when they move up.
    #[serde(deserialize_with = "decimal::read")]
    pub floor_up: f64,
    /// Relative move of the short end in a twist.
    #[serde(deserialize_with = "decimal::read")]
    pub twist: f64,
    /// The expiry, in days, around which a twist turns.
    #[serde(deserialize_with = "decimal::read")]
    pub twist_pivot_days: f64,
    /// A twist is full at the pivot divided by this and at the pivot times this.
    #[serde(default = "eight", deserialize_with = "decimal::read")]
    pub twist_span: f64,
    /// Relative move of volatility per unit of log-moneyness in a skew.
    #[serde(deserialize_with = "decimal::read")]
    pub skew: f64,
    /// The largest relative move of a volatility in a skew.
    #[serde(deserialize_with = "decimal::read")]
    pub skew_cap: f64,
    /// A larger turn of the surface, as a multiple of twist and skew; 1 where there is none (FAM-8).
    #[serde(default = "no_larger", deserialize_with = "decimal::read")]
    pub beyond: f64,
    /// The weight of the larger turns.
    #[serde(default = "no_larger", deserialize_with = "decimal::read")]
    pub beyond_weight: f64,
}

/// The multiple and weight of files that do not give them: no larger turn.
fn no_larger() -> f64 {
    1.0
}

/// The span of files that do not name it: those were written for eight.
fn eight() -> f64 {
    8.0
}

/// FAM-6: a historical day.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StressRules {
    /// The name of the day, such as `12 Mar 2020`.
    pub name: String,
    /// The factor on the day's profit and loss.
    #[serde(deserialize_with = "decimal::read")]
    pub weight: f64,
    /// Relative move of every underlying; `other` is the move of the underlyings that did not trade then.
    pub price: ByName,
    /// Relative move of volatility at 30 days.
    #[serde(deserialize_with = "decimal::read")]
    pub vol: f64,
    /// Relative move of forwards on top of the index.
    #[serde(deserialize_with = "decimal::read")]
    pub basis: f64,
    /// Relative move of assets on top of the underlyings they follow.
    #[serde(default, deserialize_with = "decimal::map")]
    pub residual: BTreeMap<String, f64>,
}

/// Moves far beyond the scan (FAM-7).
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TailRules {
    /// Relative moves that are the same for every underlying.
    #[serde(default, deserialize_with = "decimal::list")]
    pub price: Vec<f64>,
    /// The factor on the profit and loss of each of these moves.
    #[serde(default, deserialize_with = "decimal::list")]
    pub weight: Vec<f64>,
    /// Moves in multiples of the scan range of each underlying, beyond −1 and 1.
    #[serde(default, deserialize_with = "decimal::list")]
    pub multiple: Vec<f64>,
    /// The factor on the profit and loss of each of those moves.
    #[serde(default, deserialize_with = "decimal::list")]
    pub multiple_weight: Vec<f64>,
}

/// The settlement average of instruments (VAL-4).
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SettlementRules {
    /// Length of the settlement average, in seconds.
    #[serde(deserialize_with = "decimal::read")]
    pub window_seconds: f64,
}

/// Limits of an engine that runs the method.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EngineRules {
    /// Seconds by which one command may move the clock forward.
    #[serde(deserialize_with = "decimal::read")]
    pub clock_step_seconds: f64,
    /// Seconds by which governance may move the clock forward after a pause.
    #[serde(deserialize_with = "decimal::read")]
    pub longest_pause_seconds: f64,
    /// The minimum value, in USD, of a transfer to an account of another owner.
    pub least_credit: units::Money,
    /// Seconds for which an asset whose price is no longer known still counts at its last price against a liquidation.
    #[serde(deserialize_with = "decimal::read")]
    pub last_price_seconds: f64,
    /// The uncovered loss over all accounts, in USD, above which all withdrawals stop.
    pub trifling_loss: units::Money,
}

impl Default for EngineRules {
    /// The values of the file of 2026-11-22.
    fn default() -> Self {
        let dollar = units::Money::ONE;
        Self {
            clock_step_seconds: 86_400.0,
            longest_pause_seconds: 31_536_000.0,
            least_credit: dollar,
            last_price_seconds: 600.0,
            trifling_loss: dollar,
        }
    }
}

impl TailRules {
    /// No price falls by more than this, however wide its range is.
    const DEEPEST: f64 = -0.99;

    /// The move of an underlying with this scan range at a multiple of it.
    pub(crate) fn beyond(multiple: f64, range: f64) -> f64 {
        (multiple * range).max(Self::DEEPEST)
    }

    /// Refuses numbers out of range.
    fn check(&self) -> Result<(), Invalid> {
        for (moves, weights, of, each) in [
            (&self.price, &self.weight, "tails.weight", "prices"),
            (&self.multiple, &self.multiple_weight, "tails.multiple_weight", "multiples"),
        ] {
            if moves.len() != weights.len() {
                let found = format_args!("{} weights", weights.len());
                return Err(Invalid::new(of, found, format_args!("one for each of {} {each}", moves.len())));
            }
            weights.iter().try_for_each(|weight| within(*weight, of, 0.001, 1.0))?;
        }
        self.price.iter().try_for_each(|price| within(*price, "tails.price", Self::DEEPEST, 100.0))?;
        for multiple in &self.multiple {
            within(multiple.abs(), "tails.multiple, without its sign", 1.0, 1000.0)?;
        }
        Ok(())
    }
}

impl Rules {
    /// Checks that every number is in its range; rules with a number out of range cannot be used.
    pub fn check(&self) -> Result<(), Invalid> {
        within(self.margin.im_factor, "margin.im_factor", 1.0, 10.0)?;
        within(self.margin.warn.to_f64(), "margin.warn", 1.0, 10.0)?;
        self.scan.check()?;
        within(self.apart.part, "apart.part", 0.0, 1.0)?;
        within(self.apart.from, "apart.from", -1.0, 1.0)?;
        self.apart.correlation.check("apart.correlation", -1.0, 1.0)?;
        for (pair, _) in self.apart.correlation.iter().filter(|(pair, _)| *pair != OTHER) {
            if pair.split_once('/').is_none_or(|(first, second)| first >= second) {
                let path = format!("apart.correlation.{pair}");
                return Err(Invalid::new(
                    path,
                    format_args!("\"{pair}\""),
                    "a pair in alphabetical order, such as BTC/ETH",
                ));
            }
        }
        for (name, value, low, high) in [
            ("short_power", self.vol.short_power, 0.0, 1.0),
            ("long_power", self.vol.long_power, 0.0, 1.0),
            ("floor_days", self.vol.floor_days, 0.001, 30.0),
            ("floor_up", self.vol.floor_up, 0.0, 10.0),
            ("twist", self.vol.twist, 0.0, 1.0),
            ("twist_pivot_days", self.vol.twist_pivot_days, 1.0, 1000.0),
            ("twist_span", self.vol.twist_span, 1.001, 1000.0),
            ("skew", self.vol.skew, 0.0, 10.0),
            ("skew_cap", self.vol.skew_cap, 0.0, 1.0),
            ("beyond", self.vol.beyond, 1.0, 10.0),
            ("beyond_weight", self.vol.beyond_weight, 0.001, 1.0),
        ] {
            within(value, &format!("vol.{name}"), low, high)?;
        }
        for (key, day) in &self.stress {
            within(day.weight, &format!("stress.{key}.weight"), 0.001, 1.0)?;
            day.price.check(&format!("stress.{key}.price"), -0.99, 10.0)?;
            within(day.vol, &format!("stress.{key}.vol"), -0.99, 10.0)?;
            within(day.basis, &format!("stress.{key}.basis"), -0.9, 10.0)?;
            for (asset, residual) in &day.residual {
                let path = format!("stress.{key}.residual.{asset}");
                within(*residual, &path, -0.99, 1.0)?;
                if asset == "USD" {
                    return Err(Invalid::new(path, "USD", "any other asset: USD is what the others are measured in"));
                }
            }
        }
        self.tails.check()?;
        self.depeg.check()?;
        self.charges().check()?;
        within(self.settlement.window_seconds, "settlement.window_seconds", 0.0, 86_400.0)?;
        within(self.engine.clock_step_seconds, "engine.clock_step_seconds", 1.0, 604_800.0)?;
        within(self.engine.longest_pause_seconds, "engine.longest_pause_seconds", 86_400.0, 157_680_000.0)?;
        within(self.engine.least_credit.to_f64(), "engine.least_credit", 0.0, 1e6)?;
        within(self.engine.last_price_seconds, "engine.last_price_seconds", 0.0, 86_400.0)?;
        within(self.engine.trifling_loss.to_f64(), "engine.trifling_loss", 0.0, 1e6)
    }

    /// The parameters of each charge.
    pub(crate) fn charges(&self) -> ChargeRules<'_> {
        ChargeRules {
            liquidity: &self.liquidity,
            basis: &self.basis,
            short_options: &self.options,
            expiry: &self.options,
            borrow: &self.borrow,
            haircut: &self.haircut,
            funding_and_fees: &self.fees,
        }
    }

    /// The rules by which volatilities respond to a move (SCN-2).
    pub fn vol_rules(&self) -> VolRules {
        VolRules {
            term: TermRule {
                short_power: self.vol.short_power,
                long_power: self.vol.long_power,
                floor_days: self.vol.floor_days,
                short_at_30: false,
            },
            floor_up: self.vol.floor_up,
            twist_pivot_days: self.vol.twist_pivot_days,
            twist_span: self.vol.twist_span,
            skew_cap: self.vol.skew_cap,
        }
    }
}

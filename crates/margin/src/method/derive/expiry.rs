//! One expiry under a shock: the calculation that every manager uses.

use pricing::Right;
use pricing::black76::{Black76, Inputs};
use serde::Deserialize;
use units::YEAR_SECONDS;

use super::portfolio::{ExpiryHolding, OptionHolding};
use crate::{Refusal, aggregate::naked_shorts, params::decimal, vol::TermRule};

const DAY_SECONDS: f64 = 86_400.0;

impl ExpiryHolding {
    /// Years of 365 days to settlement.
    pub fn years(&self) -> f64 {
        self.seconds / YEAR_SECONDS
    }

    /// The rate the managers use: never below 0.
    pub fn floored_rate(&self) -> f64 {
        self.rate.max(0.0)
    }

    /// The forward when spot is multiplied by `spot_shock`: the part that the settlement average has fixed stays.
    pub fn forward(&self, spot_shock: f64) -> f64 {
        self.forward_variable * spot_shock + self.forward_fixed
    }

    /// The value of each option position with spot multiplied by `spot_shock` and the volatility given by `vol`.
    pub fn values(
        &self,
        spot_shock: f64,
        discount: f64,
        vol: impl Fn(&OptionHolding) -> f64,
    ) -> Result<Vec<f64>, Refusal> {
        let (forward, years) = (self.forward(spot_shock), self.years());
        let value = |option: &OptionHolding| {
            let (right, strike) = (option.right, option.strike);
            price(Inputs { right, forward, strike, vol: vol(option), years, discount })
                .map(|price| option.amount * price)
                .map_err(|refusal| self.not_priceable(option, refusal))
        };
        self.options.iter().map(value).collect()
    }

    /// The gross size of its options: long and short positions both count.
    pub fn gross(&self) -> f64 {
        self.options.iter().map(|option| option.amount.abs()).sum()
    }

    /// The total size of its short positions, without netting.
    pub fn shorts(&self) -> f64 {
        self.options.iter().map(|option| (-option.amount).max(0.0)).sum()
    }

    /// Short positions that no long position at the same strike covers; different strikes never offset.
    pub fn naked_shorts(&self) -> f64 {
        let mut strikes: Vec<(f64, f64, f64)> = Vec::new();
        for option in &self.options {
            let (call, put) = match option.right {
                Right::Call => (option.amount, 0.0),
                Right::Put => (0.0, option.amount),
            };
            match strikes.iter_mut().find(|(strike, ..)| *strike == option.strike) {
                Some((_, calls, puts)) => (*calls, *puts) = (*calls + call, *puts + put),
                None => strikes.push((option.strike, call, put)),
            }
        }
        strikes.iter().map(|(_, call, put)| naked_shorts(*call, *put)).sum()
    }

    fn not_priceable(&self, option: &OptionHolding, refusal: pricing::Refusal) -> Refusal {
        let (what, value) = match refusal {
            pricing::Refusal::Forward(value) => ("the shocked forward", value),
            pricing::Refusal::Strike(value) => ("the strike", value),
            pricing::Refusal::Vol(value)
            | pricing::Refusal::VolMultiplier(value)
            | pricing::Refusal::VolFloor(value) => ("the shocked volatility", value),
            pricing::Refusal::Years(value) => ("the time to expiry", value),
            pricing::Refusal::Discount(value) => ("the discount factor", value),
        };
        Refusal::NotPriceable {
            instrument: format!("{:?} at {} with {} s to expiry", option.right, option.strike, self.seconds),
            what,
            value,
            expected: "a finite number above 0 (volatility and time: at least 0)",
        }
    }
}

/// Black-76 as the contracts compute it. For a forward or a strike of 0 the logarithm does not exist, but exercise is
/// certain or excluded, so the option is worth its exercise value.
pub fn price(inputs: Inputs) -> Result<f64, pricing::Refusal> {
    let Inputs { right, forward, strike, discount, .. } = inputs;
    if forward == 0.0 || strike == 0.0 {
        return Ok((right.sign() * (forward - strike)).max(0.0) * discount);
    }
    Black76::new(inputs).map(|option| option.price())
}

/// The size of volatility moves, and their growth for short expiries.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VolRange {
    /// Relative move up at 30 days.
    #[serde(deserialize_with = "decimal::read")]
    pub range_up: f64,
    /// Relative move down at 30 days.
    #[serde(deserialize_with = "decimal::read")]
    pub range_down: f64,
    /// Power of the term rule up to 30 days.
    #[serde(deserialize_with = "decimal::read")]
    pub short_term_power: f64,
    /// Power of the term rule beyond 30 days.
    #[serde(deserialize_with = "decimal::read")]
    pub long_term_power: f64,
    /// The minimum time to expiry, in seconds: shorter expiries count as this long.
    pub dte_floor_seconds: u32,
    /// The minimum volatility after a move up (`PMRM_2`; PMRM has none).
    #[serde(default, deserialize_with = "decimal::read")]
    pub min_vol_up_shock: f64,
}

/// The multipliers of volatility for one expiry.
#[derive(Clone, Copy, Debug)]
pub struct VolMultipliers {
    /// The multiplier when volatilities rise.
    pub up: f64,
    /// The multiplier when volatilities fall, never below 0.
    pub down: f64,
}

impl VolRange {
    /// The multipliers for an expiry.
    pub fn multipliers(&self, expiry: &ExpiryHolding) -> VolMultipliers {
        let term = TermRule {
            short_power: self.short_term_power,
            long_power: self.long_term_power,
            floor_days: f64::from(self.dte_floor_seconds) / DAY_SECONDS,
            short_at_30: true,
        };
        let term = term.multiplier(expiry.seconds / DAY_SECONDS);
        VolMultipliers { up: 1.0 + self.range_up * term, down: (1.0 - self.range_down * term).max(0.0) }
    }
}

/// The multiplier on the shocked value of a whole expiry, so that distant gains count for less and losses for more.
///
/// It applies to the netted value, in every scenario, the unshocked one included.
#[derive(Clone, Copy, Debug)]
pub struct StaticDiscount {
    /// The multiplier when the value of the expiry is not negative.
    pub asset: f64,
    /// The multiplier when the value of the expiry is negative.
    pub liability: f64,
}

impl StaticDiscount {
    /// The multiplier for an expiry of this value.
    pub fn of(self, value: f64) -> f64 {
        if value < 0.0 { self.liability } else { self.asset }
    }
}

//! The targets and limits of a liquidation.

use model::Problems;
use serde::{Deserialize, Serialize};
use units::{Money, Overflow, Ratio, Round};

/// Targets, shares of depth, and durations. Durations are in microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LiquidationRules {
    /// A liquidation aims at this multiple of the maintenance margin (β of I-38), above 1.
    pub beta: Ratio,
    /// Liquidations of one underlying may trade at most this share of its observed depth in an interval.
    pub participation: Ratio,
    /// The length of that interval, in microseconds.
    pub interval: i64,
    /// The discount at the start of an auction, as a part of the value sold.
    pub first_discount: Ratio,
    /// The discount at the end of the fast phase.
    pub fast_discount: Ratio,
    /// Length of the fast phase.
    pub fast: i64,
    /// Length of the slow phase, in which the discount grows to the whole value.
    pub slow: i64,
    /// The backstop takes on at most this much loss for one account, in USD.
    pub backstop_budget: Money,
    /// In every market, the backstop takes on a loss of at most this share of the observed depth.
    pub backstop_depth: Ratio,
    /// The shared fund pays at most this share of itself for one event.
    pub shared_share: Ratio,
    /// After an outage nobody is liquidated for this long, so that accounts can be cured (I-44).
    pub cure: i64,
    /// Distance from the mark to the best price of a perpetual, a future or spot, as a part of the mark.
    pub half_spread: Ratio,
    /// Distance from the mark to the best price of an option, as a part of the mark.
    pub option_half_spread: Ratio,
    /// The depth of an option, as a part of the depth of its underlying.
    pub option_depth: Ratio,
    /// A time without a tick that lasts this long counts as an outage.
    pub outage: i64,
}

impl Default for LiquidationRules {
    /// Target: 1.1 times the maintenance margin. Pace: a tenth of the depth in ten seconds. Auction: from two per cent
    /// to twenty in a minute, the rest in half an hour. Backstop: a loss of at most a million USD and half of the
    /// depth. Outage: thirty seconds without a tick, then a minute in which accounts can be cured.
    fn default() -> Self {
        const SECOND: i64 = 1_000_000;
        let percent = |whole: i128| Ratio::from_raw(whole * (Ratio::ONE.raw() / 100));
        Self {
            beta: percent(110),
            participation: percent(10),
            interval: 10 * SECOND,
            first_discount: percent(2),
            fast_discount: percent(20),
            fast: 60 * SECOND,
            slow: 1800 * SECOND,
            backstop_budget: Money::from_raw(1_000_000 * Money::ONE.raw()),
            backstop_depth: percent(50),
            shared_share: percent(25),
            half_spread: Ratio::from_raw(Ratio::ONE.raw() / 2000),
            option_half_spread: percent(5),
            option_depth: percent(2),
            cure: 60 * SECOND,
            outage: 30 * SECOND,
        }
    }
}

impl LiquidationRules {
    /// The longest duration that makes sense: ten years, in microseconds.
    pub const LONGEST: i64 = 3_652 * 24 * 3_600_000_000;
    /// The largest amount of USD that makes sense: sums of amounts stay in range.
    pub const LARGEST_USD: Money = Money::from_raw(1_000_000_000_000_000_000 * Money::ONE.raw());
    /// The largest target that makes sense, as a multiple of the maintenance margin.
    const LARGEST_BETA: Ratio = Ratio::from_raw(100 * Ratio::ONE.raw());

    /// The rules that are not in the range in which they make sense; `prefix` stands before the name of each field.
    pub fn problems(&self, prefix: &str) -> Problems {
        let mut problems = Problems::default();
        let path = |field: &str| format!("{prefix}{field}");
        let (none, all) = (Ratio::ZERO, Ratio::ONE);
        problems.above(&path("beta"), self.beta, (all, Self::LARGEST_BETA));
        problems.above(&path("participation"), self.participation, (none, all));
        for (field, time) in [("interval", self.interval), ("outage", self.outage)] {
            problems.above(&path(field), time, (0, Self::LONGEST));
        }
        for (field, time) in [("fast", self.fast), ("slow", self.slow), ("cure", self.cure)] {
            problems.within(&path(field), time, (0, Self::LONGEST));
        }
        // From a whole discount or spread on, the seller gets nothing.
        let most = Ratio::from_raw(all.raw() - 1);
        for (field, part) in [
            ("first_discount", self.first_discount),
            ("half_spread", self.half_spread),
            ("option_half_spread", self.option_half_spread),
        ] {
            problems.within(&path(field), part, (none, most));
        }
        let least = self.first_discount.clamp(none, most);
        problems.within(&path("fast_discount"), self.fast_discount, (least, most));
        for (field, share) in [
            ("backstop_depth", self.backstop_depth),
            ("shared_share", self.shared_share),
            ("option_depth", self.option_depth),
        ] {
            problems.within(&path(field), share, (none, all));
        }
        problems.within(&path("backstop_budget"), self.backstop_budget, (Money::ZERO, Self::LARGEST_USD));
        problems
    }

    /// The most that the backstop may lose by taking over one portfolio, in USD, rounded down: the budget of one
    /// account, or less where a market could not bear its part of the loss. Losses are attributed to markets in
    /// proportion to notional. A portfolio in a market without depth is not taken over (S-12). `markets` holds the
    /// portfolio's notional in each market and the market's observed depth, in USD.
    pub fn budget(&self, markets: &[(Money, Money)]) -> Result<Money, Overflow> {
        let total = markets.iter().try_fold(Money::ZERO, |sum, (notional, _)| sum.plus(*notional))?;
        markets.iter().filter(|(notional, _)| *notional > Money::ZERO).try_fold(
            self.backstop_budget.max(Money::ZERO),
            |least, (notional, depth)| {
                let bears = depth.scaled(self.backstop_depth, Round::Down)?;
                // A quotient that overflows means a negligible notional, which limits nothing.
                let whole = total.per(*notional, Round::Down).and_then(|times| bears.scaled(times, Round::Down).ok());
                Ok(least.min(whole.unwrap_or(least)))
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dollars(whole: i128) -> Money {
        Money::from_raw(whole * Money::ONE.raw())
    }

    #[test]
    fn the_thinnest_market_limits_what_the_backstop_may_lose() {
        let rules = LiquidationRules::default();
        let budget = |markets: &[(i128, i128)]| {
            let markets: Vec<(Money, Money)> =
                markets.iter().map(|(notional, depth)| (dollars(*notional), dollars(*depth))).collect();
            rules.budget(&markets).unwrap()
        };
        assert_eq!(budget(&[]), dollars(1_000_000));
        assert_eq!(budget(&[(4_000_000, 50_000_000)]), dollars(1_000_000));
        // Half of the depth, for any notional; a market with a quarter of the notional makes a quarter of the loss.
        assert_eq!(budget(&[(4_000_000, 30_000)]), dollars(15_000));
        assert_eq!(budget(&[(1_000_000, 30_000), (3_000_000, 50_000_000)]), dollars(60_000));
        assert_eq!(budget(&[(4_000_000, 0)]), Money::ZERO);
        assert_eq!(budget(&[(0, 0), (4_000_000, 50_000_000)]), dollars(1_000_000));
    }
}

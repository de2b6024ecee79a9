//! The engine's own parameters, and the ranges in which they make sense.

use liquidation::LiquidationRules;
use model::{Invalid, Problems};
use serde::{Deserialize, Serialize};
use units::{Money, Ratio};

/// The largest multiple or yearly rate that a policy may name.
const LARGEST_MULTIPLE: Ratio = Ratio::from_raw(1_000_000 * Ratio::ONE.raw());

/// The largest count that a policy may name.
const LARGEST_COUNT: u32 = 1_000_000;

/// The engine's own parameters. Durations are in microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Time from a proposal to the earliest moment at which it can come into force.
    pub delay: i64,
    /// The largest change of a parameter at once, as a share of its value.
    pub step: Ratio,
    /// Time in which a new requirement replaces the old one.
    pub ramp: i64,
    /// Time in which the collateral cap of a new asset grows from 0.
    pub collateral_ramp: i64,
    /// Time in which the outflow limiter drains.
    pub outflow_window: i64,
    /// The largest share of the value in custody that may leave in a window.
    pub outflow_share: Ratio,
    /// The amount that may leave in a window in any case, in USD.
    pub outflow_floor: Money,
    /// The largest share of the open interest of an instrument that one account may hold.
    pub account_share: Ratio,
    /// The largest share that the accounts of one owner may hold together.
    pub owner_share: Ratio,
    /// Shares are not limited while the open interest of an instrument is below this, in USD.
    pub share_floor: Money,
    /// The largest open interest of an underlying, as a multiple of the funds that stand behind it, in USD; it is never
    /// above the limit of the listing.
    pub fund_multiple: Ratio,
    /// The open interest that is allowed without a fund, in USD.
    pub fund_floor: Money,
    /// The most open orders of one account.
    pub max_orders: u32,
    /// The most positions of one account.
    pub max_positions: u32,
    /// Interest per year on negative balances.
    pub interest: Ratio,
    /// The longest time for which interest and funding are charged at once (I-55).
    pub longest_accrual: i64,
    /// The largest funding rate per eight hours, in either direction.
    pub funding_cap: Ratio,
    /// The oldest age at which a surface can still price options.
    pub surface_age: i64,
    /// The largest change of a volatility from surface to surface, as a share of its value.
    pub surface_step: Ratio,
    /// Length of the settlement average before expiry.
    pub settlement_window: i64,
    /// The fewest samples that make a settlement price.
    pub settlement_samples: u32,
    /// The largest trading fee, as a share of the notional traded (I-06).
    pub fee_cap: Ratio,
    /// The largest liquidation fee, as a share of the notional traded.
    pub liquidation_fee: Ratio,
    /// The targets and limits of liquidations.
    pub liquidation: LiquidationRules,
}

impl Default for Policy {
    /// A delay of a day, steps of a fifth, ramps of an hour for requirements and a week for collateral, a tenth of
    /// custody out per hour.
    fn default() -> Self {
        const HOUR: i64 = 3_600_000_000;
        let percent = |whole: i128| Ratio::from_raw(whole * (Ratio::ONE.raw() / 100));
        let dollars = |whole: i128| Money::from_raw(whole * Money::ONE.raw());
        Self {
            delay: 24 * HOUR,
            step: percent(20),
            ramp: HOUR,
            collateral_ramp: 7 * 24 * HOUR,
            outflow_window: HOUR,
            outflow_share: percent(10),
            outflow_floor: dollars(100_000),
            account_share: percent(20),
            owner_share: percent(30),
            share_floor: dollars(10_000_000),
            fund_multiple: percent(10_000),
            fund_floor: dollars(10_000_000),
            max_orders: 200,
            max_positions: 500,
            interest: percent(10),
            longest_accrual: 24 * HOUR,
            funding_cap: percent(1),
            surface_age: HOUR / 12,
            surface_step: percent(50),
            settlement_window: HOUR / 2,
            settlement_samples: 10,
            fee_cap: percent(1),
            liquidation_fee: percent(1),
            liquidation: LiquidationRules::default(),
        }
    }
}

impl Policy {
    /// Checks that every parameter is in the range in which it makes sense. The error names every field that is not.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut problems = Problems::default();
        self.check_times(&mut problems);
        self.check_shares(&mut problems);
        let amounts = [("share_floor", self.share_floor), ("fund_floor", self.fund_floor)];
        for (field, usd) in amounts {
            problems.within(field, usd, (Money::ZERO, LiquidationRules::LARGEST_USD));
        }
        let counts = [
            ("max_orders", self.max_orders),
            ("max_positions", self.max_positions),
            ("settlement_samples", self.settlement_samples),
        ];
        for (field, count) in counts {
            problems.within(field, count, (1, LARGEST_COUNT));
        }
        let outflow = (self.outflow_window, self.outflow_share, self.outflow_floor);
        problems.append(outflow_problems("outflow_", outflow));
        problems.append(self.liquidation.problems("liquidation."));
        problems.told().map_or(Ok(()), Err)
    }

    fn check_times(&self, problems: &mut Problems) {
        let lasting = [
            ("delay", self.delay),
            ("longest_accrual", self.longest_accrual),
            ("surface_age", self.surface_age),
            ("settlement_window", self.settlement_window),
        ];
        for (field, time) in lasting {
            problems.above(field, time, (0, LiquidationRules::LONGEST));
        }
        // A ramp of no length brings a change into force at once.
        let ramps = [("ramp", self.ramp), ("collateral_ramp", self.collateral_ramp)];
        for (field, time) in ramps {
            problems.within(field, time, (0, LiquidationRules::LONGEST));
        }
    }

    fn check_shares(&self, problems: &mut Problems) {
        let shares = [("step", self.step), ("account_share", self.account_share), ("owner_share", self.owner_share)];
        for (field, share) in shares {
            problems.above(field, share, (Ratio::ZERO, Ratio::ONE));
        }
        let rates =
            [("funding_cap", self.funding_cap), ("fee_cap", self.fee_cap), ("liquidation_fee", self.liquidation_fee)];
        for (field, rate) in rates {
            problems.within(field, rate, (Ratio::ZERO, Ratio::ONE));
        }
        let multiples = [("interest", self.interest), ("fund_multiple", self.fund_multiple)];
        for (field, ratio) in multiples {
            problems.within(field, ratio, (Ratio::ZERO, LARGEST_MULTIPLE));
        }
        problems.above("surface_step", self.surface_step, (Ratio::ZERO, LARGEST_MULTIPLE));
    }
}

/// Checks the window, the share and the floor of an outflow limiter, as a change of it names them.
pub fn check_outflow(limiter: (i64, Ratio, Money)) -> Result<(), Invalid> {
    outflow_problems("", limiter).told().map_or(Ok(()), Err)
}

/// The problems of an outflow limiter; `prefix` stands before the name of each field.
fn outflow_problems(prefix: &str, (window, share, floor): (i64, Ratio, Money)) -> Problems {
    let mut problems = Problems::default();
    problems.above(&format!("{prefix}window"), window, (0, LiquidationRules::LONGEST));
    problems.above(&format!("{prefix}share"), share, (Ratio::ZERO, Ratio::ONE));
    problems.within(&format!("{prefix}floor"), floor, (Money::ZERO, LiquidationRules::LARGEST_USD));
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every field of a policy, given a number that makes no sense, is refused by its name; all of them are named at once.
    #[test]
    fn a_number_that_makes_no_sense_is_named() {
        assert_eq!(Policy::default().check(), Ok(()));
        let (less, more) = (Ratio::from_raw(-1), Ratio::from_raw(Ratio::ONE.raw() * 2));
        let debt = Money::from_raw(-1);
        let policy = Policy {
            delay: 0,
            step: more,
            ramp: -1,
            collateral_ramp: i64::MIN,
            outflow_window: 0,
            outflow_share: Ratio::ZERO,
            outflow_floor: debt,
            account_share: more,
            owner_share: Ratio::ZERO,
            share_floor: debt,
            fund_multiple: less,
            fund_floor: Money::from_raw(i128::MAX),
            max_orders: 0,
            max_positions: u32::MAX,
            interest: less,
            longest_accrual: i64::MAX,
            funding_cap: less,
            surface_age: 0,
            surface_step: Ratio::ZERO,
            settlement_window: 0,
            settlement_samples: 0,
            fee_cap: more,
            liquidation_fee: less,
            liquidation: LiquidationRules {
                beta: Ratio::ONE,
                participation: Ratio::ZERO,
                interval: 0,
                first_discount: Ratio::ONE,
                fast_discount: Ratio::ZERO,
                fast: -1,
                slow: i64::MAX,
                backstop_budget: debt,
                backstop_depth: less,
                shared_share: more,
                cure: -1,
                half_spread: Ratio::ONE,
                option_half_spread: less,
                option_depth: more,
                outage: 0,
            },
        };
        let said = policy.check().unwrap_err().to_string();
        let named: std::collections::BTreeSet<&str> =
            said.lines().filter_map(|line| line.split_once(": found ").map(|(field, _)| field)).collect();
        assert_eq!(named.len(), 23 + 15, "{said}");
        assert!(said.contains("delay: found 0, expected above 0 and at most 315532800000000"), "{said}");
        assert!(said.contains("liquidation.outage: found 0, expected above 0"), "{said}");
    }
}

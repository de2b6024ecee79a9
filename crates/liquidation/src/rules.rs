//! What a liquidation aims at and keeps to.

use serde::{Deserialize, Serialize};
use units::{Money, Ratio};

/// Targets, shares and clocks. Durations are in microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// A liquidation aims at this multiple of the maintenance margin (β of I-38), above 1.
    pub beta: Ratio,
    /// Liquidations of one underlying may trade at most this share of its observed depth in an interval.
    pub participation: Ratio,
    /// That interval.
    pub interval: i64,
    /// Of what an auction sells, the discount it begins with.
    pub first_discount: Ratio,
    /// The discount the fast phase ends with.
    pub fast_discount: Ratio,
    /// Length of the fast phase.
    pub fast: i64,
    /// Length of the slow phase, in which the discount grows to the whole value.
    pub slow: i64,
    /// The backstop takes on at most this much loss for one account, in USD.
    pub backstop_budget: Money,
    /// Of the shared fund, at most this share for one event.
    pub shared_share: Ratio,
    /// After an outage nobody is liquidated for this long, so that accounts can be cured (I-44).
    pub cure: i64,
    /// Distance from the mark to the best price of a perpetual, a future or spot, as a part of it.
    pub half_spread: Ratio,
    /// The same of an option.
    pub option_half_spread: Ratio,
    /// The depth of an option, as a part of the depth of its underlying.
    pub option_depth: Ratio,
    /// Without a tick for this long there was an outage.
    pub outage: i64,
}

impl Default for Rules {
    /// 1.1 times maintenance; a tenth of the depth in ten seconds; two per cent to twenty in a minute, the rest in half an hour;
    /// cure of a minute after thirty seconds of silence.
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
            shared_share: percent(25),
            half_spread: Ratio::from_raw(Ratio::ONE.raw() / 2000),
            option_half_spread: percent(5),
            option_depth: percent(2),
            cure: 60 * SECOND,
            outage: 30 * SECOND,
        }
    }
}

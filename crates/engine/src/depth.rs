//! What the observed depth of the markets bears: liquidations within an interval, and the loss of a backstop.

use std::collections::BTreeMap;

use liquidation::pace::{self, Flow};
use model::UnderlyingId;
use units::{Money, Overflow, Timestamp};

use crate::FeedId;
use crate::state::{AccountState, Cascade, State};

/// The observed depth of a feed, in USD: the sum of the depths that its live sources claim, each at most the median
/// claim (I-15).
pub fn observed(state: &State, feed: FeedId) -> Money {
    let Some((known, quote)) = state.feeds.get(&feed).and_then(|known| Some((known, known.feed.last()?))) else {
        return Money::ZERO;
    };
    let reports = known.feed.reports().iter().filter(|report| quote.live.contains(&report.source));
    let mut claims: Vec<Money> = reports.map(|report| report.depth).collect();
    claims.sort_unstable();
    let Some(median) = claims.get(claims.len().saturating_sub(1) / 2).copied() else { return Money::ZERO };
    claims.iter().fold(Money::ZERO, |sum, claim| sum.plus(median.min(*claim)).unwrap_or(sum))
}

/// USD of an underlying that liquidations may still trade in this interval: a share of the observed depth, and less of
/// it as a cascade nears.
pub fn room(state: &State, now: Timestamp, underlying: UnderlyingId) -> Money {
    let depth = slowed(state, underlying);
    pace::room(&flow(state, now, underlying), depth, now, &state.policy.liquidation)
}

/// The USD that liquidations may trade in a whole interval, in which nothing has been traded yet.
pub fn whole_room(state: &State, now: Timestamp, underlying: UnderlyingId) -> Money {
    pace::room(&Flow::new(now), slowed(state, underlying), now, &state.policy.liquidation)
}

/// The amount that liquidations have traded lately, with this amount added.
pub fn spend(state: &State, now: Timestamp, underlying: UnderlyingId, usd: Money) -> Flow {
    let depth = slowed(state, underlying);
    pace::spend(&flow(state, now, underlying), usd, depth, now, &state.policy.liquidation)
}

/// The largest loss of a backstop from taking over an account, in USD: no more than the depth of its markets bears.
pub fn backstop_budget(state: &State, account: &AccountState) -> Result<Money, Overflow> {
    let mut markets: BTreeMap<UnderlyingId, Money> = BTreeMap::new();
    for held in &account.positions {
        let terms = &state.contracts[held.instrument.0].terms;
        let notional = markets.entry(terms.underlying).or_default();
        *notional = notional.plus(state.lots_usd(terms, held.lots)?)?;
    }
    let depth = |underlying: UnderlyingId| observed(state, FeedId::Index(underlying));
    let markets: Vec<(Money, Money)> = markets.into_iter().map(|(id, notional)| (notional, depth(id))).collect();
    state.policy.liquidation.budget(&markets)
}

fn flow(state: &State, now: Timestamp, underlying: UnderlyingId) -> Flow {
    state.liquidations.flows.get(&underlying).copied().unwrap_or(Flow::new(now))
}

fn slowed(state: &State, underlying: UnderlyingId) -> f64 {
    let r = state.liquidations.cascades.get(&underlying).map_or(0.0, Cascade::worst);
    observed(state, FeedId::Index(underlying)).to_f64() * pace::slow(r)
}

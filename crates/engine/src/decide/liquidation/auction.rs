//! The Dutch auction of a portfolio: whoever is registered takes a share of it at the mark, for a premium that rises.

use liquidation::{Rules, auction};
use model::InstrumentId;
use units::{Money, Overflow, Ratio, Round, Timestamp};

use super::{Handover, judge, recorded};
use crate::decide::legs::follow;
use crate::layers::{l0, l1, l2, l4};
use crate::state::{AccountState, State};
use crate::{AccountId, Cause, Desk, Event, Reject, Status};

/// A bid: the bidder takes `share` of every position at the mark and is paid what it asks, if that is no more than the clock
/// allows. It holds initial margin with it, and leaves the account no worse.
pub fn bid(
    (state, desk, now): (&State, &Desk, Timestamp),
    (bidder, auctioned): (AccountId, AccountId),
    share: Ratio,
    price: Money,
) -> Result<Vec<Event>, Reject> {
    let (taker, whose) = (l0::account(state, bidder)?, l0::account(state, auctioned)?);
    let case = state.liquidations.cases.get(&auctioned);
    let began = case.and_then(|case| case.auction).ok_or(Reject::NoAuction { account: auctioned })?;
    if !state.liquidations.backstops.contains(&bidder) {
        return Err(Reject::malformed("account", bidder, "an account that is registered to take over portfolios"));
    }
    if taker.owner == whose.owner {
        return Err(Reject::SelfTrade { account: auctioned });
    }
    l4::calm(state, now)?;
    l4::trusted(state, desk, now, whose)?;
    let judged = judge(state, desk, auctioned, whose)?;
    if judged.status > Status::Liquidation {
        return Err(Reject::NotInLiquidation { account: auctioned, status: judged.status });
    }
    let rules = &state.policy.liquidation;
    let target = judged.maintenance_margin.scaled(rules.beta, Round::Up)?;
    let elapsed = now.micros().saturating_sub(began.micros());
    let sale = auction::sale(share, judged.equity.minus(target)?, judged.equity, Money::ZERO, elapsed, rules);
    let sale = sale.ok_or(Reject::NoAuction { account: auctioned })?;
    if share <= Ratio::ZERO || share > sale.share {
        return Err(Reject::malformed("share", share, format!("above 0 and at most {}", sale.share)));
    }
    let clock = sale.premium;
    let asked = price.negated()?;
    if asked > clock {
        return Err(Reject::malformed("price", price, format!("{} or more: the clock pays {clock}", clock.negated()?)));
    }
    let mut handover = Handover::new(state, now, auctioned);
    hand_over(&mut handover, state, whose, bidder, share)?;
    let lacking = if asked.is_negative() {
        handover.receive(bidder, asked.negated()?, Cause::Takeover)?
    } else {
        handover.pay(bidder, asked, Cause::Takeover)?
    };
    if lacking > Money::ZERO {
        return Err(Reject::malformed("price", price, format!("{lacking} less: it cannot be paid")));
    }
    if !super::no_worse(state, desk, auctioned, &handover)? {
        return Err(Reject::malformed("share", share, "a share that leaves the account no worse"));
    }
    holds((state, desk, now), bidder, &handover)?;
    let mut events = vec![recorded(state, auctioned, &judged)];
    events.extend(handover.events);
    Ok(events)
}

/// When the auction ends.
pub fn end(began: Timestamp, rules: &Rules) -> Timestamp {
    Timestamp::from_micros(began.micros().saturating_add(rules.fast).saturating_add(rules.slow))
}

/// Gives a share of every position at the mark, in whole lots, towards nothing; the whole is all of it.
pub fn hand_over(
    handover: &mut Handover<'_>,
    state: &State,
    whose: &AccountState,
    to: AccountId,
    share: Ratio,
) -> Result<(), Reject> {
    let now = handover.now;
    for held in whose.positions.iter().filter(|held| is_open(state, now, held.instrument)) {
        let lots = part_of(held.lots, share)?;
        if lots != 0 {
            handover.give(held.instrument, state.market.listing(held.instrument).mark, -lots, to)?;
        }
    }
    Ok(())
}

/// Whether positions in an instrument can go from one account to another now: a market that is halted stays as it is, and stops
/// no other.
pub fn is_open(state: &State, now: Timestamp, instrument: InstrumentId) -> bool {
    l1::takes(&state.contracts[instrument.0], now, true).is_ok()
}

/// Whether whoever takes over holds initial margin with what it takes.
pub fn holds(
    (state, desk, now): (&State, &Desk, Timestamp),
    taker: AccountId,
    handover: &Handover<'_>,
) -> Result<(), Reject> {
    let before = &state.accounts[taker.place()];
    let mut after = before.clone();
    follow(&mut after, taker, &handover.events)?;
    let (flattered, surcharge) = (Money::ZERO, Ratio::ONE);
    l2::holds(state, desk, &l2::Outcome { now, id: taker, before, after: &after, flattered, shrinks: false, surcharge })
}

/// A share of lots, rounded towards nothing.
fn part_of(lots: i64, share: Ratio) -> Result<i64, Overflow> {
    let part = Money::from_raw(i128::from(lots.unsigned_abs())).scaled(share, Round::Down)?.raw();
    Ok(i64::try_from(part).map_err(|_| Overflow { quantity: "lots" })? * lots.signum())
}

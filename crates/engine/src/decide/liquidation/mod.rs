//! The liquidation of an account, one step at a time, each on the prices of now.
//!
//! ```text
//! below maintenance ─▶ case ─▶ orders cancelled ─▶ planned ─┬▶ offered: the market trades it (fill.rs), or it crosses
//!        ▲                                         ▲        │   with an opposite offer
//!        │ healed: the case is closed              │        ├▶ auction: bidders take shares             auction.rs
//!        └─────────────────────────────────────────┴────────┼▶ backstop, when nobody did                 rescue.rs
//!                                                           └▶ funds, then winners                       rescue.rs
//! ```
//!
//! What is next is worked out anew each time: nothing but the offer, the clock of the auction and the number of the case is
//! remembered. Nobody is liquidated on prices that are not valid, nor in the time after an outage (I-35, I-44).

mod auction;
mod fill;
mod handover;
mod measure;
mod rescue;
mod winners;

use std::collections::BTreeSet;

use liquidation::{Step, Stop};
use model::{InstrumentKind, UnderlyingId};
use units::{Money, Timestamp};

pub use auction::bid;
pub use fill::fill;
pub use measure::measure;

use crate::decide::legs::follow;
use crate::decide::postings::on_tick;
use crate::layers::{l0, l4};
use crate::state::{AccountState, Offer, State};
use crate::{AccountId, Desk, Event, Judged, Reject, Status};
use handover::Handover;

/// The next step of an account's liquidation.
pub fn liquidate(state: &State, desk: &Desk, now: Timestamp, id: AccountId) -> Result<Vec<Event>, Reject> {
    let account = l0::account(state, id)?;
    l4::calm(state, now)?;
    l4::trusted(state, desk, now, account)?;
    let judged = judge(state, desk, id, account)?;
    let case = state.liquidations.cases.get(&id);
    if case.is_none() && (judged.status > Status::Liquidation || !account.is_exposed()) {
        return Err(Reject::NotInLiquidation { account: id, status: judged.status });
    }
    let mut events = Vec::new();
    if case.is_none() {
        events.push(recorded(state, id, &judged));
        let (epoch, markets) = (state.liquidations.last_epoch + 1, markets(state, account));
        events.push(Event::CaseOpened { account: id, epoch, markets });
    }
    // What is left without orders may be enough.
    events.extend(account.orders.iter().map(|order| Event::OrderClosed { account: id, order: order.id }));
    let bare = AccountState { orders: Vec::new(), ..account.clone() };
    let judged = if account.orders.is_empty() { judged } else { judge(state, desk, id, &bare)? };
    if is_over(&bare, &judged, case.is_some()) {
        events.push(recorded(state, id, &judged));
        events.push(Event::CaseClosed { account: id });
        return Ok(events);
    }
    // Between the maintenance margin and the warning a case stays open, and nothing is done for it (I-35).
    if judged.status > Status::Liquidation {
        events.push(Event::Offered { account: id, offer: None });
        return Ok(events);
    }
    let began = case.and_then(|case| case.auction);
    events.extend(next((state, desk, now), (id, &bare, &judged), began)?);
    Ok(events)
}

/// Says whether an account takes over portfolios.
pub fn set_backstop(state: &State, account: AccountId, on: bool) -> Result<Vec<Event>, Reject> {
    l0::account(state, account)?;
    Ok(vec![Event::BackstopSet { account, on }])
}

/// The underlyings that an account has positions in, in order.
fn markets(state: &State, account: &AccountState) -> Vec<UnderlyingId> {
    let held = account.positions.iter().map(|held| state.contracts[held.instrument.0].terms.underlying);
    held.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Whether an account holds enough again: a case that was begun goes on until it is clear of the warning (I-43).
fn is_over(account: &AccountState, judged: &Judged, begun: bool) -> bool {
    let enough = if begun { Status::Restricted } else { Status::Warning };
    judged.status >= enough || (!account.is_exposed() && !judged.equity.is_negative())
}

fn next(
    (state, desk, now): (&State, &Desk, Timestamp),
    (id, account, judged): (AccountId, &AccountState, &Judged),
    auction: Option<Timestamp>,
) -> Result<Vec<Event>, Reject> {
    let plan = desk.plan(state, now, account);
    let plan = plan.map_err(|why| Reject::NotAssessable { account: id, why: why.to_string() })?;
    let rules = &state.policy.liquidation;
    let trade = plan.steps.iter().find_map(|planned| match planned.step {
        Step::Trade { instrument, lots, worst, .. } | Step::Repay { instrument, lots, worst, .. } => {
            Some(Offer { instrument, lots, worst, version: state.version })
        }
        _ => None,
    });
    // Nothing is sold through the frontier beyond which selling makes it worse (5.2), nor while a share is in auction.
    if let (Some(offer), None) = (trade, auction) {
        let offer = Offer { worst: on_tick(state, offer.instrument, offer.worst, offer.lots > 0), ..offer };
        let spot = state.contracts[offer.instrument.0].terms.kind == InstrumentKind::Spot;
        return if spot {
            Ok(vec![Event::Offered { account: id, offer: Some(offer) }])
        } else {
            crossed((state, desk, now), id, offer)
        };
    }
    if account.positions.is_empty() {
        return rescue::cover((state, now), id, judged);
    }
    let solvent = judged.equity > Money::ZERO;
    let waits_for_room = plan.steps.iter().all(|planned| matches!(planned.step, Step::Cancel { .. }))
        && plan.stopped == Some(Stop::Room)
        && solvent;
    match auction {
        None if waits_for_room => Ok(vec![Event::Offered { account: id, offer: None }]),
        None if solvent && !state.liquidations.backstops.is_empty() => Ok(vec![Event::Auctioned { account: id }]),
        Some(began)
            if solvent
                && liquidation::auction::discount(now.micros().saturating_sub(began.micros()), rules).is_some() =>
        {
            Err(Reject::Waiting { account: id, until: auction::end(began, rules) })
        }
        _ => rescue::take_over((state, desk, now), id, judged),
    }
}

/// The offer, after what of it meets the opposite offer of another case: they trade with each other at the mark before either
/// touches the market. The case that was opened first comes first.
fn crossed((state, desk, now): (&State, &Desk, Timestamp), id: AccountId, offer: Offer) -> Result<Vec<Event>, Reject> {
    let owner = state.accounts[id.place()].owner;
    let mark = state.market.listing(offer.instrument).mark;
    for other in desk.offers(offer.instrument, offer.lots < 0) {
        let met = state.liquidations.cases.get(&other).and_then(|case| case.offer);
        let met = met.filter(|met| met.version == offer.version && state.accounts[other.place()].owner != owner);
        let Some(met) = met else { continue };
        // It may have been healed since, or its prices may be good no longer.
        let whose = &state.accounts[other.place()];
        let below = judge(state, desk, other, whose).is_ok_and(|judged| judged.status <= Status::Liquidation);
        if !below || l4::trusted(state, desk, now, whose).is_err() {
            continue;
        }
        let lots = met.lots.unsigned_abs().min(offer.lots.unsigned_abs());
        let lots = i64::try_from(lots).unwrap_or(i64::MAX) * offer.lots.signum();
        let mut handover = Handover::new(state, now, id);
        handover.give(offer.instrument, mark, lots, other)?;
        if !(no_worse(state, desk, id, &handover)? && no_worse(state, desk, other, &handover)?) {
            continue;
        }
        let mut events = handover.events;
        events.push(Event::Offered { account: other, offer: met.without(-lots) });
        events.push(Event::Offered { account: id, offer: offer.without(lots) });
        return Ok(events);
    }
    Ok(vec![Event::Offered { account: id, offer: Some(offer) }])
}

/// Whether what happens leaves an account with no less above its maintenance margin than it has (I-37).
fn no_worse(state: &State, desk: &Desk, id: AccountId, handover: &Handover<'_>) -> Result<bool, Reject> {
    let account = &state.accounts[id.place()];
    let mut after = account.clone();
    follow(&mut after, id, &handover.events)?;
    let excess = |judged: &Judged| judged.equity.minus(judged.maintenance_margin);
    Ok(excess(&judge(state, desk, id, &after)?)? >= excess(&judge(state, desk, id, account)?)?)
}

fn judge(state: &State, desk: &Desk, id: AccountId, account: &AccountState) -> Result<Judged, Reject> {
    desk.judge(state, account).map_err(|why| Reject::NotAssessable { account: id, why: why.to_string() })
}

/// What an account is liquidated on, beside what is done (I-35).
pub fn recorded(state: &State, account: AccountId, judged: &Judged) -> Event {
    let Judged { equity, initial_margin, maintenance_margin, status, .. } = *judged;
    Event::Judged { account, status, equity, initial_margin, maintenance_margin, version: state.version }
}

//! The liquidation of an account, one step at a time, each on current prices.
//!
//! ```text
//! below maintenance ─▶ case ─▶ orders cancelled ─▶ planned ─┬▶ offered: the market trades it (fill.rs), or it crosses
//!        ▲                                         ▲        │   with an opposite offer
//!        │ healed: the case is closed              │        ├▶ auction: bidders take shares             auction.rs
//!        └─────────────────────────────────────────┴────────┼▶ backstop, when nobody did                 rescue.rs
//!                                                           └▶ funds, then winners                       rescue.rs
//! ```
//!
//! The next step is worked out anew each time. A case remembers only its number and times, its offer, the markets it
//! began in and the payments of the shared fund. No account is liquidated that holds its margin for everything with a
//! valid price, nor in the time after an outage (I-35, I-44). A position without a valid price stops nothing, and takes
//! no part.

mod auction;
mod fill;
mod handover;
mod measure;
mod offer;
mod rescue;
mod winners;

use std::collections::{BTreeMap, BTreeSet};

use liquidation::{Step, Stop};
use model::{InstrumentId, InstrumentKind, UnderlyingId};
use units::{Money, Timestamp};

pub use auction::bid;
pub use fill::fill;
pub use measure::measure;
pub use offer::outdated;

use crate::decide::postings::on_tick;
use crate::decide::spot::base_of;
use crate::layers::sight::Seen;
use crate::layers::{l0, l4, l5};
use crate::state::{AccountState, Offer, State, times};
use crate::{AccountId, Context, Event, Judged, Reject, Status};
use handover::Handover;

/// The next step of an account's liquidation.
pub fn liquidate(context: Context<'_>, id: AccountId) -> Result<Vec<Event>, Reject> {
    let Context { state, desk, now } = context;
    let account = l0::account(state, id)?;
    l4::calm(state, now)?;
    let seen = Seen::new(state, desk, now, id, account)?;
    let case = state.liquidations.cases.get(&id);
    if case.is_none() && (!seen.is_below() || !account.is_exposed()) {
        let status = seen.judged.status;
        return Err(seen.flaw().unwrap_or(Reject::NotInLiquidation { account: id, status }));
    }
    let mut events = vec![recorded(state, id, &seen.judged)];
    if case.is_none() {
        events.push(opened(state, id, state.liquidations.last_epoch + 1));
    }
    // The account may hold enough without its orders.
    events.extend(account.orders.iter().map(|order| Event::OrderClosed { account: id, order: order.id }));
    let bare = AccountState { orders: Vec::new(), ..account.clone() };
    let seen = if account.orders.is_empty() { seen } else { Seen::new(state, desk, now, id, &bare)? };
    if !account.orders.is_empty() {
        events.push(recorded(state, id, &seen.judged));
    }
    if is_over(&bare, &seen, case.is_some()) {
        events.push(Event::CaseClosed { account: id });
        return Ok(events);
    }
    // Between the maintenance margin and the warning a case stays open, and nothing is done for it (I-35); nor while
    // the account may be there, as far as valid prices tell.
    if !seen.is_below() {
        if let (Some(why), true) = (seen.blind(), account.orders.is_empty()) {
            return Err(why);
        }
        events.push(Event::Offered { account: id, offer: None });
        return Ok(events);
    }
    let began = case.and_then(|case| case.auction);
    events.extend(next(context, id, &seen, began)?);
    Ok(events)
}

/// Opens a case for every account that `judged` records below maintenance, or that was below before and still is
/// (I-73). A case waits only for the time that an outage gives accounts to be cured.
pub fn begun(context: Context<'_>, judged: &[Event]) -> Vec<Event> {
    let Context { state, desk, now } = context;
    if l4::calm(state, now).is_err() {
        return Vec::new();
    }
    let told: BTreeMap<AccountId, Status> = judged
        .iter()
        .filter_map(|event| {
            let Event::Judged { account, status, .. } = event else { return None };
            Some((*account, *status))
        })
        .collect();
    let ill: BTreeSet<AccountId> = desk.below().iter().chain(told.keys()).copied().collect();
    let (mut events, mut epoch) = (Vec::new(), state.liquidations.last_epoch);
    for id in ill.into_iter().filter(|id| !state.liquidations.cases.contains_key(id)) {
        let account = &state.accounts[id.place()];
        let below = if let Some(status) = told.get(&id) {
            *status <= Status::Liquidation
        } else {
            let seen = Seen::new(state, desk, now, id, account).ok().filter(Seen::is_below);
            events.extend(seen.as_ref().map(|seen| recorded(state, id, &seen.judged)));
            seen.is_some()
        };
        if below && account.is_exposed() {
            epoch += 1;
            events.push(opened(state, id, epoch));
        }
    }
    events
}

fn opened(state: &State, account: AccountId, epoch: u64) -> Event {
    Event::CaseOpened { account, epoch, markets: markets(state, &state.accounts[account.place()]) }
}

/// Makes an account a backstop, which takes over portfolios, or ends that.
pub fn set_backstop(state: &State, account: AccountId, on: bool) -> Result<Vec<Event>, Reject> {
    l0::account(state, account)?;
    Ok(vec![Event::BackstopSet { account, on }])
}

/// The underlyings that an account has positions in, in order.
fn markets(state: &State, account: &AccountState) -> Vec<UnderlyingId> {
    let held = account.positions.iter().map(|held| state.contracts[held.instrument.0].terms.underlying);
    held.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Whether an account surely holds enough again: a case that has begun goes on until the account is clear of the
/// warning (I-43).
fn is_over(account: &AccountState, seen: &Seen, begun: bool) -> bool {
    let enough = if begun { Status::Restricted } else { Status::Warning };
    seen.surely().is_some_and(|status| status >= enough) || (!account.is_exposed() && !seen.judged.equity.is_negative())
}

fn next(context: Context<'_>, id: AccountId, seen: &Seen, auction: Option<Timestamp>) -> Result<Vec<Event>, Reject> {
    let Context { state, desk, now } = context;
    let plan = desk.plan(state, now, &seen.account);
    let plan = plan.map_err(|why| Reject::NotAssessable { account: id, why: why.to_string() })?;
    let rules = &state.policy.liquidation;
    let trade = plan.steps.iter().find_map(|planned| match planned.step {
        Step::Trade { instrument, lots, worst, .. } | Step::Repay { instrument, lots, worst, .. } => {
            let offer = Offer { instrument, lots, worst, version: state.version };
            Some(offer).filter(|offer| can_give(state, id, offer))
        }
        Step::Cancel { .. } | Step::Auction { .. } | Step::Backstop { .. } | Step::Deleverage => None,
    });
    // Nothing is sold beyond the frontier at which selling makes the account worse, nor while a share is in auction.
    if let (Some(offer), None) = (trade, auction) {
        let offer = Offer { worst: on_tick(state, offer.instrument, offer.worst, offer.lots > 0), ..offer };
        let spot = state.contracts[offer.instrument.0].terms.kind == InstrumentKind::Spot;
        return if spot {
            Ok(vec![Event::Offered { account: id, offer: Some(offer) }])
        } else {
            crossed(context, id, seen, offer)
        };
    }
    if state.accounts[id.place()].positions.is_empty() {
        return rescue::cover(context, id, seen);
    }
    let solvent = seen.judged.equity > Money::ZERO;
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
        _ => rescue::take_over(context, id, seen),
    }
}

/// Whether an account has the asset that a spot offer gives away, and may give it: profit whose loser has not paid
/// repays nothing (I-28).
fn can_give(state: &State, id: AccountId, offer: &Offer) -> bool {
    let contract = &state.contracts[offer.instrument.0];
    if contract.terms.kind != InstrumentKind::Spot || offer.lots > 0 {
        return true;
    }
    let units = times(contract.terms.unit(), offer.lots.saturating_neg());
    let (Ok(units), Ok(base)) = (units, base_of(state, contract)) else { return false };
    l5::may_leave(state, &state.accounts[id.place()].balance(base, None), units).is_ok()
}

/// The offer, less the part that meets the opposite offer of another case: the two trade with each other at the mark
/// before either touches the market. The case that was opened first comes first.
fn crossed(context: Context<'_>, id: AccountId, seen: &Seen, offer: Offer) -> Result<Vec<Event>, Reject> {
    let Context { state, desk, now } = context;
    let owner = state.accounts[id.place()].owner;
    let mark = state.market.mark(offer.instrument).in_quote();
    // Of the accounts that hold enough by now, most are not looked at again before they change.
    let (side, open) = ((offer.instrument, offer.lots < 0), desk.trusts_all(state, now));
    debug_assert!(!open || resting(context, side).is_empty(), "an offer rests: {:?}", resting(context, side));
    let mut last = None;
    while let Some(case) = desk.offer_after(side, last, open) {
        last = Some(case);
        let (_, other) = case;
        let met = state.liquidations.cases.get(&other).and_then(|case| case.offer);
        let met = met.filter(|met| met.version == offer.version && state.accounts[other.place()].owner != owner);
        let opposite = |met: &Offer| met.instrument == offer.instrument && (met.lots > 0) != (offer.lots > 0);
        debug_assert!(met.as_ref().is_none_or(opposite), "I-38: {offer:?} meets {met:?}");
        let Some(met) = met else { continue };
        // The other account may hold enough by now, as far as valid prices tell.
        let Ok(whose) = Seen::new(state, desk, now, other, &state.accounts[other.place()]) else { continue };
        if !whose.is_below() {
            if open {
                desk.rest(case);
            }
            continue;
        }
        let lots = met.lots.unsigned_abs().min(offer.lots.unsigned_abs());
        let lots = i64::try_from(lots).unwrap_or(i64::MAX) * offer.lots.signum();
        let mut handover = Handover::new(state, now, id);
        handover.give(offer.instrument, mark, lots, other)?;
        let helps = |seen: &Seen, id: AccountId| seen.no_worse(state, desk, id, &handover.leaves(id)?);
        if !(helps(seen, id)? && helps(&whose, other)?) {
            continue;
        }
        let mut events = handover.events;
        events.push(Event::Offered { account: other, offer: met.without(-lots) });
        events.push(Event::Offered { account: id, offer: offer.without(lots) });
        return Ok(events);
    }
    Ok(vec![Event::Offered { account: id, offer: Some(offer) }])
}

/// The accounts below maintenance margin whose offers are passed over: none.
fn resting(context: Context<'_>, side: (InstrumentId, bool)) -> Vec<AccountId> {
    let Context { state, desk, now } = context;
    let all = |open: bool| {
        std::iter::successors(desk.offer_after(side, None, open), move |last| desk.offer_after(side, Some(*last), open))
    };
    let open: BTreeSet<(u64, AccountId)> = all(true).collect();
    let is_below = |id: &AccountId| {
        let seen = Seen::new(state, desk, now, *id, &state.accounts[id.place()]);
        seen.is_ok_and(|seen| seen.is_below())
    };
    all(false).filter(|case| !open.contains(case)).map(|(_, id)| id).filter(is_below).collect()
}

/// The figures that a step of a liquidation relies on, recorded beside the step (I-35).
pub fn recorded(state: &State, account: AccountId, judged: &Judged) -> Event {
    let Judged { equity, initial_margin, maintenance_margin, status, .. } = *judged;
    Event::Judged { account, status, equity, initial_margin, maintenance_margin, version: state.version }
}

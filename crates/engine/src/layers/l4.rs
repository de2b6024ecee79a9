//! Layer 4, on price: whether the prices of an account can be trusted, and whether it is below maintenance margin.

use units::Timestamp;

use super::sight::Seen;
use crate::feeds::feeds_of;
use crate::state::{AccountState, State};
use crate::turns::may_recover;
use crate::{AccountId, Desk, Event, Reject, Status};

/// Whether every price that an account depends on is valid.
pub fn trusted(state: &State, desk: &Desk, now: Timestamp, account: &AccountState) -> Result<(), Reject> {
    if desk.trusts_all(state, now) {
        return Ok(());
    }
    feeds_of(state, account).into_iter().try_for_each(|feed| desk.valid(state, now, feed))
}

/// Whether liquidations may go on: no outage is under way, and none has just ended (I-44).
pub fn calm(state: &State, now: Timestamp) -> Result<(), Reject> {
    let rules = &state.policy.liquidation;
    let silent = now.micros().saturating_sub(state.market.time.micros()) > rules.outage;
    let after = Timestamp::from_micros(now.micros().saturating_add(rules.cure));
    let until = if silent { after } else { state.liquidations.calm };
    if now < until { Err(Reject::Curing { until }) } else { Ok(()) }
}

/// The judgment of an account now, when its status changes (REQ-5).
///
/// No account is sent to liquidation on a price that is not valid (I-11, I-35): [`Seen`] decides then. An account
/// without a position, an order or a debt has nothing to liquidate and is healthy.
pub fn standing(state: &State, desk: &Desk, now: Timestamp, id: AccountId) -> Option<Event> {
    let account = state.account(id)?;
    let trusts = desk.trusts(state, now, id, None);
    if trusts && account.is_exposed() && desk.keeps_status(state, id) {
        let exact = || desk.judge_held(state, id).map(|judged| judged.status);
        debug_assert!(exact() == Ok(account.status), "account {id} keeps {:?}, not {:?}", account.status, exact());
        return None;
    }
    let (status, judged) = if trusts {
        let judged = desk.judge_held(state, id).ok();
        (judged.map_or(account.status.min(Status::Restricted), |judged| judged.status), judged)
    } else {
        let seen = Seen::new(state, desk, now, id, account).ok();
        let status = seen.as_ref().map_or(account.status.min(Status::Restricted), |seen| seen.standing(account.status));
        (status, seen.map(|seen| seen.judged))
    };
    let status = if account.is_exposed() { status } else { Status::Healthy };
    if status == account.status || (status > account.status && !may_recover(state, id)) {
        return None;
    }
    let zero = units::Money::ZERO;
    let (equity, initial_margin, maintenance_margin) =
        judged.map_or((zero, zero, zero), |judged| (judged.equity, judged.initial_margin, judged.maintenance_margin));
    let version = state.version;
    Some(Event::Judged { account: id, status, equity, initial_margin, maintenance_margin, version })
}

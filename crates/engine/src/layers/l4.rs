//! Layer 4, on price: whether prices are valid, and which accounts are below maintenance margin.

use marks::Validity;
use model::{AssetId, InstrumentId};
use units::Timestamp;

use super::sight::Seen;
use crate::state::{AccountState, State};
use crate::{AccountId, Desk, Event, FeedId, Reject, Status};

/// Every feed that the value of an account depends on, in order, with repetitions.
pub fn feeds_of(state: &State, account: &AccountState) -> Vec<FeedId> {
    let mut feeds = Vec::new();
    for balance in &account.balances {
        of_asset(state, balance.asset, &mut feeds);
    }
    let held = account.positions.iter().map(|held| held.instrument);
    for instrument in held.chain(account.orders.iter().map(|order| order.instrument)) {
        of_instrument(state, instrument, &mut feeds);
    }
    feeds
}

/// The feeds that the price of an asset depends on.
pub fn of_asset(state: &State, asset: AssetId, feeds: &mut Vec<FeedId>) {
    if asset == model::USD {
        return;
    }
    if let Some(underlying) = state.market.assets[asset.0].follows {
        feeds.push(FeedId::Index(underlying));
    }
    if state.market.assets[asset.0].follows.is_none() || state.feeds.contains_key(&FeedId::Asset(asset)) {
        feeds.push(FeedId::Asset(asset));
    }
}

/// The feeds that the mark of an instrument depends on.
pub fn of_instrument(state: &State, id: InstrumentId, feeds: &mut Vec<FeedId>) {
    let terms = &state.contracts[id.0].terms;
    feeds.push(FeedId::Index(terms.underlying));
    let own = match terms.expiry() {
        Some(expiry) => FeedId::Forward(terms.underlying, expiry),
        None => FeedId::Premium(id),
    };
    if state.feeds.contains_key(&own) {
        feeds.push(own);
    }
    if terms.is_option() {
        feeds.push(FeedId::Surface);
    }
    of_asset(state, terms.quote, feeds);
    of_asset(state, terms.settle, feeds);
}

/// The validity of a feed at `now`: that of its last quote, or invalid where a quote formed now would be. A price grows
/// old between two ticks as well, and when no tick comes at all (I-11). A surface is valid while it is young.
pub fn validity(state: &State, now: Timestamp, feed: FeedId) -> (Validity, String) {
    if feed == FeedId::Surface {
        let age = now.micros().saturating_sub(state.surface.published.micros());
        if state.surface.version > 0 && age <= state.policy.surface_age {
            return (Validity::Valid, String::new());
        }
        return (Validity::Invalid, format!("the last surface is {} s old", age / 1_000_000));
    }
    let Some((known, last)) = state.feeds.get(&feed).and_then(|known| Some((known, known.feed.last()?))) else {
        return (Validity::Invalid, "it has never spoken".to_owned());
    };
    let said = (last.validity(), format!("{:?}", last.cause));
    if said.0 == Validity::Invalid || last.at >= now {
        return said;
    }
    match known.feed.quote(&known.rules, now) {
        Ok(quote) if quote.validity() == Validity::Invalid => (Validity::Invalid, format!("{:?}", quote.cause)),
        Ok(_) => said,
        Err(why) => (Validity::Invalid, why.to_string()),
    }
}

/// The time until which a feed stays valid, if no source speaks and no tick comes; none when it is not valid at the
/// next moment. A report since the last tick may have made it invalid.
pub fn valid_until(state: &State, feed: FeedId) -> Option<Timestamp> {
    if feed == FeedId::Surface {
        let until = state.surface.published.micros().saturating_add(state.policy.surface_age);
        return (state.surface.version > 0).then_some(Timestamp::from_micros(until));
    }
    let known = state.feeds.get(&feed)?;
    let last = known.feed.last().filter(|quote| quote.validity() == Validity::Valid)?;
    let next = state.clock.max(Timestamp::from_micros(last.at.micros().saturating_add(1)));
    let quote = known.feed.quote(&known.rules, next).ok()?;
    (quote.validity() != Validity::Invalid).then(|| known.feed.steady_until(&known.rules, next))
}

/// [`valid_until`] of a feed that has just been quoted, from the reports of that quote: the price need not be formed again.
pub fn quoted_until(state: &State, feed: FeedId) -> Option<Timestamp> {
    let known = state.feeds.get(&feed)?;
    let last = known.feed.last().filter(|quote| quote.validity() == Validity::Valid)?;
    Some(known.feed.steady_until(&known.rules, last.at))
}

/// Whether every price that an account depends on is valid.
pub fn trusted(state: &State, desk: &Desk, now: Timestamp, account: &AccountState) -> Result<(), Reject> {
    if desk.trusts_all(state, now) {
        return Ok(());
    }
    feeds_of(state, account).into_iter().try_for_each(|feed| desk.valid(state, now, feed))
}

/// Checks that an instrument has a valid price. An instrument without one is not traded by force.
pub fn priced(state: &State, now: Timestamp, instrument: InstrumentId) -> Result<(), Reject> {
    let mut feeds = Vec::new();
    of_instrument(state, instrument, &mut feeds);
    feeds.into_iter().try_for_each(|feed| valid(state, now, feed))
}

/// Whether an asset has a valid price.
pub fn is_priced(state: &State, now: Timestamp, asset: AssetId) -> bool {
    let mut feeds = Vec::new();
    of_asset(state, asset, &mut feeds);
    feeds.into_iter().all(|feed| valid(state, now, feed).is_ok())
}

/// Whether a feed is valid at `now`.
pub fn valid(state: &State, now: Timestamp, feed: FeedId) -> Result<(), Reject> {
    let (validity, why) = validity(state, now, feed);
    if validity == Validity::Valid {
        return Ok(());
    }
    Err(Reject::NoPrice { feed, validity: format!("{validity:?}").to_lowercase(), why })
}

/// Whether liquidations may go on: no outage is under way, and none has just ended (I-44).
pub fn calm(state: &State, now: Timestamp) -> Result<(), Reject> {
    let rules = &state.policy.liquidation;
    let silent = now.micros().saturating_sub(state.market.time.micros()) > rules.outage;
    let after = Timestamp::from_micros(now.micros().saturating_add(rules.cure));
    let until = if silent { after } else { state.liquidations.calm };
    if now < until { Err(Reject::Curing { until }) } else { Ok(()) }
}

/// Whether a better status of an account may be recorded now. Accounts that a command has touched or that are below
/// maintenance may recover at once; the others take turns, so that a recovery by prices alone is recorded within
/// [`TURNS`] ticks.
pub fn may_recover(state: &State, id: AccountId) -> bool {
    let below = state.accounts[id.place()].status <= Status::Liquidation;
    // The account's turn may be one of the versions in which no account has been judged yet.
    let waited = state.version.saturating_sub(state.watched);
    let turn = (u64::from(id.0) + TURNS - (state.watched + 1) % TURNS) % TURNS;
    below || state.touched.contains(id) || turn < waited
}

/// The ticks in which every account that is not healthy has had a turn to recover.
const TURNS: u64 = 256;

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

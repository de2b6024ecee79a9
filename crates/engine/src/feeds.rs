//! The feeds that the value of an account depends on, and whether their prices are valid.

use marks::Validity;
use model::{AssetId, InstrumentId};
use units::Timestamp;

use crate::state::{AccountState, State};
use crate::{FeedId, Reject};

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

/// Whether the last price of a feed was formed so long before the last tick that it counts for nothing: more than
/// `longest` seconds.
pub fn lapsed(state: &State, longest: f64, feed: FeedId) -> bool {
    let quote = state.quote(feed).filter(|quote| quote.validity() == Validity::Invalid);
    quote.is_some_and(|quote| state.market.time.seconds_since(quote.published) > longest)
}

//! The listed instruments that are not settled. A settled instrument is never quoted, marked, sampled or revalued again.

use std::collections::BTreeSet;

use model::{InstrumentId, UnderlyingId};
use units::Timestamp;

use crate::state::{Contract, Mode, State};
use crate::{Event, FeedId};

/// The instruments that are not settled, and their expiries.
///
/// [`Event::Retired`] takes the feed and the expiry of a settled instrument out of the state. A state from a journal
/// written before this event existed still holds them until its first tick. So code that needs the feeds and expiries
/// still in use asks here, not the state.
#[derive(Debug)]
pub struct Live {
    instruments: Vec<InstrumentId>,
    expiries: BTreeSet<(UnderlyingId, Timestamp)>,
    overdue: Vec<Event>,
}

impl Live {
    /// Collects the instruments of a state that are not settled.
    pub fn new(state: &State) -> Self {
        let listed = || state.contracts.iter().enumerate().map(|(place, contract)| (InstrumentId(place), contract));
        let (settled, live): (Vec<_>, Vec<_>) = listed().partition(|(_, contract)| contract.mode == Mode::Settled);
        let expiries: BTreeSet<_> = live.iter().filter_map(|(_, contract)| expiry(contract)).collect();
        let overdue = settled.into_iter().filter_map(|(instrument, contract)| {
            let is_left = |(underlying, time): &(UnderlyingId, Timestamp)| {
                !expiries.contains(&(*underlying, *time)) && state.market.expiry(*underlying, *time).is_some()
            };
            let last = expiry(contract).is_some_and(|of| is_left(&of));
            (last || contract.terms.feed.is_some()).then_some(Event::Retired { instrument, last })
        });
        let overdue = overdue.collect();
        Self { overdue, expiries, instruments: live.into_iter().map(|(id, _)| id).collect() }
    }

    /// The instruments that are not settled, in order of their numbers.
    pub fn instruments(&self) -> &[InstrumentId] {
        &self.instruments
    }

    /// The expiries with an instrument that is not settled, by underlying, the nearest first.
    pub fn expiries(&self) -> impl Iterator<Item = (UnderlyingId, Timestamp)> {
        self.expiries.iter().copied()
    }

    /// Whether an instrument is not settled.
    pub fn has(&self, instrument: InstrumentId) -> bool {
        self.instruments.binary_search(&instrument).is_ok()
    }

    /// Whether a feed prices an instrument that is not settled. The feeds of indices, assets and the surface always count.
    pub fn hears(&self, feed: FeedId) -> bool {
        match feed {
            FeedId::Forward(underlying, expiry) => self.expiries.contains(&(underlying, expiry)),
            FeedId::Premium(instrument) => self.has(instrument),
            FeedId::Index(_) | FeedId::Asset(_) | FeedId::Surface => true,
        }
    }

    /// The event that retires an instrument of `state` that is being settled.
    pub fn retire(&self, state: &State, instrument: InstrumentId) -> Event {
        let of = |id: InstrumentId| expiry(&state.contracts[id.0]);
        let is_like = |other: &&InstrumentId| **other != instrument && of(**other) == of(instrument);
        let last = of(instrument).is_some() && !self.instruments.iter().any(|other| is_like(&other));
        Event::Retired { instrument, last }
    }

    /// Events that retire instruments settled before [`Event::Retired`] existed; the next tick records them.
    pub fn overdue(&self) -> &[Event] {
        &self.overdue
    }
}

/// The underlying and the expiry of an instrument; none for spot and perpetuals.
fn expiry(contract: &Contract) -> Option<(UnderlyingId, Timestamp)> {
    contract.terms.expiry().map(|expiry| (contract.terms.underlying, expiry))
}

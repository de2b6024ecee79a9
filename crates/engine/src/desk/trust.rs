//! The time until which the price of each feed can be trusted without asking again, and the accounts that a feed
//! without a valid price concerns.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use units::Timestamp;

use super::index::Mask;
use crate::FeedId;
use crate::feeds;
use crate::state::State;

/// The time until which each feed is valid.
#[derive(Debug)]
pub struct Trust {
    /// None for a feed that is not valid. An entry never promises more than [`feeds::valid`] does.
    until: BTreeMap<FeedId, Option<Timestamp>>,
    doubt: OnceLock<Doubt>,
}

/// The feeds that are not valid, taken together.
#[derive(Debug)]
pub struct Doubt {
    /// The underlyings and assets that feeds without a valid price can matter to; none when every feed is valid.
    dead: Option<Mask>,
    /// The time until which all other feeds are valid.
    rest: Timestamp,
}

impl Trust {
    /// Works out how long the last price of every feed of a state can be trusted.
    pub fn new(state: &State) -> Self {
        let feeds = state.feeds.keys().copied().chain([FeedId::Surface]);
        Self { until: feeds.map(|feed| (feed, feeds::valid_until(state, feed))).collect(), doubt: OnceLock::new() }
    }

    /// Updates a feed that a tick has quoted.
    pub fn quoted(&mut self, state: &State, feed: FeedId) {
        self.set(feed, feeds::quoted_until(state, feed));
    }

    /// Updates a feed after a report of a source, or after a new surface.
    pub fn reported(&mut self, state: &State, feed: FeedId) {
        self.set(feed, feeds::valid_until(state, feed));
    }

    fn set(&mut self, feed: FeedId, until: Option<Timestamp>) {
        // A feed that was removed matters to no account.
        if let Some(known) = self.until.get_mut(&feed) {
            *known = until;
            self.doubt = OnceLock::new();
        }
    }

    /// Drops the summary of invalid feeds when time has passed beyond the validity of another feed.
    pub fn passed(&mut self, clock: Timestamp) {
        if self.doubt.get().is_some_and(|doubt| doubt.rest < clock) {
            self.doubt = OnceLock::new();
        }
    }

    /// Whether a feed can be trusted at `now` without asking again.
    pub fn of(&self, feed: FeedId, now: Timestamp) -> bool {
        self.until.get(&feed).is_some_and(|until| *until >= Some(now))
    }

    /// The feeds that cannot be trusted.
    pub fn doubt(&self, state: &State) -> &Doubt {
        self.doubt.get_or_init(|| {
            let mut doubt = Doubt { dead: None, rest: Timestamp::from_micros(i64::MAX) };
            for (feed, until) in &self.until {
                match until {
                    Some(until) if *until >= state.clock => doubt.rest = doubt.rest.min(*until),
                    _ => doubt.dead.get_or_insert_default().add_feed(state, *feed),
                }
            }
            doubt
        })
    }
}

impl Doubt {
    /// Whether every feed can be trusted at `now`.
    pub fn is_none(&self, now: Timestamp) -> bool {
        now <= self.rest && self.dead.is_none()
    }

    /// Whether it is certain at `now` that no feed without a valid price matters to the set that `meets` tests.
    pub fn spares(&self, now: Timestamp, meets: impl Fn(&Mask) -> bool) -> bool {
        now <= self.rest && !self.dead.as_ref().is_some_and(meets)
    }
}

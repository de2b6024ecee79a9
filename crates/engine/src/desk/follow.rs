//! Updates a desk after events: drops data that no longer holds, and certifies accounts anew.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::OnceLock;

use margin::method::universal;
use marks::Validity;
use model::Invalid;

use super::Desk;
use super::certificates::Ground;
use super::hot::Bills;
use super::index::Mask;
use super::trust::Trust;
use crate::feeds;
use crate::state::{AccountState, Balance, Holder, State};
use crate::{AccountId, Event, FeedId, Live, Status};

impl Desk {
    /// Follows events that were applied to the state.
    pub fn follow(&mut self, state: &State, events: &[Event]) -> Result<(), Invalid> {
        let cells = self.certificates.generation();
        let mut bills = if self.previous.is_none() { self.certificates.bills() } else { Bills::default() };
        let (mut touched, mut relisted) = (Vec::new(), false);
        for event in events {
            match event {
                Event::Clock { .. } => {
                    self.bare.extend(self.certificates.passed(state.clock));
                    self.trust.passed(state.clock);
                    if self.previous.is_some() && Self::replaced(state)?.is_none() {
                        self.previous = None;
                        self.forget();
                    }
                }
                Event::Marked(marked) => {
                    for (underlying, _) in &marked.indices {
                        self.moved.add(*underlying);
                    }
                    for (underlying, ..) in &marked.forwards {
                        self.moved.add(*underlying);
                    }
                    for (asset, _) in &marked.assets {
                        self.moved.add_asset(state, *asset);
                    }
                    for (id, _) in &marked.vols {
                        self.moved.add(state.market.listing(*id).underlying);
                    }
                    for (id, _) in &marked.marks {
                        self.moved.add(state.market.listing(*id).underlying);
                    }
                    self.forget();
                    self.index.forget_offers();
                    self.bare.extend(self.certificates.moved(&state.market));
                    self.lapse(state);
                }
                Event::Funded { instrument, .. } => {
                    self.moved.add(state.market.listing(*instrument).underlying);
                    self.forget();
                    self.bare.extend(self.certificates.moved(&state.market));
                }
                Event::Reported { feed, .. } => self.trust.reported(state, *feed),
                Event::Surfaced { .. } => self.trust.reported(state, FeedId::Surface),
                Event::UnderlyingListed(_)
                | Event::AssetListed(_)
                | Event::InstrumentListed(_)
                | Event::Expired { .. }
                | Event::Retired { .. } => relisted = true,
                Event::Activated { .. } => {
                    (self.rules, self.previous) = (universal::parse(&state.method.text)?, Self::replaced(state)?);
                    self.everyone = true;
                    relisted = true;
                }
                Event::Opened { .. } => {
                    let last = state.accounts.len() - 1;
                    self.index.opened(state, AccountId(u32::try_from(last).expect("ids are u32")));
                }
                Event::Moved { from, to, asset, .. } => {
                    for holder in [from, to] {
                        if let Holder::Account(id, location) = holder
                            && !bills.expect_balance(*id, *location, *asset)
                        {
                            touched.push(*id);
                            self.index.follow_asset(state, *id, *asset);
                        }
                    }
                }
                Event::Positioned { account, position } => {
                    let expected = bills.expect_position(*account, position.instrument);
                    if !expected {
                        touched.push(*account);
                        self.index.follow_instrument(state, *account, position.instrument);
                    }
                }
                Event::Ordered { account, order } => {
                    touched.push(*account);
                    self.index.follow_instrument(state, *account, order.instrument);
                }
                Event::OrderClosed { account, .. } => {
                    touched.push(*account);
                }
                Event::Judged { account, .. } => {
                    touched.push(*account);
                    self.index.judged(state, *account);
                }
                Event::Offered { account, .. } | Event::Auctioned { account } => self.index.offered(state, *account),
                Event::CaseClosed { account } => self.index.closed(*account),
                Event::Quoted { feed, quote } => {
                    self.trust.quoted(state, *feed);
                    // A feed that becomes trusted, or stops being so, concerns every account it can matter to, though
                    // no price moves.
                    let doubtful = quote.validity() != Validity::Valid;
                    let was = if doubtful { !self.doubted.insert(*feed) } else { self.doubted.remove(feed) };
                    if was != doubtful {
                        self.moved.add_feed(state, *feed);
                    }
                }
                Event::Watched { .. } => self.watched(state),
                Event::Matched { instrument, open, .. } | Event::Transferred { instrument, open, .. } => {
                    if let Some(interest) = self.open.get_mut() {
                        interest.set(*instrument, *open);
                    }
                }
                // The data of a desk does not depend on these.
                Event::LocationListed { .. }
                | Event::Referenced { .. }
                | Event::FundReferenced { .. }
                | Event::Sampled { .. }
                | Event::Accrued
                | Event::ModeSet { .. }
                | Event::Flowed { .. }
                | Event::Proposed { .. }
                | Event::Revoked { .. }
                | Event::CaseOpened { .. }
                | Event::Shared { .. }
                | Event::Paced { .. }
                | Event::Measured { .. }
                | Event::Calmed { .. }
                | Event::BackstopSet { .. } => {}
            }
        }
        if relisted {
            self.relist(state);
        }
        // An account that only traded out of its reserve needs no other check.
        for bill in bills.seen() {
            self.index.wake(state, bill.id);
            self.index.follow_asset(state, bill.id, bill.asset);
            self.index.follow_instrument(state, bill.id, bill.position.instrument);
            if touched.contains(&bill.id) || !self.certificates.pay(state, bill) {
                touched.push(bill.id);
            }
        }
        touched.sort_unstable();
        touched.dedup();
        for id in &touched {
            self.index.wake(state, *id);
        }
        self.certify(state, &touched);
        self.certificates.forget_proofs();
        if self.certificates.generation() != cells {
            self.both = OnceLock::new();
        }
        Ok(())
    }

    /// Feeds whose last price counts for nothing, as of the last tick.
    pub(super) fn lapses(&self, state: &State) -> BTreeSet<FeedId> {
        let longest = self.rules().engine.last_price_seconds;
        state.feeds.keys().copied().filter(|feed| feeds::lapsed(state, longest, *feed)).collect()
    }

    /// Handles last prices that begin to count for nothing, or that count again: the accounts they can matter to are
    /// judged and certified anew.
    fn lapse(&mut self, state: &State) {
        let lapsed = self.lapses(state);
        if lapsed == self.lapsed {
            return;
        }
        let mut changed = Mask::default();
        for feed in lapsed.symmetric_difference(&self.lapsed) {
            changed.add_feed(state, *feed);
            self.moved.add_feed(state, *feed);
        }
        self.lapsed = lapsed;
        let all = (0..state.accounts.len()).map(|place| AccountId(u32::try_from(place).expect("ids are u32")));
        for id in all.filter(|id| self.index.concerns(&changed, *id)) {
            self.certificates.revoke(id);
            self.bare.insert(id);
        }
    }

    /// The account without assets that it owns and whose last price counts for nothing.
    fn without_lapsed<'a>(&self, state: &State, account: &'a AccountState) -> Cow<'a, AccountState> {
        let counts = |held: &Balance| {
            let mut feeds = Vec::new();
            feeds::of_asset(state, held.asset, &mut feeds);
            held.amount.is_negative() || !feeds.iter().any(|feed| self.lapsed.contains(feed))
        };
        if self.lapsed.is_empty() || account.balances.iter().all(counts) {
            return Cow::Borrowed(account);
        }
        let mut rest = account.clone();
        rest.balances.retain(counts);
        Cow::Owned(rest)
    }

    /// Listings or parameters have changed: drops everything that was prepared.
    fn relist(&mut self, state: &State) {
        self.lots = state.contracts.iter().map(|contract| contract.terms.lot).collect();
        self.live = Live::new(state);
        self.trust = Trust::new(state);
        self.doubted.retain(|feed| state.feeds.contains_key(feed));
        self.forget();
        self.certificates.void();
        self.bare.extend((0..state.accounts.len()).map(|place| AccountId(u32::try_from(place).expect("ids are u32"))));
    }

    fn forget(&mut self) {
        self.fast = OnceLock::new();
        self.slow = OnceLock::new();
        self.both = OnceLock::new();
        self.open = OnceLock::new();
        self.index.wake_all();
    }

    /// Every account has been judged.
    fn watched(&mut self, state: &State) {
        self.certificates.watched();
        self.moved = Mask::default();
        self.everyone = self.previous.is_some();
        if self.everyone {
            return;
        }
        let mut due: Vec<AccountId> = std::mem::take(&mut self.bare).into_iter().collect();
        if self.fast(state).is_ok() {
            let ground = Ground { rules: &self.rules.rules, lots: &self.lots, isa: self.isa };
            self.certificates.renew(state, &ground);
        }
        due.extend(self.certificates.movers());
        due.sort_unstable();
        due.dedup();
        self.certify(state, &due);
    }

    /// Computes the certificates of accounts anew. An account that can lose and gets no certificate is bare.
    fn certify(&mut self, state: &State, accounts: &[AccountId]) {
        if accounts.is_empty() {
            return;
        }
        let priced = self.previous.is_none() && self.fast(state).is_ok();
        for id in accounts.iter().copied() {
            let account = &state.accounts[id.place()];
            // An account with nothing to lose is healthy whatever happens.
            let safe = !account.is_exposed() && account.status == Status::Healthy;
            if priced && self.certificates.proven(state, id) {
                self.bare.remove(&id);
                continue;
            }
            self.certificates.revoke(id);
            let certified = !safe && priced && {
                let ground = Ground { rules: &self.rules.rules, lots: &self.lots, isa: self.isa };
                let view = self.without_lapsed(state, account).view(&state.contracts, &state.locations);
                view.is_ok_and(|view| self.certificates.certify(state, &ground, id, &view))
            };
            if safe || certified {
                self.bare.remove(&id);
            } else {
                self.bare.insert(id);
            }
        }
    }
}

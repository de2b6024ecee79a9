//! An index of accounts by name, by owner, by the prices that can matter to them, by offer and by status.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::{AssetId, InstrumentId, UnderlyingId};

use crate::state::State;
use crate::{AccountId, FeedId, Status};

/// Accounts by name, by owner, and by the prices that can matter to them.
#[derive(Debug, Default)]
pub struct Index {
    names: BTreeSet<String>,
    owners: BTreeMap<u32, Owned>,
    /// The accounts of each owner who has more than one.
    groups: Vec<Vec<AccountId>>,
    accounts: Vec<Known>,
    /// Accounts that are not healthy.
    unwell: BTreeSet<AccountId>,
    /// The accounts among them that are below maintenance margin.
    below: BTreeSet<AccountId>,
    /// Accounts in liquidation with an offer in this version of the market, by instrument and whether they buy: the
    /// oldest case first.
    offers: Offers,
    /// The offers without those of accounts that were seen to hold their maintenance margin and have not changed since.
    open: Mutex<Offers>,
}

/// Accounts by the instrument and the side of their offer: the number of the case, and the account.
type Offers = BTreeMap<(InstrumentId, bool), BTreeSet<(u64, AccountId)>>;

/// The accounts of an owner.
#[derive(Clone, Copy, Debug)]
enum Owned {
    /// The only one. Most owners have no other, and a fill that asks for it reads no more memory than this.
    One(AccountId),
    /// Several: the place of their group among the groups.
    Many(u32),
}

/// The entry of an account.
#[derive(Debug)]
struct Known {
    /// The prices that can matter to the account.
    depends: Mask,
    /// The accounts of its owner, itself included.
    linked: Owned,
}

/// A set of underlyings, of assets that follow none (stablecoins, and contracts paid in them), and whether options are in it.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    /// The first 64 underlyings, which lie with the account; there are seldom more.
    first: u64,
    others: Vec<u64>,
    /// Assets that follow no underlying, by their number modulo 64: two that share a bit are judged together.
    pegs: u64,
    /// Whether something in the set depends on the volatility surface.
    options: bool,
}

impl Mask {
    /// Adds an underlying.
    pub fn add(&mut self, UnderlyingId(place): UnderlyingId) {
        let (word, bit) = (place / 64, 1 << (place % 64));
        let Some(word) = word.checked_sub(1) else {
            self.first |= bit;
            return;
        };
        if self.others.len() <= word {
            self.others.resize(word + 1, 0);
        }
        self.others[word] |= bit;
    }

    /// Adds the underlying that an asset follows, or the asset itself when it follows none.
    pub fn add_asset(&mut self, state: &State, asset: AssetId) {
        match state.market.assets[asset.0].follows {
            Some(underlying) => self.add(underlying),
            None if asset == model::USD => {}
            None => self.pegs |= 1 << (asset.0 % 64),
        }
    }

    /// Adds the prices that the value of an instrument depends on: those of its underlying, its quote and its settlement asset.
    pub fn add_instrument(&mut self, state: &State, instrument: InstrumentId) {
        let listing = state.market.listing(instrument);
        self.add(listing.underlying);
        self.add_asset(state, listing.quote);
        self.add_asset(state, listing.settle);
        self.options |= listing.is_option();
    }

    /// Adds the underlying, asset or surface that a feed prices.
    pub fn add_feed(&mut self, state: &State, feed: FeedId) {
        match feed {
            FeedId::Index(underlying) | FeedId::Forward(underlying, _) => self.add(underlying),
            FeedId::Asset(asset) => self.add_asset(state, asset),
            FeedId::Premium(instrument) => self.add(state.market.listing(instrument).underlying),
            FeedId::Surface => self.options = true,
        }
    }

    /// Whether two sets have something in common.
    pub fn meets(&self, other: &Self) -> bool {
        self.pegs & other.pegs != 0
            || (self.options && other.options)
            || self.first & other.first != 0
            || self.others.iter().zip(&other.others).any(|(one, other)| one & other != 0)
    }
}

impl Index {
    /// The index of a whole state.
    pub fn new(state: &State) -> Self {
        let mut index = Self::default();
        for place in 0..state.accounts.len() {
            let id = AccountId(u32::try_from(place).expect("ids are u32"));
            index.opened(state, id);
            index.follow(state, id);
            index.judged(state, id);
        }
        for id in state.liquidations.cases.keys() {
            index.offered(state, *id);
        }
        index
    }

    /// Whether an account has this name.
    pub fn is_named(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The accounts of the owner of an account, itself included.
    pub fn linked(&self, id: AccountId) -> &[AccountId] {
        match &self.accounts[id.place()].linked {
            Owned::One(own) => std::slice::from_ref(own),
            Owned::Many(group) => &self.groups[place(*group)],
        }
    }

    /// Accounts that are not healthy, in order of their numbers.
    pub fn unwell(&self) -> &BTreeSet<AccountId> {
        &self.unwell
    }

    /// Accounts below maintenance margin, in order of their numbers.
    pub fn below(&self) -> &BTreeSet<AccountId> {
        &self.below
    }

    /// Adds an account that was opened.
    pub fn opened(&mut self, state: &State, id: AccountId) {
        assert_eq!(self.accounts.len(), id.place(), "accounts are numbered in the order in which they are opened");
        let account = &state.accounts[id.place()];
        self.names.insert(account.name.clone());
        let linked = self.link(account.owner, id);
        self.accounts.push(Known { depends: Mask::default(), linked });
    }

    /// Adds an account to those of its owner. Returns them.
    fn link(&mut self, owner: u32, id: AccountId) -> Owned {
        let linked = match self.owners.get(&owner).copied() {
            None => Owned::One(id),
            Some(Owned::One(first)) => {
                let group = u32::try_from(self.groups.len()).expect("no more groups than accounts, whose ids are u32");
                self.groups.push(vec![first, id]);
                self.accounts[first.place()].linked = Owned::Many(group);
                Owned::Many(group)
            }
            Some(Owned::Many(group)) => {
                self.groups[place(group)].push(id);
                Owned::Many(group)
            }
        };
        self.owners.insert(owner, linked);
        linked
    }

    /// Updates the offer of an account, which is offered now or no longer.
    pub fn offered(&mut self, state: &State, id: AccountId) {
        let Some(case) = state.liquidations.cases.get(&id) else { return };
        let offer = case.offer.filter(|offer| offer.version == state.version);
        for offers in [&mut self.offers, self.open.get_mut().unwrap_or_else(PoisonError::into_inner)] {
            for sides in offers.values_mut() {
                sides.remove(&(case.epoch, id));
            }
            if let Some(offer) = offer {
                offers.entry((offer.instrument, offer.lots > 0)).or_default().insert((case.epoch, id));
            }
        }
    }

    /// Remembers that an account with an offer holds its maintenance margin: its offer is passed over until it changes.
    pub fn rest(&self, (epoch, id): (u64, AccountId)) {
        for sides in self.open().values_mut() {
            sides.remove(&(epoch, id));
        }
    }

    /// An account has changed, so its offer is no longer passed over.
    pub fn wake(&mut self, state: &State, id: AccountId) {
        let Some(case) = state.liquidations.cases.get(&id) else { return };
        let open = self.open.get_mut().unwrap_or_else(PoisonError::into_inner);
        for (side, _) in self.offers.iter().filter(|(_, offers)| offers.contains(&(case.epoch, id))) {
            open.entry(*side).or_default().insert((case.epoch, id));
        }
    }

    /// Prices have changed, so no offer is passed over.
    pub fn wake_all(&mut self) {
        *self.open.get_mut().unwrap_or_else(PoisonError::into_inner) = self.offers.clone();
    }

    fn open(&self) -> MutexGuard<'_, Offers> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes the offer of an account whose case is over.
    pub fn closed(&mut self, id: AccountId) {
        for offers in [&mut self.offers, self.open.get_mut().unwrap_or_else(PoisonError::into_inner)] {
            for sides in offers.values_mut() {
                sides.retain(|(_, offered)| *offered != id);
            }
        }
    }

    /// Drops all offers: a new version of the market voids those of the last.
    pub fn forget_offers(&mut self) {
        self.offers.clear();
        self.wake_all();
    }

    /// The case after `last` with an offer on a side of an instrument, the oldest first.
    /// With `open`, it passes over offers that rest.
    pub fn offer_after(
        &self,
        side: (InstrumentId, bool),
        last: Option<(u64, AccountId)>,
        open: bool,
    ) -> Option<(u64, AccountId)> {
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        let next = |offers: &Offers| offers.get(&side)?.range((from, Bound::Unbounded)).next().copied();
        if open { next(&self.open()) } else { next(&self.offers) }
    }

    /// Updates the status of an account that was judged.
    pub fn judged(&mut self, state: &State, id: AccountId) {
        let status = state.accounts[id.place()].status;
        for (set, is_member) in
            [(&mut self.unwell, status < Status::Healthy), (&mut self.below, status <= Status::Liquidation)]
        {
            if is_member {
                set.insert(id);
            } else {
                set.remove(&id);
            }
        }
    }

    /// Remembers every price that can matter to an account. None is ever forgotten: to judge once too often costs time,
    /// to judge once too rarely costs money.
    pub fn follow(&mut self, state: &State, id: AccountId) {
        let account = &state.accounts[id.place()];
        for balance in &account.balances {
            self.follow_asset(state, id, balance.asset);
        }
        let held = account.positions.iter().map(|held| held.instrument);
        for instrument in held.chain(account.orders.iter().map(|order| order.instrument)) {
            self.follow_instrument(state, id, instrument);
        }
    }

    /// Remembers that an asset can matter to an account.
    pub fn follow_asset(&mut self, state: &State, id: AccountId, asset: AssetId) {
        self.accounts[id.place()].depends.add_asset(state, asset);
    }

    /// Remembers that an instrument can matter to an account, and what it is quoted and paid in.
    pub fn follow_instrument(&mut self, state: &State, id: AccountId, instrument: InstrumentId) {
        self.accounts[id.place()].depends.add_instrument(state, instrument);
    }

    /// Whether a price that moved can matter to an account.
    pub fn concerns(&self, moved: &Mask, id: AccountId) -> bool {
        self.accounts[id.place()].depends.meets(moved)
    }
}

/// The place of a group among the groups.
fn place(group: u32) -> usize {
    usize::try_from(group).expect("a u32 fits")
}

#[cfg(test)]
mod tests {
    use units::{Money, Price, Timestamp};

    use super::*;
    use crate::state::{AccountState, Case, Offer, Policy};

    /// The accounts of an owner are linked in the order in which they were opened, whoever opens others in between.
    #[test]
    fn accounts_of_an_owner_are_linked() {
        let clock = Timestamp::from_micros(0);
        let (mut state, mut index) = (State::new(clock, String::new(), Policy::default()), Index::default());
        let owners = [7, 8, 7, 9, 8, 7];
        for (id, owner) in (0..).map(AccountId).zip(owners) {
            state.accounts.push(AccountState::new(format!("account-{id}"), owner));
            index.opened(&state, id);
            let all = (0..=id.0).map(AccountId);
            for known in all.clone() {
                let whose = |account: &AccountId| owners[account.place()] == owners[known.place()];
                assert_eq!(index.linked(known), all.clone().filter(whose).collect::<Vec<_>>());
            }
        }
    }

    /// An account whose case is over meets no other account with its old offer, though it may have a new case in the
    /// same version of the market.
    #[test]
    fn a_case_that_is_over_leaves_no_offer() {
        let clock = Timestamp::from_micros(0);
        let (mut state, mut index, id) =
            (State::new(clock, String::new(), Policy::default()), Index::default(), AccountId(7));
        let offered = |instrument, lots| {
            let version = 0;
            Some(Offer { instrument: InstrumentId(instrument), lots, worst: Price::ONE, version })
        };
        let case = |epoch, offer| {
            let (auction, markets, shared) = (None, Vec::new(), Money::ZERO);
            Case { epoch, opened: clock, offer, auction, markets, shared }
        };
        state.liquidations.cases.insert(id, case(1, offered(0, 5)));
        index.offered(&state, id);
        let offers = |index: &Index, instrument| {
            let next = |last: Option<_>| index.offer_after((InstrumentId(instrument), true), last, true);
            std::iter::successors(next(None), |last| next(Some(*last))).map(|(_, id)| id).collect::<Vec<_>>()
        };
        assert_eq!(offers(&index, 0), [id]);
        // An offer that rests is passed over until its account changes.
        index.rest((1, id));
        assert_eq!((offers(&index, 0), index.offers.values().map(BTreeSet::len).sum::<usize>()), (Vec::new(), 1));
        index.wake(&state, AccountId(8));
        assert!(offers(&index, 0).is_empty());
        index.wake(&state, id);
        assert_eq!(offers(&index, 0), [id]);
        index.rest((1, id));
        index.wake_all();
        assert_eq!(offers(&index, 0), [id]);
        state.liquidations.cases.remove(&id);
        index.closed(id);
        state.liquidations.cases.insert(id, case(2, offered(1, -5)));
        index.offered(&state, id);
        assert!(offers(&index, 0).is_empty());
        assert_eq!(index.offer_after((InstrumentId(1), false), None, true), Some((2, id)));
    }
}

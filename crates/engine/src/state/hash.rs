//! A hash of the state that is cheap to keep up to date: only parts that changed are hashed again.
//!
//! The state is cut into parts: the head, each listing, feed, pot and account. A part's hash is BLAKE3 over its name
//! and its encoding; the hash of the state is BLAKE3 over the sum of all part hashes modulo 2²⁵⁶. A sum does not depend
//! on the order in which parts came or changed, so a replay arrives at the same hash whatever the layout in memory. The
//! hash finds accidents and divergence; tampering is what the journal's chain is for.

use std::collections::{BTreeMap, BTreeSet};

use model::AssetId;
use serde::{Deserialize, Serialize};

use super::{AccountSet, Pot, State};
use crate::{AccountId, FeedId};

/// BLAKE3, 32 bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StateHash(pub [u8; 32]);

impl std::fmt::Display for StateHash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl std::fmt::Debug for StateHash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, formatter)
    }
}

/// A part of the state that is hashed by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Part {
    /// Clock, versions, counters, limiter.
    Head,
    /// Listings and prices.
    Market,
    /// Parameters and proposals.
    Governance,
    /// Flows, measures, backstops and the wait after an outage.
    Liquidations,
    /// The liquidation of an account.
    Case(AccountId),
    /// Terms and state of an instrument.
    Contract(usize),
    /// Cap and sums of an asset.
    Collateral(AssetId),
    /// Rules, reports and last quote of one feed.
    Feed(FeedId),
    /// The amount of one asset in one pot.
    Pot(Pot, AssetId),
    /// Balances, positions and orders of one account.
    Account(AccountId),
}

/// Hashes of the parts, and the parts whose hashes are out of date.
#[derive(Clone, Debug, Default)]
pub struct Hashes {
    /// Hashes of accounts, by number: accounts are many and are never removed.
    accounts: Vec<Option<[u8; 32]>>,
    /// The hashes of all other parts.
    known: BTreeMap<Part, [u8; 32]>,
    /// Accounts whose hashes are out of date: a fill changes two, and a set of bits takes them without a search.
    changed: AccountSet,
    /// All other parts whose hashes are out of date.
    touched: BTreeSet<Part>,
    sum: [u64; 4],
    complete: bool,
}

/// Two states are equal when their contents are equal, whatever was hashed of them.
impl PartialEq for Hashes {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Hashes {}

impl Hashes {
    /// Records that a part changed.
    pub fn touch(&mut self, part: Part) {
        if !self.complete {
            return;
        }
        if let Part::Account(id) = part {
            self.changed.insert(id);
        } else {
            self.touched.insert(part);
        }
    }

    /// Hashes the parts that changed since the last time; at first all parts.
    pub fn refresh(&mut self, state: &State) {
        let touched: Vec<Part> = if self.complete {
            let others = std::mem::take(&mut self.touched);
            self.changed.drain().map(Part::Account).chain(others).collect()
        } else {
            all(state).collect()
        };
        self.complete = true;
        for part in touched {
            let hash = encode(state, part).map(|bytes| {
                let mut hasher = blake3::Hasher::new();
                hasher.update(&postcard::to_stdvec(&part).expect("a part is plain data")).update(&bytes);
                *hasher.finalize().as_bytes()
            });
            let before = match (part, hash) {
                (Part::Account(id), hash) => {
                    if self.accounts.len() <= id.place() {
                        self.accounts.resize(state.accounts.len(), None);
                    }
                    std::mem::replace(&mut self.accounts[id.place()], hash)
                }
                (_, Some(hash)) => self.known.insert(part, hash),
                (_, None) => self.known.remove(&part),
            };
            if let Some(before) = before {
                self.add(before.map(|byte| !byte));
                let mut one = [0; 32];
                one[0] = 1;
                self.add(one);
            }
            if let Some(hash) = hash {
                self.add(hash);
            }
        }
    }

    /// The hash of the sum.
    pub fn root(&self) -> StateHash {
        let mut bytes = [0; 32];
        for (place, limb) in bytes.chunks_exact_mut(8).zip(self.sum) {
            place.copy_from_slice(&limb.to_le_bytes());
        }
        StateHash(*blake3::hash(&bytes).as_bytes())
    }

    /// Adds a hash to the sum modulo 2²⁵⁶, little end first.
    fn add(&mut self, hash: [u8; 32]) {
        let mut carry = false;
        for (limb, bytes) in self.sum.iter_mut().zip(hash.chunks_exact(8)) {
            let addend = u64::from_le_bytes(bytes.try_into().expect("chunks of eight"));
            let (sum, first) = limb.overflowing_add(addend);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            *limb = sum;
            carry = first || second;
        }
    }
}

/// Every part of a state.
fn all(state: &State) -> impl Iterator<Item = Part> {
    let accounts = (0..state.accounts.len()).map(|place| AccountId(u32::try_from(place).expect("ids are u32")));
    [Part::Head, Part::Market, Part::Governance, Part::Liquidations]
        .into_iter()
        .chain((0..state.contracts.len()).map(Part::Contract))
        .chain((0..state.collateral.len()).map(|asset| Part::Collateral(AssetId(asset))))
        .chain(state.liquidations.cases.keys().map(|account| Part::Case(*account)))
        .chain(state.feeds.keys().map(|feed| Part::Feed(*feed)))
        .chain(state.pots.keys().map(|(pot, asset)| Part::Pot(*pot, *asset)))
        .chain(accounts.map(Part::Account))
}

/// The encoding of a part; none when the state has it no longer.
fn encode(state: &State, part: Part) -> Option<Vec<u8>> {
    fn bytes(value: &impl Serialize) -> Vec<u8> {
        postcard::to_stdvec(value).expect("the state is plain data")
    }
    match part {
        Part::Head => Some(bytes(&(
            (state.clock, state.version, state.watched, &state.touched, &state.surface),
            (&state.locations, &state.open_interest_usd),
            (state.fund_reference, state.next_proposal, state.outflow, state.accrued, state.collateral_changed),
        ))),
        Part::Market => Some(bytes(&state.market)),
        Part::Governance => Some(bytes(&(&state.method, &state.policy, &state.proposals))),
        Part::Liquidations => {
            let all = &state.liquidations;
            Some(bytes(&(all.last_epoch, &all.flows, &all.cascades, all.calm, &all.backstops)))
        }
        Part::Case(id) => state.liquidations.cases.get(&id).map(bytes),
        Part::Contract(place) => state.contracts.get(place).map(bytes),
        Part::Collateral(asset) => state.collateral.get(asset.0).map(bytes),
        Part::Feed(feed) => state.feeds.get(&feed).map(bytes),
        Part::Pot(pot, asset) => state.pots.get(&(pot, asset)).map(bytes),
        Part::Account(id) => state.account(id).map(bytes),
    }
}

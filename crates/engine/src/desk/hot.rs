//! Accounts that trade: what a fill takes out of a reserve, and, when that is used up, rows of their cell in which it is asked
//! about and made without adding all up again.

use std::collections::BTreeMap;

use margin::cell::{Cell, Holding, Reserve, Scratch, Surplus, Trade};
use model::{AssetId, InstrumentId};
use units::{Overflow, Quantity, count};

use crate::state::{AccountState, Position, State};
use crate::{AccountId, LocationId};

/// Accounts that are kept: when there are more, all are let go and those that trade come back.
const KEPT: usize = 16_384;

/// Answers that are kept: a trade has two sides, and what is decided is done before the next is.
const ASKED: usize = 4;

/// Holdings of accounts that trade, each in one cell, and what was last asked about them.
#[derive(Debug, Default)]
pub struct Hot {
    scratch: Scratch,
    kept: BTreeMap<AccountId, (u32, Holding)>,
    proofs: Vec<Proof>,
    bills: Vec<Bill>,
}

/// One side of a trade: what it does to a position and to the balance it is paid from.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    /// The position after it.
    pub position: Position,
    /// Lots, negative when sold.
    pub lots: i64,
    /// What it is paid in.
    pub asset: AssetId,
    /// What the trade and its fee cost, negative when received.
    pub paid: Quantity,
    /// Units of the asset that the balance gains; negative when it loses.
    pub gained: Quantity,
}

/// What a trade would take out of a reserve.
#[derive(Clone, Copy, Debug)]
pub struct Bill {
    /// The account whose reserve it is.
    pub id: AccountId,
    /// The position after it.
    pub position: Position,
    /// What it is paid in.
    pub asset: AssetId,
    /// The balance of it after it.
    pub balance: Quantity,
    /// The number of the cell.
    pub cell: u32,
    /// What would be left of the reserve.
    pub reserve: Reserve,
}

impl Spent {
    /// As the cell sees it, with the balance as it would be.
    pub fn trade(&self, balance: Quantity) -> Trade {
        let Position { instrument, lots, cost } = self.position;
        Trade {
            instrument,
            lots: count(self.lots),
            held: count(lots),
            cost,
            asset: self.asset,
            paid: self.paid.to_f64(),
            gained: self.gained.to_f64(),
            owed: if balance.is_negative() { -balance.to_f64() } else { 0.0 },
        }
    }
}

/// What the last trade that was asked about would take out of the reserves of its two accounts, and which of them events have
/// changed as was expected.
#[derive(Debug, Default)]
pub struct Bills([Option<(Bill, bool)>; 2]);

impl Bills {
    /// Whether a balance of an account was expected to change.
    pub fn expect_balance(&mut self, id: AccountId, location: Option<LocationId>, asset: AssetId) -> bool {
        self.expect(id, |bill| location.is_none() && asset == bill.asset)
    }

    /// Whether a position of an account was expected to change.
    pub fn expect_position(&mut self, id: AccountId, instrument: InstrumentId) -> bool {
        self.expect(id, |bill| instrument == bill.position.instrument)
    }

    fn expect(&mut self, id: AccountId, expected: impl Fn(&Bill) -> bool) -> bool {
        let bill = self.0.iter_mut().flatten().find(|(bill, _)| bill.id == id);
        bill.is_some_and(|(bill, seen)| {
            *seen |= expected(bill);
            expected(bill)
        })
    }

    /// Those of accounts that have changed.
    pub fn seen(&self) -> impl Iterator<Item = &Bill> {
        self.0.iter().flatten().filter(|(_, seen)| *seen).map(|(bill, _)| bill)
    }
}

/// What an account would have above its margins everywhere in a cell, after a fill that was asked about.
#[derive(Debug)]
pub struct Proof {
    id: AccountId,
    after: AccountState,
    change: Change,
    /// The number of the cell.
    pub cell: u32,
    /// What it would have.
    pub surplus: Surplus,
}

/// What a fill changes: one position, and balances at the venue.
#[derive(Debug)]
struct Change {
    position: model::Position,
    credits: Vec<(AssetId, Quantity)>,
}

impl Hot {
    /// Memory for sums.
    pub fn scratch(&mut self) -> &mut Scratch {
        &mut self.scratch
    }

    /// What `id` would have everywhere in the cell of that number if it became `after`; none when that is more than a fill,
    /// or cannot be held. A holding that is stale is built afresh.
    pub fn ask(
        &mut self,
        state: &State,
        (number, cell): (u32, &Cell),
        (id, stale): (AccountId, bool),
        after: &AccountState,
    ) -> Option<Surplus> {
        let before = &state.accounts[id.place()];
        let change = change(state, before, after).ok().flatten()?;
        if stale || self.kept.get(&id).is_none_or(|(known, _)| *known != number) {
            let view = before.view(&state.contracts, &state.locations).ok()?;
            if self.kept.len() >= KEPT {
                self.kept.clear();
            }
            self.kept.insert(id, (number, cell.holding(&view)?));
        }
        let (_, holding) = self.kept.get_mut(&id)?;
        let surplus = cell.surplus_after(holding, &change.position, &change.credits, &mut self.scratch);
        cell.undo(holding);
        self.proofs.retain(|proof| proof.id != id);
        self.proofs.truncate(ASKED - 1);
        self.proofs.insert(0, Proof { id, after: after.clone(), change, cell: number, surplus });
        debug_assert!(self.kept.len() <= KEPT && self.proofs.len() <= ASKED, "what is kept has a limit");
        Some(surplus)
    }

    /// What was proven of an account that has become what was asked about; it is kept as that. Else it is let go.
    pub fn proven(&mut self, account: &AccountState, id: AccountId) -> Option<Proof> {
        let place = self.proofs.iter().position(|proof| proof.id == id);
        let proof = place.map(|place| self.proofs.swap_remove(place)).filter(|proof| same(&proof.after, account));
        if proof.is_none() {
            self.kept.remove(&id);
        }
        proof
    }

    /// Makes the fill of a proof in the holding of its account.
    pub fn make(&mut self, cell: &Cell, proof: &Proof) {
        if let Some((_, holding)) = self.kept.get_mut(&proof.id).filter(|(number, _)| *number == proof.cell) {
            let credits =
                proof.change.credits.iter().all(|(asset, amount)| cell.credit(holding, *asset, None, *amount));
            if !(credits && cell.trade(holding, &proof.change.position)) {
                self.kept.remove(&proof.id);
            }
        }
    }

    /// Remembers what a trade would take out of a reserve.
    pub fn owe(&mut self, bill: Bill) {
        if self.bills.len() == ASKED {
            self.bills.remove(0);
        }
        self.bills.push(bill);
        debug_assert!(self.bills.len() <= ASKED, "a trade has two sides: {} are kept", self.bills.len());
    }

    /// What the last trade that was asked about would take out of reserves.
    pub fn bills(&self) -> Bills {
        let mut last = self.bills.iter().rev().map(|bill| (*bill, false));
        Bills([last.next(), last.next()])
    }

    /// Lets everything go: cells or listings have changed.
    pub fn clear(&mut self) {
        self.kept.clear();
        self.forget_proofs();
    }

    /// What was asked about and not done is forgotten.
    pub fn forget_proofs(&mut self) {
        self.proofs.clear();
        self.bills.clear();
    }
}

/// Whether two accounts hold the same; what of a balance is profit does not matter to what it is worth.
fn same(one: &AccountState, other: &AccountState) -> bool {
    let balances = one.balances.iter().zip(&other.balances);
    one.positions == other.positions
        && one.orders == other.orders
        && one.balances.len() == other.balances.len()
        && balances
            .into_iter()
            .all(|(one, other)| (one.asset, one.location, one.amount) == (other.asset, other.location, other.amount))
}

/// What makes `before` into `after` when that is a fill of an account without orders.
fn change(state: &State, before: &AccountState, after: &AccountState) -> Result<Option<Change>, Overflow> {
    if !before.orders.is_empty() || !after.orders.is_empty() {
        return Ok(None);
    }
    let mut credits = Vec::new();
    for balance in after.balances.iter().chain(&before.balances) {
        let (asset, location) = (balance.asset, balance.location);
        let amount = after.balance(asset, location).amount.minus(before.balance(asset, location).amount)?;
        if amount == Quantity::ZERO || credits.iter().any(|(known, _)| *known == asset) {
            continue;
        }
        if location.is_some() {
            return Ok(None);
        }
        credits.push((asset, amount));
    }
    let mut changed = None;
    for held in after.positions.iter().chain(&before.positions) {
        let now = after.position(held.instrument);
        if now == before.position(held.instrument) || changed == Some(now) {
            continue;
        }
        if changed.is_some() {
            return Ok(None);
        }
        changed = Some(now);
    }
    let Some(position) = changed else { return Ok(None) };
    let position = position.view(&state.contracts[position.instrument.0].terms)?;
    Ok(Some(Change { position, credits }))
}

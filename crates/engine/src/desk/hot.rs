//! Accounts that trade. A fill is taken out of a reserve. When the reserve is used up, the fill is checked and made in
//! rows of the account's cell, without adding all of it up again.

use std::collections::BTreeMap;

use margin::cell::{Cell, Holding, Reserve, Scratch, Surplus, Trade};
use model::{AssetId, InstrumentId};
use units::{Overflow, Quantity, count};

use crate::state::{AccountState, Position, State};
use crate::{AccountId, LocationId};

/// The most accounts that are kept: when there are more, all are dropped, and those that trade come back.
const KEPT: usize = 16_384;

/// The most answers that are kept: a trade has two sides, and a decision is carried out before the next is made.
const ASKED: usize = 4;

/// Holdings of accounts that trade, each in one cell, and the last answers about them.
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
    /// The position after the trade.
    pub position: Position,
    /// Lots, negative when sold.
    pub lots: i64,
    /// The asset that the trade is paid in.
    pub asset: AssetId,
    /// Cost of the trade and its fee; negative when received.
    pub paid: Quantity,
    /// Units of the asset that the balance gains; negative when it loses.
    pub gained: Quantity,
}

/// The amount that a trade would take out of a reserve.
#[derive(Clone, Copy, Debug)]
pub struct Bill {
    /// The account whose reserve it is.
    pub id: AccountId,
    /// The position after the trade.
    pub position: Position,
    /// The asset that the trade is paid in.
    pub asset: AssetId,
    /// The balance of this asset after the trade.
    pub balance: Quantity,
    /// The number of the cell.
    pub cell: u32,
    /// The reserve that would be left.
    pub reserve: Reserve,
}

impl Spent {
    /// The trade as the cell sees it, with `balance` as the balance after it.
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

/// The bills of the two accounts of the last trade that was checked, and whether events have changed each account
/// as was expected.
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

    /// The bills of accounts that have changed.
    pub fn seen(&self) -> impl Iterator<Item = &Bill> {
        self.0.iter().flatten().filter(|(_, seen)| *seen).map(|(bill, _)| bill)
    }
}

/// The equity above its margins that an account would have everywhere in a cell, after a fill that was checked.
#[derive(Debug)]
pub struct Proof {
    id: AccountId,
    after: AccountState,
    change: Change,
    /// The number of the cell.
    pub cell: u32,
    /// The equity above its margins that the account would have.
    pub surplus: Surplus,
}

/// The change that a fill makes: one position, and balances at the venue.
#[derive(Debug)]
struct Change {
    position: model::Position,
    credits: Vec<(AssetId, Quantity)>,
}

impl Hot {
    /// Working memory for sums.
    pub fn scratch(&mut self) -> &mut Scratch {
        &mut self.scratch
    }

    /// The equity above its margins that `id` would have everywhere in the cell of that number if it became `after`;
    /// none when the change is more than a fill, or the cell cannot hold it. A stale holding is built afresh.
    pub fn ask(
        &mut self,
        state: &State,
        number: u32,
        cell: &Cell,
        id: AccountId,
        stale: bool,
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

    /// The proof for an account that has become as the check assumed; its holding is kept. Otherwise the holding is dropped.
    pub fn proven(&mut self, account: &AccountState, id: AccountId) -> Option<Proof> {
        let place = self.proofs.iter().position(|proof| proof.id == id);
        let proof = place.map(|place| self.proofs.swap_remove(place)).filter(|proof| same(&proof.after, account));
        if proof.is_none() {
            self.kept.remove(&id);
        }
        proof
    }

    /// Carries out the fill of a proof in the holding of its account.
    pub fn make(&mut self, cell: &Cell, proof: &Proof) {
        if let Some((_, holding)) = self.kept.get_mut(&proof.id).filter(|(number, _)| *number == proof.cell) {
            let credits =
                proof.change.credits.iter().all(|(asset, amount)| cell.credit(holding, *asset, None, *amount));
            if !(credits && cell.trade(holding, &proof.change.position)) {
                self.kept.remove(&proof.id);
            }
        }
    }

    /// Remembers the bill of a trade.
    pub fn owe(&mut self, bill: Bill) {
        if self.bills.len() == ASKED {
            self.bills.remove(0);
        }
        self.bills.push(bill);
        debug_assert!(self.bills.len() <= ASKED, "a trade has two sides: {} are kept", self.bills.len());
    }

    /// The bills of the last trade that was checked.
    pub fn bills(&self) -> Bills {
        let mut last = self.bills.iter().rev().map(|bill| (*bill, false));
        Bills([last.next(), last.next()])
    }

    /// Drops everything: cells or listings have changed.
    pub fn clear(&mut self) {
        self.kept.clear();
        self.forget_proofs();
    }

    /// Forgets the trades that were checked and not made.
    pub fn forget_proofs(&mut self) {
        self.proofs.clear();
        self.bills.clear();
    }
}

/// Whether two accounts hold the same. The part of a balance that is profit does not matter to its value.
fn same(one: &AccountState, other: &AccountState) -> bool {
    let balances = one.balances.iter().zip(&other.balances);
    one.positions == other.positions
        && one.orders == other.orders
        && one.balances.len() == other.balances.len()
        && balances
            .into_iter()
            .all(|(one, other)| (one.asset, one.location, one.amount) == (other.asset, other.location, other.amount))
}

/// The change from `before` to `after`, when it is a fill of an account without orders.
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

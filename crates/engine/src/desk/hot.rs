//! Accounts that trade: kept in the rows of their cell, so that a fill is asked about and made without adding all up again.

use std::collections::BTreeMap;

use margin::cell::{Cell, Holding, Scratch, Surplus};
use model::{AssetId, Position};
use units::{Overflow, Quantity};

use crate::AccountId;
use crate::state::{AccountState, State};

/// Accounts that are kept: when there are more, all are let go and those that trade come back.
const KEPT: usize = 16_384;

/// Holdings of accounts that trade, each in one cell, and what was last asked about them.
#[derive(Debug, Default)]
pub struct Hot {
    scratch: Scratch,
    kept: BTreeMap<AccountId, (u64, Holding)>,
    proofs: Vec<Proof>,
}

/// What an account would have above its margins everywhere in a cell, after a fill that was asked about.
#[derive(Debug)]
pub struct Proof {
    id: AccountId,
    after: AccountState,
    change: Change,
    /// The number of the cell.
    pub cell: u64,
    /// What it would have.
    pub surplus: Surplus,
}

/// What a fill changes: one position, and balances at the venue.
#[derive(Debug)]
struct Change {
    position: Position,
    credits: Vec<(AssetId, Quantity)>,
}

impl Hot {
    /// Memory for sums.
    pub fn scratch(&mut self) -> &mut Scratch {
        &mut self.scratch
    }

    /// What `id` would have everywhere in the cell of that number if it became `after`; none when that is more than a fill,
    /// or cannot be held.
    pub fn ask(
        &mut self,
        state: &State,
        (number, cell): (u64, &Cell),
        id: AccountId,
        after: &AccountState,
    ) -> Option<Surplus> {
        let before = &state.accounts[id.place()];
        let change = change(state, before, after).ok().flatten()?;
        if self.kept.get(&id).is_none_or(|(known, _)| *known != number) {
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
        self.proofs.push(Proof { id, after: after.clone(), change, cell: number, surplus });
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

    /// Lets everything go: cells or listings have changed.
    pub fn clear(&mut self) {
        self.kept.clear();
        self.proofs.clear();
    }

    /// What was asked about and not done is forgotten.
    pub fn forget_proofs(&mut self) {
        self.proofs.clear();
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

//! What an account holds after some trades, as its difference from the account before them.
//!
//! A search that tries hundreds of trades changes a few positions at a time. It neither copies the other positions nor
//! looks at them again.

use model::{Account, AssetId, Balance, InstrumentId, Position};
use units::Quantity;

/// What an account holds after some trades. The account itself is kept beside it; its positions are in the order of
/// instruments, each instrument once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// The positions that trades changed or opened, in the order of instruments. One that was closed has no contracts.
    pub positions: Vec<Position>,
    /// Every balance, with the amount that trades have left in it.
    pub balances: Vec<Held>,
}

/// A balance after some trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The number of the asset in the market.
    pub asset: AssetId,
    /// Units, negative when owed.
    pub amount: Quantity,
    /// The index of the balance in the account; none when trades opened it.
    pub place: Option<usize>,
    /// Whether a chain, bridge or custodian holds it, and not the venue itself.
    pub is_elsewhere: bool,
}

impl Holdings {
    /// The holdings of an account before any trade.
    pub fn of(account: &Account) -> Self {
        let held = |(place, balance): (usize, &Balance)| Held {
            asset: balance.asset,
            amount: balance.amount,
            place: Some(place),
            is_elsewhere: balance.location.is_some(),
        };
        Self { positions: Vec::new(), balances: account.balances.iter().enumerate().map(held).collect() }
    }

    /// Becomes equal to `other`, in the same memory.
    pub fn copy(&mut self, other: &Self) {
        self.positions.clone_from(&other.positions);
        self.balances.clone_from(&other.balances);
    }

    /// The position in an instrument; none where there are no contracts.
    pub fn position(&self, account: &Account, instrument: InstrumentId) -> Option<Position> {
        let of = |held: &Position| held.instrument;
        let changed = self.positions.iter().find(|held| of(held) == instrument);
        let before =
            || account.positions.binary_search_by_key(&instrument, of).ok().map(|place| &account.positions[place]);
        changed.or_else(before).filter(|held| held.quantity != Quantity::ZERO).copied()
    }

    /// Changes the position in an instrument.
    pub fn set(&mut self, position: Position) {
        match self.positions.binary_search_by_key(&position.instrument, |held| held.instrument) {
            Ok(place) => self.positions[place] = position,
            Err(place) => self.positions.insert(place, position),
        }
    }

    /// The account that holds this, without orders; `account` is the one before the trades.
    pub fn account(&self, account: &Account) -> Account {
        let mut positions = account.positions.clone();
        for changed in &self.positions {
            match positions.binary_search_by_key(&changed.instrument, |held| held.instrument) {
                Ok(place) if changed.quantity == Quantity::ZERO => drop(positions.remove(place)),
                Ok(place) => positions[place] = *changed,
                Err(_) if changed.quantity == Quantity::ZERO => {}
                Err(place) => positions.insert(place, *changed),
            }
        }
        let location = |held: &Held| held.place.and_then(|place| account.balances[place].location.clone());
        let balance = |held: &Held| Balance { asset: held.asset, amount: held.amount, location: location(held) };
        let balances = self.balances.iter().map(balance).collect();
        Account { name: account.name.clone(), balances, positions, orders: Vec::new() }
    }
}

//! The ledger of amounts: every amount that leaves a holder arrives at another.

use model::{AssetId, InstrumentId, UnderlyingId};
use serde::{Deserialize, Serialize};
use units::Quantity;

use super::{Balance, Part, State};
use crate::{AccountId, Cause, LocationId};

/// A holder of an amount: an account or a pot. Over all holders the amounts of an asset add up to 0 (I-08).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Holder {
    /// An account, at a location.
    Account(AccountId, Option<LocationId>),
    /// A pot that belongs to no account.
    Pot(Pot),
}

impl Holder {
    /// Whether the holder is account `id`, at any location.
    pub fn is_of(self, id: AccountId) -> bool {
        match self {
            Self::Account(account, _) => account == id,
            Self::Pot(_) => false,
        }
    }
}

/// A holder that is no account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Pot {
    /// The world outside: minus the amount that is in custody at a location.
    Custody(Option<LocationId>),
    /// Clears between winners and losers of an instrument: minus the sum of the costs of its positions.
    Clearing(InstrumentId),
    /// Trading fees that the venue has taken.
    Fees,
    /// Remainders of rounding.
    Rounding,
    /// The fund that pays first for losses in the instruments of one underlying.
    MarketFund(UnderlyingId),
    /// The fund that pays next, for losses in all underlyings.
    SharedFund,
}

/// The largest amount of a movement: far below the size at which sums over all accounts could overflow.
pub const LARGEST_AMOUNT: Quantity = Quantity::from_raw(1_000_000_000_000 * Quantity::ONE.raw());

const IN_RANGE: &str = "amounts are limited far below overflow";

/// The part of an amount that is held and not owed: 0 when it is negative.
fn positive(amount: Quantity) -> Quantity {
    amount.max(Quantity::ZERO)
}

/// Whether the profit of a balance is a part of it: not below 0, and not more than the amount (I-28).
pub fn is_own(balance: &Balance) -> bool {
    (Quantity::ZERO..=positive(balance.amount)).contains(&balance.profit)
}

impl State {
    /// Moves an amount. An amount that an account receives pays its debt first; profit is recorded as profit.
    pub(crate) fn shift(&mut self, from: Holder, to: Holder, asset: AssetId, amount: Quantity, cause: Cause) {
        debug_assert!(amount > Quantity::ZERO, "I-45: {amount} moves from {from:?} to {to:?}");
        self.take(from, asset, amount, cause);
        self.give(to, asset, amount, cause);
    }

    fn take(&mut self, from: Holder, asset: AssetId, amount: Quantity, cause: Cause) {
        let (id, location) = match from {
            Holder::Pot(pot) => return self.pour(pot, asset, amount.negated().expect(IN_RANGE)),
            Holder::Account(id, location) => (id, location),
        };
        let leaves = cause.is_by_wish();
        let (fell, of_profit) = self.accounts[id.place()].change_balance(asset, location, |balance| {
            let before = balance.amount;
            balance.amount = before.minus(amount).expect(IN_RANGE);
            // An amount that leaves by the owner's wish is taken from money that is not profit first; a loss is taken
            // from profit first.
            let own = before.minus(balance.profit).expect(IN_RANGE).max(Quantity::ZERO);
            let of_profit = if leaves { amount.minus(own).expect(IN_RANGE).max(Quantity::ZERO) } else { amount };
            let of_profit = of_profit.min(balance.profit);
            balance.profit = balance.profit.minus(of_profit).expect(IN_RANGE);
            debug_assert!(is_own(balance), "I-28: {balance:?}");
            (positive(before).minus(positive(balance.amount)).expect(IN_RANGE), of_profit)
        });
        let collateral = &mut self.collateral[asset.0];
        collateral.held = collateral.held.minus(fell).expect(IN_RANGE);
        let paid = fell.minus(of_profit).expect(IN_RANGE);
        let settled = if leaves {
            // Profit that leaves takes with it the money that its loser paid.
            of_profit.negated()
        } else if cause.is_profit() {
            // The part of a loss that was paid out of the loser's own money backs a winner's profit.
            Ok(paid)
        } else {
            // A fee that was not paid out of own money was taken from money that backs profits.
            paid.minus(amount)
        };
        collateral.settled = collateral.settled.plus(settled.expect(IN_RANGE)).expect(IN_RANGE);
        self.hashes.touch(Part::Account(id));
        self.hashes.touch(Part::Collateral(asset));
    }

    fn give(&mut self, to: Holder, asset: AssetId, amount: Quantity, cause: Cause) {
        let (id, location) = match to {
            Holder::Pot(pot) => return self.pour(pot, asset, amount),
            Holder::Account(id, location) => (id, location),
        };
        let rose = self.accounts[id.place()].change_balance(asset, location, |balance| {
            let before = balance.amount;
            balance.amount = before.plus(amount).expect(IN_RANGE);
            let rose = positive(balance.amount).minus(positive(before)).expect(IN_RANGE);
            if cause.is_profit() {
                balance.profit = balance.profit.plus(rose).expect(IN_RANGE);
            }
            debug_assert!(is_own(balance), "I-28: {balance:?}");
            rose
        });
        let collateral = &mut self.collateral[asset.0];
        collateral.held = collateral.held.plus(rose).expect(IN_RANGE);
        if !cause.is_profit() {
            // Own money that repays a debt pays a loss after all.
            let repaid = amount.minus(rose).expect(IN_RANGE);
            collateral.settled = collateral.settled.plus(repaid).expect(IN_RANGE);
        }
        self.hashes.touch(Part::Account(id));
        self.hashes.touch(Part::Collateral(asset));
    }

    fn pour(&mut self, pot: Pot, asset: AssetId, amount: Quantity) {
        let held = self.pots.entry((pot, asset)).or_default();
        *held = held.plus(amount).expect(IN_RANGE);
        if *held == Quantity::ZERO {
            self.pots.remove(&(pot, asset));
        }
        self.hashes.touch(Part::Pot(pot, asset));
    }

    /// Whether every asset adds up to 0 over all holders (I-08), and its recorded holdings are the sum of the balances
    /// above 0 (I-07). The error names the asset for which this fails.
    ///
    /// Events cannot break this, because an amount is taken and given in one step. So it holds for every state that
    /// began as an empty engine, and a snapshot that breaks it was not made by an engine.
    pub(crate) fn adds_up(&self) -> Result<(), String> {
        let mut sums = vec![(0_i128, 0_i128); self.collateral.len()];
        // Sums that wrap around are still exact: amounts that add up to 0 do so here too.
        for balance in self.accounts.iter().flat_map(|account| &account.balances) {
            let (all, held) = &mut sums[balance.asset.0];
            *all = all.wrapping_add(balance.amount.raw());
            *held = held.wrapping_add(positive(balance.amount).raw());
        }
        for ((_, asset), amount) in &self.pots {
            let (all, _) = &mut sums[asset.0];
            *all = all.wrapping_add(amount.raw());
        }
        for (place, ((all, held), known)) in sums.into_iter().zip(&self.collateral).enumerate() {
            let (all, held) = (Quantity::from_raw(all), Quantity::from_raw(held));
            if all != Quantity::ZERO {
                return Err(format!("I-08: over all holders asset {place} adds up to {all}, expected 0"));
            }
            if held != known.held {
                return Err(format!("I-07: {} of asset {place} is said to be held, balances hold {held}", known.held));
            }
        }
        Ok(())
    }

    /// The sum of an asset over all holders: always 0 (I-08).
    pub fn sum(&self, asset: AssetId) -> Quantity {
        let accounts = self.accounts.iter().flat_map(|account| &account.balances);
        let balances = accounts.filter(|balance| balance.asset == asset).map(|balance| balance.amount);
        let pots = self.pots.iter().filter(|((_, whose), _)| *whose == asset).map(|(_, amount)| *amount);
        balances.chain(pots).fold(Quantity::ZERO, |sum, amount| sum.plus(amount).expect(IN_RANGE))
    }
}

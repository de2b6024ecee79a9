//! Books the steps of liquidations from their facts: the lots, their receivers and prices, and the payments between
//! accounts.
//!
//! The engine chooses what a step does. The cost of that is computed here like the cost of any other trade.

use engine::state::{Holder, Pot};
use engine::{Cause, Event};

use super::{Books, Who, Why, cost};
use crate::{Finding, ensure};

impl Books {
    /// Books the deeds that a step for `account` reports: transfers of lots, payments for them, and cover.
    pub(super) fn forced(&mut self, account: usize, events: &[Event]) -> Result<(), Finding> {
        for event in events {
            if let Event::Transferred { instrument, from, to, lots, price, .. } = event {
                ensure(from.place() == account && *lots != 0, "I-35", || {
                    format!("{lots} lots of account {from} went in the liquidation of account {account}")
                })?;
                self.stranger(account, to.place())?;
                // The mark need not be on a tick: the amount that one side pays is the amount that the other gets, to the
                // last unit.
                let paid = cost(&self.contracts[instrument.0].terms, *lots, price.raw());
                self.booked(account, instrument.0, *lots, paid);
                self.booked(to.place(), instrument.0, lots.saturating_neg(), -paid);
            }
            if let Event::Moved { from, to, asset, amount, cause: Cause::Takeover } = event {
                // Collateral that pays for a takeover stays at its location.
                let (Holder::Account(from, at), Holder::Account(to, there)) = (from, to) else {
                    return Err(Finding::new("I-45", format!("a take-over moved {amount} from {from:?} to {to:?}")));
                };
                ensure(at == there, "I-45", || format!("a take-over moved {amount} from {at:?} to {there:?}"))?;
                let other = if from.place() == account { to.place() } else { from.place() };
                ensure(from.place() == account || to.place() == account, "I-45", || {
                    format!("account {from} paid account {to} in the liquidation of account {account}")
                })?;
                self.stranger(account, other)?;
                let place = at.map(|at| at.0);
                let way = (Who::Account(from.place(), place), Who::Account(to.place(), place));
                // The payment may come out of profit that its loser has not paid.
                self.paid(way, asset.0, amount.raw(), Why::Profit)?;
            }
            if let Event::Moved { from, to, asset, amount, cause: Cause::Cover } = event {
                let (Holder::Pot(fund @ (Pot::MarketFund(_) | Pot::SharedFund)), Holder::Account(to, None)) =
                    (from, to)
                else {
                    return Err(Finding::new("I-47", format!("{from:?} covered {amount} for {to:?}")));
                };
                ensure(to.place() == account, "I-47", || format!("a loss of account {to} was covered"))?;
                let way = (Who::Pot(*fund), Who::Account(account, None));
                self.paid(way, asset.0, amount.raw(), Why::Other)?;
                let left = self.fund(*fund, asset.0);
                ensure(left >= 0, "I-47", || format!("{fund:?} paid {amount} and has {left} left"))?;
            }
        }
        Ok(())
    }

    /// The amount of an asset that a fund has.
    pub fn fund(&self, fund: Pot, asset: usize) -> i128 {
        self.pots.get(&(fund, asset)).copied().unwrap_or(0)
    }

    /// All assets of which a fund has an amount, with the amounts.
    pub fn of_fund(&self, fund: Pot) -> impl Iterator<Item = (usize, i128)> {
        self.pots.iter().filter(move |((pot, _), _)| *pot == fund).map(|((_, asset), amount)| (*asset, *amount))
    }

    /// The books as they would be after a trade that was not made, without the orders of the account.
    pub(crate) fn supposing(&self, account: usize, instrument: usize, (price, lots): (i128, i64), cost: i128) -> Self {
        let mut books = self.clone();
        books.accounts[account].orders.clear();
        books.trade(account, instrument, price, lots);
        let asset = books.contracts[instrument].terms.cash().0;
        books.post(Who::Account(account, None), Who::Pot(Pot::Rounding), asset, cost, Why::Other);
        books
    }

    fn paid(&mut self, way: (Who, Who), asset: usize, amount: i128, why: Why) -> Result<(), Finding> {
        ensure(amount > 0, "I-45", || format!("{amount} of asset {asset} was paid in a liquidation"))?;
        let (from, to) = way;
        self.post(from, to, asset, amount, why);
        Ok(())
    }

    /// No account takes over from an account of the same owner (I-39).
    fn stranger(&self, account: usize, other: usize) -> Result<(), Finding> {
        let linked = self.accounts[account].owner == self.accounts[other].owner;
        ensure(!linked, "I-39", || format!("account {other} takes over from account {account} of its owner"))
    }
}

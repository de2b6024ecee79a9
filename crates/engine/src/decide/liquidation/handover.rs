//! Lots that go from one account to another without the market.

use std::collections::BTreeMap;

use model::{AssetId, InstrumentId};
use units::{Money, Overflow, Price, Quantity, Round, Timestamp};

use crate::decide::legs::follow;
use crate::decide::postings::{cost, exchange, moved, venue};
use crate::layers::{l0, l4};
use crate::state::{AccountState, Holder, Pot, State, times};
use crate::{AccountId, Cause, Event, Reject};

/// An account that hands over what it has, as it becomes less.
pub struct Handover<'a> {
    state: &'a State,
    /// When.
    pub now: Timestamp,
    id: AccountId,
    /// The account as the events so far leave it.
    pub account: AccountState,
    /// What happens.
    pub events: Vec<Event>,
    open: BTreeMap<InstrumentId, i64>,
}

impl<'a> Handover<'a> {
    /// Nothing yet.
    pub fn new(state: &'a State, now: Timestamp, id: AccountId) -> Self {
        let account = state.accounts[id.place()].clone();
        Self { state, now, id, account, events: Vec::new(), open: BTreeMap::new() }
    }

    /// Trades `lots`, signed as the account trades them, with `to` at a price. `to` trades an instrument once.
    pub fn give(&mut self, instrument: InstrumentId, price: Price, lots: i64, to: AccountId) -> Result<(), Reject> {
        let contract = l0::contract(self.state, instrument)?;
        let taker = l0::account(self.state, to)?.position(instrument);
        let giver = self.account.position(instrument);
        let start = self.events.len();
        let paid = cost(times(contract.terms.unit(), lots)?, price, &contract.terms)?;
        let sides = [(self.id, giver, lots), (to, taker, lots.saturating_neg())];
        exchange(&mut self.events, sides, &contract.terms, paid)?;
        let open = self.open.get(&instrument).copied().unwrap_or(contract.open);
        let long = |before: i64, more: i64| (before + more).max(0) - before.max(0);
        let open = open + long(giver.lots, lots) + long(taker.lots, -lots);
        self.open.insert(instrument, open);
        self.events.push(Event::Transferred { instrument, from: self.id, to, lots, price, open });
        follow(&mut self.account, self.id, &self.events[start..])?;
        // What was offered for either was offered for what it had.
        for account in [self.id, to] {
            let outdated = l4::outdated(self.state, account).filter(|event| !self.events.contains(event));
            self.events.extend(outdated);
        }
        Ok(())
    }

    /// Moves USD worth from the account to another, in the assets it has at the venue, in order; gives what could not be
    /// moved.
    pub fn pay(&mut self, to: AccountId, usd: Money, cause: Cause) -> Result<Money, Reject> {
        let mut left = usd;
        let held: Vec<(AssetId, Quantity)> = self
            .account
            .balances
            .iter()
            .filter(|held| held.location.is_none())
            .map(|held| (held.asset, held.amount))
            .collect();
        for (asset, there) in held {
            let Some((amount, worth)) = part(self.state, asset, there, left)? else { continue };
            let start = self.events.len();
            moved(&mut self.events, (venue(self.id), venue(to)), asset, amount, cause)?;
            follow(&mut self.account, self.id, &self.events[start..])?;
            left = left.minus(worth)?.max(Money::ZERO);
        }
        Ok(left)
    }

    /// The same from another account to this one.
    pub fn receive(&mut self, from: AccountId, usd: Money, cause: Cause) -> Result<Money, Reject> {
        let mut left = usd;
        for held in self.state.accounts[from.place()].balances.iter().filter(|held| held.location.is_none()) {
            let Some((amount, worth)) = part(self.state, held.asset, held.amount, left)? else { continue };
            let start = self.events.len();
            moved(&mut self.events, (venue(from), venue(self.id)), held.asset, amount, cause)?;
            follow(&mut self.account, self.id, &self.events[start..])?;
            left = left.minus(worth)?.max(Money::ZERO);
        }
        Ok(left)
    }

    /// Moves USD worth from a fund to the account, in the assets it has, in order; gives what it had too little of.
    pub fn draw(&mut self, fund: Pot, usd: Money) -> Result<Money, Reject> {
        let mut left = usd;
        for ((pot, asset), there) in self.state.pots.range((fund, AssetId(0))..=(fund, AssetId(usize::MAX))) {
            debug_assert_eq!(*pot, fund, "a range of one pot");
            let Some((amount, worth)) = part(self.state, *asset, *there, left)? else { continue };
            let start = self.events.len();
            moved(&mut self.events, (Holder::Pot(fund), venue(self.id)), *asset, amount, Cause::Cover)?;
            follow(&mut self.account, self.id, &self.events[start..])?;
            left = left.minus(worth)?.max(Money::ZERO);
        }
        Ok(left)
    }
}

/// How much of an asset is worth `usd`, rounded up, at most what is there; and what that is worth, rounded down. None when there
/// is nothing to give.
fn part(state: &State, asset: AssetId, there: Quantity, usd: Money) -> Result<Option<(Quantity, Money)>, Overflow> {
    let price = state.market.assets[asset.0].price;
    if usd <= Money::ZERO || there <= Quantity::ZERO || price <= Price::ZERO {
        return Ok(None);
    }
    let amount = Quantity::from_raw(usd.raw()).over(price, Round::Up)?.min(there);
    Ok(Some((amount, amount.at(price, Round::Down)?)))
}

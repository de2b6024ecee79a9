//! Lots that go from one account to another outside the market, and the payments for them.

use std::collections::{BTreeMap, BTreeSet};

use model::{AssetId, InstrumentId};
use units::{Money, Overflow, Price, Quantity, Ratio, Round, Timestamp};

use super::outdated;
use crate::decide::legs::follow;
use crate::decide::postings::{cost, exchange, moved, venue};
use crate::feeds;
use crate::layers::{l0, l1};
use crate::state::{AccountState, Balance, Holder, Pot, State, times};
use crate::{AccountId, Cause, Context, Desk, Event, Reject};

/// An account that hands over positions and money, as each step leaves it.
pub struct Handover<'a> {
    state: &'a State,
    now: Timestamp,
    id: AccountId,
    /// The account as the events so far leave it.
    account: AccountState,
    /// The events so far, in order.
    pub events: Vec<Event>,
    /// Lots open after the events so far, for instruments that were given.
    open: BTreeMap<InstrumentId, i64>,
    /// Accounts that took a part of the portfolio.
    takers: BTreeSet<AccountId>,
}

impl<'a> Handover<'a> {
    /// A handover in which nothing has been given yet.
    pub fn new(state: &'a State, now: Timestamp, id: AccountId) -> Self {
        let account = state.accounts[id.place()].clone();
        Self { state, now, id, account, events: Vec::new(), open: BTreeMap::new(), takers: BTreeSet::new() }
    }

    /// Trades `lots`, signed as the account trades them, with `to` at a price. `to` may trade each instrument once.
    pub fn give(&mut self, instrument: InstrumentId, price: Price, lots: i64, to: AccountId) -> Result<(), Reject> {
        let contract = l0::contract(self.state, instrument)?;
        let taker = l0::account(self.state, to)?.position(instrument);
        let giver = self.account.position(instrument);
        let start = self.events.len();
        let paid = cost(times(contract.terms.unit(), lots)?, price, &contract.terms)?;
        let sides = [(self.id, giver, lots), (to, taker, lots.saturating_neg())];
        exchange(&mut self.events, sides, &contract.terms, paid)?;
        let open = self.open.get(&instrument).copied().unwrap_or(contract.open);
        let long = |before: i64, more: i64| Some(before.checked_add(more)?.max(0) - before.max(0));
        let longs = [long(giver.lots, lots), long(taker.lots, lots.saturating_neg())];
        let sum = longs.into_iter().try_fold(open, |open, more| open.checked_add(more?));
        let open = sum.filter(|open| *open >= 0).ok_or(Overflow { quantity: "open interest" })?;
        self.open.insert(instrument, open);
        self.takers.insert(to);
        self.events.push(Event::Transferred { instrument, from: self.id, to, lots, price, open });
        follow(&mut self.account, self.id, &self.events[start..])?;
        Ok(())
    }

    /// Gives a share of every position in an open market at the mark, in whole lots, rounded towards 0; a share of 1
    /// gives all of it.
    pub fn give_share(&mut self, share: Ratio, to: AccountId) -> Result<(), Reject> {
        for held in &self.state.accounts[self.id.place()].positions {
            let lots = part_of(held.lots, share)?;
            if lots != 0 && is_open(self.state, self.now, held.instrument) {
                self.give(held.instrument, self.state.market.mark(held.instrument).in_quote(), -lots, to)?;
            }
        }
        Ok(())
    }

    /// Pays USD worth to another account, in the account's assets that carry a valid price, those at the venue first;
    /// each asset stays at its location. Returns the USD that could not be paid.
    pub fn pay(&mut self, to: AccountId, usd: Money, cause: Cause) -> Result<Money, Reject> {
        let there = priced(self.state, self.now, &self.account);
        self.between(self.id, to, &there, usd, cause)
    }

    /// Receives USD worth from another account in the same way.
    pub fn receive(&mut self, from: AccountId, usd: Money, cause: Cause) -> Result<Money, Reject> {
        let there = priced(self.state, self.now, &self.state.accounts[from.place()]);
        self.between(from, self.id, &there, usd, cause)
    }

    fn between(
        &mut self,
        from: AccountId,
        to: AccountId,
        there: &[Balance],
        usd: Money,
        cause: Cause,
    ) -> Result<Money, Reject> {
        let mut left = usd;
        for Balance { asset, location, amount, .. } in there {
            let [from, to] = [from, to].map(|account| Holder::Account(account, *location));
            left = self.transfer(from, to, &[(*asset, *amount)], left, cause)?;
        }
        Ok(left)
    }

    /// An account as the events so far leave it.
    pub fn leaves(&self, id: AccountId) -> Result<AccountState, Overflow> {
        let mut after = self.state.accounts[id.place()].clone();
        follow(&mut after, id, &self.events)?;
        Ok(after)
    }

    /// Receives USD worth from a fund in the same way.
    pub fn draw(&mut self, fund: Pot, usd: Money) -> Result<Money, Reject> {
        let held = self.state.pots.range((fund, AssetId(0))..=(fund, AssetId(usize::MAX)));
        let there: Vec<(AssetId, Quantity)> = held.map(|((_, asset), amount)| (*asset, *amount)).collect();
        self.transfer(Holder::Pot(fund), venue(self.id), &there, usd, Cause::Cover)
    }

    fn transfer(
        &mut self,
        from: Holder,
        to: Holder,
        there: &[(AssetId, Quantity)],
        usd: Money,
        cause: Cause,
    ) -> Result<Money, Reject> {
        let mut left = usd;
        for (asset, there) in there {
            let Some((amount, worth)) = part(self.state, *asset, *there, left)? else { continue };
            let start = self.events.len();
            moved(&mut self.events, from, to, *asset, amount, cause)?;
            follow(&mut self.account, self.id, &self.events[start..])?;
            left = left.minus(worth)?.max(Money::ZERO);
        }
        assert!(left <= usd.max(Money::ZERO), "I-45: {left} of {usd} is left to pay");
        Ok(left)
    }

    /// All events, with the withdrawal of offers that they make outdated. The offer of the account itself was planned
    /// without them, and is withdrawn.
    pub fn into_events(self, desk: &Desk) -> Result<Vec<Event>, Reject> {
        let (state, mut events) = (self.state, self.events);
        let own = state.liquidations.cases.get(&self.id).and_then(|case| case.offer);
        events.extend(own.map(|_| Event::Offered { account: self.id, offer: None }));
        for taker in self.takers {
            events.extend(outdated(Context { state, desk, now: self.now }, taker, &events)?);
        }
        Ok(events)
    }
}

/// Whether positions in an instrument can go from one account to another now. A market that is halted or has no valid
/// price stays as it is, and stops no other.
pub fn is_open(state: &State, now: Timestamp, instrument: InstrumentId) -> bool {
    l1::takes(&state.contracts[instrument.0], now, true).is_ok() && feeds::priced(state, now, instrument).is_ok()
}

/// The balances of an account that carry a valid price: those at the venue first.
fn priced(state: &State, now: Timestamp, account: &AccountState) -> Vec<Balance> {
    let known = account.balances.iter().filter(|held| feeds::is_priced(state, now, held.asset));
    let mut priced: Vec<Balance> = known.copied().collect();
    priced.sort_by_key(|held| held.location.is_some());
    priced
}

/// A share of lots, rounded towards 0.
fn part_of(lots: i64, share: Ratio) -> Result<i64, Overflow> {
    let part = Money::from_raw(i128::from(lots.unsigned_abs())).scaled(share, Round::Down)?.raw();
    let part = i64::try_from(part).map_err(|_| Overflow { quantity: "lots" })?;
    assert!(part.unsigned_abs() <= lots.unsigned_abs(), "I-38: {part} of {lots} lots is a share of {share}");
    Ok(part * lots.signum())
}

/// The amount of an asset that is worth `usd`, rounded up, at most the amount that is there; and the worth of that
/// amount, rounded down. None when there is nothing to give.
fn part(state: &State, asset: AssetId, there: Quantity, usd: Money) -> Result<Option<(Quantity, Money)>, Overflow> {
    let price = state.market.price(asset).usd();
    if usd <= Money::ZERO || there <= Quantity::ZERO || price <= Price::ZERO {
        return Ok(None);
    }
    let amount = Quantity::from_raw(usd.raw()).over(price, Round::Up)?.min(there);
    assert!(amount > Quantity::ZERO, "I-45: {usd} USD is paid with {amount} of asset {}", asset.0);
    Ok(Some((amount, amount.at(price, Round::Down)?)))
}

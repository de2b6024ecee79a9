//! The winners that may have to give back: accounts that hold the opposite and have an unsettled profit.

use std::collections::BTreeMap;

use liquidation::deleverage::{self, BankruptLeg, Candidate, Holder, WinnerHolding};
use margin::valuation;
use model::{CounterPrice, InstrumentId, Payoff};
use units::{Money, Overflow, Quantity, Round};

use crate::decide::expiry::worth;
use crate::state::{AccountState, Position, State, times};
use crate::{AccountId, Reject};

/// The accounts that close each leg of a bankrupt account in one underlying, and their lots. Hedges of the winners are
/// closed together where the bankrupt account held both sides of them, and taken apart last.
///
/// Options have no cost, so every account that holds the opposite of one may have to close it; at the mark, which takes
/// nothing from anybody.
pub fn closing(
    state: &State,
    bankrupt: AccountId,
    legs: &[Position],
    losses: &BTreeMap<InstrumentId, Money>,
) -> Result<Vec<(Position, AccountId, i64)>, Reject> {
    let (holders, names) = holders(state, bankrupt, legs)?;
    let size = |held: &Position| i64::try_from(held.lots.unsigned_abs()).unwrap_or(i64::MAX);
    let wanted: Vec<BankruptLeg> = legs
        .iter()
        .map(|held| {
            let loss = losses.get(&held.instrument).copied().unwrap_or_default();
            BankruptLeg { lots: size(held), give_back: deleverage::give_back(loss, size(held)) }
        })
        .collect();
    if let ([held], [leg]) = (legs, wanted.as_slice()) {
        let candidates: Vec<Candidate> = holders.iter().map(alone).collect();
        let outcome = deleverage::deleverage(leg.lots, leg.give_back, &candidates);
        assert!((0..=leg.lots).contains(&outcome.left), "I-50: {} of {} lots are left", outcome.left, leg.lots);
        return Ok(outcome.closed.iter().map(|closed| (*held, names[&closed.key], closed.lots)).collect());
    }
    let mut closing = Vec::new();
    for taken in deleverage::portfolio(&wanted, &holders).taken {
        let lots = legs.iter().zip(taken.lots).filter(|(_, lots)| *lots > 0);
        closing.extend(lots.map(|(held, lots)| (*held, names[&taken.key], lots)));
    }
    Ok(closing)
}

fn alone(holder: &Holder) -> Candidate {
    let Holder { key, equity, notional, .. } = *holder;
    let WinnerHolding { lots, hedged, profit } = holder.holdings[0];
    Candidate { key, lots, hedged, profit, equity, notional }
}

/// Every account that holds the opposite of a leg and has won there, and the account of each key.
fn holders(
    state: &State,
    bankrupt: AccountId,
    legs: &[Position],
) -> Result<(Vec<Holder>, BTreeMap<u64, AccountId>), Reject> {
    let (mut holders, mut names) = (Vec::new(), BTreeMap::new());
    let owner = state.accounts[bankrupt.place()].owner;
    for (place, account) in state.accounts.iter().enumerate().filter(|(_, account)| account.owner != owner) {
        let holdings: Vec<WinnerHolding> =
            legs.iter().map(|leg| holding(state, account, leg, legs)).collect::<Result<_, _>>()?;
        if holdings.iter().all(|holding| holding.lots == 0) {
            continue;
        }
        let view = account.view(&state.contracts, &state.locations)?;
        let equity = valuation::equity(&view, &state.market)?;
        let notional = account.positions.iter().try_fold(Money::ZERO, |sum, held| {
            sum.plus(state.lots_usd(&state.contracts[held.instrument.0].terms, held.lots)?)
        })?;
        let id = AccountId(u32::try_from(place).expect("ids are u32"));
        let key = key(id);
        names.insert(key, id);
        holders.push(Holder { key, equity, notional, holdings });
    }
    Ok((holders, names))
}

/// The position of an account against a leg; nothing where the account has not won.
fn holding(
    state: &State,
    account: &AccountState,
    leg: &Position,
    legs: &[Position],
) -> Result<WinnerHolding, Overflow> {
    let position = account.position(leg.instrument);
    if position.lots == 0 || (position.lots > 0) == (leg.lots > 0) {
        return Ok(WinnerHolding::default());
    }
    let profit = match state.market.underlying_mark(leg.instrument) {
        Some(mark) => profit(state, &position, mark)?,
        None => Money::from_raw(1),
    };
    if profit <= Money::ZERO {
        return Ok(WinnerHolding::default());
    }
    let lots = i64::try_from(position.lots.unsigned_abs()).unwrap_or(i64::MAX);
    Ok(WinnerHolding { lots, hedged: hedged(state, account, &position, legs)?, profit })
}

/// A key of an account that tells nothing about when it was opened: a bijection, so that no two accounts have the same.
fn key(AccountId(number): AccountId) -> u64 {
    let mixed = u64::from(number).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

/// The unsettled profit of a position at the mark, in USD, rounded down.
fn profit(state: &State, position: &Position, mark: CounterPrice) -> Result<Money, Overflow> {
    let terms = &state.contracts[position.instrument.0].terms;
    let profit = worth(terms, position.lots, mark)?.minus(position.cost)?;
    profit.at(state.market.price(terms.settle).usd(), Round::Down)
}

/// The lots of a position that hedge other holdings of its account in the same underlying that are no legs: as many as
/// those are opposite together. The hedge of an option depends on the price: an account that holds one is taken to be
/// hedged in whole.
fn hedged(state: &State, account: &AccountState, position: &Position, legs: &[Position]) -> Result<i64, Overflow> {
    let underlying = state.contracts[position.instrument.0].terms.underlying;
    let units = |held: &Position| coins(state, held.instrument, held.lots);
    let mut others = Quantity::ZERO;
    for held in account.positions.iter().filter(|held| legs.iter().all(|leg| leg.instrument != held.instrument)) {
        let terms = &state.contracts[held.instrument.0].terms;
        if terms.underlying == underlying && terms.is_option() {
            return Ok(i64::MAX);
        }
        if terms.underlying == underlying {
            others = others.plus(units(held)?)?;
        }
    }
    let follows = |asset: usize| state.market.assets[asset].follows == Some(underlying);
    for balance in account.balances.iter().filter(|balance| follows(balance.asset.0)) {
        others = others.plus(balance.amount)?;
    }
    let (own, lot) = (units(position)?, coins(state, position.instrument, 1)?);
    if own.is_negative() == others.is_negative() || lot <= Quantity::ZERO {
        return Ok(0);
    }
    let opposite = if others.is_negative() { others.negated()? } else { others };
    Ok(i64::try_from(opposite.raw() / lot.raw()).unwrap_or(i64::MAX))
}

/// Units of the underlying that lots stand for, rounded down.
fn coins(state: &State, instrument: InstrumentId, lots: i64) -> Result<Quantity, Overflow> {
    let terms = &state.contracts[instrument.0].terms;
    let units = times(terms.unit(), lots)?;
    match terms.payoff {
        Payoff::Inverse if !terms.is_option() => units.over(state.market.mark(instrument).in_quote(), Round::Down),
        Payoff::Inverse | Payoff::Linear => Ok(units),
    }
}

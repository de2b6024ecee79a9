//! Funding of perpetuals: longs pay shorts, or the other way.

use model::{InstrumentId, InstrumentKind, Payoff};
use units::{Overflow, Price, Quantity, Ratio, Round, Timestamp};

use super::postings::{moved, venue};
use crate::feeds;
use crate::layers::l0;
use crate::state::{Contract, Holder, Pot, State, times};
use crate::{AccountId, Cause, Event, FeedId, Noun, Reject};

const EIGHT_HOURS: i64 = 28_800_000_000;

/// Pays one period: each account pays its lots times the notional at the size of the mark times the rate (CHG-7).
///
/// The rate is bounded by the cap per eight hours and the time since the last payment, and that time by the longest
/// accrual (I-54, I-55, S-34). The cap is the one in force now (I-57). Each amount is rounded against its account; the
/// remainder goes to the rounding pot, so the clearing pot ends where it was (I-54). Without a valid index, and a valid
/// premium where the perpetual has a feed for it, no account pays.
pub fn pay(
    state: &State,
    now: Timestamp,
    instrument: InstrumentId,
    rate: Ratio,
    period: u64,
) -> Result<Vec<Event>, Reject> {
    let contract = l0::contract(state, instrument)?;
    if contract.terms.kind != InstrumentKind::Perpetual {
        return Err(Reject::malformed("instrument", &contract.terms.name, "a perpetual"));
    }
    l0::rising(Noun::Period, period, contract.last_period)?;
    let most = most(state, contract, now)?;
    if rate > most || rate < most.negated()? {
        return Err(Reject::malformed("rate", rate, format!("{} to {most}", most.negated()?)));
    }
    feeds::valid(state, now, FeedId::Index(contract.terms.underlying))?;
    if state.feeds.contains_key(&FeedId::Premium(instrument)) {
        feeds::valid(state, now, FeedId::Premium(instrument))?;
    }
    let listing = state.market.listing(instrument);
    let price = match contract.terms.payoff {
        Payoff::Linear => state.market.mark_size(listing)?,
        Payoff::Inverse => state.market.mark(instrument),
    }
    .in_quote();
    let clearing = Holder::Pot(Pot::Clearing(instrument));
    let (mut events, mut residue) = (Vec::new(), Quantity::ZERO);
    for (place, account) in state.accounts.iter().enumerate() {
        let lots = account.position(instrument).lots;
        if lots == 0 {
            continue;
        }
        let owed = owed(contract, lots, price, rate)?;
        let id = AccountId(u32::try_from(place).expect("ids are u32"));
        moved(&mut events, venue(id), clearing, contract.terms.settle, owed, Cause::Funding)?;
        residue = residue.plus(owed)?;
    }
    moved(&mut events, clearing, Holder::Pot(Pot::Rounding), contract.terms.settle, residue, Cause::Rounding)?;
    events.push(Event::Funded { instrument, period, rate });
    Ok(events)
}

/// The largest rate that may be paid now.
fn most(state: &State, contract: &Contract, now: Timestamp) -> Result<Ratio, Overflow> {
    let elapsed = now.micros().saturating_sub(contract.funded.micros()).clamp(0, state.policy.longest_accrual.max(0));
    let periods = Ratio::ONE.raw() * i128::from(elapsed) / i128::from(EIGHT_HOURS);
    state.policy.funding_cap.scaled(Ratio::from_raw(periods), Round::Down)
}

/// The amount that a position pays, negative when it receives: rounded up, against the account. `price` is the size of
/// the mark, so a long position pays a positive rate also where the mark is negative.
fn owed(contract: &Contract, lots: i64, price: Price, rate: Ratio) -> Result<Quantity, Overflow> {
    let units = times(contract.terms.unit(), lots)?;
    // The product with the rate must be rounded up. So the value is rounded up, or down where a negative rate turns it around.
    let round = if rate.is_negative() { Round::Down } else { Round::Up };
    let value = match contract.terms.payoff {
        Payoff::Linear => Quantity::from_raw(units.at(price, round)?.raw()),
        Payoff::Inverse => units.over(price, round)?,
    };
    value.scaled(rate, Round::Up)
}

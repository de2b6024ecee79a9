//! Layer 1: static limits of the market and the account.

use model::InstrumentId;
use units::{Price, Round, Timestamp};

use crate::state::{AccountState, Contract, Mode, State};
use crate::{Noun, Reject};

/// Whether the market takes a trade now: it is open, or it is reduce-only and the trade reduces; and it has not expired.
pub fn takes(contract: &Contract, now: Timestamp, reduces: bool) -> Result<(), Reject> {
    let taken = match contract.mode {
        Mode::Open => true,
        Mode::ReduceOnly => reduces,
        Mode::Halted | Mode::Settled => false,
    };
    if !taken {
        return Err(Reject::Mode { mode: contract.mode });
    }
    match contract.terms.expiry() {
        Some(expiry) if now >= expiry => Err(Reject::Expiry { expiry, clock: now }),
        _ => Ok(()),
    }
}

/// Whether a price is a whole number of ticks, and above 0 unless the index may be zero or negative (I-14).
pub fn on_tick(state: &State, contract: &Contract, price: Price) -> Result<(), Reject> {
    let tick = contract.terms.tick;
    let signed = state.market.underlyings[contract.terms.underlying.0].scale.is_some();
    if (price <= Price::ZERO && !signed) || price.raw() % tick.raw() != 0 {
        let above = if signed { "" } else { " above 0" };
        return Err(Reject::malformed("price", price, format!("a multiple of {tick}{above}")));
    }
    Ok(())
}

/// Whether a price is within the band around the mark (I-42). For an option, whose mark may be nearly 0, the band is at
/// least a hundredth of the index.
pub fn in_band(state: &State, id: InstrumentId, price: Price) -> Result<(), Reject> {
    let terms = &state.contracts[id.0].terms;
    let listing = state.market.listing(id);
    let mut width = state.market.mark_size(listing)?.in_quote().scaled(terms.band, Round::Up)?;
    if terms.is_option() {
        // A coin-settled option is written in coins: a hundredth of a coin is a hundredth of the index.
        let index = match terms.payoff {
            model::Payoff::Linear => {
                let index = state.market.index(terms.underlying);
                index.to_quote(state.market.usd_per_quote(listing), Round::Up)?.in_quote()
            }
            model::Payoff::Inverse => Price::ONE,
        };
        let hundredth = units::Ratio::from_raw(units::Ratio::ONE.raw() / 100);
        width = width.max(index.scaled(hundredth, Round::Up)?);
    }
    let mark = state.market.mark(id).in_quote();
    let (low, high) = (mark.minus(width)?, mark.plus(width)?);
    if price < low || price > high {
        return Err(Reject::PriceBand { price, low, high });
    }
    Ok(())
}

/// Whether an order is within the largest size.
pub fn order_size(contract: &Contract, lots: i64) -> Result<(), Reject> {
    at_most(Noun::OrderSize, lots, contract.terms.max_order)
}

/// Whether this many lots may be open; no more than now always may.
pub fn open_interest(contract: &Contract, open: i64) -> Result<(), Reject> {
    if open <= contract.open { Ok(()) } else { at_most(Noun::OpenInterest, open, contract.terms.max_open) }
}

/// Whether the account may have one more order.
pub fn one_more_order(state: &State, account: &AccountState) -> Result<(), Reject> {
    at_most(Noun::OpenOrders, count(account.orders.len()) + 1, i64::from(state.policy.max_orders))
}

/// Whether the account may have one more position.
pub fn one_more_position(state: &State, account: &AccountState) -> Result<(), Reject> {
    at_most(Noun::Positions, count(account.positions.len() + 1), i64::from(state.policy.max_positions))
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

fn at_most(what: Noun, found: i64, limit: i64) -> Result<(), Reject> {
    if found > limit { Err(Reject::Limit { what, found, limit }) } else { Ok(()) }
}

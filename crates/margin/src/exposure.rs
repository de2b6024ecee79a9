//! The size of a position: contracts, size, notional and delta.

use model::{Account, Market, Payoff, Position};
use units::{Money, Overflow, Round};

use crate::Exposure;
use crate::greeks::Greeks;

/// The notional of a position's contracts, in USD, never below zero, rounded up.
///
/// * Inverse perpetuals and futures: the size in the quote, at the price of the quote.
/// * Linear perpetuals and futures: the size at the mark, at the price of the settlement asset.
/// * Options: the size in the coin, at the index.
pub fn notional(position: &Position, market: &Market) -> Result<Money, Overflow> {
    let listing = market.listing(position.instrument);
    let held = if position.quantity.is_negative() { position.quantity.negated()? } else { position.quantity };
    let size = held.times(listing.contract_size, Round::Up)?;
    match (listing.is_option(), listing.payoff) {
        (true, _) => size.at(market.index(listing.underlying).usd(), Round::Up),
        (false, Payoff::Linear) => {
            let paid = size.at(market.mark(listing.id).magnitude()?.in_quote(), Round::Up)?;
            paid.converted(market.usd_per_settle(listing).usd(), Round::Up)
        }
        (false, Payoff::Inverse) => size.at(market.usd_per_quote(listing).usd(), Round::Up),
    }
}

/// The size of every position of an account, in the account's order; `contracts` are the sensitivities of one contract
/// of each position.
///
/// The delta is that of the contracts alone. Unsettled profit that will be paid in a coin moves like a balance of that
/// coin and is only part of the account's Greeks.
pub fn of_account(account: &Account, market: &Market, contracts: &[Greeks]) -> Result<Vec<Exposure>, Overflow> {
    let of = |(position, each): (&Position, &Greeks)| {
        let listing = market.listing(position.instrument);
        Ok(Exposure {
            quantity: position.quantity,
            amount: listing.amount_of(position.quantity)?,
            unit: market.size_unit(position.instrument).to_owned(),
            entry: position.entry,
            mark: market.mark(listing.id),
            quote: market.assets[listing.quote.0].name.clone(),
            notional: notional(position, market)?,
            delta: position.quantity.to_f64() * each.delta,
        })
    };
    account.positions.iter().zip(contracts).map(of).collect()
}

//! Fills a trade into a position: a new average entry, a realised profit, a rest on the other side.

use units::{Money, Overflow, Price, Quantity, Round};

use super::Trade;
use crate::{Account, Instrument, Payoff, Position, QuotePrice};

/// Changes the position; returns the closed part, as a position of its own.
pub fn fill(account: &mut Account, trade: &Trade, payoff: Payoff) -> Result<Position, Overflow> {
    let Trade { instrument, quantity, price } = *trade;
    let place = account.positions.iter().position(|position| position.instrument == instrument);
    let held =
        place.map_or(Position { instrument, quantity: Quantity::ZERO, entry: price }, |place| account.positions[place]);
    let left = held.quantity.plus(quantity)?;
    let reduces = held.quantity != Quantity::ZERO && held.quantity.is_negative() != quantity.is_negative();
    let crosses = reduces && left.is_negative() != held.quantity.is_negative();
    let (closed, entry) = match (reduces, crosses) {
        (false, _) => (Quantity::ZERO, average(&held, trade, payoff)?),
        (true, false) => (quantity.negated()?, held.entry),
        (true, true) => (held.quantity, price),
    };
    let position = Position { quantity: left, entry, ..held };
    match place {
        Some(place) if left == Quantity::ZERO => drop(account.positions.remove(place)),
        Some(place) => account.positions[place] = position,
        None => account.positions.push(position),
    }
    Ok(Position { quantity: closed, ..held })
}

/// The entry price after adding to a position: that of a long rounds up, that of a short rounds down.
fn average(held: &Position, trade: &Trade, payoff: Payoff) -> Result<QuotePrice, Overflow> {
    if held.quantity == Quantity::ZERO {
        return Ok(trade.price);
    }
    let (worse, better) =
        if trade.quantity.is_negative() { (Round::Down, Round::Up) } else { (Round::Up, Round::Down) };
    let size = |quantity: Quantity| if quantity.is_negative() { quantity.negated() } else { Ok(quantity) };
    let (before, added) = (size(held.quantity)?, size(trade.quantity)?);
    let contracts = before.plus(added)?;
    let [entry, price] = [held.entry, trade.price].map(QuotePrice::in_quote);
    match payoff {
        Payoff::Linear => {
            let cost = before.at(entry, worse)?.plus(added.at(price, worse)?)?;
            price_of(units_of(cost), contracts, worse)
        }
        Payoff::Inverse if entry == Price::ZERO || price == Price::ZERO => Ok(held.entry.max(trade.price)),
        Payoff::Inverse => {
            let coins = before.over(entry, better)?.plus(added.over(price, better)?)?;
            price_of(contracts, coins, worse)
        }
    }
}

/// The profit of closing `closed` at `price`, in units of the settle asset.
pub fn profit(closed: &Position, price: QuotePrice, listing: &Instrument) -> Result<Quantity, Overflow> {
    let size = closed.quantity.times(listing.contract_size, Round::Down)?;
    let [entry, price] = [closed.entry, price].map(QuotePrice::in_quote);
    match listing.payoff {
        Payoff::Linear => Ok(units_of(size.at(price, Round::Down)?.minus(size.at(entry, Round::Up)?)?)),
        Payoff::Inverse => size.over(entry, Round::Down)?.minus(size.over(price, Round::Up)?),
    }
}

/// An amount of money in an asset as a number of units of the asset.
pub const fn units_of(money: Money) -> Quantity {
    Quantity::from_raw(money.raw())
}

/// The price per unit when `units` cost `cost`.
fn price_of(cost: Quantity, units: Quantity, round: Round) -> Result<QuotePrice, Overflow> {
    cost.over(Price::from_raw(units.raw()), round).map(|price| QuotePrice::new(Price::from_raw(price.raw())))
}

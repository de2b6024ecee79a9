//! Amounts that move in a trade or a settlement, always from one holder to another.

use model::{AssetId, InstrumentId, Payoff};
use units::{Overflow, Price, Quantity, Round};

use crate::state::{Holder, InstrumentTerms, Position, Pot, State};
use crate::{AccountId, Cause, Event};

/// An account at the venue itself, where profit, loss and fees are paid.
pub fn venue(account: AccountId) -> Holder {
    Holder::Account(account, None)
}

/// Moves `amount` from `from` to `to`; the other way when it is negative, not at all when it is 0.
pub fn moved(
    events: &mut Vec<Event>,
    from: Holder,
    to: Holder,
    asset: AssetId,
    amount: Quantity,
    cause: Cause,
) -> Result<(), Overflow> {
    if amount > Quantity::ZERO {
        events.push(Event::Moved { from, to, asset, amount, cause });
    } else if amount < Quantity::ZERO {
        events.push(Event::Moved { from: to, to: from, asset, amount: amount.negated()?, cause });
    }
    Ok(())
}

/// The cost of this many units at `price`, in the asset that cash of the instrument is paid in; positive when bought.
///
/// Linear contracts, options and spot: `units·price`, exact, because a listing's tick and unit multiply exactly.
/// Inverse contracts: `−units/price`, the magnitude rounded up once, so that both sides of a trade have the same cost.
pub fn cost(units: Quantity, price: Price, terms: &InstrumentTerms) -> Result<Quantity, Overflow> {
    if terms.payoff == Payoff::Inverse && !terms.is_option() {
        let sold = units.is_negative();
        let magnitude = if sold { units.negated()? } else { units }.over(price, Round::Up)?;
        return if sold { Ok(magnitude) } else { magnitude.negated() };
    }
    Ok(Quantity::from_raw(units.at(price, Round::Down)?.raw()))
}

/// A price moved to a tick of an instrument, up or down.
pub fn on_tick(state: &State, instrument: InstrumentId, price: Price, up: bool) -> Price {
    let tick = state.contracts[instrument.0].terms.tick.raw();
    let below = price.raw() - price.raw().rem_euclid(tick);
    debug_assert!(below <= price.raw() && price.raw() - below < tick, "{price} lies within a tick of {below}");
    Price::from_raw(if up && below != price.raw() { below + tick } else { below })
}

/// A position after a trade of `lots` at that cost, and the profit of the part that the trade closes (negative: the loss).
///
/// The closed part takes its share of the cost, rounded against the account; the open part keeps the rest, so that
/// position and profit together change by exactly the cost of the trade.
pub fn after_trade(position: &Position, lots: i64, cost: Quantity) -> Result<(Position, Quantity), Overflow> {
    let overflow = Overflow { quantity: "lots" };
    let held = position.lots;
    let total = held.checked_add(lots).ok_or(overflow)?;
    let reduces = held != 0 && (held > 0) != (lots > 0);
    if !reduces {
        let cost = position.cost.plus(cost)?;
        return Ok((Position { lots: total, cost, ..*position }, Quantity::ZERO));
    }
    let closed = lots.unsigned_abs().min(held.unsigned_abs());
    let of_position = position.cost.part(closed, held.unsigned_abs(), Round::Up)?;
    let of_trade = cost.part(closed, lots.unsigned_abs(), Round::Up)?;
    // The closed part brings in minus its cost in the trade; the profit is that less its cost in the position.
    let profit = of_trade.plus(of_position)?.negated()?;
    let left = position.cost.plus(cost)?.plus(profit)?;
    assert!(total != 0 || left == Quantity::ZERO, "I-01: {left} of the cost is left of a position that is closed");
    Ok((Position { lots: total, cost: left, ..*position }, profit))
}

/// One side of a trade: the account, its position before the trade, and its lots, negative when sold.
pub type Side = (AccountId, Position, i64);

/// The events that change the two sides of a trade, the first of which pays `cost`: cash or profit, and the positions.
///
/// Options pay in full at once, one side to the other; futures and perpetuals carry their cost and pay when they are
/// closed. Returns each position after the trade and the gain of each balance.
pub fn exchange(
    events: &mut Vec<Event>,
    [one, other]: [Side; 2],
    terms: &InstrumentTerms,
    cost: Quantity,
) -> Result<[(Position, Quantity); 2], Overflow> {
    assert!(one.0 != other.0, "I-28: account {} trades with itself", one.0);
    assert!(one.2 != 0 && one.2.checked_add(other.2) == Some(0), "I-07: {} lots meet {}", one.2, other.2);
    let received = cost.negated()?;
    if terms.is_option() {
        moved(events, venue(one.0), venue(other.0), terms.cash(), cost, Cause::Premium)?;
    }
    let mut side = |(id, position, lots): Side, cost: Quantity| {
        let (position, gained) = if terms.is_option() {
            let total = position.lots.checked_add(lots).ok_or(Overflow { quantity: "lots" })?;
            (Position { lots: total, ..position }, cost.negated()?)
        } else {
            let (position, profit) = after_trade(&position, lots, cost)?;
            let clearing = Holder::Pot(Pot::Clearing(position.instrument));
            moved(events, clearing, venue(id), terms.settle, profit, Cause::Profit)?;
            (position, profit)
        };
        events.push(Event::Positioned { account: id, position });
        Ok((position, gained))
    };
    Ok([side(one, cost)?, side(other, received)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quantity(text: &str) -> Quantity {
        text.parse().unwrap()
    }

    fn held(lots: i64, cost: &str) -> Position {
        Position { instrument: InstrumentId(0), lots, cost: quantity(cost) }
    }

    /// Ten bought at 100, four sold at 130: a profit of 120, six left that cost 600.
    #[test]
    fn closing_a_part_realises_its_share() {
        let (left, profit) = after_trade(&held(10, "1000"), -4, quantity("-520")).unwrap();
        assert_eq!((left, profit), (held(6, "600"), quantity("120")));
        // Sold through zero: all ten closed at 130, two opened short at 130.
        let (left, profit) = after_trade(&held(10, "1000"), -12, quantity("-1560")).unwrap();
        assert_eq!((left, profit), (held(-2, "-260"), quantity("300")));
        let (left, profit) = after_trade(&held(-3, "-300"), 3, quantity("330")).unwrap();
        assert_eq!((left, profit), (held(0, "0"), quantity("-30")));
    }

    proptest! {
        /// I-08: whatever is traded, the cost of the position and the profit change by the cost of the trade.
        #[test]
        fn cost_and_profit_add_up(lots in -1000_i64..1000, raw in -(1_i128 << 80)..(1 << 80), more in -1000_i64..1000, paid in -(1_i128 << 80)..(1 << 80)) {
            prop_assume!(lots != 0 && more != 0);
            let before = Position { instrument: InstrumentId(0), lots, cost: Quantity::from_raw(raw) };
            let (after, profit) = after_trade(&before, more, Quantity::from_raw(paid)).unwrap();
            prop_assert_eq!(after.cost.raw(), raw + paid + profit.raw());
            prop_assert_eq!(after.lots, lots + more);
            if after.lots == 0 {
                prop_assert_eq!(after.cost, Quantity::ZERO);
            }
        }
    }
}

//! Placing, amending and cancelling orders.

use model::Side;
use units::{Money, Price};

use crate::layers::{l0, l1, l2, l6};
use crate::state::{AccountState, Order, State};
use crate::{AccountId, Context, Event, Noun, OrderId, Reject};

/// Accepts a limit order when the account would hold initial margin with it and all its other orders.
pub fn place(context: Context<'_>, id: AccountId, order: Order) -> Result<Vec<Event>, Reject> {
    let state = context.state;
    let account = l0::account(state, id)?;
    l0::contract(state, order.instrument)?;
    l0::rising(Noun::Order, order.id.0, account.last_order.0)?;
    resting(context, id, account, order)
}

/// Accepts new lots and a new limit for an open order, under the same checks.
pub fn amend(
    context: Context<'_>,
    id: AccountId,
    order: OrderId,
    lots: i64,
    limit: Price,
) -> Result<Vec<Event>, Reject> {
    let state = context.state;
    let account = l0::account(state, id)?;
    let known = account.order(order).ok_or(Reject::Unknown { what: Noun::Order, id: order.0 })?;
    resting(context, id, account, Order { lots, limit, ..*known })
}

/// Cancels an open order; always accepted.
pub fn cancel(state: &State, id: AccountId, order: OrderId) -> Result<Vec<Event>, Reject> {
    let account = l0::account(state, id)?;
    account.order(order).ok_or(Reject::Unknown { what: Noun::Order, id: order.0 })?;
    Ok(vec![Event::OrderClosed { account: id, order }])
}

/// Checks an order as it would rest.
fn resting(context: Context<'_>, id: AccountId, account: &AccountState, order: Order) -> Result<Vec<Event>, Reject> {
    let Context { state, desk, now } = context;
    let contract = l0::contract(state, order.instrument)?;
    l0::lots(order.lots)?;
    l1::on_tick(state, contract, order.limit)?;
    let held = account.position(order.instrument).lots;
    let signed = if order.side == Side::Buy { order.lots } else { order.lots.saturating_neg() };
    let reduces = reduces(held, signed);
    // An order that rests in a reduce-only market must never add to a position.
    l1::takes(contract, now, reduces && order.reduce_only)?;
    l1::in_band(state, order.instrument, order.limit)?;
    l1::order_size(contract, order.lots)?;
    if account.order(order.id).is_none() {
        l1::one_more_order(state, account)?;
    }
    if order.reduce_only && !reduces {
        return Err(Reject::NotReducing { lots: signed, held });
    }
    if order.reduce_only {
        // An account can always get out (I-33, I-66): the fill of this order may only reduce, and is judged when it
        // comes; until then no margin is held for it.
        return Ok(vec![Event::Ordered { account: id, order }]);
    }
    let mut after = account.clone();
    match after.orders.binary_search_by_key(&order.id, |known| known.id) {
        Ok(place) => after.orders[place] = order,
        Err(place) => after.orders.insert(place, order),
    }
    let (before, flattered) = (account, Money::ZERO);
    let surcharge = l6::surcharge(state, contract.terms.underlying);
    let outcome = l2::Outcome { now, id, before, after: &after, flattered, shrinks: reduces, surcharge };
    l2::holds(state, desk, &outcome)?;
    Ok(vec![Event::Ordered { account: id, order }])
}

/// Whether trading `lots` brings a position of `held` nearer to 0, and not beyond.
pub fn reduces(held: i64, lots: i64) -> bool {
    held != 0 && (held > 0) != (lots > 0) && lots.unsigned_abs() <= held.unsigned_abs()
}

//! Counts the engine's events in the measures of a run.

use engine::state::{Holder, State};
use engine::{AccountId, Cause, Event, Status};
use units::{Money, Price, Quantity, Round, count};

use super::listing::{BACKSTOP, place_of};
use crate::books::{World, less, money, plus};

/// The facts of one step of a liquidation, before they are assigned to measures.
#[derive(Clone, Copy, Debug, Default)]
struct Step {
    /// The equity of the account when it was judged, in USD.
    equity: Money,
    /// The amount that funds paid for it.
    covered: Money,
    /// The amount that the backstop paid for taking it over.
    paid_by_backstop: Money,
    /// The amount that winners gave back through prices away from the mark.
    given: Money,
}

/// Counts the events of a step in the liquidation of `account`.
pub fn step(state: &State, world: &mut World, account: AccountId, events: &[Event]) {
    let mut step = Step::default();
    for event in events {
        match event {
            Event::Judged { account: whose, equity, status, .. } if *whose == account => {
                step.equity = *equity;
                if let Some(place) = place_of(account).filter(|_| *status <= Status::Liquidation) {
                    world.traders[place].liquidated = true;
                }
            }
            Event::Moved { amount, cause: Cause::Cover, .. } => step.covered = plus(step.covered, usd(*amount)),
            Event::Moved { from: Holder::Account(BACKSTOP, _), amount, cause: Cause::Takeover, .. } => {
                step.paid_by_backstop = plus(step.paid_by_backstop, usd(*amount));
            }
            Event::Transferred { instrument, to, lots, price, .. } => {
                let mark = state.market.mark(*instrument).in_quote();
                // The size in coins: only perpetuals are transferred between accounts.
                let size = count(*lots).abs() * state.contracts[instrument.0].terms.unit().to_f64();
                let value = size * mark.to_f64();
                // In a crossing, the offer of the account that takes the lots shrinks.
                let crosses =
                    events.iter().any(|other| matches!(other, Event::Offered { account, .. } if account == to));
                world.force();
                if *to == BACKSTOP {
                    world.tally.backstopped += value;
                } else if crosses {
                    world.tally.crossed += value;
                } else {
                    world.tally.deleveraged += value;
                    step.given = plus(step.given, money(size * above(mark, *price, *lots), Round::Down));
                }
            }
            _ => {}
        }
    }
    settle(world, &step);
}

/// Negative equity is bad debt, also where a fund pays for it; winners give up profit for what no fund has paid.
fn settle(world: &mut World, step: &Step) {
    let lacking = less(Money::ZERO, step.equity).max(Money::ZERO);
    let unpaid = less(lacking, step.covered).max(Money::ZERO);
    let needed = step.given.min(unpaid);
    let bad = plus(plus(step.covered, step.paid_by_backstop.min(lacking)), needed);
    world.tally.bad_debt += bad.to_f64();
    world.tally.taken += step.given.to_f64();
    world.tally.needed += needed.to_f64();
}

/// The distance of a price from the mark, in USD a coin: positive when it favours the account that trades `lots`, which
/// are below 0 when it sells.
fn above(mark: Price, price: Price, lots: i64) -> f64 {
    (price.to_f64() - mark.to_f64()) * if lots < 0 { 1.0 } else { -1.0 }
}

/// Dollars as money.
fn usd(amount: Quantity) -> Money {
    Money::from_raw(amount.raw())
}

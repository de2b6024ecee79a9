//! What the engine's events come to, in the measures of a run.

use engine::state::{Holder, State};
use engine::{AccountId, Cause, Event, Status};
use units::{Money, Price, Quantity, Round, count};

use super::listing::{BACKSTOP, place_of};
use crate::books::{World, less, money, plus};

/// What one step of a liquidation did, before it is known which of the measures it belongs to.
#[derive(Clone, Copy, Debug, Default)]
struct Step {
    /// What the account was worth when it was judged, USD.
    equity: Money,
    /// What funds paid for it.
    covered: Money,
    /// What the backstop paid for taking it over.
    paid_by_backstop: Money,
    /// What winners gave back: lots away from the mark.
    given: Money,
}

/// Counts what a step of the liquidation of `account` did.
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
                let mark = state.market.listing(*instrument).mark.in_quote();
                // Coins: only perpetuals go from account to account.
                let size = count(*lots).abs() * state.contracts[instrument.0].terms.unit().to_f64();
                let value = size * mark.to_f64();
                // Where lots cross, the offer of whoever takes them becomes less.
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

/// By how much a price is better than the mark for an account that trades lots, below 0 when it sells: USD a coin.
fn above(mark: Price, price: Price, lots: i64) -> f64 {
    (price.to_f64() - mark.to_f64()) * if lots < 0 { 1.0 } else { -1.0 }
}

/// Dollars as money.
fn usd(amount: Quantity) -> Money {
    Money::from_raw(amount.raw())
}

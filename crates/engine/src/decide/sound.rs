//! Assertions on the events of every decision. They run before anything is committed: where one of them fails the
//! program is wrong, not the command, and nothing has happened yet.

use std::collections::BTreeMap;

use model::{AssetId, InstrumentId, InstrumentKind};
use units::Timestamp;

use crate::state::{Holder, Position, Pot, State};
use crate::{AccountId, Event};

/// Panics where the events of a decision break a rule of `docs/invariants.md`.
///
/// The state is compared with what the events make of it, never with itself: a state that was read from a bad journal
/// may be wrong, and that is no fault of the decision.
pub fn assert_sound(state: &State, now: Timestamp, events: &[Event]) {
    for event in events {
        assert_event(state, now, event);
    }
    if cfg!(debug_assertions) {
        assert_balanced(state, events);
    }
}

/// Asserts the rules that a single event obeys.
fn assert_event(state: &State, now: Timestamp, event: &Event) {
    match event {
        Event::Clock { time } => assert!(*time >= state.clock && *time == now, "I-16: time goes back to {time}"),
        Event::Moved { from, to, amount, .. } => {
            assert!(amount.raw() > 0, "I-45: {amount} moves from {from:?} to {to:?}");
            assert!(from != to, "I-45: {from:?} pays itself {amount}");
        }
        Event::Ordered { order, .. } => assert!(order.lots > 0, "I-27: an order of {} lots rests", order.lots),
        Event::Matched { instrument, match_id, lots, open, .. } => {
            let last = state.contracts[instrument.0].last_match;
            assert!(*match_id > last, "I-09: match {match_id} comes after {last}");
            assert!(*lots > 0 && *open >= 0, "I-07: {lots} lots are traded, {open} are open");
        }
        Event::Transferred { from, to, lots, open, .. } => {
            assert!(from != to, "I-28: account {from} trades with itself");
            assert!(*lots != 0 && *open >= 0, "I-07: {lots} lots are given, {open} are open");
        }
        Event::Marked(marked) => {
            assert_eq!(marked.version, state.version + 1, "I-12: a version of the market follows the last one");
        }
        Event::Surfaced { version, .. } => {
            assert!(*version > state.surface.version, "I-09: surface {version} comes after {}", state.surface.version);
        }
        Event::Sampled { instrument, samples } => {
            let known = state.contracts[instrument.0].samples.count;
            assert_eq!(samples.count, known + 1, "I-58: a tick takes one sample");
        }
        Event::Funded { instrument, period, .. } => {
            let last = state.contracts[instrument.0].last_period;
            assert!(*period > last, "I-09: period {period} comes after {last}");
        }
        Event::Judged { account, initial_margin, maintenance_margin, version, .. } => {
            assert_eq!(*version, state.version, "I-12: account {account} is judged in the market of now");
            assert!(initial_margin >= maintenance_margin, "account {account}: {initial_margin} < {maintenance_margin}");
            assert!(!maintenance_margin.is_negative(), "account {account} must hold {maintenance_margin}");
        }
        Event::Watched { version } => {
            assert_eq!(*version, state.version, "I-36: everybody is judged in the market of now");
        }
        Event::Proposed { .. } => {
            let number = state.next_proposal;
            assert!(!state.proposals.contains_key(&number), "I-67: proposal {number} is made twice");
        }
        Event::Activated { proposal } | Event::Revoked { proposal } => {
            assert!(state.proposals.contains_key(proposal), "I-67: there is no proposal {proposal}");
        }
        Event::CaseOpened { account, epoch, .. } => {
            let last = state.liquidations.last_epoch;
            assert!(*epoch > last, "I-46: case {epoch} of account {account} comes after {last}");
            let known = state.liquidations.cases.contains_key(account);
            assert!(!known, "I-43: a second case of account {account} is opened");
        }
        Event::Shared { account, usd } => {
            assert!(usd.raw() > 0, "I-45: the shared fund pays {usd} for account {account}");
        }
        Event::Offered { account, offer } => {
            let current = offer.is_none_or(|offer| offer.lots != 0 && offer.version == state.version);
            assert!(current, "I-12: {offer:?} is offered for account {account} in version {}", state.version);
        }
        Event::Paced { flow, .. } => {
            assert!(!flow.spent.is_negative(), "I-39: liquidations have traded {}", flow.spent);
        }
        Event::Measured { underlying, cascade } => {
            assert!(cascade.worst() >= 0.0, "a move of {underlying:?} liquidates {cascade:?}");
        }
        Event::Opened { .. }
        | Event::LocationListed { .. }
        | Event::UnderlyingListed(_)
        | Event::AssetListed(_)
        | Event::InstrumentListed(_)
        | Event::Referenced { .. }
        | Event::FundReferenced { .. }
        | Event::OrderClosed { .. }
        | Event::Positioned { .. }
        | Event::Reported { .. }
        | Event::Quoted { .. }
        | Event::Accrued
        | Event::ModeSet { .. }
        | Event::Expired { .. }
        | Event::Retired { .. }
        | Event::Flowed { .. }
        | Event::Auctioned { .. }
        | Event::CaseClosed { .. }
        | Event::Calmed { .. }
        | Event::BackstopSet { .. } => {}
    }
}

/// The change that events make to one instrument, over all accounts.
#[derive(Debug, Default)]
struct Change {
    /// Lots, longs less shorts.
    lots: i128,
    /// Lots of long positions.
    long: i128,
    /// Costs of positions and the clearing pot together, in the last decimal of the asset that cash is paid in.
    cost: i128,
    /// Lots open afterwards, as the events give them.
    open: Option<i64>,
}

/// Asserts that one side of a trade gains what the other loses: over all accounts the sum of lots does not change, open
/// interest changes as long positions do (I-07), and the costs of positions and the clearing pot together do not change
/// (I-01).
fn assert_balanced(state: &State, events: &[Event]) {
    let mut changes: BTreeMap<InstrumentId, Change> = BTreeMap::new();
    let mut held: BTreeMap<(AccountId, InstrumentId), Position> = BTreeMap::new();
    let mut gone = Vec::new();
    for event in events {
        if let Event::Positioned { account, position } = event {
            let id = position.instrument;
            let before = || state.accounts[account.place()].position(id);
            let before = held.insert((*account, id), *position).unwrap_or_else(before);
            let change = changes.entry(id).or_default();
            change.lots += i128::from(position.lots) - i128::from(before.lots);
            change.long += i128::from(position.lots.max(0)) - i128::from(before.lots.max(0));
            change.cost += position.cost.raw() - before.cost.raw();
        } else if let Event::Moved { from, to, asset, amount, .. } = event {
            for (holder, sign) in [(from, -1), (to, 1)] {
                if let Holder::Pot(Pot::Clearing(id)) = holder {
                    assert_cash(state, *id, *asset);
                    changes.entry(*id).or_default().cost += sign * amount.raw();
                }
            }
        } else if let Event::Matched { instrument, open, .. } | Event::Transferred { instrument, open, .. } = event {
            changes.entry(*instrument).or_default().open = Some(*open);
        } else if let Event::Expired { instrument, .. } = event {
            // A settled instrument leaves nothing, whatever there was.
            gone.push(*instrument);
        }
    }
    for (id, change) in changes.iter().filter(|(id, _)| !gone.contains(id)) {
        let contract = &state.contracts[id.0];
        let name = &contract.terms.name;
        assert_eq!(change.lots, 0, "I-07: longs of {name} are more than its shorts");
        assert_eq!(change.cost, 0, "I-01: rounding makes or loses money of {name}");
        let spot = contract.terms.kind == InstrumentKind::Spot;
        if let Some(open) = change.open.filter(|_| !spot) {
            assert_eq!(i128::from(open), i128::from(contract.open) + change.long, "I-07: open interest of {name}");
        }
    }
}

/// Asserts that a clearing pot holds only the asset that cash of its instrument is paid in.
fn assert_cash(state: &State, id: InstrumentId, asset: AssetId) {
    let terms = &state.contracts[id.0].terms;
    assert_eq!(asset, terms.cash(), "I-01: {} is cleared in another asset", terms.name);
}

#[cfg(test)]
mod tests {
    use model::{Payoff, USD, UnderlyingId};
    use units::{Price, Quantity, Ratio};

    use super::*;
    use crate::Cause;
    use crate::state::{AccountState, Contract, InstrumentTerms, Mode, Policy, Samples};

    const CLOCK: Timestamp = Timestamp::from_micros(0);

    /// Two accounts, and a perpetual of which alice holds two lots long and bob two short.
    fn state() -> State {
        let mut state = State::new(CLOCK, String::new(), Policy::default());
        let terms = InstrumentTerms {
            name: "BTC-PERP".to_owned(),
            kind: InstrumentKind::Perpetual,
            underlying: UnderlyingId(0),
            payoff: Payoff::Linear,
            quote: USD,
            settle: USD,
            contract_size: Quantity::ONE,
            lot: Quantity::ONE,
            tick: Price::ONE,
            max_order: 100,
            max_open: 100,
            band: Ratio::ONE,
            fee_rate: None,
            feed: None,
        };
        let (funded, samples) = (CLOCK, Samples::default());
        let contract = Contract { terms, mode: Mode::Open, open: 2, last_match: 1, last_period: 0, funded, samples };
        state.contracts.push(contract);
        for (name, owner, lots) in [("alice", 1, 2), ("bob", 2, -2)] {
            let mut account = AccountState::new(name.to_owned(), owner);
            account.set_position(held(lots, 100 * i128::from(lots)));
            state.accounts.push(account);
        }
        state
    }

    fn held(lots: i64, cost: i128) -> Position {
        Position { instrument: InstrumentId(0), lots, cost: Quantity::from_raw(cost * Quantity::ONE.raw()) }
    }

    fn positioned(account: u32, lots: i64, cost: i128) -> Event {
        Event::Positioned { account: AccountId(account), position: held(lots, cost) }
    }

    fn matched(open: i64) -> Event {
        Event::Matched { instrument: InstrumentId(0), match_id: 2, price: Price::ONE, lots: 1, open }
    }

    fn paid(from: Holder, to: Holder, units: i128) -> Event {
        let amount = Quantity::from_raw(units * Quantity::ONE.raw());
        Event::Moved { from, to, asset: USD, amount, cause: Cause::Profit }
    }

    const CLEARING: Holder = Holder::Pot(Pot::Clearing(InstrumentId(0)));
    const ALICE: Holder = Holder::Account(AccountId(0), None);
    const BOB: Holder = Holder::Account(AccountId(1), None);

    /// Alice sells a lot to bob at 130: she gains 30, and he loses them.
    #[test]
    fn a_trade_is_sound() {
        let sides = [positioned(0, 1, 100), positioned(1, -1, -100)];
        let cash = [paid(CLEARING, ALICE, 30), paid(BOB, CLEARING, 30)];
        assert_sound(&state(), CLOCK, &[&sides[..], &cash, &[matched(1)]].concat());
    }

    #[test]
    #[should_panic(expected = "I-07: longs of BTC-PERP are more than its shorts")]
    fn one_side_of_a_trade_is_no_trade() {
        assert_sound(&state(), CLOCK, &[positioned(0, 3, 200), matched(3)]);
    }

    #[test]
    #[should_panic(expected = "I-07: open interest of BTC-PERP")]
    fn open_interest_is_that_of_those_who_are_long() {
        assert_sound(&state(), CLOCK, &[positioned(0, 1, 100), positioned(1, -1, -100), matched(2)]);
    }

    #[test]
    #[should_panic(expected = "I-01: rounding makes or loses money of BTC-PERP")]
    fn what_one_gains_another_loses() {
        let sides = [positioned(0, 1, 100), positioned(1, -1, -100)];
        assert_sound(&state(), CLOCK, &[&sides[..], &[paid(CLEARING, ALICE, 30), matched(1)]].concat());
    }

    #[test]
    #[should_panic(expected = "I-45: Account(AccountId(0), None) pays itself 5")]
    fn nobody_pays_themselves() {
        assert_sound(&state(), CLOCK, &[paid(ALICE, ALICE, 5)]);
    }

    #[test]
    #[should_panic(expected = "I-09: match 2 comes after 2")]
    fn nothing_is_applied_twice() {
        let mut state = state();
        state.contracts[0].last_match = 2;
        assert_sound(&state, CLOCK, &[matched(2)]);
    }

    #[test]
    #[should_panic(expected = "I-12: a version of the market follows the last one")]
    fn no_version_of_the_market_is_left_out() {
        let marked = crate::Marked { version: 7, ..crate::Marked::default() };
        assert_sound(&state(), CLOCK, &[Event::Marked(Box::new(marked))]);
    }
}

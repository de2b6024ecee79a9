//! Snapshots and events that no engine has written: they are refused with a reason, before an assertion could meet them.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod common;

use std::sync::Arc;

use common::*;
use engine::state::{Samples, State};
use engine::{AccountId, Event, Marked, apply_read, whole};
use model::{Instrument, InstrumentId, Turnover, UnderlyingId};
use units::Quantity;

/// Alice is long, bob short, and alice has bitcoin besides.
fn traded() -> World {
    let mut world = World::new();
    let (alice, bob) = (world.rich("alice", 1, "50000"), world.rich("bob", 2, "50000"));
    world.deposit(alice, BTC_COIN, "1").unwrap();
    world.fill(PERPETUAL, "100000", 100, alice, bob).unwrap();
    world.fill(ETH_PERPETUAL, "4000", 100, alice, bob).unwrap();
    world
}

/// Asserts that a sound state after `change` is refused, for this reason.
fn is_refused(change: impl FnOnce(&mut State), why: &str) {
    let mut state = traded().state().clone();
    whole(&state).unwrap();
    change(&mut state);
    let said = whole(&state).unwrap_err().to_string();
    assert!(said.contains(why), "{said}, expected {why}");
}

#[test]
fn a_snapshot_whose_assets_do_not_add_up_is_refused() {
    let cent = Quantity::from_raw(Quantity::ONE.raw() / 100);
    is_refused(|state| state.accounts[0].balances[0].amount = cent, "I-08");
    is_refused(|state| *state.pots.values_mut().next().unwrap() = cent, "I-08");
    is_refused(|state| state.collateral[USDC.0].held = cent, "I-07");
}

#[test]
fn a_snapshot_whose_lists_are_out_of_order_is_refused() {
    is_refused(|state| state.accounts[0].balances.reverse(), "accounts[0].balances");
    is_refused(|state| state.accounts[0].positions.reverse(), "accounts[0].positions");
    is_refused(|state| state.accounts[0].positions[0].lots = 0, "accounts[0].positions[0].lots");
    is_refused(|state| state.accounts[0].balances[0].profit = Quantity::ONE.negated().unwrap(), "profit");
}

#[test]
fn a_snapshot_that_has_counted_too_far_is_refused() {
    is_refused(|state| state.version = u64::MAX, "version");
    is_refused(|state| state.watched = state.version + 1, "watched");
    is_refused(|state| state.liquidations.last_epoch = u64::MAX, "last_epoch");
    is_refused(|state| state.next_proposal = u64::MAX, "next_proposal");
    is_refused(|state| state.contracts[0].samples.count = u32::MAX, "samples.count");
    is_refused(|state| listed(state).fee_rate = Some(ratio("-0.1")), "fee_rate");
}

/// The first instrument that a state lists.
fn listed(state: &mut State) -> &mut Instrument {
    &mut Arc::make_mut(&mut state.market.listings).instruments[0]
}

/// Quotes and turnover are looked up by the numbers of the listings, so they must have an entry for each.
#[test]
fn a_snapshot_whose_quotes_do_not_fit_its_listings_is_refused() {
    is_refused(|state| state.market.quotes.prices.clear(), "market.quotes.prices");
    is_refused(|state| state.market.quotes.indices.clear(), "market.quotes.indices");
    is_refused(|state| state.market.quotes.confidences.clear(), "market.quotes.confidences");
    is_refused(|state| state.market.quotes.instruments.clear(), "market.quotes.instruments");
    is_refused(|state| state.market.quotes.expiries.push(state.market.quotes.expiries[0]), "market.expiries");
    is_refused(|state| state.market.quotes.expiries[0].underlying = UnderlyingId(99), "underlying");
    let turnover = |state: &mut State| Arc::make_mut(&mut state.market.turnover).clone();
    is_refused(|state| state.market.turnover = Arc::new(Turnover { assets: Vec::new(), ..turnover(state) }), "assets");
    is_refused(|state| listed(state).id = InstrumentId(1), "instruments[0].id");
}

#[test]
fn an_event_that_nothing_can_follow_is_refused() {
    let world = traded();
    let refused = |event: Event, why: &str| {
        let said = apply_read(&mut world.state().clone(), &event).unwrap_err().to_string();
        assert!(said.contains(why), "{said}, expected {why}");
    };
    let samples = Samples { count: u32::MAX, ..Samples::default() };
    refused(Event::Watched { version: world.state().version + 1 }, "version");
    refused(Event::Marked(Box::new(Marked { version: u64::MAX, ..Marked::default() })), "version");
    refused(Event::CaseOpened { account: AccountId(0), epoch: u64::MAX, markets: Vec::new() }, "epoch");
    refused(Event::Sampled { instrument: FUTURE, samples }, "samples.count");
}

//! Contracts written in a stablecoin at half a dollar: amounts that are compared with the index are in the stablecoin too.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod common;

use common::*;
use engine::state::{Change, Policy};
use engine::{AccountId, Command, Event, FeedId, Party, Principal};
use margin::method::universal::PARAMS;
use model::InstrumentId;
use units::{Money, Price};

/// USDC at 0.50 USD, so that bitcoin's index of 100,000 USD is 200,000 USDC; and two accounts with much of it.
fn halved() -> (World, AccountId, AccountId) {
    let much = "1000000000000".parse().unwrap();
    let generous = Policy { outflow_floor: much, share_floor: much, fund_floor: much, ..Policy::default() };
    // At half a dollar it is a stablecoin all the same, not a token that may fall by three quarters.
    let near_par = PARAMS.replace("par_within = { value = \"0.2\"", "par_within = { value = \"0.6\"");
    assert_ne!(near_par, PARAMS);
    let mut world = World::under(generous, &near_par);
    world.move_to(FeedId::Asset(USDC), "0.5");
    let (alice, bob) = (world.rich("alice", 1, "10000000"), world.rich("bob", 2, "10000000"));
    (world, alice, bob)
}

/// [`World::list_oil`], with a price reported and the time to cure after the listing over.
fn list_oil(world: &mut World) -> (FeedId, InstrumentId) {
    let (index, id) = world.list_oil();
    world.move_to(index, "20");
    // The minutes between those ticks begin a time to cure, which passes here.
    for _ in 0..3 {
        world.pass(25 * SECOND);
    }
    (index, id)
}

/// The price band of an option is at least a hundredth of the index: 2,000 USDC. The band of oil at a price of zero is
/// a part of its scale.
#[test]
fn a_price_band_is_in_the_quote() {
    let (mut world, alice, bob) = halved();
    let mark = world.state().market.mark(PUT);
    assert!(mark < price("100"), "far out of the money: {mark}");
    assert_eq!(world.fill(PUT, "2101", 1, alice, bob).unwrap_err().code(), 102);
    world.fill(PUT, "1999", 1, alice, bob).unwrap();

    let (index, oil) = list_oil(&mut world);
    world.move_to(index, "0");
    assert_eq!(world.fill(oil, "8.01", 1, alice, bob).unwrap_err().code(), 102);
    world.fill(oil, "7.99", 1, alice, bob).unwrap();
}

/// A tenth of an option on bitcoin is on 20,000 USDC: a fee is at most a hundredth of them (I-06).
#[test]
fn the_largest_fee_of_an_option_is_in_what_it_is_paid_in() {
    let (mut world, alice, bob) = halved();
    let party = |account, fee: &str| Party { account, order: None, fee: quantity(fee) };
    let mut fill = |match_id, fee| {
        let (buyer, seller) = (party(alice, fee), party(bob, "0"));
        let command = Command::Fill { instrument: CALL, match_id, price: price("110000"), lots: 1, buyer, seller };
        world.run(Principal::Matching, command)
    };
    assert_eq!(fill(1, "200.01").unwrap_err().code(), 6);
    fill(2, "200").unwrap();
}

/// A settlement price is a price in USDC, and so is the index that it is at most a step away from (I-58, I-67).
#[test]
fn a_settlement_price_that_is_named_is_near_the_index_in_the_quote() {
    let (mut world, alice, bob) = halved();
    world.fill(FUTURE, "200000", 1000, alice, bob).unwrap();
    world.silent = vec![FeedId::Index(BTC)];
    world.pass(expiry().micros() + SECOND - world.state().clock.micros());
    let mut propose = |at: &str| {
        let change = Change::SettlementPrice { instrument: FUTURE, price: price(at) };
        world.govern(Command::Propose { change })
    };
    assert_eq!(propose("101000").unwrap_err().code(), 701);
    propose("199000").unwrap();
}

/// Carol buys 100 barrels at 40 USDC with this much USDC, the index falls, and she is liquidated. Returns her equity in
/// USD before, the price at which winners close, and her equity after.
fn given_back(usdc: &str, index: &str) -> (Money, Option<Price>, Money) {
    let (mut world, _, bob) = halved();
    let (feed, oil) = list_oil(&mut world);
    let carol = world.rich("carol", 3, usdc);
    world.fill(oil, "40", 100, carol, bob).unwrap();
    world.jump(feed, index);
    let equity = |world: &World| {
        let account = world.state().account(carol).unwrap();
        world.engine().desk().judge(world.state(), account).unwrap().equity
    };
    let before = equity(&world);
    let events = world.system(Command::Liquidate { account: carol }).unwrap();
    let at = events.iter().find_map(|event| match event {
        Event::Transferred { price, .. } => Some(*price),
        _ => None,
    });
    (before, at, equity(&world))
}

/// Where prices may fall below zero, winners give back up to the scale: 40 USDC a barrel, not 20.
#[test]
fn what_winners_give_back_is_bounded_in_the_quote() {
    // 100 barrels have lost 56 USDC each: 2,600 USDC are missing.
    let (before, at, after) = given_back("3000", "-8");
    assert_eq!(before, "-1300".parse().unwrap());
    assert_eq!(at, Some(price("10.000000000000000001")), "26 USDC a barrel above the mark of -16");
    assert!((Money::ZERO..Money::from_raw(1000)).contains(&after), "{after}");
}

/// Where the price has fallen further below zero than the scale, winners give back up to its size: 100 USDC a barrel, not 40.
#[test]
fn what_winners_give_back_is_bounded_by_the_size_of_a_negative_mark() {
    // 100 barrels have lost 140 USDC each: 6,000 USDC are missing.
    let (before, at, after) = given_back("8000", "-50");
    assert_eq!(before, "-3000".parse().unwrap());
    assert_eq!(at, Some(price("-39.999999999999999999")), "60 USDC a barrel above the mark of -100");
    assert!((Money::ZERO..Money::from_raw(1000)).contains(&after), "{after}");
}

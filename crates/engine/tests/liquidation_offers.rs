//! Offers of a liquidation are worth making: where markets are halted or slow, nobody is asked to trade dust.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod common;

use common::checked::conserved;
use common::*;
use engine::state::{Case, Mode, Offer, Policy};
use engine::{AccountId, Command, FeedId, Principal};
use model::InstrumentId;
use units::{Price, Quantity};

/// An offer gives at least this part of what its account lacks to the target, ...
const WORTH: f64 = 0.01;
/// ... and this part where it takes half of what its market bears in an interval.
const WORTH_OF_AN_INTERVAL: f64 = 0.001;

/// Everything that trades the price of BTC or pays a debt in it.
const OF_BTC: [InstrumentId; 5] = [PERPETUAL, INVERSE, FUTURE, INVERSE_FUTURE, SPOT];

/// Alice is long half a bitcoin with 14,000 dollars, and `ether` lots of ether with four dollars each, against Bob; a
/// backstop takes over portfolios.
fn alice_in_btc_and_eth(policy: Policy, ether: i64) -> (World, AccountId, AccountId) {
    let mut world = World::with(policy);
    let usdc = (14_000 + 4 * ether).to_string();
    let (alice, bob) = (world.rich("alice", 1, &usdc), world.rich("bob", 2, "1000000"));
    let backstop = world.rich("backstop", 3, "1000000");
    world.govern(Command::SetBackstop { account: backstop, on: true }).unwrap();
    world.fill(PERPETUAL, "100000", 500, alice, bob).unwrap();
    world.fill(ETH_PERPETUAL, "4000", ether, alice, bob).unwrap();
    (world, alice, bob)
}

fn halt(world: &mut World, instruments: &[InstrumentId]) {
    for instrument in instruments {
        let halt = Command::SetMode { instrument: *instrument, mode: Mode::Halted };
        world.run(Principal::Guardian, halt).unwrap();
    }
}

fn case(world: &World, account: AccountId) -> Option<Case> {
    world.state().liquidations.cases.get(&account).cloned()
}

/// USD of equity that an account lacks to the target.
fn missing(world: &World, account: AccountId) -> f64 {
    let judged = world.engine().desk().judge(world.state(), world.state().account(account).unwrap()).unwrap();
    let beta = world.state().policy.liquidation.beta.to_f64();
    beta * judged.maintenance_margin.to_f64() - judged.equity.to_f64()
}

/// The offer for an account after its next step was asked for.
fn offered(world: &mut World, account: AccountId) -> Option<Offer> {
    world.system(Command::Liquidate { account }).unwrap();
    case(world, account).and_then(|case| case.offer)
}

/// The market takes all of an offer at the mark. Returns the part of the missing equity that this gave.
fn taken(world: &mut World, (account, counterparty): (AccountId, AccountId), offer: Offer) -> f64 {
    let Offer { instrument, lots, .. } = offer;
    let contract = &world.state().contracts[instrument.0];
    let (match_id, tick) = (contract.last_match + 1, contract.terms.tick);
    let mark = world.state().market.mark(instrument).in_quote();
    let price = Price::from_raw(mark.raw() - mark.raw().rem_euclid(tick.raw()));
    let (fee, before) = (Quantity::ZERO, missing(world, account));
    let fill = Command::LiquidationFill { account, counterparty, instrument, match_id, price, lots, fee };
    world.system(fill).unwrap();
    (before - missing(world, account)) / before
}

/// With the market of its loss halted, two lots of something else are no way out: nothing is offered, however often the
/// next step is asked for, and its portfolio is auctioned.
#[test]
fn dust_is_not_offered_where_the_market_that_counts_is_halted() {
    let (mut world, alice, _) = alice_in_btc_and_eth(Policy::default(), 2);
    halt(&mut world, &OF_BTC);
    // No ether is sold short for bitcoin either: a reduce-only market takes only trades that close.
    let reduce = Command::SetMode { instrument: ETH_PERPETUAL, mode: Mode::ReduceOnly };
    world.run(Principal::Guardian, reduce).unwrap();
    world.jump(FeedId::Index(BTC), "75000");
    let lacks = missing(&world, alice);
    assert!(lacks > 1000.0, "{lacks}");
    assert_eq!(offered(&mut world, alice), None);
    assert!(case(&world, alice).unwrap().auction.is_some(), "{:?}", case(&world, alice));
    conserved(world.state());
}

/// With that market halted every offer gives a good part of the missing equity, and few offers are made until the
/// account is restored or auctioned.
#[test]
fn with_a_market_halted_every_offer_is_worth_making() {
    for ether in [2, 20, 100, 500, 900] {
        let (mut world, alice, bob) = alice_in_btc_and_eth(Policy::default(), ether);
        halt(&mut world, &[PERPETUAL]);
        world.jump(FeedId::Index(BTC), "75000");
        assert!(missing(&world, alice) > 1000.0, "{ether} lots of ether: {}", missing(&world, alice));
        let mut offers = 0;
        while let Some(offer) = offered(&mut world, alice) {
            offers += 1;
            let given = taken(&mut world, (alice, bob), offer);
            assert!(given >= WORTH, "{ether} lots of ether: {offer:?} gives {given} of what is missing");
            assert!(offers <= 4, "{ether} lots of ether: {offers} offers");
        }
        let ended = case(&world, alice).is_none_or(|case| case.auction.is_some()) || missing(&world, alice) <= 0.0;
        assert!(ended, "{ether} lots of ether: {:?}", case(&world, alice));
        conserved(world.state());
    }
}

/// Where a market bears little in an interval, an offer takes half of the interval or more: a small rest that rounding
/// or a trade leaves of an interval is not offered.
#[test]
fn what_is_left_of_an_interval_is_not_offered() {
    let mut policy = Policy::default();
    policy.liquidation.participation = ratio("0.001");
    let (mut world, alice, bob) = alice_in_btc_and_eth(policy, 500);
    halt(&mut world, &[PERPETUAL]);
    world.jump(FeedId::Index(BTC), "75000");
    let mut offers = 0;
    for _ in 0..40 {
        let books = world.engine().desk().books(world.state(), world.state().clock);
        let Some(offer) = offered(&mut world, alice) else {
            world.pass(SECOND);
            continue;
        };
        let lacks = missing(&world, alice);
        let given = taken(&mut world, (alice, bob), offer);
        let half = offer.lots.abs() * 2 >= books[offer.instrument.0].whole_room;
        let least = if half { WORTH_OF_AN_INTERVAL } else { WORTH };
        assert!(given >= least, "{offer:?} gives {given} of {lacks}");
        offers += 1;
    }
    assert!(offers > 1, "{offers} offers");
    conserved(world.state());
}

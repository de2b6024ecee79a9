//! A feed without a valid price takes the fast path from the accounts that depend on it, and from no others; and it
//! changes no decision.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod common;

use common::*;
use engine::state::Policy;
use engine::{AccountId, Command, Desk, Envelope, FeedId, Party, Principal, Reject};
use marks::Report;
use model::{AssetId, InstrumentId, UnderlyingId};
use units::{Quantity, Timestamp};

/// Alice and Bob hold a perpetual in USDC, Carol and Dave a dated future besides: both sides of either pair have a reserve.
fn traders(mut world: World) -> (World, [AccountId; 4]) {
    let names = ["alice", "bob", "carol", "dave"];
    let accounts = [1, 2, 3, 4].map(|owner| world.rich(names[owner - 1], u32::try_from(owner).unwrap(), "1000000"));
    let [alice, bob, carol, dave] = accounts;
    world.fill(PERPETUAL, "100000", 100, alice, bob).unwrap();
    world.fill(PERPETUAL, "100000", 100, carol, dave).unwrap();
    world.fill(FUTURE, "100000", 100, carol, dave).unwrap();
    world.pass(SECOND);
    (world, accounts)
}

/// Feeds fall silent, and their last prices grow old.
fn silence(world: &mut World, feeds: &[FeedId]) {
    world.silent.extend(feeds);
    for _ in 0..5 {
        world.pass(20 * SECOND);
    }
}

/// A trade of the perpetual `micros` from now.
fn trade(world: &World, buyer: AccountId, seller: AccountId, micros: i64) -> Envelope {
    let instrument = PERPETUAL;
    let party = |account| Party { account, order: None, fee: Quantity::ZERO };
    let match_id = world.state().contracts[instrument.0].last_match + 1;
    let (price, buyer, seller) = (price("100000"), party(buyer), party(seller));
    let time = Timestamp::from_micros(world.state().clock.micros() + micros);
    Envelope {
        time,
        principal: Principal::Matching,
        command: Command::Fill { instrument, match_id, price, lots: 1, buyer, seller },
    }
}

/// Decides and commits like a desk that was built a moment ago. Returns the number of sides that were taken off a reserve.
fn spent(world: &mut World, envelope: &Envelope) -> u64 {
    let cold = Desk::new(world.state()).unwrap();
    let events = world.engine().decide(envelope);
    assert_eq!(events, engine::decide(world.state(), &cold, envelope));
    let before = world.engine().desk().metrics().spent;
    world.engine_mut().commit(&events.unwrap());
    world.engine().desk().metrics().spent - before
}

/// The fills of an account are taken off its reserve as before, whatever other feeds are silent.
#[test]
fn a_dead_feed_costs_only_those_who_depend_on_it_their_reserve() {
    let (dai, sol) = (AssetId(5), UnderlyingId(2));
    let dead: [(&str, &[FeedId]); 6] = [
        ("nothing", &[]),
        ("another index", &[FeedId::Index(ETH)]),
        ("a token on another index", &[FeedId::Asset(STETH)]),
        ("an expiry of the same underlying", &[FeedId::Forward(BTC, expiry())]),
        ("all of them", &[FeedId::Index(ETH), FeedId::Asset(STETH), FeedId::Forward(BTC, expiry())]),
        ("what has never spoken", &[FeedId::Index(sol), FeedId::Asset(dai)]),
    ];
    for (kind, feeds) in dead {
        let (mut world, [alice, bob, carol, dave]) = traders(World::new());
        if feeds.contains(&FeedId::Asset(dai)) {
            world.govern(Command::ListUnderlying(Box::new(underlying("SOL", "100")))).unwrap();
            world.govern(Command::ListAsset(Box::new(asset("DAI", "1", None, true)))).unwrap();
            world.pass(SECOND);
        } else {
            silence(&mut world, feeds);
        }
        for step in 0..3 {
            let envelope = trade(&world, alice, bob, step * SECOND);
            assert_eq!(spent(&mut world, &envelope), 2, "{kind}");
            world.pass(SECOND);
        }
        // An account that depends on the feed is assessed: without the price it takes no risk.
        let envelope = trade(&world, carol, dave, 0);
        if feeds.contains(&FeedId::Forward(BTC, expiry())) {
            let refused = world.engine().decide(&envelope).unwrap_err();
            assert_eq!(refused.code(), 400, "{kind}: {refused}");
        } else {
            assert_eq!(spent(&mut world, &envelope), 2, "{kind}");
        }
    }
}

/// A surface that is too old, or that never came, matters to options alone.
#[test]
fn an_old_surface_costs_only_options_their_reserve() {
    let (mut world, [alice, bob, carol, dave]) =
        traders(World::with(Policy { surface_age: SECOND, ..Policy::default() }));
    world.fill(CALL, "7000", 1, carol, dave).unwrap();
    world.pass(SECOND);
    let envelope = trade(&world, alice, bob, 2 * SECOND);
    assert_eq!(spent(&mut world, &envelope), 2);
    let envelope = trade(&world, carol, dave, 0);
    let refused = world.engine().decide(&envelope).unwrap_err();
    assert!(matches!(refused, Reject::NoPrice { feed: FeedId::Surface, .. }), "{refused}");
}

/// A feed whose sources fall silent between two ticks takes nothing from accounts that do not depend on it, not even
/// before the next tick; and accounts that depend on it wait for no tick to be checked.
#[test]
fn a_feed_that_dies_between_two_ticks_costs_only_those_who_depend_on_it() {
    let (mut world, [alice, bob, ..]) = traders(World::new());
    world.silent.push(FeedId::Index(ETH));
    for _ in 0..2 {
        world.pass(25 * SECOND);
    }
    let envelope = trade(&world, alice, bob, 20 * SECOND);
    assert_eq!(spent(&mut world, &envelope), 2);
    world.silent = vec![FeedId::Premium(PERPETUAL)];
    for _ in 0..2 {
        world.pass(25 * SECOND);
    }
    let refused = world.engine().decide(&trade(&world, alice, bob, 20 * SECOND)).unwrap_err();
    assert!(matches!(refused, Reject::NoPrice { feed: FeedId::Premium(InstrumentId(0)), .. }), "{refused}");
}

/// Reports since the last tick count for every account alike, whether other feeds are valid or not.
#[test]
fn a_report_that_takes_the_price_away_is_seen_at_once() {
    for silent in [&[][..], &[FeedId::Index(ETH)]] {
        let (mut world, [alice, bob, ..]) = traders(World::new());
        silence(&mut world, silent);
        let report = Report {
            source: 1,
            sequence: u64::MAX,
            published: Timestamp::from_micros(world.state().clock.micros() + SECOND),
            price: price("100000"),
            confidence: price("50000"),
            depth: "1000000".parse().unwrap(),
        };
        let (feed, time) = (FeedId::Index(BTC), report.published);
        world.at(time, Principal::Source(1), Command::Report { feed, report }).unwrap();
        let envelope = trade(&world, alice, bob, 0);
        let cold = Desk::new(world.state()).unwrap();
        let warm = world.engine().decide(&envelope);
        assert_eq!(warm, engine::decide(world.state(), &cold, &envelope));
        assert!(matches!(warm, Err(Reject::NoPrice { feed: FeedId::Index(BTC), .. })), "{silent:?}: {warm:?}");
    }
}

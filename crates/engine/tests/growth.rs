//! What is settled costs nothing any more: no quote, no mark, no row, and no source is heard of it.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod common;

use common::*;
use engine::state::{InstrumentTerms, Mode, Policy};
use engine::{AccountId, Command, Desk, Envelope, Event, FeedId, Metrics, Principal, Reject};
use marks::Report;
use model::{InstrumentId, InstrumentKind, Payoff, Right};
use units::Timestamp;

const EXPIRIES: i64 = 500;

/// Alice is long a little against Bob, and both have money enough to be certified in the widest cell.
fn alice_and_bob() -> (World, AccountId, AccountId) {
    let mut world = World::with(Policy { settlement_samples: 1, ..Policy::default() });
    let (alice, bob) = (world.rich("alice", 1, "1000000"), world.rich("bob", 2, "1000000"));
    world.fill(PERPETUAL, "100000", 100, alice, bob).unwrap();
    world.pass(SECOND);
    (world, alice, bob)
}

/// Does what a command says at the time that the engine has reached, without the checks of the whole state.
fn quickly(world: &mut World, principal: Principal, command: Command) -> Result<Vec<Event>, Reject> {
    let time = world.state().clock;
    world.engine.handle(&Envelope { time, principal, command })
}

/// What the next tick says, and what the desk has prepared for it.
fn size(world: &mut World) -> (usize, usize, Metrics) {
    let time = world.state().clock;
    let tick = Envelope { time, principal: Principal::System, command: Command::Tick };
    let events = world.engine.decide(&tick).unwrap();
    let quotes = events.iter().filter(|event| matches!(event, Event::Quoted { .. })).count();
    let marked = events.iter().find_map(|event| if let Event::Marked(marked) = event { Some(marked) } else { None });
    let settled = |id: &InstrumentId| world.state().contracts[id.0].mode == Mode::Settled;
    let marks = &marked.unwrap().marks;
    assert!(!marks.iter().any(|(id, _)| settled(id)));
    (quotes, marks.len(), world.engine.desk().metrics())
}

/// Lists a future with a feed of its own and a call for each of many expiries, the first an hour from now, a second apart.
fn list(world: &mut World) -> Vec<(InstrumentId, Timestamp)> {
    let begin = world.state().clock.micros() + HOUR;
    let mut listed = Vec::new();
    for number in 0..EXPIRIES {
        let expiry = Timestamp::from_micros(begin + number * SECOND);
        let call = InstrumentKind::Option { expiry, strike: price("100000"), right: Right::Call, iv: None };
        for (name, kind) in [("future", InstrumentKind::Future { expiry }), ("call", call)] {
            let terms = instrument(&format!("{name} {number}"), kind, Payoff::Linear, USDC, USDC);
            let terms = InstrumentTerms { feed: Some(rules()), ..terms };
            listed.push((InstrumentId(world.state().contracts.len()), expiry));
            quickly(world, Principal::Governance, Command::ListInstrument(Box::new(terms))).unwrap();
        }
    }
    listed
}

/// 500 expiries that came and went leave ticks, risk arrays and cells as they were before.
#[test]
fn what_is_settled_costs_nothing() {
    let (mut world, alice, bob) = alice_and_bob();
    world.pass(SECOND);
    let (quotes, marks, before) = size(&mut world);
    let listed = list(&mut world);
    world.pass(SECOND);
    let (more, _, full) = size(&mut world);
    assert_eq!((more, full.revalued), (quotes + 500, before.revalued + 500), "the futures are there");
    for _ in 0..3 {
        world.pass(HOUR / 2);
    }
    for (instrument, _) in &listed {
        quickly(&mut world, Principal::System, Command::Expire { instrument: *instrument }).unwrap();
    }
    for _ in 0..3 {
        world.pass(25 * SECOND);
    }
    let (left, marked, after) = size(&mut world);
    assert_eq!((left, marked), (quotes, marks));
    assert_eq!(
        (after.revalued, after.bounded, after.buckets),
        (before.revalued, before.bounded, before.buckets),
        "rows of the risk array, rows and groups of the cells"
    );
    // Nothing that has gone keeps anybody from being certified, nor drops a cell when the market moves.
    let (mut young, ..) = alice_and_bob();
    let built = |world: &mut World| {
        world.pass(SECOND);
        let before = world.engine.desk().metrics();
        world.jump(FeedId::Index(BTC), "100500");
        let after = world.engine.desk().metrics();
        (after.cells - before.cells, after.certified)
    };
    let (cells, certified) = built(&mut young);
    let (cells_now, certified_now) = built(&mut world);
    assert!(cells_now <= cells && certified_now == certified, "{cells_now} {certified_now}, {cells} {certified}");
    let spent = world.engine.desk().metrics().spent;
    world.fill(PERPETUAL, "100500", 1, alice, bob).unwrap();
    assert_eq!(world.engine.desk().metrics().spent, spent + 2);
}

/// A source that still reports of what is settled is told so; a journal that holds such a report goes on being read.
#[test]
fn nobody_is_heard_of_what_is_settled() {
    let (mut world, ..) = alice_and_bob();
    let feed = FeedId::Forward(BTC, expiry());
    world.pass(expiry().micros() - world.state().clock.micros() - 60 * SECOND);
    world.pass(60 * SECOND);
    let dated = [FUTURE, CALL, PUT, COIN_CALL, COIN_PUT, INVERSE_FUTURE];
    let report = |world: &World| Report {
        source: 1,
        sequence: u64::MAX,
        published: Timestamp::from_micros(world.state().clock.micros() + 1),
        price: price("1"),
        confidence: price("0"),
        depth: "1000000".parse().unwrap(),
    };
    for (place, instrument) in dated.into_iter().enumerate() {
        // One instrument that is left keeps the feed of all.
        let said = Command::Report { feed, report: report(&world) };
        let envelope = Envelope { time: world.state().clock, principal: Principal::Source(1), command: said };
        world.engine.decide(&envelope).unwrap_or_else(|reject| panic!("{place}: {reject}"));
        world.system(Command::Expire { instrument }).unwrap();
    }
    let said = report(&world);
    let refused = world.run(Principal::Source(1), Command::Report { feed, report: said }).unwrap_err();
    assert!(refused.to_string().contains("every instrument that it prices is settled"), "{refused}");
    world.engine.commit(&[Event::Reported { feed, report: said }]);
    world.pass(SECOND);
    let state = world.state();
    assert!(world.engine.desk().trusts_all(state, state.clock), "what is settled is not missed");
    assert!(Desk::new(state).unwrap().trusts_all(state, state.clock));
}

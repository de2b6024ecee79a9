//! A settled instrument costs nothing any more: no feed, no expiry, no quote, no mark, no row, and no report is taken for it.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod common;

use common::*;
use engine::state::{Change, Contract, InstrumentTerms, Mode, Policy};
use engine::{
    AccountId, Command, Engine, Envelope, Event, FeedId, Metrics, Principal, State, apply, apply_read, whole,
};
use marks::Report;
use model::{Instrument, InstrumentId, InstrumentKind, Payoff, Right};
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

/// Settles listed instruments, and returns the events.
fn settle(world: &mut World, listed: &[(InstrumentId, Timestamp)]) -> Vec<Event> {
    let expire = |(instrument, _): &(InstrumentId, Timestamp)| {
        world.quickly(Principal::System, Command::Expire { instrument: *instrument }).unwrap()
    };
    listed.iter().flat_map(expire).collect()
}

/// The numbers of feeds and expiries in a state.
fn held(state: &State) -> (usize, usize) {
    (state.feeds.len(), state.market.quotes.expiries.len())
}

/// The next tick of an engine, a second later.
fn tick(engine: &mut Engine) -> Vec<Event> {
    let time = Timestamp::from_micros(engine.state().clock.micros() + SECOND);
    engine.handle(&Envelope { time, principal: Principal::System, command: Command::Tick }).unwrap()
}

fn is_retired(event: &Event) -> bool {
    matches!(event, Event::Retired { .. })
}

/// The numbers of quotes and marks in the next tick, and the counters of the desk.
fn size(world: &mut World) -> (usize, usize, Metrics) {
    let time = world.state().clock;
    let tick = Envelope { time, principal: Principal::System, command: Command::Tick };
    let events = world.engine().decide(&tick).unwrap();
    let quotes = events.iter().filter(|event| matches!(event, Event::Quoted { .. })).count();
    let marked = events.iter().find_map(|event| if let Event::Marked(marked) = event { Some(marked) } else { None });
    let settled = |id: &InstrumentId| world.state().contracts[id.0].mode == Mode::Settled;
    let marks = &marked.unwrap().marks;
    assert!(!marks.iter().any(|(id, _)| settled(id)));
    (quotes, marks.len(), world.engine().desk().metrics())
}

/// Lists a future with a feed of its own and a call for each of many expiries, the first an hour from now, a second apart.
fn list(world: &mut World) -> Vec<(InstrumentId, Timestamp)> {
    let begin = world.state().clock.micros() + HOUR;
    let mut listed = Vec::new();
    for number in 0..EXPIRIES {
        let expiry = Timestamp::from_micros(begin + number * SECOND);
        let call = InstrumentKind::Option { expiry, strike: price("100000"), right: Right::Call };
        for (name, kind) in [("future", InstrumentKind::Future { expiry }), ("call", call)] {
            let terms = instrument(&format!("{name} {number}"), kind, Payoff::Linear, USDC, USDC);
            let terms = InstrumentTerms { feed: Some(rules()), ..terms };
            listed.push((InstrumentId(world.state().contracts.len()), expiry));
            world.quickly(Principal::Governance, Command::ListInstrument(Box::new(terms))).unwrap();
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
    let kept = held(world.state());
    let listed = list(&mut world);
    world.pass(SECOND);
    let (more, _, full) = size(&mut world);
    assert_eq!((more, full.revalued), (quotes + 500, before.revalued + 500), "the futures are there");
    for _ in 0..3 {
        world.pass(HOUR / 2);
    }
    let of_all = held(world.state());
    assert_eq!(of_all, (kept.0 + 500, kept.1 + 500));
    settle(&mut world, &listed);
    assert_eq!(held(world.state()), kept);
    assert!(listed.iter().all(|(id, _)| world.state().contracts[id.0].terms.feed.is_none()));
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
    // Removed instruments keep no account from being certified, and drop no cell when the market moves.
    let (mut young, ..) = alice_and_bob();
    let built = |world: &mut World| {
        world.pass(SECOND);
        let before = world.engine().desk().metrics();
        world.jump(FeedId::Index(BTC), "100500");
        let after = world.engine().desk().metrics();
        (after.cells - before.cells, after.certified)
    };
    let (cells, certified) = built(&mut young);
    let (cells_now, certified_now) = built(&mut world);
    assert!(cells_now <= cells && certified_now == certified, "{cells_now} {certified_now}, {cells} {certified}");
    let spent = world.engine().desk().metrics().spent;
    world.fill(PERPETUAL, "100500", 1, alice, bob).unwrap();
    assert_eq!(world.engine().desk().metrics().spent, spent + 2);
}

/// Instruments that were settled before there was an event that retires them: a reader replays the journal as it was.
/// An engine goes on from it with the prices and judgments of one that has retired everything, and its first tick
/// catches up.
#[test]
fn a_journal_that_retires_nothing_is_read_as_it_was_and_catches_up() {
    let (mut world, alice, bob) = alice_and_bob();
    let listed = list(&mut world);
    for _ in 0..3 {
        world.pass(HOUR / 2);
    }
    let (mut old, mut again) = (world.state().clone(), world.state().clone());
    let before = held(&old);
    let events = settle(&mut world, &listed);
    for event in &events {
        apply_read(&mut again, event).unwrap();
        if !is_retired(event) {
            apply_read(&mut old, event).unwrap();
        }
    }
    assert_eq!(events.iter().filter(|event| is_retired(event)).count(), listed.len());
    assert_eq!(again.hash(), world.state().clone().hash(), "replay leads to the same state");
    whole(&again).unwrap();
    assert_eq!(held(&old), before, "what an old record does is what it did");
    whole(&old).unwrap();

    // Sources report before any tick: the desk is right all the same.
    let mut older = Engine::new(old).unwrap();
    let standing = |engine: &Engine| {
        let (state, desk) = (engine.state(), engine.desk());
        let judged = |id: &AccountId| {
            let account = &state.accounts[id.place()];
            (desk.judge(state, account).unwrap(), desk.judge_slow(state, account).unwrap())
        };
        [alice, bob].iter().map(judged).collect::<Vec<_>>()
    };
    assert_eq!(standing(&older), standing(world.engine()));
    let (first, fresh) = (tick(&mut older), tick(world.engine_mut()));
    let said = first.iter().filter(|event| !is_retired(event));
    assert!(said.eq(&fresh), "but for what it retires, a tick says the same");
    assert_eq!(first.len(), fresh.len() + listed.len());
    assert_eq!(held(older.state()), held(world.state()));
    assert_eq!(older.hash(), world.engine_mut().hash(), "nothing is left of the difference");
    assert!(!tick(&mut older).iter().any(is_retired), "and it is over");
    assert_eq!(standing(&older), standing(&Engine::new(older.state().clone()).unwrap()));
}

/// An option that is settled while another of its expiry is not keeps the forward, and loses the data that nothing
/// reads any more. The last option takes the forward with it.
#[test]
fn the_last_of_an_expiry_takes_its_forward_with_it() {
    let (mut world, ..) = alice_and_bob();
    let feed = FeedId::Forward(BTC, expiry());
    world.pass(expiry().micros() - world.state().clock.micros() - 60 * SECOND);
    world.pass(60 * SECOND);
    let dated = [CALL, FUTURE, PUT, COIN_CALL, INVERSE_FUTURE, COIN_PUT];
    for (place, instrument) in dated.into_iter().enumerate() {
        let last = place + 1 == dated.len();
        // A volatility that the next tick would have brought in.
        let (version, published) = (world.state().surface.version, world.state().clock);
        world.engine_mut().commit(&[Event::Surfaced { version, published, vols: vec![(instrument, ratio("0.7"))] }]);
        let events = world.system(Command::Expire { instrument }).unwrap();
        assert_eq!(events.last(), Some(&Event::Retired { instrument, last }));
        assert!(!world.state().surface.staged.contains_key(&instrument));
        assert_eq!(world.state().feeds.contains_key(&feed), !last);
        assert_eq!(world.state().market.expiry(BTC, expiry()).is_some(), !last);
        world.pass(SECOND);
    }
    whole(world.state()).unwrap();
    // A file cannot retire an unsettled instrument, nor an expiry that is still needed; and a settled instrument stays settled.
    let refused = |state: &State, event: Event| apply_read(&mut state.clone(), &event).unwrap_err().to_string();
    let state = world.state();
    let live = refused(state, Event::Retired { instrument: PERPETUAL, last: false });
    assert_eq!(live, "instrument: found open, expected a settled one");
    let mut early = state.clone();
    apply(&mut early, &Event::ModeSet { instrument: PUT, mode: Mode::Open });
    let needed = refused(&early, Event::Retired { instrument: CALL, last: true });
    assert!(needed.starts_with("last: found true, expected false: \"BTC"), "{needed}");
    let woken = refused(state, Event::ModeSet { instrument: PUT, mode: Mode::Open });
    assert_eq!(woken, "instrument: found settled, expected one that is not settled");
    let vols = vec![(PUT, ratio("0.5"))];
    let priced = refused(state, Event::Surfaced { version: 1_000, published: state.clock, vols });
    assert!(priced.ends_with("expected an instrument that is not settled"), "{priced}");
}

/// A waiting change of something that was removed is kept, refused when it should come into force, and can be revoked.
#[test]
fn a_change_of_what_has_gone_is_refused_and_can_be_revoked() {
    let (mut world, ..) = alice_and_bob();
    let feed = FeedId::Forward(BTC, expiry());
    world.pass(expiry().micros() - world.state().clock.micros() - 60 * SECOND);
    let InstrumentTerms { max_order, max_open, band, .. } = world.state().contracts[CALL.0].terms;
    let limits = Change::Limits { instrument: CALL, max_order, max_open, band };
    let first = world.state().next_proposal;
    for change in [Change::Feed { feed, rules: rules() }, limits.clone()] {
        world.govern(Command::Propose { change }).unwrap();
    }
    world.pass(60 * SECOND);
    for instrument in [FUTURE, CALL, PUT, COIN_CALL, COIN_PUT, INVERSE_FUTURE] {
        world.system(Command::Expire { instrument }).unwrap();
    }
    whole(world.state()).unwrap();
    world.pass(DAY);
    let refused = |world: &mut World, proposal| world.system(Command::Activate { proposal }).unwrap_err().to_string();
    let gone = refused(&mut world, first);
    assert!(
        gone.ends_with("every instrument that it prices is settled, and no source is heard of it any more"),
        "{gone}"
    );
    assert_eq!(refused(&mut world, first + 1), "the instrument is settled");
    let forged = apply_read(&mut world.state().clone(), &Event::Activated { proposal: first }).unwrap_err();
    assert!(forged.to_string().ends_with("expected a feed that is listed"), "{forged}");
    for proposal in [first, first + 1] {
        world.govern(Command::Revoke { proposal }).unwrap();
    }
    assert_eq!(world.govern(Command::Propose { change: Change::Feed { feed, rules: rules() } }).unwrap_err().code(), 9);
    assert_eq!(world.govern(Command::Propose { change: limits }).unwrap_err().code(), 100);
}

/// A source that still reports on a settled instrument is told so, and nothing misses the report.
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
        world.engine().decide(&envelope).unwrap_or_else(|reject| panic!("{place}: {reject}"));
        world.system(Command::Expire { instrument }).unwrap();
    }
    let said = report(&world);
    let refused = world.run(Principal::Source(1), Command::Report { feed, report: said }).unwrap_err();
    assert!(refused.to_string().contains("every instrument that it prices is settled"), "{refused}");
    let never = FeedId::Forward(ETH, expiry());
    let unknown = world.run(Principal::Source(1), Command::Report { feed: never, report: said }).unwrap_err();
    assert_eq!(unknown.code(), 3, "{unknown}");
    world.pass(SECOND);
    let state = world.state();
    assert!(world.engine().desk().trusts_all(state, state.clock), "what is settled is not missed");
}

/// The memory that a settled contract keeps, names and their places in the index of the market included, is what the
/// documents say.
#[test]
fn a_settled_contract_keeps_no_more_than_the_documents_say() {
    let (mut world, ..) = alice_and_bob();
    let listed = list(&mut world);
    for _ in 0..3 {
        world.pass(HOUR / 2);
    }
    settle(&mut world, &listed);
    let (id, _) = listed[0];
    let (contract, listing) = (&world.state().contracts[id.0], world.state().market.listing(id));
    let names = contract.terms.name.capacity() + listing.name.capacity() + listing.name.len();
    let entry = size_of::<String>() + size_of::<InstrumentId>();
    let bytes = size_of::<Contract>() + size_of::<Instrument>() + entry + names;
    println!("{} + {} + {entry} + {names} = {bytes} bytes", size_of::<Contract>(), size_of::<Instrument>());
    assert!(bytes <= 1_000, "{bytes} bytes");
}

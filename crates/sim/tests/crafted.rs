//! Journals that somebody else wrote: their chain holds, but their events never happened. A program that replays one gets
//! an error with the place in the journal, and never a panic.

#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use dice::Dice;
use engine::state::{Cascade, Change, Mode, Offer, Pot, Samples};
use engine::{AccountId, Command, Engine, Envelope, Event, Principal, State, apply_read, whole};
use journal::{Journal, Memory, Record};
use liquidation::pace::Flow;
use model::{InstrumentId, UnderlyingId};
use sequencer::{ReplayError, Sequencer, replay};
use serde_json::{Value, json};
use sim::faults::Struck;
use sim::workload;
use sim::world::{World, genesis, identity};
use units::{Money, Price, Quantity, Ratio, Timestamp};

/// Whole numbers that replace ids, lots and versions.
const NUMBERS: [i128; 7] =
    [0, 1, 5_000, 4_294_967_295, 9_223_372_036_854_775_807, -9_223_372_036_854_775_808, 18_446_744_073_709_551_615];

/// Texts that replace amounts, prices, times and names.
const TEXTS: [&str; 9] = [
    "0",
    "-1",
    "0.000000000000000001",
    "10000000000000000000",
    "-10000000000000000000",
    "170141183460469231731.687303715884105727",
    "-170141183460469231731.687303715884105728",
    "9999-12-31T23:59:59Z",
    "",
];

/// The journal of a seed.
fn history(seed: u64, ticks: u64) -> Memory {
    let (mut sequencer, _) = Sequencer::open(Memory::new(&identity())).unwrap();
    let (mut world, mut struck) = (World::new(seed), Struck::new());
    let founding = world.founding(sequencer.engine().state());
    sequencer.submit(&founding).unwrap();
    for number in 0..ticks {
        world.advance(sequencer.engine().state());
        let batch = workload::tick(&mut world, sequencer.engine().state(), number, &mut struck);
        sequencer.submit(&batch).unwrap();
    }
    sequencer.into_journal()
}

fn records(journal: &Memory) -> Vec<(Record, Vec<Event>)> {
    let decoded = |record: Record| {
        let (_, events) = sequencer::decode("memory", &record).unwrap();
        (record, events)
    };
    journal.read(0).map(|record| decoded(record.unwrap())).collect()
}

/// A journal with these events and a valid chain.
fn forged(records: &[(Record, Vec<Event>)]) -> Memory {
    let mut journal = Memory::new(&identity());
    let draft = |(record, events): &(Record, Vec<Event>)| {
        let (envelope, _) = sequencer::decode("memory", record).unwrap();
        sequencer::draft(&envelope, events, None)
    };
    journal.append(&records.iter().map(draft).collect::<Vec<_>>()).unwrap();
    journal::verify(&journal).unwrap();
    journal
}

/// Reads every part of a state that readers use.
fn examine(state: State) {
    let Ok(mut engine) = Engine::new(state) else { return };
    engine.hash();
    for account in &engine.state().accounts {
        let _ = engine.desk().judge(engine.state(), account);
        let _ = engine.desk().judge_slow(engine.state(), account);
    }
}

/// Every value that differs from `value` in one leaf, or by emptying one list.
fn changed(value: &Value) -> Vec<Value> {
    match value {
        Value::Number(_) => NUMBERS.iter().filter_map(|number| serde_json::to_value(number).ok()).collect(),
        Value::String(_) => TEXTS.iter().map(|text| json!(text)).collect(),
        Value::Array(items) => {
            let mut all = vec![json!([])];
            // The items of a list are alike, so two are enough.
            for (place, item) in items.iter().enumerate().take(2) {
                all.extend(changed(item).into_iter().map(|item| {
                    let mut items = items.clone();
                    items[place] = item;
                    Value::Array(items)
                }));
            }
            all
        }
        Value::Object(fields) => {
            let changes = fields.iter().flat_map(|(name, value)| changed(value).into_iter().map(move |v| (name, v)));
            changes
                .map(|(name, value)| {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), value);
                    Value::Object(fields)
                })
                .collect()
        }
        Value::Null | Value::Bool(_) => Vec::new(),
    }
}

/// Applies the events from a changed one on, as far as possible. The resulting state is examined where `looks`.
fn survives(mut state: State, events: &[&Event], looks: bool) -> Result<bool, String> {
    let described = format!("{:?}", events.first());
    catch_unwind(AssertUnwindSafe(|| {
        let held = events.iter().all(|event| apply_read(&mut state, event).is_ok());
        if held && looks {
            examine(state);
        }
        held
    }))
    .map_err(|_| described)
}

/// Events of the kinds that a short run does not make, in an order in which they can be applied to `state`.
fn rare(state: &State) -> Vec<Event> {
    let (underlying, instrument, asset) = (UnderlyingId(0), InstrumentId(0), model::USD);
    let accounts = (0..).map(AccountId);
    let account = accounts.into_iter().find(|id| !state.liquidations.cases.contains_key(id)).unwrap();
    let (usd, price) = (Money::from_raw(7), Price::ONE);
    let settled = model::CounterPrice::new(price);
    let offer = Offer { instrument, lots: 3, worst: price, version: state.version };
    let feed = *state.feeds.keys().next().unwrap();
    let changes = [
        Change::Cap { asset, cap: Quantity::ONE },
        Change::Feed { feed, rules: state.feeds[&feed].rules.clone() },
        Change::Limits { instrument, max_order: 4, max_open: 5, band: Ratio::ONE },
        Change::OpenInterest { underlying, usd },
        Change::Outflow { window: 8, share: Ratio::ONE, floor: usd },
        Change::FundOut { fund: Pot::MarketFund(underlying), asset, amount: Quantity::ONE },
        Change::SettlementPrice { instrument, price: settled },
        Change::Method { text: state.method.text.clone() },
    ];
    let first = state.next_proposal;
    let from = state.clock;
    let mut events: Vec<Event> =
        changes.into_iter().map(|change| Event::Proposed { change: Box::new(change), from }).collect();
    events.extend((first..first + 8).map(|proposal| Event::Activated { proposal }));
    events.extend([
        Event::Proposed { change: Box::new(Change::OpenInterest { underlying, usd }), from },
        Event::Revoked { proposal: first + 8 },
        Event::CaseOpened { account, epoch: 99, markets: vec![underlying] },
        Event::Offered { account, offer: Some(offer) },
        Event::Shared { account, usd },
        Event::Auctioned { account },
        Event::Transferred { instrument, from: account, to: account, lots: 2, price, open: 9 },
        Event::CaseClosed { account },
        Event::Paced { underlying, flow: Flow::new(from) },
        Event::Measured { underlying, cascade: Cascade::default() },
        Event::Calmed { until: from },
        Event::BackstopSet { account, on: true },
        Event::Flowed { spent: usd },
        Event::FundReferenced { reference: 3 },
        Event::Accrued,
        Event::Sampled { instrument, samples: Samples { sum: settled, count: 1 } },
        Event::Funded { instrument, period: 3, rate: Ratio::ONE },
        Event::ModeSet { instrument, mode: Mode::Halted },
        Event::Expired { instrument, price: settled },
        Event::Retired { instrument, last: false },
        Event::LocationListed { name: "elsewhere".to_owned() },
        Event::Watched { version: 1 },
    ]);
    events
}

/// Every field of every kind of event is replaced by values that are too large, too small, unknown or empty.
#[test]
fn no_event_that_is_read_from_a_file_stops_a_reader() {
    let journal = history(3, 60);
    let records = records(&journal);
    let mut state = genesis().state();
    let (mut seen, mut refused, mut taken) = (BTreeMap::<String, u32>::new(), 0, 0);
    let mut panicked = Vec::new();
    let end = replay(&journal, None, |_, _| {}).unwrap().engine.into_state();
    let rare = rare(&end);
    let all: Vec<&Event> = records.iter().flat_map(|(_, events)| events).chain(&rare).collect();
    for (place, event) in all.iter().enumerate() {
        let value = serde_json::to_value(event).unwrap();
        let kind = value.as_object().and_then(|fields| fields.keys().next().cloned()).unwrap_or_default();
        let times = seen.entry(kind).or_default();
        *times += 1;
        // The first event of each kind, and some later ones.
        if matches!(*times, 1 | 2 | 40 | 400) || rare.contains(event) {
            for (number, changed) in changed(&value).into_iter().enumerate() {
                let Ok(changed) = serde_json::from_value::<Event>(changed) else { continue };
                let rest = all[place + 1..].iter().copied().take(30);
                let events: Vec<&Event> = std::iter::once(&changed).chain(rest).collect();
                match survives(state.clone(), &events, number % 2 == 0) {
                    Ok(true) => taken += 1,
                    Ok(false) => refused += 1,
                    Err(event) => panicked.push(event),
                }
            }
        }
        apply_read(&mut state, event).unwrap_or_else(|invalid| panic!("{event:?} was decided: {invalid}"));
    }
    println!("{} kinds of events, {refused} changes refused, {taken} taken", seen.len());
    assert!(panicked.is_empty(), "{} panics, the first at {}", panicked.len(), panicked[0]);
    assert!(seen.len() > 35 && refused > 300 && taken > 300, "{seen:?}: {refused} refused, {taken} taken");
}

/// Bytes of events are turned, events are lost, doubled and reordered, in a chain that was hashed anew.
#[test]
fn a_forged_journal_is_an_error_with_its_sequence_and_never_a_panic() {
    let records = records(&history(5, 12));
    let mut dice = Dice::new(24);
    let place = |dice: &mut Dice, length: usize| usize::try_from(dice.below(u64::try_from(length).unwrap())).unwrap();
    let mut refused = 0;
    for _ in 0..300 {
        let mut forgery = records.clone();
        let first = place(&mut dice, records.len());
        let events = &mut forgery[first].1;
        if events.is_empty() {
            continue;
        }
        let chosen = place(&mut dice, events.len());
        match dice.below(5) {
            0 => drop(events.remove(chosen)),
            1 => events.insert(chosen, events[chosen].clone()),
            2 => forgery.swap(first, place(&mut dice, records.len())),
            3 => drop(forgery.remove(first)),
            _ => {
                let mut bytes = postcard::to_stdvec(events).unwrap();
                let byte = place(&mut dice, bytes.len());
                bytes[byte] = [0, 1, 0x7f, 0xff][place(&mut dice, 4)];
                let Ok(turned) = postcard::from_bytes(&bytes) else { continue };
                *events = turned;
            }
        }
        let replayed = catch_unwind(AssertUnwindSafe(|| replay(&forged(&forgery), None, |_, _| {})));
        match replayed.unwrap_or_else(|_| panic!("a panic after a change of record {first}")) {
            Ok(replayed) => examine(replayed.engine.into_state()),
            Err(ReplayError::Event { sequence, .. }) => {
                assert!(usize::try_from(sequence).unwrap() <= records.len());
                refused += 1;
            }
            Err(other) => println!("{other}"),
        }
    }
    assert!(refused > 30, "{refused} refused are a poor trial");
}

/// A program that did not retire settled contracts wrote the same journal without the retirements. Its journals replay,
/// and a program that continues one catches up at the first tick.
#[test]
fn a_journal_in_which_nothing_was_retired_goes_on() {
    let is_kept = |event: &Event| !matches!(event, Event::Retired { .. });
    let feeds = |sequencer: &Sequencer<Memory>| sequencer.engine().state().feeds.len();
    // A run in which all contracts of an expiry with a feed were settled, and the same run without its retirements.
    let run = |seed| {
        let journal = history(seed, 400);
        let mut older = records(&journal);
        for (_, events) in &mut older {
            events.retain(is_kept);
        }
        let (fresh, _) = Sequencer::open(journal).unwrap();
        let (older, _) = Sequencer::open(forged(&older)).unwrap();
        (feeds(&older) > feeds(&fresh)).then_some((older, fresh))
    };
    let (mut older, mut fresh) = (1..20).find_map(run).unwrap();
    whole(older.engine().state()).unwrap();
    let hash = |sequencer: &Sequencer<Memory>| sequencer.engine().state().clone().hash();
    assert_ne!(hash(&older), hash(&fresh));
    let time = Timestamp::from_micros(fresh.engine().state().clock.micros() + 1_000_000);
    let tick = Envelope { time, principal: Principal::System, command: Command::Tick };
    for sequencer in [&mut fresh, &mut older] {
        sequencer.submit(std::slice::from_ref(&tick)).unwrap();
    }
    assert_eq!((hash(&older), feeds(&older)), (hash(&fresh), feeds(&fresh)));
    let ends = |sequencer: Sequencer<Memory>| replay(&sequencer.into_journal(), None, |_, _| {}).unwrap().engine.hash();
    assert_eq!(ends(older), ends(fresh));
}

/// The message names the place and the fault.
#[test]
fn the_record_the_event_and_what_was_expected_are_named() {
    let records = records(&history(5, 12));
    let named = |change: &dyn Fn(&mut Event) -> bool| {
        let mut forgery = records.clone();
        let found = forgery
            .iter_mut()
            .enumerate()
            .find_map(|(sequence, (_, events))| events.iter_mut().position(change).map(|number| (sequence, number)));
        let (sequence, number) = found.unwrap();
        let error = replay(&forged(&forgery), None, |_, _| {}).unwrap_err().to_string();
        let place = format!("memory: record {sequence}: event {number}: ");
        error.strip_prefix(&place).unwrap_or_else(|| panic!("{error} instead of {place}…")).to_owned()
    };
    let missing = named(&|event| match event {
        Event::Judged { account, .. } | Event::Ordered { account, .. } | Event::Positioned { account, .. } => {
            account.0 = 4_000_000_000;
            true
        }
        _ => false,
    });
    assert!(missing.starts_with("account: found 4000000000, expected a number below "), "{missing}");
    let early = named(&|event| match event {
        Event::Clock { time } => {
            *time = Timestamp::from_micros(i64::MIN);
            true
        }
        _ => false,
    });
    assert!(early.starts_with("time: found -9223372036854775808 microseconds after 1970, expected a time"), "{early}");
    let huge = named(&|event| match event {
        Event::Moved { amount, .. } => {
            *amount = Quantity::from_raw(i128::MAX);
            true
        }
        _ => false,
    });
    assert!(huge.starts_with("amount: found 170141183460469231731.687"), "{huge}");
}

/// A snapshot is a file like any other and is not trusted.
#[test]
fn a_forged_snapshot_is_refused_or_harmless() {
    let journal = history(7, 30);
    let state = replay(&journal, None, |_, _| {}).unwrap().engine.into_state();
    whole(&state).unwrap();
    let bytes = postcard::to_stdvec(&state).unwrap();
    let mut dice = Dice::new(25);
    let mut refused = 0;
    for _ in 0..1_500 {
        let mut forgery = bytes.clone();
        let byte = usize::try_from(dice.below(u64::try_from(bytes.len()).unwrap())).unwrap();
        forgery[byte] ^= 1 << dice.below(8);
        let Ok(state) = postcard::from_bytes::<State>(&forgery) else { continue };
        let looked = catch_unwind(AssertUnwindSafe(|| {
            let checked = whole(&state);
            if checked.is_ok() && byte % 8 == 0 {
                examine(state);
            }
            checked.is_err()
        }));
        refused += u32::from(looked.unwrap_or_else(|_| panic!("a panic after a change of byte {byte}")));
    }
    assert!(refused > 10, "{refused} refused are a poor trial");

    // A snapshot whose hash is right, of a state that no engine has.
    let mut state: State = postcard::from_bytes(&bytes).unwrap();
    state.contracts.pop();
    let (mut journal, at) = (journal.clone(), journal.head());
    let hash = journal::Hash(state.clone().hash().0);
    journal.snapshot(at, hash, &sequencer::encode_state(&state)).unwrap();
    let error = replay(&journal, None, |_, _| {}).unwrap_err().to_string();
    let place = format!("memory: snapshot before record {}: contracts: found ", at.sequence);
    assert!(error.starts_with(&place), "{error} instead of {place}…");
}

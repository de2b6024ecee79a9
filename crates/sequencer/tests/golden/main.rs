//! Golden journals: one of every version of the encodings, kept for ever. Every later program reads them as they were
//! written.
//!
//! `cargo xtask golden` writes the journal of the present versions anew, and the readable forms of all. A released
//! journal is never written again; docs/formats.md says how a version is raised.

#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod script;
mod text;
mod variants;

use std::path::{Path, PathBuf};

use engine::{Cause, Command, Envelope, Event, FeedId};
use journal::{Identity, Journal, Memory, Store};
use sequencer::{VERSIONS, Versions, replay};
use variants::missing;

/// The environment variable that `cargo xtask golden` sets.
const WRITE: &str = "UPM_GOLDEN_WRITE";

/// What to do about a changed encoding.
const ADVICE: &str = "The encoding of a journal has changed. Where the version is released: raise it in \
    sequencer/src/codec.rs, keep a reader of the old version there, run `cargo xtask golden`, and commit the new folder \
    beside the old ones. Where it is not: run `cargo xtask golden`.";

/// The folder of all golden journals.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/journals")
}

/// The folder of the golden journal of the present versions.
fn present() -> PathBuf {
    let Versions { command, events, state } = VERSIONS;
    folder().join(format!("command-{command}-events-{events}-state-{state}"))
}

/// The folders of all golden journals, in order of their names.
fn all() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

fn opened(folder: &Path) -> Store {
    Store::examine(folder.join("journal.redb")).unwrap_or_else(|why| panic!("{why}. {ADVICE}"))
}

/// The readable forms of the journal in a folder: the file's name and its content.
fn readable(folder: &Path) -> [(&'static str, String); 2] {
    let store = opened(folder);
    let replayed = replay(&store, None, |_, _| {}).unwrap_or_else(|why| panic!("{why}. {ADVICE}"));
    [("records.jsonl", text::records(&store)), ("state.txt", text::state(replayed.engine.state()))]
}

/// The commands and events of a journal.
fn decoded(journal: &impl Journal) -> (Vec<Envelope>, Vec<Event>) {
    let records = journal.read(0).map(|record| sequencer::decode(journal.name(), &record.unwrap()).unwrap());
    let (envelopes, events): (Vec<_>, Vec<_>) = records.unzip();
    (envelopes, events.concat())
}

/// The variants that no record of a journal has.
fn lacking(journal: &impl Journal) -> Vec<String> {
    let (envelopes, events) = decoded(journal);
    let commands: Vec<&Command> = envelopes.iter().map(|envelope| &envelope.command).collect();
    let mut lacking = missing(commands.iter().copied());
    lacking.extend(missing(&events));
    lacking.extend(missing(envelopes.iter().map(|envelope| &envelope.principal)));
    lacking.extend(missing::<Cause>(events.iter().filter_map(|event| match event {
        Event::Moved { cause, .. } => Some(cause),
        _ => None,
    })));
    lacking.extend(missing(events.iter().filter_map(|event| match event {
        Event::Proposed { change, .. } => Some(&**change),
        _ => None,
    })));
    let pots = events.iter().flat_map(|event| match event {
        Event::Moved { from, to, .. } => vec![from, to],
        _ => Vec::new(),
    });
    lacking.extend(missing(pots.filter_map(|holder| match holder {
        engine::state::Holder::Pot(pot) => Some(pot),
        engine::state::Holder::Account(..) => None,
    })));
    lacking.extend(missing(events.iter().filter_map(|event| match event {
        Event::Judged { status, .. } => Some(status),
        _ => None,
    })));
    lacking.extend(missing::<FeedId>(events.iter().filter_map(|event| match event {
        Event::Reported { feed, .. } => Some(feed),
        _ => None,
    })));
    lacking.extend(missing(events.iter().filter_map(|event| match event {
        Event::ModeSet { mode, .. } => Some(mode),
        _ => None,
    })));
    lacking.extend(missing(events.iter().filter_map(|event| match event {
        Event::Quoted { quote, .. } => Some(&quote.cause),
        _ => None,
    })));
    lacking
}

/// The journal of the script, in memory.
fn scripted() -> Memory {
    let genesis = script::genesis();
    let mut journal = Memory::new(&Identity { shard: 3, genesis: genesis.text() });
    script::write(&mut journal, genesis);
    journal
}

/// Writes the golden files where `cargo xtask golden` asks for that, and else checks that they could be written.
#[test]
fn the_golden_files_can_be_written() {
    let journal = scripted();
    assert_eq!(lacking(&journal), Vec::<String>::new(), "tests/golden/script.rs makes no record with these");
    if std::env::var_os(WRITE).is_none() {
        return;
    }
    let present = present();
    std::fs::create_dir_all(&present).unwrap();
    let file = present.join("journal.redb");
    if file.exists() {
        std::fs::remove_file(&file).unwrap();
    }
    let mut store = Store::create(&file, journal.identity()).unwrap();
    script::write(&mut store, script::genesis());
    drop(store);
    for folder in all() {
        for (name, content) in readable(&folder) {
            std::fs::write(folder.join(name), content).unwrap();
        }
    }
}

/// Every golden journal is sound, is read record by record, and leads to the states whose hashes it holds. Its readable
/// form shows what a change of the encoding changes.
#[test]
fn every_golden_journal_is_read() {
    let folders = all();
    assert!(folders.contains(&present()), "{} is missing. {ADVICE}", present().display());
    for folder in folders {
        let store = opened(&folder);
        journal::verify(&store).unwrap();
        for (name, content) in readable(&folder) {
            let kept = std::fs::read_to_string(folder.join(name)).unwrap();
            let differs = kept.lines().zip(content.lines()).find(|(kept, found)| kept != found);
            assert_eq!(differs, None, "{}/{name} differs. {ADVICE}", folder.display());
            assert_eq!(kept.lines().count(), content.lines().count(), "{}/{name} differs. {ADVICE}", folder.display());
        }
        // From the genesis, and from the snapshot.
        let at = store.latest_snapshot().unwrap().unwrap().at.sequence;
        let to_snapshot = replay(&store, Some(at - 1), |_, _| {}).unwrap();
        assert_eq!((to_snapshot.snapshot, to_snapshot.records), (None, at - 1), "{}", folder.display());
        let on = replay(&store, None, |_, _| {}).unwrap();
        assert_eq!((on.snapshot, on.records), (Some(at), store.head().sequence - at), "{}", folder.display());
        if folder == present() {
            assert_eq!((to_snapshot.met, to_snapshot.uncompared), (at - 1, 0), "every record has a state hash");
        }
    }
}

/// What is decoded is encoded to the same bytes, so that no field and no variant changes unseen.
#[test]
fn encoding_again_gives_the_same_bytes() {
    let store = opened(&present());
    for record in store.read(0) {
        let record = record.unwrap();
        let (envelope, events) = sequencer::decode(store.name(), &record).unwrap();
        let again = sequencer::draft(&envelope, &events, record.state);
        let same = again.command == record.command && again.events == record.events;
        assert!(same, "record {} is encoded to other bytes. {ADVICE}", record.sequence);
    }
    let snapshot = store.latest_snapshot().unwrap().unwrap();
    let replayed = replay(&store, Some(snapshot.at.sequence), |_, _| {}).unwrap();
    let again = sequencer::encode_state(replayed.engine.state());
    assert!(again == snapshot.bytes, "the state of the snapshot is encoded to other bytes. {ADVICE}");
}

#[test]
fn every_variant_is_in_the_golden_journal() {
    let lacking = lacking(&opened(&present()));
    assert!(lacking.is_empty(), "no record has {}. {ADVICE}", lacking.join(", "));
}

/// The state of the snapshot uses every part: nothing that can be empty is.
#[test]
fn the_golden_state_uses_every_part() {
    let store = opened(&present());
    let at = store.latest_snapshot().unwrap().unwrap().at.sequence;
    let state = replay(&store, Some(at), |_, _| {}).unwrap().engine.into_state();
    let cases: Vec<_> = state.liquidations.cases.values().collect();
    let accounts = || state.accounts.iter();
    let used = [
        ("touched", !state.touched.is_empty()),
        ("surface.staged", !state.surface.staged.is_empty()),
        ("locations", !state.locations.is_empty()),
        ("contracts", !state.contracts.is_empty()),
        ("feeds", !state.feeds.is_empty()),
        ("pots", !state.pots.is_empty()),
        ("balances of a location", accounts().any(|one| one.balances.iter().any(|held| held.location.is_some()))),
        ("profit", accounts().any(|one| one.balances.iter().any(|held| held.profit > units::Quantity::ZERO))),
        ("positions", accounts().any(|one| !one.positions.is_empty())),
        ("orders", accounts().any(|one| !one.orders.is_empty())),
        ("offer", cases.iter().any(|case| case.offer.is_some())),
        ("auction", cases.iter().any(|case| case.auction.is_some() && !case.markets.is_empty())),
        ("shared", cases.iter().any(|case| case.shared > units::Money::ZERO)),
        ("flows", !state.liquidations.flows.is_empty()),
        ("cascades", !state.liquidations.cascades.is_empty()),
        ("backstops", !state.liquidations.backstops.is_empty()),
        ("fund_reference", state.fund_reference > 0),
        ("method.previous", state.method.previous.is_some()),
        ("proposals", !state.proposals.is_empty()),
        ("outflow", state.outflow.0 > units::Money::ZERO),
        ("collateral_changed", state.collateral_changed.is_some()),
    ];
    let unused: Vec<&str> = used.iter().filter(|(_, used)| !used).map(|(part, _)| *part).collect();
    assert!(unused.is_empty(), "the state has no {}: tests/golden/script.rs", unused.join(", "));
}

/// A misspelled field of a command or of a genesis is refused: where the right one is optional, nothing else would say so.
#[test]
fn unknown_fields_are_refused() {
    let (mut objects, store) = (0, opened(&present()));
    let commands = store.read(0).map(|record| {
        let (envelope, _) = sequencer::decode(store.name(), &record.unwrap()).unwrap();
        serde_json::to_value(&envelope.command).unwrap()
    });
    for command in commands {
        for surplus in with_a_surplus_field(&command) {
            assert!(serde_json::from_value::<Command>(surplus.clone()).is_err(), "{surplus}");
            objects += 1;
        }
    }
    assert!(objects > 75, "{objects}");
    let genesis = serde_json::to_value(script::genesis()).unwrap();
    let surplus = with_a_surplus_field(&genesis);
    assert!(surplus.len() >= 3, "the genesis, its policy and the rules of liquidation");
    for surplus in surplus {
        assert!(sequencer::Genesis::parse(&surplus.to_string()).is_err(), "{surplus}");
    }
}

/// Copies of a document, each with one more field in another of its objects.
fn with_a_surplus_field(document: &serde_json::Value) -> Vec<serde_json::Value> {
    use serde_json::Value;
    let mut copies = Vec::new();
    if let Value::Object(fields) = document {
        let mut more = fields.clone();
        more.insert("surplus".to_owned(), Value::from("1"));
        copies.push(Value::Object(more));
    }
    let within: Vec<(Value, Vec<Value>)> = match document {
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| (Value::from(name.as_str()), with_a_surplus_field(field))).collect()
        }
        Value::Array(list) => {
            list.iter().enumerate().map(|(place, one)| (Value::from(place), with_a_surplus_field(one))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for (place, changed) in within {
        for field in changed {
            let mut copy = document.clone();
            match &place {
                Value::String(name) => copy[name.as_str()] = field,
                place => copy[place.as_u64().map_or(0, |place| usize::try_from(place).unwrap())] = field,
            }
            copies.push(copy);
        }
    }
    copies
}

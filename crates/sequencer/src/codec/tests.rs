//! A made-up later program reads what this one wrote, and goes on in its own versions in the same journal.

use engine::{Command, Engine, Principal};
use journal::{Identity, Journal, Memory};
use serde::Deserialize;
use units::Timestamp;

use super::*;
use crate::{Genesis, replay, replay::replay_with};

/// The command of the made-up second version: the principal last, and a note that version 1 did not have.
#[derive(Serialize, Deserialize)]
struct Noted {
    note: String,
    time: Timestamp,
    command: Command,
    principal: Principal,
}

fn write_noted(envelope: &Envelope, bytes: Vec<u8>) -> Vec<u8> {
    let Envelope { time, principal, command } = envelope.clone();
    append(&Noted { note: "new".to_owned(), time, command, principal }, bytes)
}

fn read_noted(bytes: &[u8]) -> Result<Envelope, postcard::Error> {
    let Noted { time, principal, command, .. } = exactly(bytes)?;
    Ok(Envelope { time, principal, command })
}

/// The encodings of the made-up later program: a second version of commands and of the state.
const LATER: Codec = Codec {
    commands: Encoding {
        what: "command",
        current: 2,
        write: write_noted,
        versions: &[Version { number: 1, read: exactly }, Version { number: 2, read: read_noted }],
    },
    states: Encoding {
        what: "state",
        current: 2,
        write: append,
        versions: &[Version { number: 1, read: exactly }, Version { number: 2, read: exactly }],
    },
    ..CODEC
};

/// A journal with one record of this program and one of the later program, each with a state hash, and the state that it
/// leads to.
fn mixed() -> (Memory, Engine) {
    let genesis = Genesis::new("2026-11-22T00:00:00Z".parse().unwrap());
    let mut journal = Memory::new(&Identity { shard: 0, genesis: genesis.text() });
    let time = genesis.time;
    let mut engine = Engine::new(genesis.state()).unwrap();
    for (codec, name) in [(&CODEC, "alice"), (&LATER, "bob")] {
        let command = Command::OpenAccount { name: name.to_owned(), owner: 1 };
        let envelope = Envelope { time, principal: Principal::System, command };
        let events = engine.handle(&envelope).unwrap();
        let state = Some(Hash(engine.hash().0));
        journal.append(&[codec.draft(&envelope, &events, state)]).unwrap();
    }
    (journal, engine)
}

#[test]
fn a_later_program_reads_a_journal_of_both_versions() {
    let (mut journal, engine) = mixed();
    let commands: Vec<Envelope> =
        journal.read(0).map(|record| LATER.decode(&record.unwrap()).unwrap().envelope).collect();
    assert!(matches!(&commands[1].command, Command::OpenAccount { name, .. } if name == "bob"));
    let replayed = replay_with(&LATER, &journal, None, |_, _| {}).unwrap();
    assert_eq!(replayed.engine.state(), engine.state());
    // The hash of the older state is not comparable, and is counted apart.
    assert_eq!((replayed.met, replayed.uncompared), (1, 1));
    // A snapshot of either version is a place to start from.
    for codec in [&CODEC, &LATER] {
        let bytes = codec.states.encode(engine.state());
        journal.snapshot(journal.head(), Hash(engine.state().clone().hash().0), &bytes).unwrap();
        let replayed = replay_with(&LATER, &journal, None, |_, _| {}).unwrap();
        assert_eq!((replayed.snapshot, replayed.engine.state()), (Some(2), engine.state()));
    }
}

#[test]
fn a_version_that_is_not_known_is_named_with_those_that_are() {
    let (mut journal, engine) = mixed();
    let refused = replay(&journal, None, |_, _| {}).unwrap_err().to_string();
    assert_eq!(refused, "memory: record 1: command: found version 2 of its encoding, expected 1");
    let bytes = append(&9_u16, Vec::new());
    journal.snapshot(journal.head(), Hash(engine.state().clone().hash().0), &bytes).unwrap();
    let refused = replay_with(&LATER, &journal, None, |_, _| {}).map(drop).unwrap_err().to_string();
    assert_eq!(refused, "memory: record 2: state: found version 9 of its encoding, expected 1 or 2");
}

/// A state hash of a version that is not known proves nothing, so its record is refused.
#[test]
fn a_state_hash_of_an_unknown_version_is_refused() {
    let (_, engine) = mixed();
    let command = Command::OpenAccount { name: "carol".to_owned(), owner: 1 };
    let envelope = Envelope { time: engine.state().clock, principal: Principal::System, command };
    let mut record = draft(&envelope, &[], None);
    record.events[1] = 7;
    let mut journal = Memory::new(&Identity { shard: 0, genesis: String::new() });
    journal.append(&[record]).unwrap();
    let record = journal.read(0).next().unwrap().unwrap();
    let refused = decode("memory", &record).unwrap_err().to_string();
    assert_eq!(refused, "memory: record 0: state: found version 7 of its encoding, expected 1");
}

/// Bytes after the last field are no part of any version.
#[test]
fn bytes_after_the_content_are_refused() {
    let command = Command::OpenAccount { name: "carol".to_owned(), owner: 1 };
    let time = "2026-11-22T00:00:00Z".parse().unwrap();
    let envelope = Envelope { time, principal: Principal::System, command };
    for longer in [|record: &mut Draft| record.command.push(0), |record: &mut Draft| record.events.push(0)] {
        let mut record = draft(&envelope, &[], None);
        longer(&mut record);
        let mut journal = Memory::new(&Identity { shard: 0, genesis: String::new() });
        journal.append(&[record]).unwrap();
        let record = journal.read(0).next().unwrap().unwrap();
        assert!(matches!(decode("memory", &record), Err(ReplayError::Encoding { .. })));
    }
}

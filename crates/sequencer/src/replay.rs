//! Replays a journal to the state that it leads to: the same events, the same hashes.

use engine::{Engine, Envelope, Event, State, apply_read};
use journal::{Damage, Hash, Journal, Record};
use model::Invalid;

use crate::Genesis;

/// The reason why a journal does not lead to a state.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The journal is damaged.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// The journal begins with something that is no genesis.
    #[error("{file}: genesis: {invalid}")]
    Genesis {
        /// The file, or the name that its opener gave the journal.
        file: String,
        /// The fault of the genesis.
        invalid: Invalid,
    },
    /// A record or snapshot is sound, but not in the encoding of this program.
    #[error("{file}: record {sequence}: {what}: {why}, expected the encoding of this version")]
    Encoding {
        /// The file, or the name that its opener gave the journal.
        file: String,
        /// The sequence of the record.
        sequence: u64,
        /// The part that was decoded: command, events or snapshot.
        what: &'static str,
        /// The message of the decoder.
        why: String,
    },
    /// A record is sound, but one of its events cannot happen to the state before it.
    #[error("{file}: record {sequence}: event {number}: {invalid}")]
    Event {
        /// The file, or the name that its opener gave the journal.
        file: String,
        /// The sequence of the record.
        sequence: u64,
        /// The number of the event within the record, from 0.
        number: usize,
        /// The fault of the event.
        invalid: Invalid,
    },
    /// A snapshot is sound, but no engine has such a state.
    #[error("{file}: snapshot before record {sequence}: {invalid}")]
    Snapshot {
        /// The file, or the name that its opener gave the journal.
        file: String,
        /// The sequence of the record that the snapshot stands before.
        sequence: u64,
        /// The fault of the state.
        invalid: Invalid,
    },
    /// The records that lead to a state were compacted away.
    #[error("{file}: record {asked}: the journal begins at {base}, expected a place after it")]
    Compacted {
        /// The file, or the name that its opener gave the journal.
        file: String,
        /// The sequence that was asked for.
        asked: u64,
        /// The sequence of the first record that is kept.
        base: u64,
    },
    /// The replayed state is not the one that was recorded.
    #[error("{file}: record {sequence}: the state hashes to {found}, expected {expected}")]
    Diverged {
        /// The file, or the name that its opener gave the journal.
        file: String,
        /// The sequence of the record.
        sequence: u64,
        /// The hash of the state that was replayed.
        found: Hash,
        /// The hash that the record holds.
        expected: Hash,
    },
}

/// An engine in the state that a journal leads to.
#[derive(Debug)]
pub struct Replayed {
    /// The engine after the last record that was replayed.
    pub engine: Engine,
    /// The sequence of the snapshot it started from; none for the genesis.
    pub snapshot: Option<u64>,
    /// Number of records that were replayed after that.
    pub records: u64,
    /// Number of recorded state hashes that the replay met.
    pub met: u64,
    /// Snapshots that were passed over, each with the reason.
    pub passed_over: Vec<Damage>,
}

/// Decodes the command and the events of a record.
pub fn decode(file: &str, record: &Record) -> Result<(Envelope, Vec<Event>), ReplayError> {
    let refused = |what: &'static str| {
        move |error: postcard::Error| ReplayError::Encoding {
            file: file.to_owned(),
            sequence: record.sequence,
            what,
            why: error.to_string(),
        }
    };
    let command = postcard::from_bytes(&record.command).map_err(refused("command"))?;
    let events = postcard::from_bytes(&record.events).map_err(refused("events"))?;
    Ok((command, events))
}

/// Replays a journal up to, and without, record `until` (all of it when none). It starts from the newest snapshot, or
/// from the genesis where that snapshot is after `until`.
///
/// Everything that is read is checked before it is applied: the journal may come from anyone, and an event that its
/// state cannot take is an error. Every state hash on the way is compared. `each` sees every record before it is
/// applied.
pub fn replay(
    journal: &impl Journal,
    until: Option<u64>,
    mut each: impl FnMut(&State, &Record),
) -> Result<Replayed, ReplayError> {
    let file = journal.name();
    let until = until.unwrap_or(u64::MAX);
    let unread = |invalid: Invalid| ReplayError::Genesis { file: file.to_owned(), invalid };
    let (snapshot, passed_over) = match journal.latest_snapshot() {
        Ok(snapshot) => {
            let passed_over = snapshot.as_ref().map(|snapshot| snapshot.passed_over.clone()).unwrap_or_default();
            (snapshot.filter(|snapshot| snapshot.at.sequence <= until), passed_over)
        }
        // Where every record is kept, no snapshot is needed.
        Err(damage) if journal.base().sequence == 0 => (None, vec![damage]),
        Err(damage) => return Err(damage.into()),
    };
    let (state, from) =
        match &snapshot {
            Some(snapshot) => {
                let sequence = snapshot.at.sequence;
                let mut state: State = postcard::from_bytes(&snapshot.bytes).map_err(|error| {
                    ReplayError::Encoding { file: file.to_owned(), sequence, what: "snapshot", why: error.to_string() }
                })?;
                engine::whole(&state).map_err(|invalid| ReplayError::Snapshot {
                    file: file.to_owned(),
                    sequence,
                    invalid,
                })?;
                let found = Hash(state.hash().0);
                if found != snapshot.state {
                    let (file, expected) = (file.to_owned(), snapshot.state);
                    return Err(ReplayError::Diverged { file, sequence, found, expected });
                }
                (state, sequence)
            }
            None if journal.base().sequence > 0 => {
                let (asked, base) = (until, journal.base().sequence);
                return Err(ReplayError::Compacted { file: file.to_owned(), asked, base });
            }
            None => (Genesis::parse(&journal.identity().genesis).map_err(unread)?.state(), 0),
        };
    let mut state = state;
    let (mut records, mut met) = (0, 0);
    for record in journal.read(from) {
        let record = record?;
        if record.sequence >= until {
            break;
        }
        each(&state, &record);
        let (_, events) = decode(file, &record)?;
        for (number, event) in events.iter().enumerate() {
            apply_read(&mut state, event).map_err(|invalid| {
                let (file, sequence) = (file.to_owned(), record.sequence);
                ReplayError::Event { file, sequence, number, invalid }
            })?;
        }
        records += 1;
        if let Some(expected) = record.state {
            let found = Hash(state.hash().0);
            if found != expected {
                let (file, sequence) = (file.to_owned(), record.sequence);
                return Err(ReplayError::Diverged { file, sequence, found, expected });
            }
            met += 1;
        }
    }
    let engine = Engine::new(state).map_err(unread)?;
    Ok(Replayed { engine, snapshot: snapshot.map(|snapshot| snapshot.at.sequence), records, met, passed_over })
}

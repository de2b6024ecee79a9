//! Replays a journal to the state that it leads to: the same events, the same hashes.

use engine::{Engine, State, apply_read};
use journal::{Damage, Hash, Journal, Record, Snapshot};
use model::Invalid;

use crate::Genesis;
use crate::codec::{CODEC, Codec};

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
    /// A record or snapshot is sound, but in a version of its encoding that this program does not read.
    #[error("{file}: record {sequence}: {what}: found version {found} of its encoding, expected {known}")]
    Version {
        /// The file, or the name that its opener gave the journal.
        file: String,
        /// The sequence of the record; for a snapshot, of the record after it.
        sequence: u64,
        /// The piece that was read: command, events or state.
        what: &'static str,
        /// The version found.
        found: u16,
        /// The versions that this program reads.
        known: String,
    },
    /// A record or snapshot is sound, but does not hold what its version says.
    #[error("{file}: record {sequence}: {what}: {why}, expected the encoding of this version")]
    Encoding {
        /// The file, or the name that its opener gave the journal.
        file: String,
        /// The sequence of the record.
        sequence: u64,
        /// The piece that was read: command, events or state.
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
    /// Number of recorded state hashes of another version of the state: they cannot be compared.
    pub uncompared: u64,
    /// Snapshots that were passed over, each with the reason.
    pub passed_over: Vec<Damage>,
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
    each: impl FnMut(&State, &Record),
) -> Result<Replayed, ReplayError> {
    replay_with(&CODEC, journal, until, each)
}

/// Replays a journal as [`replay`] does, and reads it by a codec.
pub fn replay_with(
    codec: &Codec,
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
    let (state, from) = match &snapshot {
        Some(snapshot) => (restored(codec, file, snapshot)?, snapshot.at.sequence),
        None if journal.base().sequence > 0 => {
            let (asked, base) = (until, journal.base().sequence);
            return Err(ReplayError::Compacted { file: file.to_owned(), asked, base });
        }
        None => (Genesis::parse(&journal.identity().genesis).map_err(unread)?.state(), 0),
    };
    let mut state = state;
    let (mut records, mut met, mut uncompared) = (0, 0, 0);
    for record in journal.read(from) {
        let record = record?;
        if record.sequence >= until {
            break;
        }
        each(&state, &record);
        let decoded = codec.decode(&record).map_err(|unread| unread.at(file, record.sequence))?;
        for (number, event) in decoded.events.iter().enumerate() {
            apply_read(&mut state, event).map_err(|invalid| {
                let (file, sequence) = (file.to_owned(), record.sequence);
                ReplayError::Event { file, sequence, number, invalid }
            })?;
        }
        records += 1;
        let Some(expected) = record.state else { continue };
        if decoded.hashed == codec.states.current {
            let found = Hash(state.hash().0);
            if found != expected {
                let (file, sequence) = (file.to_owned(), record.sequence);
                return Err(ReplayError::Diverged { file, sequence, found, expected });
            }
            met += 1;
        } else {
            uncompared += 1;
        }
    }
    let engine = Engine::new(state).map_err(unread)?;
    Ok(Replayed {
        engine,
        snapshot: snapshot.map(|snapshot| snapshot.at.sequence),
        records,
        met,
        uncompared,
        passed_over,
    })
}

/// The state of a snapshot, checked as a whole. Its hash is compared where it is of the current version of the state; in
/// any case the journal has checked the bytes.
fn restored(codec: &Codec, file: &str, snapshot: &Snapshot) -> Result<State, ReplayError> {
    let sequence = snapshot.at.sequence;
    let (mut state, current) = codec.decode_state(&snapshot.bytes).map_err(|unread| unread.at(file, sequence))?;
    engine::whole(&state).map_err(|invalid| ReplayError::Snapshot { file: file.to_owned(), sequence, invalid })?;
    let found = Hash(state.hash().0);
    if current && found != snapshot.state {
        return Err(ReplayError::Diverged { file: file.to_owned(), sequence, found, expected: snapshot.state });
    }
    Ok(state)
}

//! Opens journals for reading, and replays them from their first record.

use std::path::Path;

use engine::{AccountId, State};
use journal::{
    AppendError, CompactError, Damage, Draft, Hash, Head, Identity, Journal, OpenError, Record, Records, Snapshot,
    SnapshotError, Store,
};
use sequencer::Replayed;
use shell::failure::Failure;
use shell::progress::Progress;

/// Opens a journal for reading.
pub fn open(file: &Path) -> Result<Store, Failure> {
    Store::examine(file).map_err(|error| match error {
        OpenError::Corrupt { .. } | OpenError::Damage(_) => {
            broken(format_args!("{error}; go on with a backup, or see upm journal salvage --help"))
        }
        error => unopened(error),
    })
}

/// The failure for a file that cannot be read at all.
pub fn unopened(error: OpenError) -> Failure {
    match error {
        OpenError::Storage { file, found } => {
            Failure::wrong(file, format_args!("{found}, expected a journal that can be read"))
        }
        OpenError::Corrupt { .. } | OpenError::Damage(_) | OpenError::Busy { .. } => broken(error),
        error => Failure::Wrong(error.to_string()),
    }
}

/// The failure for a journal that is damaged, or does not lead to the state that it records.
pub fn broken(error: impl std::fmt::Display) -> Failure {
    Failure::broken(error)
}

/// The number of records up to and including `last`, which the user gave as `argument`; all records when `last` is
/// none.
pub fn until(store: &Store, argument: &str, last: Option<u64>) -> Result<u64, Failure> {
    let (base, head) = (store.base().sequence, store.head().sequence);
    let Some(last) = last else { return Ok(head) };
    if last >= head || last < base {
        let kept = match head.checked_sub(1) {
            Some(newest) if newest >= base => format!("a record of {}: {base} to {newest}", store.name()),
            _ => format!("nothing: {} has no records", store.name()),
        };
        return Err(Failure::wrong(argument, format_args!("found {last}, expected {kept}")));
    }
    Ok(last + 1)
}

/// The place just after the records before `until`, for messages.
pub fn place(until: u64) -> String {
    until.checked_sub(1).map_or_else(|| "before the first record".to_owned(), |last| format!("record {last}"))
}

/// The account with this name at a moment; the error suggests accounts with similar names.
pub fn account(state: &State, name: &str, moment: &str) -> Result<AccountId, Failure> {
    state.account_named(name).ok_or_else(|| {
        let near = model::nearest(name, state.accounts.iter().map(|account| account.name.as_str()));
        let expected = match near.as_slice() {
            [] => "an account, and there is none yet".to_owned(),
            near => format!("an account such as {}", near.join(", ")),
        };
        Failure::wrong(moment, format_args!("accounts: found no \"{name}\", expected {expected}"))
    })
}

/// Replays a journal from its first record to before record `until`; after a compaction from its newest snapshot.
pub fn replay(store: &Store, until: u64, mut each: impl FnMut(&State, &Record)) -> Result<Replayed, Failure> {
    if store.base().sequence > 0 {
        let snapshot = store.latest_snapshot().map_err(broken)?;
        let from = snapshot.map_or(store.head().sequence, |snapshot| snapshot.at.sequence);
        if from > until {
            let problem = format_args!(
                "record {}: found no state to begin with, since the journal was compacted, expected {from} or later",
                until.saturating_sub(1)
            );
            return Err(Failure::wrong(store.name(), problem));
        }
    }
    let mut progress = Progress::new("records", until);
    let replayed = sequencer::replay(&Whole(store), Some(until), |state, record| {
        progress.at(record.sequence);
        each(state, record);
    });
    progress.over();
    replayed.map_err(broken)
}

/// The hash of a state, which does not depend on parts hashed before.
pub fn hash(state: &State) -> Hash {
    Hash(state.clone().hash().0)
}

/// A journal without its snapshots: unless it was compacted, it is replayed from the genesis.
struct Whole<'a>(&'a Store);

impl Whole<'_> {
    fn read_only(&self) -> AppendError {
        AppendError::ReadOnly { file: self.0.name().to_owned(), sequence: self.0.head().sequence }
    }
}

impl Journal for Whole<'_> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn identity(&self) -> &Identity {
        self.0.identity()
    }

    fn base(&self) -> Head {
        self.0.base()
    }

    fn head(&self) -> Head {
        self.0.head()
    }

    fn append(&mut self, _: &[Draft]) -> Result<Head, AppendError> {
        Err(self.read_only())
    }

    fn read(&self, from: u64) -> Records<'_> {
        self.0.read(from)
    }

    fn at(&self, sequence: u64) -> Result<Head, Damage> {
        self.0.at(sequence)
    }

    fn snapshot(&mut self, _: Head, _: Hash, _: &[u8]) -> Result<(), SnapshotError> {
        Err(self.read_only().into())
    }

    fn latest_snapshot(&self) -> Result<Option<Snapshot>, Damage> {
        if self.base().sequence == 0 { Ok(None) } else { self.0.latest_snapshot() }
    }

    fn compact(&mut self, _: u64) -> Result<Head, CompactError> {
        Err(self.read_only().into())
    }
}

//! Helpers that build journals for the tests.

use std::path::{Path, PathBuf};

use journal::faults::Disk;
use journal::{AppendError, Draft, Hash, Head, Identity, Journal, OpenError, Record, Store};
use units::Timestamp;

/// The identity of the journal in most tests.
pub fn identity() -> Identity {
    Identity { shard: 7, genesis: "params 41c7".to_owned() }
}

/// The draft with number `number`, different from all others: sizes range from nothing to several pages.
pub fn draft(number: u64) -> Draft {
    let byte = u8::try_from(number % 251).expect("below 251");
    let sizes = [0, 1, 40, 200, 900, 5000];
    let size = sizes[usize::try_from(number % 6).expect("below 6")];
    Draft {
        time: Timestamp::from_micros(1_776_816_000_000_000 + i64::try_from(number).expect("a test is short")),
        command: number.to_le_bytes().to_vec(),
        events: vec![byte; size],
        state: (number % 4 == 3).then(|| Hash::of(&[byte])),
    }
}

/// The drafts of `numbers`.
pub fn drafts(numbers: std::ops::Range<u64>) -> Vec<Draft> {
    numbers.map(draft).collect()
}

/// The draft that a record was made from.
pub fn draft_of(record: &Record) -> Draft {
    let Record { time, command, events, state, .. } = record.clone();
    Draft { time, command, events, state }
}

/// The record made from draft `number` after `head`.
pub fn record(head: Head, number: u64) -> Record {
    let Draft { time, command, events, state } = draft(number);
    Record { shard: head.shard, sequence: head.sequence, previous: head.hash, time, command, events, state }
}

/// Appends `size` drafts, numbered from the head on.
pub fn grow(journal: &mut impl Journal, size: u64) -> Result<Head, AppendError> {
    let from = journal.head().sequence;
    journal.append(&drafts(from..from + size))
}

/// Takes a snapshot at the head: its bytes are `size` times the low byte of the sequence.
pub fn snap(journal: &mut impl Journal, size: usize) -> Result<(), journal::SnapshotError> {
    let at = journal.head();
    let bytes = snapshot_bytes(at.sequence, size);
    journal.snapshot(at, Hash::of(&bytes), &bytes)
}

/// The bytes of the snapshot that [`snap`] takes.
pub fn snapshot_bytes(sequence: u64, size: usize) -> Vec<u8> {
    vec![u8::try_from(sequence % 256).expect("below 256"); size]
}

/// The bytes of the log of a journal that [`create`] makes: few, so that it is often full.
pub const LOG_BYTES: usize = 16 << 10;

/// A new journal on `disk`.
pub fn create(disk: &Disk) -> Result<Store, OpenError> {
    Store::create_with_log("disk", disk.clone(), &identity(), LOG_BYTES)
}

/// The journal on a disk with this image.
pub fn open(image: Vec<u8>) -> Result<Store, OpenError> {
    Store::open_on("disk", Disk::from_image(image), &identity())
}

/// Checks that every kept record is the draft of its sequence.
pub fn check_content(journal: &impl Journal) {
    for record in journal.read(journal.base().sequence) {
        let record = record.expect("a sound journal");
        assert_eq!(draft_of(&record), draft(record.sequence), "record {}", record.sequence);
    }
}

/// A path in the temporary directory, removed at the end.
pub struct Place(PathBuf);

impl Place {
    /// A path for the test named `name`.
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("upm-journal-{name}-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        Self(path)
    }

    /// The path of the journal's file.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

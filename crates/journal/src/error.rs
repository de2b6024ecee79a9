//! The errors of a journal: every message names the file, the place, the value found and the value expected.

use std::fmt;

/// The error for a journal that differs from what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: record {sequence}: {what}: found {found}, expected {expected}")]
pub struct Damage {
    /// The file, or the name that its opener gave to the journal.
    pub file: String,
    /// The first record that is affected; for a snapshot, the record that follows it.
    pub sequence: u64,
    /// The kind of damage.
    pub what: Defect,
    /// The value found.
    pub found: String,
    /// The value expected.
    pub expected: String,
}

/// The kinds of damage to a record, a snapshot, or the journal around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// The storage could not read the bytes.
    Unreadable,
    /// There is no record at this place.
    Missing,
    /// The bytes do not match their hash.
    Checksum,
    /// The bytes are of another kind.
    Kind,
    /// The bytes are of a version that this program does not know.
    Version,
    /// The bytes cannot be decoded as the fields of their version.
    Encoding,
    /// The record belongs to another shard.
    Shard,
    /// The record has the sequence of another place.
    Sequence,
    /// The record follows another chain: a fork.
    Previous,
    /// The chain does not end at the head that the journal stores.
    Head,
    /// The record was dropped by a compaction.
    Dropped,
    /// The length of the file differs from its header, as after a cut; the sequence is that of the first record that is
    /// not whole.
    Length,
    /// Every record is whole, but a page of the file around them is not; the sequence is that of the next record.
    Page,
    /// A batch in the log is damaged around its records; the sequence is that of its first record.
    Log,
    /// The root of the file, which leads to the records and their end, cannot be read; the sequence is that of the
    /// first record that is not known to be whole.
    Root,
    /// The bytes of the snapshot do not match their hash, or its place is not on this chain.
    Snapshot,
}

impl fmt::Display for Defect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unreadable => "storage",
            Self::Missing => "missing",
            Self::Checksum => "checksum",
            Self::Kind => "kind",
            Self::Version => "version",
            Self::Encoding => "encoding",
            Self::Shard => "shard",
            Self::Sequence => "sequence",
            Self::Previous => "previous hash",
            Self::Head => "end of the chain",
            Self::Dropped => "dropped by compaction",
            Self::Length => "file length",
            Self::Page => "page",
            Self::Log => "log",
            Self::Root => "root",
            Self::Snapshot => "snapshot",
        })
    }
}

/// A defect before its file and record are known.
#[derive(Debug)]
pub(crate) struct Flaw {
    what: Defect,
    found: String,
    expected: String,
}

impl Flaw {
    pub(crate) fn new(what: Defect, found: impl fmt::Display, expected: impl fmt::Display) -> Self {
        Self { what, found: found.to_string(), expected: expected.to_string() }
    }

    pub(crate) fn at(self, file: &str, sequence: u64) -> Damage {
        Damage { file: file.to_owned(), sequence, what: self.what, found: self.found, expected: self.expected }
    }
}

/// The reasons why a journal cannot be opened or created.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be opened, or its storage failed.
    #[error("{file}: {found}")]
    Storage {
        /// The file, or the name that its opener gave to the journal.
        file: String,
        /// The message of the system.
        found: String,
    },
    /// Another writer has the journal open, in this process or another.
    #[error("{file}: found it open elsewhere, expected to be the only one that has it open")]
    Busy {
        /// The file, or the name that its opener gave to the journal.
        file: String,
    },
    /// The place for a new journal is not empty.
    #[error("{file}: found {found} bytes, expected no file or an empty one to create a journal in")]
    Occupied {
        /// The file, or the name that its opener gave to the journal.
        file: String,
        /// The length of the present content, in bytes.
        found: u64,
    },
    /// The file of the journal is empty or missing. An empty file is never taken for a first start (R-N4).
    #[error("{file}: found an empty file, expected a journal")]
    Empty {
        /// The file, or the name that its opener gave to the journal.
        file: String,
    },
    /// The file is something else, or its creation as a journal did not finish.
    #[error("{file}: found {found}, expected a journal")]
    NotAJournal {
        /// The file, or the name that its opener gave to the journal.
        file: String,
        /// The kind of file that it seems to be.
        found: String,
    },
    /// The file is a journal of another format.
    #[error("{file}: format: found {found}, expected {expected}")]
    Format {
        /// The file, or the name that its opener gave to the journal.
        file: String,
        /// The format of the file.
        found: String,
        /// The format that this program reads.
        expected: String,
    },
    /// The file is the journal of another shard.
    #[error("{file}: shard: found {found}, expected {expected}")]
    Shard {
        /// The file, or the name that its opener gave to the journal.
        file: String,
        /// The shard of the journal in the file.
        found: u32,
        /// The shard requested.
        expected: u32,
    },
    /// The file is a journal with another genesis.
    #[error("{file}: genesis: found {found:?}, expected {expected:?}")]
    Genesis {
        /// The file, or the name that its opener gave to the journal.
        file: String,
        /// The genesis of the journal in the file.
        found: String,
        /// The genesis requested.
        expected: String,
    },
    /// A page of the file is damaged. [`Store::examine`](crate::Store::examine) may find the affected record.
    #[error("{file}: found damage ({found}), expected pages that match their checksums")]
    Corrupt {
        /// The file, or the name that its opener gave to the journal.
        file: String,
        /// The message of the storage.
        found: String,
    },
    /// The journal's ends are damaged, or its file was cut short.
    #[error(transparent)]
    Damage(#[from] Damage),
}

/// The reasons why a batch was not appended. The head did not move.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The storage is full. The journal stays readable, and takes batches again when there is room.
    #[error("{file}: record {sequence}: found no room ({found}), expected to store the batch; nothing of it is stored")]
    Full {
        /// The file, or the name that its opener gave to the journal.
        file: String,
        /// The first record of the batch.
        sequence: u64,
        /// The message of the system.
        found: String,
    },
    /// A record is larger than the limit.
    #[error("{file}: record {sequence}: found {found} bytes, expected at most {expected}; nothing of it is stored")]
    TooLarge {
        /// The file, or the name that its opener gave to the journal.
        file: String,
        /// The record that is too large.
        sequence: u64,
        /// The length of its command and events, in bytes.
        found: usize,
        /// The largest length allowed, in bytes.
        expected: usize,
    },
    /// The journal was opened for reading only.
    #[error("{file}: record {sequence}: found a journal opened for reading, expected one opened for writing")]
    ReadOnly {
        /// The file, or the name that its opener gave to the journal.
        file: String,
        /// The first record of the batch.
        sequence: u64,
    },
    /// The storage failed. The journal was opened again and does not contain the batch.
    #[error("{file}: record {sequence}: {found}; nothing of the batch is stored")]
    Failed {
        /// The file, or the name that its opener gave to the journal.
        file: String,
        /// The first record of the batch.
        sequence: u64,
        /// The message of the storage.
        found: String,
    },
    /// The storage failed and its content is unknown, as after a crash: the next open tells whether the batch is there,
    /// whole. This handle takes no more batches.
    #[error(
        "{file}: record {sequence}: {found}; whether the batch is stored is known when the journal is opened again"
    )]
    Wounded {
        /// The file, or the name that its opener gave to the journal.
        file: String,
        /// The first record that is not acknowledged.
        sequence: u64,
        /// The message of the storage.
        found: String,
    },
}

/// The reasons why a snapshot was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The place of the snapshot is not on this chain, or its record is damaged.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// The snapshot could not be stored.
    #[error(transparent)]
    Write(#[from] AppendError),
}

/// The reasons why a compaction dropped no records.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompactError {
    /// No snapshot covers the records that would be dropped.
    #[error(
        "{file}: record {sequence}: found {found}, expected a sound snapshot at or after it to drop what is before"
    )]
    Uncovered {
        /// The file, or the name that its opener gave to the journal.
        file: String,
        /// The first record to keep.
        sequence: u64,
        /// The newest sound snapshot, in words.
        found: String,
    },
    /// The snapshot or the first record to keep is damaged.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// The compaction could not be stored.
    #[error(transparent)]
    Write(#[from] AppendError),
}

/// The reasons why a damaged journal could not be salvaged.
#[derive(Debug, thiserror::Error)]
pub enum SalvageError {
    /// The new journal could not be created.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is nothing to save, or the file changed while it was read.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// The saved records could not be stored.
    #[error(transparent)]
    Write(#[from] AppendError),
}

impl From<SnapshotError> for SalvageError {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::Damage(damage) => Self::Damage(damage),
            SnapshotError::Write(error) => Self::Write(error),
        }
    }
}

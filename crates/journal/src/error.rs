//! What can be wrong, and with what: every message names the file, the place, what was found and what was expected.

use std::fmt;

/// A journal that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: record {sequence}: {what}: found {found}, expected {expected}")]
pub struct Damage {
    /// The file, or the name that its opener gave the journal.
    pub file: String,
    /// The first record that is affected; for a snapshot, the record that it comes before.
    pub sequence: u64,
    /// What does not hold.
    pub what: Defect,
    /// The value that is there.
    pub found: String,
    /// What should be there.
    pub expected: String,
}

/// What does not hold of a record, a snapshot, or the journal around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// The storage did not give the bytes.
    Unreadable,
    /// There is no record at this place.
    Missing,
    /// The bytes are not those that were hashed.
    Checksum,
    /// The bytes are something else.
    Kind,
    /// The bytes are of a version that this program does not know.
    Version,
    /// The bytes are not the fields of their version.
    Encoding,
    /// The record belongs to another shard.
    Shard,
    /// The record belongs to another place.
    Sequence,
    /// The record follows another chain: a fork.
    Previous,
    /// The chain does not end where the journal says that it ends.
    Head,
    /// The record was dropped by a compaction.
    Dropped,
    /// The file does not have the length that its header gives it, as after a cut; the sequence is that of the first
    /// record that is not whole.
    Length,
    /// Every record is whole, and a page of the file around them is not; the sequence is that of the record to come.
    Page,
    /// The place in the file that says where its records are and where they end cannot be read; the sequence is that of the
    /// first record that is not known to be whole.
    Root,
    /// The bytes of the snapshot are not those that were hashed, or its place is not on this chain.
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
            Self::Root => "root",
            Self::Snapshot => "snapshot",
        })
    }
}

/// A defect that does not know yet where it is.
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

/// A journal that was not opened or created.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be opened, or its storage failed.
    #[error("{file}: {found}")]
    Storage {
        /// The file, or the name that its opener gave the journal.
        file: String,
        /// What the system said.
        found: String,
    },
    /// Another writer has it, in this process or another.
    #[error("{file}: found it open elsewhere, expected to be the only one that has it open")]
    Busy {
        /// The file, or the name that its opener gave the journal.
        file: String,
    },
    /// There is something where a journal should be created.
    #[error("{file}: found {found} bytes, expected no file or an empty one to create a journal in")]
    Occupied {
        /// The file, or the name that its opener gave the journal.
        file: String,
        /// The length of what is there, in bytes.
        found: u64,
    },
    /// There is nothing where a journal should be. An empty file is never taken for a first start (R-N4).
    #[error("{file}: found an empty file, expected a journal")]
    Empty {
        /// The file, or the name that its opener gave the journal.
        file: String,
    },
    /// It is something else, or its creation did not finish.
    #[error("{file}: found {found}, expected a journal")]
    NotAJournal {
        /// The file, or the name that its opener gave the journal.
        file: String,
        /// What it seems to be.
        found: String,
    },
    /// It is a journal of another format.
    #[error("{file}: format: found {found}, expected {expected}")]
    Format {
        /// The file, or the name that its opener gave the journal.
        file: String,
        /// The format that the file is written in.
        found: String,
        /// The format that this program reads.
        expected: String,
    },
    /// It is the journal of another shard.
    #[error("{file}: shard: found {found}, expected {expected}")]
    Shard {
        /// The file, or the name that its opener gave the journal.
        file: String,
        /// The shard of the journal in the file.
        found: u32,
        /// The shard that was asked for.
        expected: u32,
    },
    /// It started from something else.
    #[error("{file}: genesis: found {found:?}, expected {expected:?}")]
    Genesis {
        /// The file, or the name that its opener gave the journal.
        file: String,
        /// The genesis of the journal in the file.
        found: String,
        /// The genesis that was asked for.
        expected: String,
    },
    /// A page of the file is not what was written. [`Store::examine`](crate::Store::examine) may say which record.
    #[error("{file}: found damage ({found}), expected pages that match their checksums")]
    Corrupt {
        /// The file, or the name that its opener gave the journal.
        file: String,
        /// What the storage said.
        found: String,
    },
    /// Its ends do not hold, or its file was cut short.
    #[error(transparent)]
    Damage(#[from] Damage),
}

/// A batch that is not in the journal. The head is where it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// There is no room for it. The journal is as readable as before, and takes batches again when there is room.
    #[error("{file}: record {sequence}: found no room ({found}), expected to store the batch; nothing of it is stored")]
    Full {
        /// The file, or the name that its opener gave the journal.
        file: String,
        /// The first record of the batch.
        sequence: u64,
        /// What the system said.
        found: String,
    },
    /// A record is larger than any record may be.
    #[error("{file}: record {sequence}: found {found} bytes, expected at most {expected}; nothing of it is stored")]
    TooLarge {
        /// The file, or the name that its opener gave the journal.
        file: String,
        /// The record that is too large.
        sequence: u64,
        /// The bytes of its command and events.
        found: usize,
        /// The most bytes that a record may have.
        expected: usize,
    },
    /// The journal was opened to be looked at.
    #[error("{file}: record {sequence}: found a journal opened for reading, expected one opened for writing")]
    ReadOnly {
        /// The file, or the name that its opener gave the journal.
        file: String,
        /// The first record of the batch.
        sequence: u64,
    },
    /// The storage failed, and the journal was opened again and found without the batch.
    #[error("{file}: record {sequence}: {found}; nothing of the batch is stored")]
    Failed {
        /// The file, or the name that its opener gave the journal.
        file: String,
        /// The first record of the batch.
        sequence: u64,
        /// What went wrong.
        found: String,
    },
    /// The storage failed so that nobody knows what it holds, as after a crash: whether the batch is there, whole, is
    /// known at the next open. This handle takes no batch any more.
    #[error(
        "{file}: record {sequence}: {found}; whether the batch is stored is known when the journal is opened again"
    )]
    Wounded {
        /// The file, or the name that its opener gave the journal.
        file: String,
        /// The first record that is not acknowledged.
        sequence: u64,
        /// What went wrong.
        found: String,
    },
}

/// A snapshot that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The place of the snapshot is not on this chain, or its record is damaged.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// It was not stored.
    #[error(transparent)]
    Write(#[from] AppendError),
}

/// Records that were not dropped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompactError {
    /// No snapshot stands for the records that would be dropped.
    #[error(
        "{file}: record {sequence}: found {found}, expected a sound snapshot at or after it to drop what is before"
    )]
    Uncovered {
        /// The file, or the name that its opener gave the journal.
        file: String,
        /// The first record that was to be kept.
        sequence: u64,
        /// The newest sound snapshot.
        found: String,
    },
    /// The snapshot or the record to begin with is damaged.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// It was not stored.
    #[error(transparent)]
    Write(#[from] AppendError),
}

/// What is left of a journal that was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SalvageError {
    /// There is no place to save it in.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is nothing to save, or it changed while it was read.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// It was not stored.
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

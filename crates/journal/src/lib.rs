//! The journal: commands and events in one order, hash-chained, durable before they are acknowledged (R-N1).
//!
//! ```text
//!  Draft ──append──▶ Record 0 ◀─previous─ Record 1 ◀─previous─ Record 2      Snapshot: a state at a Head
//!                       │
//!                       └─previous─▶ Identity: format, shard, genesis
//! ```
//!
//! The payloads are opaque bytes: the engine knows their meaning; the journal knows their order, their chain and
//! whether they are on disk. Every record ends with its own BLAKE3 hash, which is its checksum and the `previous` of
//! the next record; so one hash identifies a whole history.
//!
//! | item | purpose |
//! |---|---|
//! | [`Journal`] | the operations of a journal, whatever stores it |
//! | [`Store`] | a journal in a file, or on any storage that redb can write to |
//! | [`Remains`] | the records left in a file that was cut short or damaged, and a new journal made of them |
//! | [`Memory`] | a journal in memory, for tests |
//! | [`verify`], [`find`], [`diff`] | whether a journal is whole; whether it contains a head kept elsewhere; where two journals differ |
//! | [`faults`] | a disk that loses, tears, flips and fills, by a plan that can be repeated |
//!
//! # Guarantees
//!
//! * **All or nothing, and durable.** A batch is durable when [`Journal::append`] returns `Ok`. It is absent when it
//!   returns an error, except [`AppendError::Wounded`]: then only the next open tells, as after a crash.
//! * **A crash loses no acknowledged batch** and never leaves half of one (I-71). A flipped bit in the file after the crash
//!   does not change this: it does no harm, or it is reported as damage (R-N6).
//! * **Only written records are read.** A record is read as it was written, or reported as [`Damage`] with its sequence.
//!   Gaps, forks and regressions are damage too (R-N3).
//! * **No journal starts from an empty file.** [`Store::open`] refuses a missing or an empty file; only [`Store::create`]
//!   makes a journal (R-N4).
//!
//! ```
//! use journal::{Draft, Identity, Journal, Memory, verify};
//!
//! let mut journal = Memory::new(&Identity { shard: 7, genesis: "params 41c7".into() });
//! let time = "2026-05-08T08:00:00Z".parse()?;
//! let draft = Draft { time, command: b"deposit".to_vec(), events: b"deposited".to_vec(), state: None };
//! let head = journal.append(&[draft.clone(), draft])?;
//! assert_eq!(head.sequence, 2);
//! assert_eq!(verify(&journal)?.records, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
pub mod faults;
mod hash;
mod heap;
mod log;
mod memory;
mod open;
mod record;
mod root;
mod rows;
mod salvage;
mod storage;
mod store;
mod verify;
mod walk;

pub use error::{AppendError, CompactError, Damage, Defect, OpenError, SalvageError, SnapshotError};
pub use hash::{Hash, NoHash};
pub use memory::Memory;
pub use record::{Draft, FORMAT, Head, Identity, RECORD_BYTES_MAX, Record, Snapshot};
pub use salvage::Remains;
pub use store::Store;
pub use verify::{Difference, Divergence, Report, diff, find, verify};

/// Records in order, each checked against the one before. After damage the iterator ends.
pub type Records<'a> = Box<dyn Iterator<Item = Result<Record, Damage>> + 'a>;

/// The number of snapshots kept: the newest, and one to fall back to.
pub const SNAPSHOTS_KEPT: usize = 2;

/// A journal: commands and events in one order.
pub trait Journal {
    /// The file, or the name that its opener gave to the journal, for messages.
    fn name(&self) -> &str;

    /// The shard and the genesis of the journal.
    fn identity(&self) -> &Identity;

    /// The position of the first kept record: the genesis, or the place of the last compaction.
    fn base(&self) -> Head;

    /// The position of the next record: all records before it are durable.
    fn head(&self) -> Head;

    /// Writes all of `batch` in one durable step and returns the new head, or writes nothing.
    fn append(&mut self, batch: &[Draft]) -> Result<Head, AppendError>;

    /// The records from `from` to the head, lazily.
    fn read(&self, from: u64) -> Records<'_>;

    /// The position before record `sequence`, to compare with one that was kept elsewhere (R-N4).
    fn at(&self, sequence: u64) -> Result<Head, Damage>;

    /// Stores a snapshot: the state after the records before `at`. Only the last two are kept.
    fn snapshot(&mut self, at: Head, state: Hash, bytes: &[u8]) -> Result<(), SnapshotError>;

    /// The newest snapshot that is sound and continues into the kept records; `None` when none was ever taken. Damaged
    /// ones are skipped and listed in it; an error when all snapshots are damaged.
    fn latest_snapshot(&self) -> Result<Option<Snapshot>, Damage>;

    /// Checks the storage around the records and snapshots.
    fn check(&self) -> Result<(), Damage> {
        Ok(())
    }

    /// Drops the records before `before` and returns the new base. The newest sound snapshot must be at or after it.
    /// Snapshots before the new base are dropped too, because no records continue them: to keep the older one as a
    /// fallback, compact to the older snapshot, not to the newer.
    fn compact(&mut self, before: u64) -> Result<Head, CompactError>;
}

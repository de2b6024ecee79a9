//! Truth on disk: commands and events in one order, hash-chained, durable before they are acknowledged (R-N1).
//!
//! ```text
//!  Draft ──append──▶ Record 0 ◀─previous─ Record 1 ◀─previous─ Record 2      Snapshot: a state at a Head
//!                       │
//!                       └─previous─▶ Identity: format, shard, genesis
//! ```
//!
//! The payloads are opaque bytes: the engine knows what they mean, the journal knows their order, their chain and
//! whether they are on disk. Every record ends with its own BLAKE3 hash, which is its checksum and the `previous` of
//! the next; so one hash names a whole history.
//!
//! | where | what |
//! |---|---|
//! | [`Journal`] | what a journal does, whatever holds it |
//! | [`Store`] | a journal in a file, or on any storage that redb can write to |
//! | [`Remains`] | what is left of a file that was cut short or damaged, and a new journal of it |
//! | [`Memory`] | a journal in memory, for tests |
//! | [`verify`], [`find`], [`diff`] | whether a journal is whole; whether it goes through a head that was kept elsewhere; where two part |
//! | [`faults`] | a disk that loses, tears, flips and fills, by a plan that can be repeated |
//!
//! # What it promises
//!
//! * **All or nothing, and durable.** A batch is durable when [`Journal::append`] returns `Ok`. It is absent when it
//!   returns an error, except [`AppendError::Wounded`], which says that only the next open will tell, as after a crash.
//! * **A crash loses no acknowledged batch** and never leaves half of one (I-71). Neither does a turned bit in the file that
//!   the crash left: it does no harm, or it is damage (R-N6).
//! * **Nothing is read that was not written.** A record comes back equal, or as [`Damage`] with its sequence. Gaps,
//!   forks and regressions are damage too (R-N3).
//! * **Nothing starts from empty.** [`Store::open`] refuses a missing or an empty file; only [`Store::create`] makes
//!   one (R-N4).
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
mod memory;
mod open;
mod record;
mod root;
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

/// Records in order, each checked against the one before. Damage is the last thing that it gives.
pub type Records<'a> = Box<dyn Iterator<Item = Result<Record, Damage>> + 'a>;

/// How many snapshots are kept: the newest, and one to fall back to.
pub const SNAPSHOTS_KEPT: usize = 2;

/// Commands and events in one order.
pub trait Journal {
    /// The file, or the name that its opener gave it, for messages.
    fn name(&self) -> &str;

    /// The shard and the genesis of the journal.
    fn identity(&self) -> &Identity;

    /// Where the kept records begin: the genesis, or where the last compaction cut.
    fn base(&self) -> Head;

    /// Where the next record goes: everything before it is durable.
    fn head(&self) -> Head;

    /// Writes all of `batch` in one durable step and returns the new head, or writes nothing.
    fn append(&mut self, batch: &[Draft]) -> Result<Head, AppendError>;

    /// The records from `from` to the head, lazily.
    fn read(&self, from: u64) -> Records<'_>;

    /// The chain before record `sequence`, to compare with what someone else says it is (R-N4).
    fn at(&self, sequence: u64) -> Result<Head, Damage>;

    /// Keeps a state: what follows from the records before `at`. Only the last two are kept.
    fn snapshot(&mut self, at: Head, state: Hash, bytes: &[u8]) -> Result<(), SnapshotError>;

    /// The newest snapshot that is sound and can be continued from the kept records, `None` when none was ever taken.
    /// Damaged ones are passed over and named in it; when every one is damaged, that is an error.
    fn latest_snapshot(&self) -> Result<Option<Snapshot>, Damage>;

    /// Whether what holds the journal is whole around its records and snapshots.
    fn check(&self) -> Result<(), Damage> {
        Ok(())
    }

    /// Drops the records before `before` and returns the new base. The newest sound snapshot must be at or after it.
    /// Snapshots before the new base go too, because nothing continues them: to keep the older one as a fallback,
    /// compact to its place and not to that of the newer.
    fn compact(&mut self, before: u64) -> Result<Head, CompactError>;
}

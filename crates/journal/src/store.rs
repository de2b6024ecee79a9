//! A journal in one redb file.
//!
//! | table | key | value |
//! |---|---|---|
//! | `meta` | `identity`, `bounds` | sealed: the identity of the journal; the positions at which the records begin and end |
//! | `origin` | `identity`, `bounds` | the same, as of the creation or the last compaction: it mostly survives a cut |
//! | `records` | sequence | sealed record |
//! | `snapshots` | sequence of the next record | sealed label: place, state hash, length and hash of the bytes |
//! | `chunks` | sequence, number | the bytes of a snapshot, 1 MiB at a time |
//!
//! The file does not shrink: space freed by a compaction is used again.
//!
//! # A write
//!
//! One transaction holds a batch and the new bounds. It is committed in two phases: pages and the new root are synced
//! first, then the root is made the current one and synced again. So the current root never points at a page that is
//! not on disk. At the next open a page that does not match its checksum is damage, never mistaken for an unfinished
//! batch and rolled back silently. Both roots together decide which one is current, so that no single bit hides the
//! last batch (`root.rs`).
//!
//! # After an error
//!
//! A redb handle takes nothing more once its storage has failed, so the store closes it, opens the storage again (which
//! checks every page), and reads the bounds:
//!
//! * the bounds before the write: the batch is not stored. [`AppendError::Full`] or [`AppendError::Failed`]; the next
//!   batch is accepted;
//! * the bounds after the write: the batch is stored and synced, and only a later step failed. That is success;
//! * a sync failed, at any time, or the storage cannot be opened: the disk may differ from the bytes read back, since a
//!   system may forget pages that it failed to sync. [`AppendError::Wounded`]: nothing is written any more, and
//!   acknowledged records stay readable through memory over the file.

use std::fs::OpenOptions;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::{Database, ReadOnlyDatabase, ReadTransaction, ReadableDatabase, ReadableTable};
use redb::{ReadableTableMetadata, StorageBackend, TableDefinition, WriteTransaction};

use crate::error::{AppendError, CompactError, Damage, Defect, Flaw, OpenError, SnapshotError};
use crate::hash::Hash;
use crate::open::{self, durable, file_backend, guarded, is_full, occupied, open_error, sync_directory};
use crate::record::{Bounds, Draft, Head, Identity, Label, Record, Snapshot};
use crate::root::Slot;
use crate::salvage::Remains;
use crate::storage::Shared;
use crate::walk::{Stored, Walk, chain_at, check_cover, check_snapshot, choose, seal_batch};
use crate::{Journal, Records, SNAPSHOTS_KEPT};

const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
const ORIGIN: TableDefinition<&str, &[u8]> = TableDefinition::new("origin");
const RECORDS: TableDefinition<u64, &[u8]> = TableDefinition::new("records");
const SNAPSHOTS: TableDefinition<u64, &[u8]> = TableDefinition::new("snapshots");
const CHUNKS: TableDefinition<(u64, u32), &[u8]> = TableDefinition::new("chunks");

const CHUNK_BYTES: usize = 1 << 20;

/// A journal in a file, or on any storage that redb can write to.
pub struct Store {
    file: String,
    identity: Identity,
    bounds: Bounds,
    storage: Shared,
    access: Access,
}

/// The access that the store has to the file.
enum Access {
    /// Reading and writing.
    Writing(Database),
    /// Reading, as requested by the opener.
    Examining(ReadOnlyDatabase),
    /// Reading acknowledged records, where even that is possible, with the reason for the limit.
    Wounded(Option<ReadOnlyDatabase>, String),
}

impl Access {
    fn reading(&self) -> Result<ReadTransaction, redb::Error> {
        match self {
            Self::Writing(database) => Ok(database.begin_read()?),
            Self::Examining(database) | Self::Wounded(Some(database), _) => Ok(database.begin_read()?),
            Self::Wounded(None, _) => Err(redb::Error::DatabaseClosed),
        }
    }
}

impl Store {
    /// Creates a journal in a file that does not exist or is empty. The file and its name are durable on return.
    pub fn create(path: impl AsRef<Path>, identity: &Identity) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let storage = file_backend(path, OpenOptions::new().read(true).write(true).create(true).truncate(false))?;
        let store = Self::create_on(&path.display().to_string(), storage, identity)?;
        sync_directory(path).map_err(|error| store.unopened(&error))?;
        Ok(store)
    }

    /// Opens the journal of `identity` for writing. Reads the whole file and checks every page.
    pub fn open(path: impl AsRef<Path>, identity: &Identity) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let storage = file_backend(path, OpenOptions::new().read(true).write(true))?;
        Self::open_on(&path.display().to_string(), storage, identity)
    }

    /// Opens a journal of any identity for reading. The file is not written, not even to recover from a crash, and not
    /// checked: a damaged one is opened where possible, so that [`verify`](crate::verify()) can name the damaged
    /// record.
    pub fn examine(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let storage = file_backend(path, OpenOptions::new().read(true))?;
        Self::examine_on(&path.display().to_string(), storage)
    }

    /// [`create`](Self::create) on an empty storage. `name` is for messages. The store may use the storage again after
    /// its `close`, to reopen it.
    pub fn create_on(name: &str, storage: impl StorageBackend, identity: &Identity) -> Result<Self, OpenError> {
        let storage = Shared::new(storage);
        vacant(name, &storage)?;
        storage.lock().map_err(|error| open_error(name, error))?;
        // Another process may have created it between the first check and the lock.
        vacant(name, &storage)?;
        let head = identity.genesis_head();
        let bounds = Bounds { base: head, head, writes: 0 };
        let created = guarded(|| {
            let database = open::created(storage.clone())?;
            let transaction = durable(&database)?;
            for table in [META, ORIGIN] {
                let mut table = transaction.open_table(table)?;
                table.insert("identity", identity.seal().0.as_slice())?;
                table.insert("bounds", bounds.seal().as_slice())?;
            }
            transaction.open_table(RECORDS)?;
            transaction.open_table(SNAPSHOTS)?;
            transaction.open_table(CHUNKS)?;
            transaction.commit()?;
            Ok(database)
        });
        let access = Access::Writing(created.map_err(|error| open_error(name, error))?);
        Ok(Self { file: name.to_owned(), identity: identity.clone(), bounds, storage, access })
    }

    /// [`open`](Self::open) on a storage. `name` is for messages. The store may use the storage again after its
    /// `close`, to reopen it.
    pub fn open_on(name: &str, storage: impl StorageBackend, identity: &Identity) -> Result<Self, OpenError> {
        let storage = Shared::new(storage);
        let access = Access::Writing(open::writing(name, &storage)?);
        let (found, bounds) = load(name, &access)?;
        if found.shard != identity.shard {
            return Err(OpenError::Shard { file: name.to_owned(), found: found.shard, expected: identity.shard });
        }
        if found.genesis != identity.genesis {
            let (found, expected) = (found.genesis, identity.genesis.clone());
            return Err(OpenError::Genesis { file: name.to_owned(), found, expected });
        }
        let store = Self { file: name.to_owned(), identity: found, bounds, storage, access };
        store.check_ends()?;
        Ok(store)
    }

    /// [`examine`](Self::examine) on a storage. `name` is for messages.
    pub fn examine_on(name: &str, storage: impl StorageBackend) -> Result<Self, OpenError> {
        let storage = Shared::new(storage);
        let opened = open::reading(name, &storage).and_then(|database| Self::examining(name, &storage, database));
        match opened {
            Err(error @ (OpenError::Corrupt { .. } | OpenError::NotAJournal { .. })) => {
                Err(Remains::locate(name, &storage, error))
            }
            opened => opened,
        }
    }

    /// Opens what the root in `slot` still leads to, in a file with damage at any place.
    pub(crate) fn glimpse(name: &str, storage: &Shared, slot: Slot) -> Result<Self, OpenError> {
        Self::examining(name, storage, open::glimpse(name, storage, slot)?)
    }

    fn examining(name: &str, storage: &Shared, database: ReadOnlyDatabase) -> Result<Self, OpenError> {
        let access = Access::Examining(database);
        let (identity, bounds) = load(name, &access)?;
        Ok(Self { file: name.to_owned(), identity, bounds, storage: storage.clone(), access })
    }

    /// Makes `base` the beginning of a journal without records, durably.
    pub(crate) fn begin_at(&mut self, base: Head) -> Result<(), AppendError> {
        let origin = Bounds { base, head: base, ..self.bounds }.seal();
        self.write(base, base, |transaction| {
            transaction.open_table(ORIGIN)?.insert("bounds", origin.as_slice())?;
            Ok(())
        })
    }

    /// Checks that the records begin and end where the bounds say.
    fn check_ends(&self) -> Result<(), Damage> {
        let Bounds { base, head, .. } = self.bounds;
        let ends = self.look(|transaction| {
            let records = transaction.open_table(RECORDS)?;
            let first = records.first()?.map(|(key, _)| key.value());
            let last = records.last()?.map(|(key, value)| (key.value(), value.value().to_vec()));
            Ok((records.len()?, first, last))
        });
        let unreadable = |error| Flaw::new(Defect::Unreadable, error, "the ends of the journal");
        let (count, first, last) = ends.map_err(|error| unreadable(error).at(&self.file, base.sequence))?;
        // When this is not zero and matches, the head is at least 1.
        let expected = head.sequence.saturating_sub(base.sequence);
        let differs = |what, found: String, expected: String, sequence| {
            Err(Flaw::new(what, found, expected).at(&self.file, sequence))
        };
        if base.sequence == 0 && base != self.identity.genesis_head() {
            return differs(Defect::Previous, base.hash.to_string(), self.identity.genesis_head().hash.to_string(), 0);
        }
        if base.shard != self.identity.shard || head.shard != self.identity.shard {
            return differs(Defect::Shard, head.shard.to_string(), self.identity.shard.to_string(), base.sequence);
        }
        if count != expected {
            return differs(Defect::Missing, format!("{count} records"), format!("{expected}"), base.sequence);
        }
        let Some((key, bytes)) = last else {
            if base == head {
                return Ok(());
            }
            return differs(Defect::Head, base.hash.to_string(), head.hash.to_string(), base.sequence);
        };
        if first != Some(base.sequence) {
            return differs(Defect::Missing, format!("record {first:?}"), base.sequence.to_string(), base.sequence);
        }
        if key != head.sequence - 1 {
            return differs(Defect::Head, format!("record {key}"), format!("{}", head.sequence - 1), head.sequence - 1);
        }
        let record = Record::decode(&self.file, key, &bytes)?;
        if record.hash() != head.hash {
            return differs(Defect::Head, record.hash().to_string(), head.hash.to_string(), key);
        }
        Ok(())
    }

    /// Reads from the database; errors and panics become text.
    fn look<T>(&self, work: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>) -> Result<T, String> {
        guarded(|| work(&self.access.reading()?)).map_err(|error| error.to_string())
    }

    /// Does `work` and moves to the base and head of `after` in one durable step, or changes nothing.
    fn write(
        &mut self,
        base: Head,
        head: Head,
        work: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), AppendError> {
        let (file, sequence) = (self.file.clone(), self.bounds.head.sequence);
        let database = match &self.access {
            Access::Writing(database) => database,
            Access::Examining(_) => return Err(AppendError::ReadOnly { file, sequence }),
            Access::Wounded(_, found) => {
                return Err(AppendError::Wounded { file, sequence, found: found.clone() });
            }
        };
        let after = Bounds { base, head, writes: self.bounds.writes + 1 };
        let done = guarded(|| {
            let transaction = durable(database)?;
            work(&transaction)?;
            transaction.open_table(META)?.insert("bounds", after.seal().as_slice())?;
            Ok(transaction.commit()?)
        });
        match done {
            Ok(()) => {
                self.bounds = after;
                Ok(())
            }
            Err(error) => self.recover(after, &error),
        }
    }

    /// Finds out what a failed write left behind: see "After an error" at the head of this file.
    fn recover(&mut self, after: Bounds, error: &redb::Error) -> Result<(), AppendError> {
        let (file, sequence, found) = (self.file.clone(), self.bounds.head.sequence, error.to_string());
        self.close(&found);
        if !self.storage.sync_failed()
            && let Ok(database) = open::writing(&file, &self.storage)
        {
            self.access = Access::Writing(database);
        }
        let bounds = load(&file, &self.access).ok().map(|(_, bounds)| bounds);
        // The sync may have failed just now.
        if self.storage.sync_failed() || !bounds.is_some_and(|bounds| bounds == self.bounds || bounds == after) {
            self.close(&found);
            self.access = Access::Wounded(open::reading(&file, &self.storage).ok(), found.clone());
            return Err(AppendError::Wounded { file, sequence, found });
        }
        if bounds == Some(after) {
            self.bounds = after;
            return Ok(());
        }
        let full = is_full(error);
        Err(if full {
            AppendError::Full { file, sequence, found }
        } else {
            AppendError::Failed { file, sequence, found }
        })
    }

    /// Closes the database, so that the storage can be opened again.
    fn close(&mut self, why: &str) {
        let access = std::mem::replace(&mut self.access, Access::Wounded(None, why.to_owned()));
        // A failure to close a database whose storage failed tells nothing new.
        let _ = catch_unwind(AssertUnwindSafe(move || drop(access)));
    }

    fn unopened(&self, error: &std::io::Error) -> OpenError {
        OpenError::Storage { file: self.file.clone(), found: error.to_string() }
    }

    /// The places and labels of the stored snapshots, newest first.
    fn labels(&self) -> Result<Vec<(u64, Vec<u8>)>, String> {
        self.look(|transaction| {
            let table = transaction.open_table(SNAPSHOTS)?;
            let rows = table.iter()?.rev();
            rows.map(|row| row.map(|(key, label)| (key.value(), label.value().to_vec())).map_err(Into::into)).collect()
        })
    }

    /// The snapshots whose bytes match their labels, newest first, wherever the chain goes.
    pub(crate) fn snapshots(&self) -> impl Iterator<Item = Snapshot> {
        let labels = self.labels().unwrap_or_default().into_iter();
        labels.filter_map(|(sequence, label)| {
            Label::unseal(&label, self.identity.shard, sequence, self.chunks(sequence).ok()?).ok()
        })
    }

    /// The bytes of the snapshot at `sequence`.
    fn chunks(&self, sequence: u64) -> Result<Vec<u8>, String> {
        self.look(|transaction| {
            let table = transaction.open_table(CHUNKS)?;
            let mut bytes = Vec::new();
            for chunk in table.range((sequence, 0)..=(sequence, u32::MAX))? {
                bytes.extend_from_slice(chunk?.1.value());
            }
            Ok(bytes)
        })
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = formatter.debug_struct("Store");
        text.field("file", &self.file).field("identity", &self.identity).field("bounds", &self.bounds);
        text.finish_non_exhaustive()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close("closed");
    }
}

impl Journal for Store {
    fn name(&self) -> &str {
        &self.file
    }

    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn base(&self) -> Head {
        self.bounds.base
    }

    fn head(&self) -> Head {
        self.bounds.head
    }

    fn append(&mut self, batch: &[Draft]) -> Result<Head, AppendError> {
        let before = self.bounds.head;
        let (sealed, head) = seal_batch(&self.file, before, batch)?;
        if batch.is_empty() {
            return Ok(before);
        }
        self.write(self.bounds.base, head, |transaction| {
            let mut records = transaction.open_table(RECORDS)?;
            for (sequence, bytes) in (before.sequence..).zip(&sealed) {
                records.insert(sequence, bytes.as_slice())?;
            }
            Ok(())
        })?;
        Ok(head)
    }

    fn read(&self, from: u64) -> Records<'_> {
        let unreadable = |error| Flaw::new(Defect::Unreadable, error, "the records").at(&self.file, from);
        let stored = self.at(from).and_then(|place| {
            let rows =
                self.look(|transaction| Ok(transaction.open_table(RECORDS)?.range(from..)?)).map_err(unreadable)?;
            Ok((place, rows))
        });
        match stored {
            Ok((place, rows)) => Box::new(Walk::new(&self.file, Rows(rows), place, self.bounds.head)),
            Err(damage) => Box::new(std::iter::once(Err(damage))),
        }
    }

    fn at(&self, sequence: u64) -> Result<Head, Damage> {
        chain_at(&self.file, &self.bounds, sequence, |last| {
            self.look(|transaction| {
                let records = transaction.open_table(RECORDS)?;
                Ok(records.get(last)?.map(|bytes| bytes.value().to_vec()))
            })
        })
    }

    fn snapshot(&mut self, at: Head, state: Hash, bytes: &[u8]) -> Result<(), SnapshotError> {
        check_snapshot(&self.file, at, self.at(at.sequence)?)?;
        let label = Label::new(at, state, bytes).seal();
        self.write(self.bounds.base, self.bounds.head, |transaction| {
            let mut labels = transaction.open_table(SNAPSHOTS)?;
            let mut chunks = transaction.open_table(CHUNKS)?;
            chunks.retain_in((at.sequence, 0)..=(at.sequence, u32::MAX), |_, _| false)?;
            labels.insert(at.sequence, label.as_slice())?;
            for (number, chunk) in (0_u32..).zip(bytes.chunks(CHUNK_BYTES)) {
                chunks.insert((at.sequence, number), chunk)?;
            }
            let kept: Vec<u64> = {
                let rows = labels.iter()?.rev().take(SNAPSHOTS_KEPT);
                rows.map(|row| row.map(|(key, _)| key.value())).collect::<Result<_, _>>()?
            };
            let oldest = kept.last().copied().unwrap_or(at.sequence);
            labels.retain_in(..oldest, |_, _| false)?;
            chunks.retain_in(..(oldest, 0), |_, _| false)?;
            Ok(())
        })?;
        Ok(())
    }

    fn latest_snapshot(&self) -> Result<Option<Snapshot>, Damage> {
        let unreadable = |error| Flaw::new(Defect::Unreadable, error, "the snapshots").at(&self.file, 0);
        let labels = self.labels().map_err(unreadable)?.into_iter();
        let stored = labels.map(|(sequence, label)| Stored { sequence, label, bytes: self.chunks(sequence) });
        choose(&self.file, self.identity.shard, stored, |sequence| self.at(sequence))
    }

    /// Checks every page of a journal opened for reading; opening for writing has checked them already.
    fn check(&self) -> Result<(), Damage> {
        let Access::Examining(_) = self.access else { return Ok(()) };
        open::check_pages(&self.storage).map_err(|error| {
            Flaw::new(Defect::Page, error, "pages that match their checksums").at(&self.file, self.bounds.head.sequence)
        })
    }

    fn compact(&mut self, before: u64) -> Result<Head, CompactError> {
        if before <= self.bounds.base.sequence {
            return Ok(self.bounds.base);
        }
        check_cover(&self.file, before, self.latest_snapshot()?.as_ref())?;
        let base = self.at(before)?;
        let origin = Bounds { base, ..self.bounds }.seal();
        self.write(base, self.bounds.head, |transaction| {
            transaction.open_table(ORIGIN)?.insert("bounds", origin.as_slice())?;
            transaction.open_table(RECORDS)?.retain_in(..before, |_, _| false)?;
            transaction.open_table(SNAPSHOTS)?.retain_in(..before, |_, _| false)?;
            transaction.open_table(CHUNKS)?.retain_in(..(before, 0), |_, _| false)?;
            Ok(())
        })?;
        Ok(base)
    }
}

/// The rows of the records table, as input of a walk.
struct Rows(redb::Range<'static, u64, &'static [u8]>);

impl Iterator for Rows {
    type Item = Result<(u64, Vec<u8>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = guarded(|| {
            let row = self.0.next().transpose()?;
            Ok(row.map(|(key, bytes)| (key.value(), bytes.value().to_vec())))
        });
        row.map_err(|error| error.to_string()).transpose()
    }
}

/// Refuses a storage that is not empty.
fn vacant(name: &str, storage: &Shared) -> Result<(), OpenError> {
    match occupied(name, storage)? {
        0 => Ok(()),
        found => Err(OpenError::Occupied { file: name.to_owned(), found }),
    }
}

/// Reads the identity of the journal, and the positions at which it begins and ends.
fn load(name: &str, access: &Access) -> Result<(Identity, Bounds), OpenError> {
    let read = guarded(|| {
        let meta = access.reading()?.open_table(META)?;
        let value = |key| Ok::<_, redb::Error>(meta.get(key)?.map(|bytes| bytes.value().to_vec()));
        Ok((value("identity")?, value("bounds")?))
    });
    let (Some(identity), Some(bounds)) = read.map_err(|error| open_error(name, error))? else {
        return Err(OpenError::NotAJournal { file: name.to_owned(), found: "a database without an identity".into() });
    };
    let identity = Identity::unseal(&identity).map_err(|flaw| {
        let Damage { file, what, found, expected, .. } = flaw.at(name, 0);
        match what {
            Defect::Version => OpenError::Format { file, found, expected },
            what => OpenError::Corrupt { file, found: format!("identity: {what}: {found} instead of {expected}") },
        }
    })?;
    let bounds = Bounds::unseal(&bounds).map_err(|flaw| {
        let Damage { file, what, found, expected, .. } = flaw.at(name, 0);
        OpenError::Corrupt { file, found: format!("bounds: {what}: {found} instead of {expected}") }
    })?;
    Ok((identity, bounds))
}

//! A journal in one file: redb, and a log in front of it.
//!
//! | table | key | value |
//! |---|---|---|
//! | `meta` | `identity`, `bounds` | sealed: the identity of the journal; the positions at which the records begin and end |
//! | `origin` | `identity`, `bounds` | the same, as of the creation or the last compaction: it mostly survives a cut |
//! | `records` | sequence | sealed records from this one on (`rows.rs`) |
//! | `snapshots` | sequence of the next record | sealed label: place, state hash, length and hash of the bytes |
//! | `chunks` | sequence, number | the bytes of a snapshot, 1 MiB at a time |
//!
//! The file does not shrink: space freed by a compaction is used again.
//!
//! # A write
//!
//! A batch is written into the log and synced once (`log.rs`); until redb has its records they are kept in memory too.
//! When the log is full, when a snapshot or a compaction is written, and when the journal is closed, one transaction
//! moves the records of the log into the table of records. A batch that the log cannot take goes there at once. A file
//! made before there was a log has none: there every batch is a transaction.
//!
//! One transaction holds such records and the new bounds. It is committed in two phases: pages and the new root are synced
//! first, then the root is made the current one and synced again. So the current root never points at a page that is
//! not on disk. At the next open a page that does not match its checksum is damage, never mistaken for an unfinished
//! batch and rolled back silently. Both roots together decide which one is current, so that no single bit hides the
//! last batch (`root.rs`).
//!
//! # After an error
//!
//! A redb handle takes nothing more once its storage has failed, so the store closes it, opens the storage again (which
//! checks every page), and reads the bounds and the log. An error of the log is treated in the same way. The store then
//! finds one of these:
//!
//! * the journal before the write: the batch is not stored. [`AppendError::Full`] or [`AppendError::Failed`]; the next
//!   batch is accepted, and goes into the table of records;
//! * the journal after the write: the batch is stored, and only a later step failed. It is a success when one more sync
//!   succeeds, else the last case;
//! * a sync failed, at any time, or the storage cannot be opened: the disk may differ from the bytes read back, since a
//!   system may forget pages that it failed to sync. [`AppendError::Wounded`]: nothing is written any more, and
//!   acknowledged records stay readable through memory over the file.

use std::fs::OpenOptions;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::{Database, ReadOnlyDatabase, ReadTransaction, ReadableDatabase, ReadableTable};
use redb::{StorageBackend, TableDefinition, WriteTransaction};

use crate::error::{AppendError, CompactError, Damage, Defect, Flaw, OpenError, SnapshotError};
use crate::hash::Hash;
use crate::log::{Contents, Log, rounded};
use crate::open::{self, durable, file_backend, guarded, is_full, occupied, open_error, sync_directory};
use crate::record::{Bounds, Draft, Head, Identity, Label, Record, Snapshot, sealed_length};
use crate::root::Slot;
use crate::rows::{self, RUN_BYTES, Rows};
use crate::salvage::Remains;
use crate::storage::Shared;
use crate::walk::{Stored, Walk, chain_at, check_cover, check_snapshot, choose, seal_batch};
use crate::{Journal, Records, SNAPSHOTS_KEPT};

const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
const ORIGIN: TableDefinition<&str, &[u8]> = TableDefinition::new("origin");
const SNAPSHOTS: TableDefinition<u64, &[u8]> = TableDefinition::new("snapshots");
const CHUNKS: TableDefinition<(u64, u32), &[u8]> = TableDefinition::new("chunks");

const CHUNK_BYTES: usize = 1 << 20;

/// The length of the log in a new file, in bytes, where the creator does not choose it.
const LOG_BYTES: usize = 8 << 20;

/// A journal in a file, or on any storage that redb can write to.
pub struct Store {
    file: String,
    identity: Identity,
    bounds: Bounds,
    /// The position at which the records in redb end; those after it are in `tail`.
    rooted: Head,
    /// The sealed records of the log.
    tail: Vec<Vec<u8>>,
    log: Option<Log>,
    /// The damage in the log of a journal opened for reading.
    damage: Option<Damage>,
    storage: Shared,
    access: Access,
}

/// The journal as it was read from a storage.
struct Loaded {
    identity: Identity,
    bounds: Bounds,
    rooted: Head,
    tail: Vec<Vec<u8>>,
    log: Option<Log>,
    damage: Option<Damage>,
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
        Self::create_with_log(name, storage, identity, LOG_BYTES)
    }

    /// [`create_on`](Self::create_on) with a log of `bytes`, rounded up to whole pages of 4,096. A batch that is larger
    /// than the log takes two syncs instead of one. A log that is often full is often moved into the rest of the file.
    pub fn create_with_log(
        name: &str,
        storage: impl StorageBackend,
        identity: &Identity,
        bytes: usize,
    ) -> Result<Self, OpenError> {
        let storage = Shared::new(storage);
        storage.plan_log(rounded(bytes));
        vacant(name, &storage)?;
        storage.lock().map_err(|error| open_error(name, error))?;
        // Another process may have created it between the first check and the lock.
        vacant(name, &storage)?;
        let head = identity.genesis_head();
        let bounds = Bounds { base: head, head, writes: 0 };
        let created = guarded(|| {
            let database = open::created(&storage)?;
            let transaction = durable(&database)?;
            for table in [META, ORIGIN] {
                let mut table = transaction.open_table(table)?;
                table.insert("identity", identity.seal().0.as_slice())?;
                table.insert("bounds", bounds.seal().as_slice())?;
            }
            rows::create(&transaction)?;
            transaction.open_table(SNAPSHOTS)?;
            transaction.open_table(CHUNKS)?;
            transaction.commit()?;
            Ok(database)
        });
        let access = Access::Writing(created.map_err(|error| open_error(name, error))?);
        let loaded = load(name, &access, &storage)?;
        Ok(Self::assembled(name, loaded, storage, access))
    }

    /// [`open`](Self::open) on a storage. `name` is for messages. The store may use the storage again after its
    /// `close`, to reopen it.
    pub fn open_on(name: &str, storage: impl StorageBackend, identity: &Identity) -> Result<Self, OpenError> {
        let storage = Shared::new(storage);
        let access = Access::Writing(open::writing(name, &storage)?);
        let loaded = load(name, &access, &storage)?;
        let found = loaded.identity.clone();
        if found.shard != identity.shard {
            return Err(OpenError::Shard { file: name.to_owned(), found: found.shard, expected: identity.shard });
        }
        if found.genesis != identity.genesis {
            let (found, expected) = (found.genesis, identity.genesis.clone());
            return Err(OpenError::Genesis { file: name.to_owned(), found, expected });
        }
        let store = Self::assembled(name, loaded, storage, access);
        store.check_ends()?;
        if let Some(damage) = &store.damage {
            return Err(damage.clone().into());
        }
        // A batch that the process before wrote into the log and did not sync is acknowledged from now on.
        if !store.tail.is_empty() {
            store.storage.sync().map_err(|error| store.unopened(&error))?;
        }
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
        let loaded = load(name, &access, storage)?;
        Ok(Self::assembled(name, loaded, storage.clone(), access))
    }

    fn assembled(name: &str, loaded: Loaded, storage: Shared, access: Access) -> Self {
        let Loaded { identity, bounds, rooted, tail, log, damage } = loaded;
        Self { file: name.to_owned(), identity, bounds, rooted, tail, log, damage, storage, access }
    }

    /// The position at which the records in redb end.
    pub(crate) fn rooted(&self) -> Head {
        self.rooted
    }

    /// Whether the log could be read, so that the head is the end of the journal.
    pub(crate) fn ends_soundly(&self) -> bool {
        self.damage.is_none()
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
        let (base, head) = (self.bounds.base, self.rooted);
        let ends = self.look(rows::ends);
        let unreadable = |error| Flaw::new(Defect::Unreadable, error, "the ends of the journal");
        let (first, last, rows) = ends.map_err(|error| unreadable(error).at(&self.file, base.sequence))?;
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
        if rows > expected || (self.log.is_none() && rows != expected) {
            return differs(Defect::Missing, format!("{rows} records"), format!("{expected}"), base.sequence);
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

    /// Refuses a journal that takes no batch.
    fn check_writable(&self) -> Result<(), AppendError> {
        let (file, sequence) = (self.file.clone(), self.bounds.head.sequence);
        match &self.access {
            Access::Writing(_) => Ok(()),
            Access::Examining(_) => Err(AppendError::ReadOnly { file, sequence }),
            Access::Wounded(_, found) => Err(AppendError::Wounded { file, sequence, found: found.clone() }),
        }
    }

    /// Moves the records of the log into the table of records, does `work`, and moves to `base` and `head`, all in one
    /// durable step, or changes nothing.
    fn write(
        &mut self,
        base: Head,
        head: Head,
        work: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), AppendError> {
        self.check_writable()?;
        let after = Bounds { base, head, writes: self.bounds.writes + 1 };
        match self.commit(&after, work) {
            Ok(()) => {
                (self.bounds, self.rooted) = (after, head);
                self.tail.clear();
                if let Some(log) = &mut self.log {
                    log.restart();
                }
                Ok(())
            }
            Err(error) => self.recover(after, &error),
        }
    }

    /// Commits the records of the log, `work`, and the bounds `after`.
    fn commit(
        &self,
        after: &Bounds,
        work: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), redb::Error> {
        let Access::Writing(database) = &self.access else { return Err(redb::Error::DatabaseClosed) };
        guarded(|| {
            let transaction = durable(database)?;
            rows::insert(&transaction, self.rooted.sequence, &self.tail, self.row_bytes())?;
            work(&transaction)?;
            transaction.open_table(META)?.insert("bounds", after.seal().as_slice())?;
            Ok(transaction.commit()?)
        })
    }

    /// The most bytes in a row of several records.
    fn row_bytes(&self) -> usize {
        if self.log.is_some() { RUN_BYTES } else { 0 }
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
        let loaded = load(&file, &self.access, &self.storage).ok().filter(|loaded| loaded.damage.is_none());
        let bounds = loaded.as_ref().map(|loaded| loaded.bounds);
        let stored = bounds == Some(after);
        // The sync may have failed just now.
        let known = (stored && self.storage.sync().is_ok()) || bounds == Some(self.bounds);
        let Some(loaded) = loaded.filter(|_| known && !self.storage.sync_failed()) else {
            self.close(&found);
            self.access = Access::Wounded(open::reading(&file, &self.storage).ok(), found.clone());
            return Err(AppendError::Wounded { file, sequence, found });
        };
        (self.bounds, self.rooted, self.tail, self.log) = (loaded.bounds, loaded.rooted, loaded.tail, loaded.log);
        if stored {
            return Ok(());
        }
        if let Some(log) = &mut self.log {
            log.close();
        }
        Err(if is_full(error) {
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
        if !self.tail.is_empty() && !self.storage.sync_failed() {
            let after = Bounds { writes: self.bounds.writes + 1, ..self.bounds };
            // Where this fails the records stay in the log, from which the next open reads them.
            let _ = self.commit(&after, |_| Ok(()));
        }
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
        self.check_writable()?;
        let bytes = sealed.iter().map(Vec::len).sum();
        if let Some(log) = self.log.as_mut().filter(|log| log.takes(bytes)) {
            let after = Bounds { head, ..self.bounds };
            match log.append(after.writes, &sealed.concat()) {
                Ok(()) => {
                    self.bounds = after;
                    self.tail.extend(sealed);
                }
                Err(error) => self.recover(after, &error.into())?,
            }
            return Ok(head);
        }
        let most = self.row_bytes();
        self.write(self.bounds.base, head, |transaction| rows::insert(transaction, before.sequence, &sealed, most))?;
        Ok(head)
    }

    fn read(&self, from: u64) -> Records<'_> {
        let unreadable = |error| Flaw::new(Defect::Unreadable, error, "the records").at(&self.file, from);
        let stored = self.at(from).and_then(|place| {
            let end = self.rooted.sequence;
            let rows = self.look(|transaction| Rows::read(transaction, from.min(end)..end));
            Ok((place, rows.map_err(unreadable)?))
        });
        let tail = (self.rooted.sequence..).zip(&self.tail).filter(move |(sequence, _)| *sequence >= from);
        match stored {
            Ok((place, rows)) => {
                let rows = rows.chain(tail.map(|(sequence, bytes)| Ok((sequence, bytes.clone()))));
                let walk = Walk::new(&self.file, rows, place, self.bounds.head);
                Box::new(walk.chain(self.damage.clone().map(Err)))
            }
            Err(damage) => Box::new(std::iter::once(Err(damage))),
        }
    }

    fn at(&self, sequence: u64) -> Result<Head, Damage> {
        chain_at(&self.file, &self.bounds, sequence, |last| {
            if let Some(place) = last.checked_sub(self.rooted.sequence) {
                return Ok(usize::try_from(place).ok().and_then(|place| self.tail.get(place)).cloned());
            }
            let found = self.look(|transaction| Ok(Rows::read(transaction, last..last + 1)?.next()))?.transpose()?;
            Ok(found.filter(|(sequence, _)| *sequence == last).map(|(_, bytes)| bytes))
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
        if self.log.is_some() {
            // The previous root leads to the snapshot too, though no commit may follow for a long time. Where this fails
            // the snapshot is stored all the same.
            let _ = self.write(self.bounds.base, self.bounds.head, |_| Ok(()));
        }
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
        if let Some(damage) = &self.damage {
            return Err(damage.clone());
        }
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
            rows::drop_before(transaction, before)?;
            transaction.open_table(SNAPSHOTS)?.retain_in(..before, |_, _| false)?;
            transaction.open_table(CHUNKS)?.retain_in(..(before, 0), |_, _| false)?;
            Ok(())
        })?;
        Ok(base)
    }
}

/// Refuses a storage that is not empty.
fn vacant(name: &str, storage: &Shared) -> Result<(), OpenError> {
    match occupied(name, storage)? {
        0 => Ok(()),
        found => Err(OpenError::Occupied { file: name.to_owned(), found }),
    }
}

/// Reads the identity of the journal, the positions at which it begins and ends, and the log.
fn load(name: &str, access: &Access, storage: &Shared) -> Result<Loaded, OpenError> {
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
    let rooted = bounds.head;
    let read = Log::read(storage, bounds.writes).map_err(|error| open_error(name, error.into()))?;
    let (log, contents) = read.unzip();
    let mut loaded = Loaded { identity, bounds, rooted, tail: Vec::new(), log, damage: None };
    loaded.damage = contents.and_then(|contents| loaded.follow(name, &contents).err());
    Ok(loaded)
}

impl Loaded {
    /// Takes the records of the log, up to the first batch that cannot be read.
    fn follow(&mut self, name: &str, contents: &Contents) -> Result<(), Damage> {
        for batch in &contents.batches {
            let (mut place, mut taken, mut rest) = (self.bounds.head, Vec::new(), batch.as_slice());
            while !rest.is_empty() {
                let unread = || Flaw::new(Defect::Encoding, "other bytes", "a record").at(name, place.sequence);
                let parted = sealed_length(rest).and_then(|length| rest.split_at_checked(length));
                let (sealed, behind) = parted.ok_or_else(unread)?;
                place.admit(name, sealed)?;
                taken.push(sealed.to_vec());
                rest = behind;
            }
            self.tail.extend(taken);
            self.bounds.head = place;
        }
        match contents.damage {
            Some(found) => Err(Flaw::new(Defect::Log, found, "whole batches").at(name, self.bounds.head.sequence)),
            None => Ok(()),
        }
    }
}

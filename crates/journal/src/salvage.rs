//! Finds, without redb, the records left in a file that was cut short or damaged.
//!
//! redb finds a page through its parents, and a cut may remove the parents and leave the page. But every sealed piece
//! has its own checksum, so pieces are searched at every byte of the file. A piece whose checksum matches was written;
//! the records that follow from the base, one after the other, are the chain. The search skips the inside of a whole
//! piece, so a record planted in the bytes of a command is not found as long as the record around it is whole.
//!
//! The records of the log are found in the same way, in its sectors one after the other without what surrounds them.
//!
//! Freed pages keep their content. Most of it is copies of the same records, which do no harm. But records of a failed
//! batch do harm, for they follow at the same place as other records. So the salvage follows a surviving root. Where
//! the current root can be read, it gives the end of the records. Where only the previous root can be read, the chain
//! passes through its end, and may continue with the last batch. Where neither can be read, the longest chain is taken,
//! or the shared part of several equally long ones; it may end with records of a batch that was never acknowledged.
//!
//! Where the chain breaks before a sound snapshot, the records after the break are saved with the snapshot, as after a
//! compaction: the state in the snapshot and the records after it are worth more than old records that lead nowhere.

use std::fs::OpenOptions;
use std::io;
use std::ops::Range;
use std::path::Path;

use redb::StorageBackend;

use crate::error::{Damage, Defect, Flaw, OpenError, SalvageError};
use crate::hash::Hash;
use crate::heap::{Chain, Heap};
use crate::log::payloads;
use crate::open::{self, file_backend, occupied, open_error};
use crate::record::{Draft, Head, Identity, Piece, RECORD_BYTES_MAX, Record, Snapshot};
use crate::root::Header;
use crate::storage::{PAGE, Shared, length, span};
use crate::walk::Walk;
use crate::{Journal, Store};

/// A length that no sealed piece reaches.
const SEALED_BYTES: usize = RECORD_BYTES_MAX + (1 << 20);
/// The bytes of a file that are searched in one piece.
const WINDOW_BYTES: u64 = 64 << 20;
/// A batch of saved records is written once it has this many bytes.
const BATCH_BYTES: usize = 4 << 20;

/// The whole and connected records of a damaged file. The file is never written.
#[derive(Debug)]
pub struct Remains {
    file: String,
    bytes: Searched,
    identity: Option<Identity>,
    chain: Chain,
    /// The whole records from the base on, when those around a snapshot after them are saved instead.
    broken: Option<Range<u64>>,
    /// The end of the records according to the current root.
    end: Option<Head>,
    /// The file as redb can still read it through each root, the current one first; used for snapshots.
    glimpses: Vec<Store>,
}

impl Remains {
    /// Searches a file, sound or not, for records. Reads all of it.
    pub fn of(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let storage = file_backend(path, OpenOptions::new().read(true))?;
        Self::of_storage(&path.display().to_string(), storage)
    }

    /// [`of`](Self::of) a storage. `name` is for messages.
    pub fn of_storage(name: &str, storage: impl StorageBackend) -> Result<Self, OpenError> {
        let storage = Shared::new(storage);
        if occupied(name, &storage)? == 0 {
            return Err(OpenError::Empty { file: name.to_owned() });
        }
        Self::find(name, &storage)
    }

    /// Searches a storage that is not empty for records.
    pub(crate) fn find(name: &str, storage: &Shared) -> Result<Self, OpenError> {
        let refused = |error| open_error(name, error);
        storage.lock_shared().map_err(refused)?;
        storage.find_log().map_err(|error| refused(error.into()))?;
        let slot = open::current(storage).map_err(refused)?;
        let [current, other] = [slot, slot.other()].map(|slot| Store::glimpse(name, storage, slot).ok());
        let (mut identity, mut bases, mut heap) = (None, Vec::new(), Heap::default());
        let bytes = Searched::new(storage).map_err(|error| refused(error.into()))?;
        let scanned = scan(&bytes, |place, piece| match piece {
            Piece::Identity(whose) => identity = Some(whose),
            Piece::Bounds(bounds) => bases.push(bounds.base),
            Piece::Record(record, hash) => heap.add(&record, hash, place),
        });
        scanned.map_err(|error| refused(error.into()))?;
        let end = current.as_ref().filter(|root| root.ends_soundly()).map(Journal::head);
        if let Some(root) = current.as_ref().or(other.as_ref()) {
            identity = Some(root.identity().clone());
            bases = vec![root.base()];
            heap.pass(root.rooted());
        }
        if let Some(head) = end {
            heap.end(head);
        }
        if bases.is_empty() {
            bases = identity.as_ref().map_or_else(|| heap.firsts(), |whose| vec![whose.genesis_head()]);
        }
        let nowhere = Head { shard: 0, sequence: 0, hash: Hash([0; 32]) };
        let none = Chain { base: nowhere, head: nowhere, places: Vec::new() };
        let chain = heap.longest(&bases).unwrap_or(none);
        let (file, glimpses) = (name.to_owned(), current.into_iter().chain(other).collect());
        let found = Self { file, bytes, identity, chain, broken: None, end, glimpses };
        Ok(found.beyond_the_break(&heap))
    }

    /// Takes the chain around a snapshot instead, when it goes further than the chain from the base.
    fn beyond_the_break(mut self, heap: &Heap) -> Self {
        if self.end.is_some_and(|end| end.sequence == self.chain.head.sequence) {
            return self;
        }
        let around = self.snapshots().filter_map(|snapshot| heap.around(snapshot.at));
        // Of equally long chains the one of the newest snapshot, which comes first.
        let further = around.reduce(|best, next| if next.head.sequence > best.head.sequence { next } else { best });
        if let Some(chain) = further.filter(|chain| chain.head.sequence > self.chain.head.sequence) {
            self.broken = Some(self.chain.base.sequence..self.chain.head.sequence);
            self.chain = chain;
        }
        self
    }

    /// The snapshots that are sound in themselves, wherever the chain goes.
    fn snapshots(&self) -> impl Iterator<Item = Snapshot> {
        self.glimpses.iter().flat_map(Store::snapshots)
    }

    /// The position at which the records that can be saved begin.
    pub fn base(&self) -> Head {
        self.chain.base
    }

    /// The position at which they end: the first record that is not whole would come here.
    pub fn head(&self) -> Head {
        self.chain.head
    }

    /// The number of records that were ever written, where the current root can still be read.
    pub fn counted(&self) -> Option<u64> {
        self.end.map(|end| end.sequence)
    }

    /// Whole records from the old base on that are not saved, because a later record is lost and a snapshot covers
    /// them. None when the chain begins where the journal began.
    pub fn left_out(&self) -> Option<Range<u64>> {
        self.broken.clone()
    }

    /// Reads the whole records and checks them once more.
    pub fn read(&self) -> impl Iterator<Item = Result<Record, Damage>> {
        let stored = (self.base().sequence..).zip(&self.chain.places).map(|(sequence, place)| {
            let bytes = self.bytes.at(place.clone()).map_err(|error| error.to_string())?;
            Ok((sequence, bytes))
        });
        Walk::new(&self.file, stored, self.base(), self.head())
    }

    /// Writes the whole records, and the newest readable snapshot that lies on their chain, into a new journal.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<Store, SalvageError> {
        let identity = self.saved()?;
        self.fill(Store::create(path, identity)?)
    }

    /// [`save`](Self::save) on a storage that is empty. `name` is for messages.
    pub fn save_on(&self, name: &str, storage: impl StorageBackend) -> Result<Store, SalvageError> {
        let identity = self.saved()?;
        self.fill(Store::create_on(name, storage, identity)?)
    }

    /// The identity of the saved journal; an error when there is nothing to save.
    fn saved(&self) -> Result<&Identity, Damage> {
        let nothing = |what| Flaw::new(Defect::Missing, what, "one to save").at(&self.file, self.head().sequence);
        if self.chain.places.is_empty() && self.broken.is_none() {
            return Err(nothing("no whole record"));
        }
        self.identity.as_ref().ok_or_else(|| nothing("no whole identity"))
    }

    fn fill(&self, mut store: Store) -> Result<Store, SalvageError> {
        if store.base() != self.base() {
            store.begin_at(self.base())?;
        }
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for record in self.read() {
            let Record { time, command, events, state, .. } = record?;
            bytes += command.len() + events.len();
            batch.push(Draft { time, command, events, state });
            if bytes >= BATCH_BYTES {
                store.append(&batch)?;
                (batch, bytes) = (Vec::new(), 0);
            }
        }
        store.append(&batch)?;
        if let Some(snapshot) = self.snapshots().find(|snapshot| store.at(snapshot.at.sequence) == Ok(snapshot.at)) {
            store.snapshot(snapshot.at, snapshot.state, &snapshot.bytes)?;
        }
        Ok(store)
    }

    /// The error for a file of `found` bytes that should have `told` bytes.
    pub(crate) fn length_damage(&self, found: u64, told: u64) -> Damage {
        let counted = match self.counted().and_then(|counted| counted.checked_sub(1)) {
            Some(last) => format!(" with records to {last}"),
            None => String::new(),
        };
        // Where not even the label of a log is left, its length is unknown.
        let more = if found < 2 * PAGE { " or more" } else { "" };
        let found = format!("{found} bytes in which {}", self.whole());
        Flaw::new(Defect::Length, found, format!("{told} bytes{more}{counted}")).at(&self.file, self.lost())
    }

    /// The error for a file that redb refused with `error`. When the file holds records all the same, the error says
    /// which are whole; else it is `error` itself.
    pub(crate) fn locate(name: &str, storage: &Shared, error: OpenError) -> OpenError {
        if !Header::read(storage).is_ok_and(|header| header.resembles_redb()) {
            return error;
        }
        let Ok(remains) = Self::find(name, storage) else { return error };
        if remains.chain.places.is_empty() {
            return error;
        }
        let said = match error {
            OpenError::Corrupt { found, .. } | OpenError::NotAJournal { found, .. } => found,
            other => other.to_string(),
        };
        let found = format!("a file ({said}) in which {}", remains.whole());
        Flaw::new(Defect::Root, found, "a root that says where the journal ends").at(name, remains.lost()).into()
    }

    /// The first record that is not whole.
    fn lost(&self) -> u64 {
        self.broken.as_ref().map_or(self.head().sequence, |kept| kept.end)
    }

    /// The whole records from the base on, in words.
    fn whole(&self) -> String {
        let Range { start, end } = self.broken.clone().unwrap_or(self.base().sequence..self.head().sequence);
        match end.checked_sub(1).filter(|last| *last >= start) {
            Some(last) => format!("records {start} to {last} are whole and chained"),
            None => "no chain of records begins".to_owned(),
        }
    }
}

/// The bytes that are searched: those that redb sees, and the payloads of the log behind them.
#[derive(Debug)]
struct Searched {
    storage: Shared,
    seen: u64,
    log: Vec<u8>,
}

impl Searched {
    fn new(storage: &Shared) -> io::Result<Self> {
        Ok(Self { storage: storage.clone(), seen: storage.len()?, log: payloads(&storage.read_log()?) })
    }

    fn len(&self) -> u64 {
        self.seen + length(&self.log)
    }

    fn at(&self, place: Range<u64>) -> io::Result<Vec<u8>> {
        let inside = place.start.min(self.seen)..place.end.min(self.seen);
        let behind = span(place.start.max(self.seen) - self.seen)?..span(place.end.max(self.seen) - self.seen)?;
        let mut bytes = vec![0; span(inside.end - inside.start)?];
        if !bytes.is_empty() {
            self.storage.read(inside.start, &mut bytes)?;
        }
        bytes.extend_from_slice(self.log.get(behind).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(bytes)
    }
}

/// Calls `each` with every sealed piece in `searched` and its place.
fn scan(searched: &Searched, mut each: impl FnMut(Range<u64>, Piece)) -> io::Result<()> {
    let end = searched.len();
    let mut start = 0;
    while start < end {
        let window = searched.at(start..end.min(start.saturating_add(WINDOW_BYTES)))?;
        let over = start + length(&window) == end;
        let until = if over { window.len() } else { window.len() - SEALED_BYTES };
        let mut place = 0;
        while place < until {
            let bytes = &window[place..];
            let Some((piece, sealed)) = Piece::first(bytes) else {
                place += 1;
                continue;
            };
            let from = start + length(&window[..place]);
            each(from..from + length(&bytes[..sealed]), piece);
            place += sealed;
        }
        start += length(&window[..place]);
    }
    Ok(())
}

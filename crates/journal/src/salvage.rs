//! What is left of a file that was cut short or damaged, found without redb.
//!
//! redb finds a page through its parents, and a cut may take the parents and leave the page. But whatever is sealed
//! answers for itself, so it is looked for at every byte of the file. What has its checksum was written, and what
//! follows from the base, record by record, is the chain. A piece is not looked for inside another whole one, so a
//! record planted in the bytes of a command is not found as long as the record around it is whole.
//!
//! Freed pages keep what they held: copies of the same records mostly, which do no harm, and records of a batch that
//! failed, which do, for they follow where others follow too. Where the current root can be read, it says where the
//! records end. Where it cannot, the longest chain counts, and of several equally long ones what they share; it may end
//! with records of a batch that was never acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io;
use std::ops::Range;
use std::path::Path;

use redb::StorageBackend;

use crate::error::{Damage, Defect, Flaw, OpenError, SalvageError};
use crate::record::{Draft, Hash, Head, Identity, Piece, RECORD_BYTES_MAX, Record};
use crate::storage::{Shared, length, span, told_length};
use crate::store::{file_backend, occupied, open_error};
use crate::walk::Walk;
use crate::{Journal, Store};

/// More than anything sealed is long.
const SEALED_BYTES: usize = RECORD_BYTES_MAX + (1 << 20);
/// How much of a file is looked at in one piece.
const WINDOW_BYTES: u64 = 64 << 20;
/// A saved batch is written when it has as many bytes.
const BATCH_BYTES: usize = 4 << 20;

/// The records of a damaged file that are whole and follow one another from its base on. The file is never written.
#[derive(Debug)]
pub struct Remains {
    file: String,
    storage: Shared,
    identity: Option<Identity>,
    base: Head,
    head: Head,
    /// Where the bytes of each record are.
    places: Vec<Range<u64>>,
    /// What redb can still reach, for a snapshot.
    glimpse: Option<Store>,
}

/// Whole records by sequence and by hash: what each follows, and where its bytes are.
type Found = BTreeMap<u64, BTreeMap<Hash, (Head, Range<u64>)>>;

impl Remains {
    /// Looks for records in a file, sound or not. All of it is read.
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
        let told = told_length(&storage).map_err(|error| open_error(name, error.into()))?;
        Self::find(name, &storage, told.unwrap_or_default())
    }

    /// Looks for records in a file that should have `told` bytes.
    pub(crate) fn find(name: &str, storage: &Shared, told: u64) -> Result<Self, OpenError> {
        let glimpse = match Store::glimpse(name, storage, told) {
            Err(busy @ OpenError::Busy { .. }) => return Err(busy),
            glimpse => glimpse.ok(),
        };
        let (mut identity, mut bases, mut found) = (None, Vec::new(), Found::new());
        let scanned = scan(storage, |place, piece| match piece {
            Piece::Identity(whose) => identity = Some(whose),
            Piece::Bounds(bounds) => bases.push(bounds.base),
            Piece::Record(record, hash) => {
                let follows = Head { shard: record.shard, sequence: record.sequence, hash: record.previous };
                found.entry(record.sequence).or_default().insert(hash, (follows, place));
            }
        });
        scanned.map_err(|error| open_error(name, error.into()))?;
        if let Some(store) = &glimpse {
            identity = Some(store.identity().clone());
            bases = vec![store.base()];
            end(&mut found, store.head());
        }
        if bases.is_empty() {
            let first = found.get(&0).into_iter().flat_map(BTreeMap::values).map(|(follows, _)| *follows);
            bases = identity.as_ref().map_or_else(|| first.collect(), |whose| vec![whose.genesis_head()]);
        }
        let nowhere = Head { shard: 0, sequence: 0, hash: Hash([0; 32]) };
        let (base, head, places) = longest(&found, &bases).unwrap_or((nowhere, nowhere, Vec::new()));
        let (file, storage) = (name.to_owned(), storage.clone());
        Ok(Self { file, storage, identity, base, head, places, glimpse })
    }

    /// Where the whole records begin.
    pub fn base(&self) -> Head {
        self.base
    }

    /// Where they end: the first record that is not whole would come here.
    pub fn head(&self) -> Head {
        self.head
    }

    /// How many records there had ever been, where the current root can still be read.
    pub fn counted(&self) -> Option<u64> {
        self.glimpse.as_ref().map(|store| store.head().sequence)
    }

    /// The whole records, checked once more.
    pub fn read(&self) -> impl Iterator<Item = Result<Record, Damage>> {
        let stored = (self.base.sequence..).zip(&self.places).map(|(sequence, place)| {
            let bytes = bytes_at(&self.storage, place.clone()).map_err(|error| error.to_string())?;
            Ok((sequence, bytes))
        });
        Walk::new(&self.file, stored, self.base, self.head)
    }

    /// Writes the whole records, and the newest snapshot that can be read and lies on them, into a new journal.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<Store, SalvageError> {
        let identity = self.saved()?;
        self.fill(Store::create(path, identity)?)
    }

    /// [`save`](Self::save) on a storage that is empty. `name` is for messages.
    pub fn save_on(&self, name: &str, storage: impl StorageBackend) -> Result<Store, SalvageError> {
        let identity = self.saved()?;
        self.fill(Store::create_on(name, storage, identity)?)
    }

    /// Whose journal it will be, if there is anything to save.
    fn saved(&self) -> Result<&Identity, Damage> {
        let nothing = |what| Flaw::new(Defect::Missing, what, "one to save").at(&self.file, self.head.sequence);
        if self.places.is_empty() {
            return Err(nothing("no whole record"));
        }
        self.identity.as_ref().ok_or_else(|| nothing("no whole identity"))
    }

    fn fill(&self, mut store: Store) -> Result<Store, SalvageError> {
        store.begin_at(self.base);
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
        let snapshot = self.glimpse.as_ref().and_then(|glimpse| glimpse.latest_snapshot().ok().flatten());
        if let Some(snapshot) = snapshot
            && store.at(snapshot.at.sequence) == Ok(snapshot.at)
        {
            store.snapshot(snapshot.at, snapshot.state, &snapshot.bytes)?;
        }
        Ok(store)
    }

    /// Why a file of `found` bytes is not opened that should have `told`.
    pub(crate) fn length_damage(&self, found: u64, told: u64) -> Damage {
        let whole = match self.head.sequence.checked_sub(1) {
            Some(last) if !self.places.is_empty() => {
                format!("records {} to {last} are whole and chained", self.base.sequence)
            }
            _ => "no chain of records begins".to_owned(),
        };
        let counted = match self.counted().and_then(|counted| counted.checked_sub(1)) {
            Some(last) => format!(" with records to {last}"),
            None => String::new(),
        };
        let flaw =
            Flaw::new(Defect::Length, format!("{found} bytes in which {whole}"), format!("{told} bytes{counted}"));
        flaw.at(&self.file, self.head.sequence)
    }
}

/// Leaves only records that can come before `head`.
fn end(found: &mut Found, head: Head) {
    found.split_off(&head.sequence);
    if let Some(last) = head.sequence.checked_sub(1).and_then(|last| found.get_mut(&last)) {
        last.retain(|hash, _| *hash == head.hash);
    }
}

/// The chain that goes furthest from any of `bases`: where it begins and ends, and where the bytes of its records are.
fn longest(found: &Found, bases: &[Head]) -> Option<(Head, Head, Vec<Range<u64>>)> {
    let place = |head: &Head| (head.sequence, head.hash);
    let mut reached: BTreeSet<(u64, Hash)> = bases.iter().map(place).collect();
    for (sequence, records) in found {
        for (hash, (follows, _)) in records {
            if reached.contains(&place(follows)) {
                reached.insert((sequence + 1, *hash));
            }
        }
    }
    let before = |(sequence, hash): (u64, Hash)| {
        let (follows, bytes) = found.get(&sequence.checked_sub(1)?)?.get(&hash)?;
        reached.contains(&place(follows)).then(|| (place(follows), bytes.clone()))
    };
    let (furthest, _) = *reached.last()?;
    let mut ends: BTreeSet<(u64, Hash)> = reached.iter().rev().take_while(|end| end.0 == furthest).copied().collect();
    while ends.len() > 1 {
        ends = ends.into_iter().filter_map(|end| before(end).map(|(follows, _)| follows)).collect();
    }
    let end = ends.pop_first()?;
    let (mut start, mut places) = (end, Vec::new());
    while let Some((follows, bytes)) = before(start) {
        places.push(bytes);
        start = follows;
    }
    places.reverse();
    let shard = bases.first()?.shard;
    let head = |(sequence, hash)| Head { shard, sequence, hash };
    Some((head(start), head(end), places))
}

/// Gives `each` whatever is sealed in the storage, with its place.
fn scan(storage: &Shared, mut each: impl FnMut(Range<u64>, Piece)) -> io::Result<()> {
    let end = storage.len()?;
    let mut start = 0;
    while start < end {
        let window = bytes_at(storage, start..end.min(start.saturating_add(WINDOW_BYTES)))?;
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

fn bytes_at(storage: &Shared, place: Range<u64>) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; span(place.end - place.start)?];
    storage.read(place.start, &mut bytes)?;
    Ok(bytes)
}

//! A disk in memory that fails by a plan, to test a [`Store`](crate::Store) in a simulation.
//!
//! ```text
//!  write, set_len ──▶ pending ──sync_data──▶ synced
//!                        │
//!                      crash ──▶ any of them kept, lost or torn ──▶ an image ──▶ a new Disk
//! ```
//!
//! Later reads see a write at once, but until a sync returns a crash may lose it. The caller chooses which writes a
//! crash keeps, by a plan or by a generator of its own ([`Kept::drawn`]). A [`Fault`] hits the
//! operation with a given number; operations are the writes, the changes of length and the syncs, counted from 0.
//!
//! ```
//! use journal::faults::{Disk, Kept};
//! use journal::{Draft, Identity, Journal, Store};
//!
//! let identity = Identity { shard: 0, genesis: "params".into() };
//! let disk = Disk::new();
//! let mut journal = Store::create_on("disk", disk.clone(), &identity)?;
//! let draft = Draft { time: "2026-05-08T08:00:00Z".parse()?, command: vec![1], events: vec![], state: None };
//! journal.append(&[draft])?;
//!
//! let mut dice = dice::Dice::new(41);
//! let image = disk.crash(|pending| Kept::drawn(pending, |bound| dice.below(bound)));
//! let journal = Store::open_on("disk", Disk::from_image(image), &identity)?;
//! assert_eq!(journal.head().sequence, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Error, ErrorKind, Result};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

/// The smallest unit that a disk writes whole.
pub const SECTOR_BYTES: usize = 512;

/// A disk in memory. A clone is another handle on the same disk.
#[derive(Clone, Default)]
pub struct Disk(Arc<Mutex<Platter>>);

#[derive(Default)]
struct Platter {
    /// The bytes that survive any crash.
    synced: Vec<u8>,
    /// The bytes that a read sees.
    seen: Vec<u8>,
    /// The operations since the last sync, which turn `synced` into `seen`.
    pending: Vec<Operation>,
    room: Option<u64>,
    stop: Option<u64>,
    off: bool,
    syncs_broken: bool,
    faults: BTreeMap<u64, Fault>,
    operations: u64,
    counts: Counts,
}

enum Operation {
    Write { offset: u64, data: Vec<u8> },
    Length(u64),
}

/// A fault of one operation. A fault that does not fit the operation has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Only the first bytes of the write are stored, and it reports success.
    Torn {
        /// The number of bytes that are stored.
        bytes: usize,
    },
    /// The write is stored with one bit flipped.
    Flip {
        /// The byte of the write with the flipped bit; the last byte when this is beyond the end.
        byte: usize,
        /// The bit that is flipped, 0 to 7.
        bit: u8,
    },
    /// The write reports success and is not stored.
    Lost,
    /// The write is stored at another place.
    Misdirected {
        /// The offset in the file at which it is stored.
        offset: u64,
    },
    /// The operation fails and does nothing.
    Failed,
}

/// An operation that a crash may undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its number among the pending operations.
    pub index: usize,
    /// The number of bytes it writes; `None` for a change of length.
    pub bytes: Option<usize>,
}

/// The part of a pending operation that survives a crash. A change of length is kept or lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The whole operation.
    All,
    /// Nothing of the operation.
    Nothing,
    /// The first bytes of the write.
    First(usize),
    /// The sectors of [`SECTOR_BYTES`] whose bit is set; the bits are used from the lowest, again and again.
    Sectors(u64),
}

/// The number of operations and faults of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The writes requested.
    pub writes: u64,
    /// The changes of length requested.
    pub lengths: u64,
    /// The syncs requested.
    pub syncs: u64,
    /// Crashes of the machine.
    pub crashes: u64,
    /// Pending operations that a crash kept whole.
    pub kept: u64,
    /// Operations lost, in a crash or by [`Fault::Lost`].
    pub lost: u64,
    /// Writes stored in part, in a crash or by [`Fault::Torn`].
    pub torn: u64,
    /// Bits flipped by [`Fault::Flip`].
    pub flipped: u64,
    /// Writes stored at another place.
    pub misdirected: u64,
    /// Operations refused because the disk was full.
    pub full: u64,
    /// Operations that failed by [`Fault::Failed`], and broken syncs.
    pub failed: u64,
    /// Operations after the power was cut.
    pub unpowered: u64,
}

impl Disk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// A disk that holds `image`, all of it synced.
    pub fn from_image(image: Vec<u8>) -> Self {
        let platter = Platter { seen: image.clone(), synced: image, ..Platter::default() };
        Self(Arc::new(Mutex::new(platter)))
    }

    /// The bytes that a read sees.
    pub fn image(&self) -> Vec<u8> {
        self.platter().seen.clone()
    }

    /// The number of operations so far.
    pub fn operations(&self) -> u64 {
        self.platter().operations
    }

    /// The number of operations and faults of each kind so far.
    pub fn counts(&self) -> Counts {
        self.platter().counts
    }

    /// Makes `fault` hit the operation with this number.
    pub fn inject(&self, operation: u64, fault: Fault) {
        self.platter().faults.insert(operation, fault);
    }

    /// Cuts the power before the operation with this number: this and all later operations fail without effect.
    pub fn stop_before(&self, operation: u64) {
        self.platter().stop = Some(operation);
    }

    /// Limits the disk to `bytes`, or removes the limit.
    pub fn set_room(&self, bytes: Option<u64>) {
        self.platter().room = bytes;
    }

    /// Makes every sync fail, or succeed again. Writes that are not synced stay pending.
    pub fn break_syncs(&self, broken: bool) {
        self.platter().syncs_broken = broken;
    }

    /// Flips a bit of the disk, synced or not.
    pub fn flip(&self, byte: usize, bit: u8) {
        let mut platter = self.platter();
        let Platter { synced, seen, .. } = &mut *platter;
        for image in [synced, seen] {
            if let Some(found) = image.get_mut(byte) {
                *found ^= 1 << (bit % 8);
            }
        }
        platter.counts.flipped += 1;
    }

    /// Cuts the power. Synced bytes stay; for each operation since the last sync, in the order of writing, `keep`
    /// decides which part stays. Returns the content of the disk; this handle and its clones write nothing from now on.
    /// A second call gives another outcome of the same crash.
    pub fn crash(&self, mut keep: impl FnMut(&Pending) -> Kept) -> Vec<u8> {
        let mut platter = self.platter();
        let Platter { synced, pending, counts, off, .. } = &mut *platter;
        *off = true;
        counts.crashes += 1;
        let mut image = synced.clone();
        for (index, operation) in pending.iter().enumerate() {
            let kept = keep(&Pending { index, bytes: operation.bytes() });
            match kept {
                Kept::All => counts.kept += 1,
                Kept::Nothing => counts.lost += 1,
                Kept::First(_) | Kept::Sectors(_) => counts.torn += 1,
            }
            operation.survive(kept, &mut image);
        }
        image
    }

    fn platter(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let platter = self.platter();
        let mut text = formatter.debug_struct("Disk");
        text.field("len", &platter.seen.len()).field("pending", &platter.pending.len()).finish()
    }
}

impl Platter {
    /// Counts an operation and returns the fault that hits it.
    fn begin(&mut self) -> Result<Option<Fault>> {
        let number = self.operations;
        self.off |= self.stop.is_some_and(|stop| number >= stop);
        if self.off {
            self.counts.unpowered += 1;
            return Err(Error::other("the disk has no power"));
        }
        self.operations += 1;
        let fault = self.faults.remove(&number);
        if fault == Some(Fault::Failed) {
            self.counts.failed += 1;
            return Err(Error::other("the disk failed"));
        }
        Ok(fault)
    }

    fn check_room(&mut self, length: u64) -> Result<()> {
        if length > count(self.seen.len()) && self.room.is_some_and(|room| length > room) {
            self.counts.full += 1;
            return Err(ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn apply(&mut self, operation: Operation) {
        operation.survive(Kept::All, &mut self.seen);
        self.pending.push(operation);
    }
}

impl Operation {
    fn bytes(&self) -> Option<usize> {
        match self {
            Self::Write { data, .. } => Some(data.len()),
            Self::Length(_) => None,
        }
    }

    /// Applies the kept part of this operation to `image`.
    fn survive(&self, kept: Kept, image: &mut Vec<u8>) {
        match *self {
            Self::Length(length) if kept != Kept::Nothing => image.resize(place(length), 0),
            Self::Length(_) => {}
            Self::Write { offset, ref data } => {
                for (number, sector) in data.chunks(SECTOR_BYTES).enumerate() {
                    let bytes = match kept {
                        Kept::All => sector.len(),
                        Kept::First(first) => first.saturating_sub(number * SECTOR_BYTES).min(sector.len()),
                        Kept::Sectors(bits) if bits >> (number % 64) & 1 == 1 => sector.len(),
                        Kept::Nothing | Kept::Sectors(_) => 0,
                    };
                    write_at(image, place(offset) + number * SECTOR_BYTES, &sector[..bytes]);
                }
            }
        }
    }
}

fn write_at(image: &mut Vec<u8>, start: usize, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    let end = start + data.len();
    if image.len() < end {
        image.resize(end, 0);
    }
    image[start..end].copy_from_slice(data);
}

fn place(offset: u64) -> usize {
    usize::try_from(offset).expect("a disk in memory fits into memory")
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).expect("what is in memory is counted in 64 bits")
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64> {
        Ok(count(self.platter().seen.len()))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let platter = self.platter();
        let start = place(offset);
        let found = platter.seen.get(start..start.saturating_add(out.len())).ok_or(ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        let mut platter = self.platter();
        platter.begin()?;
        platter.counts.lengths += 1;
        platter.check_room(len)?;
        platter.apply(Operation::Length(len));
        Ok(())
    }

    fn sync_data(&self) -> Result<()> {
        let mut platter = self.platter();
        platter.begin()?;
        platter.counts.syncs += 1;
        if platter.syncs_broken {
            platter.counts.failed += 1;
            return Err(Error::other("the disk failed to sync"));
        }
        let Platter { synced, pending, .. } = &mut *platter;
        for operation in pending.drain(..) {
            operation.survive(Kept::All, synced);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        let mut platter = self.platter();
        let fault = platter.begin()?;
        platter.counts.writes += 1;
        platter.check_room(offset.saturating_add(count(data.len())))?;
        let mut data = data.to_vec();
        let mut offset = offset;
        match fault {
            Some(Fault::Torn { bytes }) => {
                data.truncate(bytes);
                platter.counts.torn += 1;
            }
            Some(Fault::Flip { byte, bit }) => {
                let byte = byte.min(data.len().saturating_sub(1));
                if let Some(found) = data.get_mut(byte) {
                    *found ^= 1 << (bit % 8);
                }
                platter.counts.flipped += 1;
            }
            Some(Fault::Misdirected { offset: elsewhere }) => {
                offset = elsewhere;
                platter.counts.misdirected += 1;
            }
            Some(Fault::Lost) => {
                platter.counts.lost += 1;
                return Ok(());
            }
            Some(Fault::Failed) | None => {}
        }
        platter.apply(Operation::Write { offset, data });
        Ok(())
    }
}

impl Kept {
    /// A random outcome for a pending operation: kept, lost, cut short or in pieces, with equal chances. `below` draws a
    /// number below its argument.
    pub fn drawn(pending: &Pending, mut below: impl FnMut(u64) -> u64) -> Self {
        let bytes = pending.bytes.map_or(0, count);
        match (below(4), pending.bytes) {
            (0, _) | (2, None) => Self::All,
            (2, Some(_)) => Self::First(place(below(bytes + 1))),
            (3, Some(_)) => Self::Sectors(below(u64::MAX)),
            _ => Self::Nothing,
        }
    }
}

//! The storage under redb: one that can be opened again after an error, and one that only looks.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::{BackendError, StorageBackend};

/// A storage that outlives the database on it, so that the database can be opened again, and that remembers whether a
/// sync ever failed: after that nobody knows which bytes are on the disk.
#[derive(Clone)]
pub(crate) struct Shared {
    below: Arc<dyn StorageBackend>,
    sync_failed: Arc<AtomicBool>,
    /// What it says to be its length, if that is not its length.
    claim: Option<u64>,
}

impl Shared {
    pub(crate) fn new(below: impl StorageBackend) -> Self {
        Self { below: Arc::new(below), sync_failed: Arc::default(), claim: None }
    }

    /// The same storage with another length: to read what is not there is an error. redb keeps notes on every page, and
    /// a length that can only be damage must not make them larger than the file.
    pub(crate) fn claiming(&self, len: u64) -> io::Result<Self> {
        if len / 1024 > self.len()? {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(Self { claim: Some(len), ..self.clone() })
    }

    pub(crate) fn sync_failed(&self) -> bool {
        self.sync_failed.load(Ordering::Acquire)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.below.fmt(formatter)
    }
}

impl StorageBackend for Shared {
    fn len(&self) -> io::Result<u64> {
        self.claim.map_or_else(|| self.below.len(), Ok)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.below.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.below.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        let synced = self.below.sync_data();
        if synced.is_err() {
            self.sync_failed.store(true, Ordering::Release);
        }
        synced
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.below.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.below.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.below.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.below.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.below.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.below.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.below.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.below.query_lock_range(start, end)
    }
}

/// Pages of [`Overlay`], and of redb.
pub(crate) const PAGE: u64 = 4096;

/// What a redb file begins with.
const MAGIC: [u8; 9] = *b"redb\x1a\n\xa9\r\n";

/// The length that a redb file gives itself in its header, a page at least; `None` when it is no redb file.
pub(crate) fn told_length(storage: &Shared) -> io::Result<Option<u64>> {
    let mut header = [0; 32];
    let there = span(storage.len()?.min(length(&header)))?;
    storage.read(0, &mut header[..there])?;
    if !header[..there].iter().zip(MAGIC).all(|(found, expected)| *found == expected) {
        return Ok(None);
    }
    let word = |number: usize| {
        let bytes = std::array::from_fn(|byte| header[number * 4 + byte]);
        u64::from(u32::from_le_bytes(bytes))
    };
    let [page, region_head, region, regions, last] = [3, 4, 5, 6, 7].map(word);
    let last = if last > 0 { region_head + last } else { 0 };
    let pages = regions.saturating_mul(region_head + region).saturating_add(last).saturating_add(1);
    Ok(Some(pages.saturating_mul(page).max(PAGE)))
}

/// A storage that is never written: what is written over it stays in memory. redb can so repair and read a file after
/// a crash without touching the evidence.
#[derive(Debug)]
pub(crate) struct Overlay {
    below: Shared,
    above: Mutex<Above>,
}

struct Above {
    len: u64,
    /// Whole pages by their number.
    pages: BTreeMap<u64, Vec<u8>>,
}

impl fmt::Debug for Above {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Above").field("len", &self.len).field("pages", &self.pages.len()).finish()
    }
}

impl Overlay {
    pub(crate) fn new(below: Shared) -> io::Result<Self> {
        let above = Above { len: below.len()?, pages: BTreeMap::new() };
        Ok(Self { below, above: Mutex::new(above) })
    }

    fn above(&self) -> MutexGuard<'_, Above> {
        self.above.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Page `number` as it is below, zero beyond the end.
    fn page_below(&self, number: u64) -> io::Result<Vec<u8>> {
        let mut page = vec![0; span(PAGE)?];
        let start = number * PAGE;
        let there = self.below.len()?.saturating_sub(start).min(PAGE);
        if there > 0 {
            self.below.read(start, &mut page[..span(there)?])?;
        }
        Ok(page)
    }
}

/// The pieces of `offset..offset + len`, page by page: page, where in the page, how many bytes.
fn pieces(offset: u64, len: u64) -> impl Iterator<Item = (u64, u64, u64)> {
    let mut place = offset;
    std::iter::from_fn(move || {
        let within = place % PAGE;
        let bytes = (PAGE - within).min(offset + len - place);
        let piece = (place / PAGE, within, bytes);
        place += bytes;
        (bytes > 0).then_some(piece)
    })
}

pub(crate) fn span(bytes: u64) -> io::Result<usize> {
    usize::try_from(bytes).map_err(|_| io::ErrorKind::FileTooLarge.into())
}

pub(crate) fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).expect("what is in memory is counted in 64 bits")
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.above().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let above = self.above();
        if offset.saturating_add(length(out)) > above.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut out = out;
        for (number, within, bytes) in pieces(offset, length(out)) {
            let (piece, rest) = out.split_at_mut(span(bytes)?);
            out = rest;
            let range = span(within)?..span(within + bytes)?;
            match above.pages.get(&number) {
                Some(page) => piece.copy_from_slice(&page[range]),
                None => piece.copy_from_slice(&self.page_below(number)?[range]),
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.above().len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut above = self.above();
        let mut data = data;
        above.len = above.len.max(offset.saturating_add(length(data)));
        for (number, within, bytes) in pieces(offset, length(data)) {
            let (piece, rest) = data.split_at(span(bytes)?);
            data = rest;
            let mut page = match above.pages.remove(&number) {
                Some(page) => page,
                None => self.page_below(number)?,
            };
            page[span(within)?..span(within + bytes)?].copy_from_slice(piece);
            above.pages.insert(number, page);
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.below.close()
    }

    /// Who only looks may look with others, and a handle for reading gives no exclusive lock.
    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.below.try_lock_shared_range(start, end)
    }
}

//! The storages under redb: one that can be reopened after an error and has room for the log, and one that is only read.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use redb::{BackendError, StorageBackend};

use crate::log::{LABEL_BYTES, label, labelled};

/// The whole range of a storage, for locks.
const WHOLE: (Bound<u64>, Bound<u64>) = (Bound::Unbounded, Bound::Unbounded);

/// A storage that outlives the database on it, so that the database can be opened again. It remembers whether a sync
/// ever failed: after that nobody knows which bytes are on the disk.
///
/// The opener locks it as a whole before reading a byte; the locks that redb requests later have no effect and always
/// succeed. Closing it releases the lock.
///
/// A file of this version has a log behind its first page. redb sees the file without it, and so do all offsets here.
#[derive(Clone)]
pub(crate) struct Shared {
    below: Arc<dyn StorageBackend>,
    sync_failed: Arc<AtomicBool>,
    /// The bytes of the log, 0 for a file without one. Not set before the file is locked.
    log: Arc<OnceLock<u64>>,
}

/// The place of the first copy of the label, in the first page of redb, of which redb uses 320 bytes.
const LABEL: u64 = PAGE - 512;

impl Shared {
    pub(crate) fn new(below: impl StorageBackend) -> Self {
        Self { below: Arc::new(below), sync_failed: Arc::default(), log: Arc::default() }
    }

    /// Announces a log of `bytes` for a new file.
    pub(crate) fn plan_log(&self, bytes: u64) {
        let _ = self.log.set(bytes);
    }

    /// Writes the announced log, empty, and its label, and syncs both.
    pub(crate) fn make_log(&self) -> io::Result<()> {
        let bytes = self.log_bytes();
        let zeros = vec![0; 1 << 16];
        let mut written = 0;
        while written < bytes {
            let piece = span((bytes - written).min(length(&zeros)))?;
            self.write_log(written, &zeros[..piece])?;
            written += length(&zeros[..piece]);
        }
        for place in [LABEL, PAGE] {
            self.below.write(place, &label(bytes))?;
        }
        self.sync()
    }

    /// Finds out whether the file has a log. The file is locked.
    pub(crate) fn find_log(&self) -> io::Result<()> {
        if self.log.get().is_some() {
            return Ok(());
        }
        let there = self.below.len()?;
        let mut found = None;
        for place in [LABEL, PAGE] {
            let mut bytes = [0; LABEL_BYTES];
            if place + length(&bytes) <= there {
                self.below.read(place, &mut bytes)?;
                found = found.or(labelled(&bytes));
            }
        }
        let _ = self.log.set(found.unwrap_or(0));
        Ok(())
    }

    fn log_bytes(&self) -> u64 {
        self.log.get().copied().unwrap_or(0)
    }

    /// The bytes between the first and the second page of redb: the page of the label, and the log.
    fn gap(&self) -> u64 {
        match self.log_bytes() {
            0 => 0,
            bytes => PAGE + bytes,
        }
    }

    /// The length of the file, of which redb sees `seen` bytes.
    pub(crate) fn whole(&self, seen: u64) -> u64 {
        if seen < PAGE { seen } else { seen + self.gap() }
    }

    /// The length of the file, with the log.
    pub(crate) fn whole_len(&self) -> io::Result<u64> {
        self.below.len()
    }

    /// The bytes of the log, as far as the file goes; nothing for a file without one.
    pub(crate) fn read_log(&self) -> io::Result<Vec<u8>> {
        let there = self.below.len()?.saturating_sub(2 * PAGE).min(self.log_bytes());
        let mut bytes = vec![0; span(there)?];
        if there > 0 {
            self.below.read(2 * PAGE, &mut bytes)?;
        }
        Ok(bytes)
    }

    pub(crate) fn write_log(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.below.write(2 * PAGE + offset, data)
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        let synced = self.below.sync_data();
        if synced.is_err() {
            self.sync_failed.store(true, Ordering::Release);
        }
        synced
    }

    pub(crate) fn sync_failed(&self) -> bool {
        self.sync_failed.load(Ordering::Acquire)
    }

    /// Locks all others out.
    pub(crate) fn lock(&self) -> Result<(), redb::Error> {
        granted(self.below.try_lock_range(WHOLE.0, WHOLE.1))
    }

    /// Locks writers out.
    pub(crate) fn lock_shared(&self) -> Result<(), redb::Error> {
        granted(self.below.try_lock_shared_range(WHOLE.0, WHOLE.1))
    }
}

/// A storage without locks, such as one in memory, has only one user.
fn granted(lock: Result<bool, BackendError>) -> Result<(), redb::Error> {
    match lock {
        Ok(true) | Err(BackendError::Unsupported) => Ok(()),
        Ok(false) => Err(redb::Error::DatabaseAlreadyOpen),
        Err(BackendError::Io(error)) => Err(redb::Error::Io(error)),
        Err(error) => Err(redb::Error::Io(io::Error::other(error.to_string()))),
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.below.fmt(formatter)
    }
}

impl StorageBackend for Shared {
    fn len(&self) -> io::Result<u64> {
        let whole = self.below.len()?;
        Ok(if whole < PAGE { whole } else { whole.saturating_sub(self.gap()).max(PAGE) })
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if offset >= PAGE {
            return self.below.read(offset + self.gap(), out);
        }
        let first = span(PAGE - offset)?.min(out.len());
        let (first, rest) = out.split_at_mut(first);
        self.below.read(offset, first)?;
        if rest.is_empty() { Ok(()) } else { self.below.read(PAGE + self.gap(), rest) }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.below.set_len(self.whole(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if offset >= PAGE {
            return self.below.write(offset + self.gap(), data);
        }
        let (first, rest) = data.split_at(span(PAGE - offset)?.min(data.len()));
        self.below.write(offset, first)?;
        if rest.is_empty() { Ok(()) } else { self.below.write(PAGE + self.gap(), rest) }
    }

    fn close(&self) -> io::Result<()> {
        self.below.close()
    }

    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }
}

/// The size of a page of [`Overlay`], and of redb.
pub(crate) const PAGE: u64 = 4096;

/// A storage that is never written: writes stay in memory over it. So redb can repair and read a file after a crash
/// without changing the evidence.
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

    /// Page `number` of the storage below, zero beyond its end.
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

/// Splits `offset..offset + len` into pages: the page, the offset within the page, the number of bytes.
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

    /// The lock belongs to the storage below, which outlives this.
    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn try_lock_shared_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn lock_shared_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }

    fn query_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(false)
    }
}

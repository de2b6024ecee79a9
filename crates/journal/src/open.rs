//! Opens a file as a database, and explains why one cannot be opened.
//!
//! redb panics on some damaged files. Panics are caught and become errors, which needs `panic = "unwind"`.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::backends::FileBackend;
use redb::{Builder, ConcurrencyMode, Database, Durability, ReadOnlyDatabase, StorageBackend, WriteTransaction};

use crate::error::OpenError;
use crate::root::{self, Header, Slot};
use crate::salvage::Remains;
use crate::storage::{Overlay, PAGE, Shared};

const CACHE_BYTES: usize = 64 << 20;

/// Runs code that calls redb; returns its errors and its panics as errors.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, redb::Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        Err(redb::Error::Corrupted(format!("redb panicked: {text}")))
    })
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

pub(crate) fn durable(database: &Database) -> Result<WriteTransaction, redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    transaction.set_two_phase_commit(true);
    Ok(transaction)
}

/// Creates a database on an empty storage, and its log.
pub(crate) fn created(storage: &Shared) -> Result<Database, redb::Error> {
    let database = builder().create_with_backend(storage.clone())?;
    storage.make_log()?;
    Ok(database)
}

/// Opens for writing and checks every page. Nobody else has the storage open meanwhile.
pub(crate) fn writing(name: &str, storage: &Shared) -> Result<Database, OpenError> {
    let refused = |error| open_error(name, error);
    storage.lock().map_err(refused)?;
    storage.find_log().map_err(|error| refused(error.into()))?;
    check_length(name, storage)?;
    current(storage).and_then(|slot| Ok(root::settle(storage, slot)?)).map_err(refused)?;
    checked(storage.clone()).map_err(refused)
}

/// Opens for reading at the current root, without checking pages.
pub(crate) fn reading(name: &str, storage: &Shared) -> Result<ReadOnlyDatabase, OpenError> {
    let refused = |error| open_error(name, error);
    storage.lock_shared().map_err(refused)?;
    storage.find_log().map_err(|error| refused(error.into()))?;
    check_length(name, storage)?;
    current(storage).and_then(|slot| view(root::through(storage, slot)?)).map_err(refused)
}

/// Opens for reading at the root in `slot`, in a file with damage at any place.
pub(crate) fn glimpse(name: &str, storage: &Shared, slot: Slot) -> Result<ReadOnlyDatabase, OpenError> {
    let opened = root::through_any(storage, slot).map_err(Into::into).and_then(view);
    opened.map_err(|error| open_error(name, error))
}

/// The slot of the current root, found as described at the head of `root.rs`.
pub(crate) fn current(storage: &Shared) -> Result<Slot, redb::Error> {
    let header = Header::read(storage)?;
    let (named, newer) = (header.named(), header.named().other());
    if !header.is_redb() || !header.names_the_older() || view(root::through(storage, named)?).is_err() {
        return Ok(named);
    }
    let whole = checked(Shared::new(root::killed(storage, newer)?)).is_ok();
    Ok(if whole { newer } else { named })
}

/// Checks every page under the current root, in memory over the storage.
pub(crate) fn check_pages(storage: &Shared) -> Result<(), redb::Error> {
    checked(Shared::new(root::killed(storage, current(storage)?)?)).map(drop)
}

fn checked(storage: Shared) -> Result<Database, redb::Error> {
    guarded(|| Ok(builder().set_check_integrity_on_open(true).create_with_backend(storage)?))
}

/// Reads at the root that the state byte names, like a reader beside a writer: such a reader allocates no page, so redb
/// repairs nothing first and ignores damage outside the pages that are read.
fn view(overlay: Overlay) -> Result<ReadOnlyDatabase, redb::Error> {
    let mut builder = builder();
    builder.set_concurrency_mode(ConcurrencyMode::SingleWriter);
    guarded(|| Ok(builder.open_read_only_with_backend(overlay)?))
}

/// Refuses an empty file, and one whose length differs from its header, naming the first record that is not whole.
///
/// After a crash redb uses the length of the file alone, and writes it into the header. So such a file is first opened
/// in memory, and stays unchanged as evidence when that fails.
fn check_length(name: &str, storage: &Shared) -> Result<(), OpenError> {
    if occupied(name, storage)? == 0 {
        return Err(OpenError::Empty { file: name.to_owned() });
    }
    let unread = |error| open_error(name, redb::Error::Io(error));
    let (found, whole) = (storage.len().map_err(unread)?, storage.whole_len().map_err(unread)?);
    let header = Header::read(storage).map_err(|error| open_error(name, error.into()))?;
    let told = header.told_length();
    if !header.is_redb() || (found >= told && found.is_multiple_of(PAGE)) {
        return Ok(());
    }
    match Overlay::new(storage.clone()).map_err(Into::into).and_then(|overlay| checked(Shared::new(overlay))) {
        Ok(_) => Ok(()),
        Err(_) => Err(Remains::find(name, storage)?.length_damage(whole, storage.whole(told)).into()),
    }
}

/// The length of the file.
pub(crate) fn occupied(name: &str, storage: &Shared) -> Result<u64, OpenError> {
    storage.whole_len().map_err(|error| OpenError::Storage { file: name.to_owned(), found: error.to_string() })
}

pub(crate) fn open_error(name: &str, error: redb::Error) -> OpenError {
    let file = name.to_owned();
    match error {
        redb::Error::DatabaseAlreadyOpen => OpenError::Busy { file },
        redb::Error::Io(error) if error.kind() == ErrorKind::InvalidData => {
            OpenError::NotAJournal { file, found: format!("another kind of file ({error})") }
        }
        redb::Error::UpgradeRequired(version) => {
            OpenError::Format { file, found: format!("redb file format {version}"), expected: "3".into() }
        }
        error @ (redb::Error::TableDoesNotExist(_) | redb::Error::TableTypeMismatch { .. }) => {
            OpenError::NotAJournal { file, found: error.to_string() }
        }
        redb::Error::Corrupted(found) => OpenError::Corrupt { file, found },
        error => OpenError::Storage { file, found: error.to_string() },
    }
}

pub(crate) fn is_full(error: &redb::Error) -> bool {
    let redb::Error::Io(error) = error else { return false };
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

pub(crate) fn file_backend(path: &Path, options: &OpenOptions) -> Result<FileBackend, OpenError> {
    let file = path.display().to_string();
    let opened = options.open(path).map_err(redb::Error::Io);
    opened.and_then(|handle| Ok(FileBackend::new(handle)?)).map_err(|error| open_error(&file, error))
}

/// Makes the name of a new file durable.
pub(crate) fn sync_directory(path: &Path) -> std::io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

//! Decides which of the two roots of a redb file is the current one, so that no single bit decides it.
//!
//! ```text
//! 0 magic │ 9 state byte │ 12 page size … regions │ 64 slot 0: root, transaction, checksum │ 192 slot 1
//! ```
//!
//! A commit writes its root into the slot that is not current and syncs; then it makes that slot the current one and
//! syncs again, which acknowledges. One bit of the state byte names the current slot, and that byte has no checksum.
//! But each slot has a checksum and the number of its transaction, and every page under it has a checksum. So:
//!
//! * the slot that the byte names is the newer one: it is the current root, and any fault in it is damage;
//! * it is the older one, and both are sound, the newer one to its last page: then the bit was flipped, or the power was
//!   cut between the two syncs. The newer one is the current root, for it holds everything acknowledged; it may also hold
//!   a batch that was being written when the power was cut;
//! * it is the older one and sound, and the newer one is not: that commit did not finish and was never acknowledged;
//! * it is not sound: then the number of its transaction means nothing, and the damage is reported.

use std::io;

use redb::StorageBackend;

use crate::storage::{Overlay, PAGE, Shared, length, span};

/// The first bytes of a redb file.
const MAGIC: [u8; 9] = *b"redb\x1a\n\xa9\r\n";
const STATE: u64 = 9;
const SLOTS: [u64; 2] = [64, 192];
/// The first byte of a slot.
const VERSION: u8 = 3;
/// The place of the transaction number in each slot.
const TRANSACTIONS: [usize; 2] = [64 + 104, 192 + 104];
const HEADER_BYTES: usize = 320;

/// The bit of the state byte that names the current slot.
const CURRENT: u8 = 1;
/// The bit that says that the file was not closed.
const KILLED: u8 = 2;
/// The bit that says that the current slot was synced before it was made current.
const TWO_PHASE: u8 = 4;
/// The bytes between the state byte and the number of whole regions, in every file that this crate creates: pages of
/// 4,096 bytes, in regions of 2²⁰ pages without a header.
const GEOMETRY: [u8; 14] = [0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0];

/// One of the two places for a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(u8);

impl Slot {
    pub(crate) fn other(self) -> Self {
        Self(self.0 ^ CURRENT)
    }
}

/// The first bytes of a redb file.
#[derive(Clone, Copy)]
pub(crate) struct Header {
    /// The bytes; 0 beyond the end of the file.
    bytes: [u8; HEADER_BYTES],
    /// The number of its first bytes that differ from those of a redb file.
    foreign: usize,
}

impl Header {
    /// Reads the header; bytes beyond the end of the file are 0.
    pub(crate) fn read(storage: &Shared) -> io::Result<Self> {
        let mut bytes = [0; HEADER_BYTES];
        let there = span(storage.len()?.min(length(&bytes)))?;
        storage.read(0, &mut bytes[..there])?;
        let foreign = bytes[..there].iter().zip(MAGIC).filter(|(found, expected)| **found != *expected).count();
        Ok(Self { bytes, foreign })
    }

    /// Whether it begins like a redb file, as far as the file goes.
    pub(crate) fn is_redb(&self) -> bool {
        self.foreign == 0
    }

    /// Whether it begins like a redb file with at most one wrong byte.
    pub(crate) fn resembles_redb(&self) -> bool {
        self.foreign <= 1
    }

    /// The length of the file according to its header, at least one page.
    pub(crate) fn told_length(&self) -> u64 {
        let word = |number: usize| {
            let bytes = std::array::from_fn(|byte| self.bytes[number * 4 + byte]);
            u64::from(u32::from_le_bytes(bytes))
        };
        let [page, region_head, region, regions, last] = [3, 4, 5, 6, 7].map(word);
        let last = if last > 0 { region_head + last } else { 0 };
        let pages = regions.saturating_mul(region_head + region).saturating_add(last).saturating_add(1);
        pages.saturating_mul(page).max(PAGE)
    }

    /// The slot that the state byte names.
    pub(crate) fn named(&self) -> Slot {
        Slot(self.bytes[MAGIC.len()] & CURRENT)
    }

    /// Whether the slot that the state byte does not name has the newer transaction.
    pub(crate) fn names_the_older(&self) -> bool {
        let transaction = |slot: Slot| {
            let start = TRANSACTIONS[usize::from(slot.0)];
            u64::from_le_bytes(std::array::from_fn(|byte| self.bytes[start + byte]))
        };
        transaction(self.named().other()) > transaction(self.named())
    }
}

/// Makes `slot` the current one on the storage itself, after everything that it points at is durable.
pub(crate) fn settle(storage: &Shared, slot: Slot) -> io::Result<()> {
    if Header::read(storage)?.named() == slot {
        return Ok(());
    }
    storage.sync_data()?;
    let mut state = [0];
    storage.read(STATE, &mut state)?;
    storage.write(STATE, &[state[0] ^ CURRENT])?;
    storage.sync_data()
}

/// The storage as if its process had been killed while `slot` was current, as a copy in memory over it.
pub(crate) fn killed(storage: &Shared, slot: Slot) -> io::Result<Overlay> {
    with_state(storage, slot.0 | KILLED | TWO_PHASE)
}

/// The storage as if it had been closed while `slot` was current, as a copy in memory over it.
pub(crate) fn through(storage: &Shared, slot: Slot) -> io::Result<Overlay> {
    with_state(storage, slot.0 | TWO_PHASE)
}

/// The same, with the bytes that are equal in every file restored.
pub(crate) fn through_any(storage: &Shared, slot: Slot) -> io::Result<Overlay> {
    let overlay = through(storage, slot)?;
    overlay.write(0, &MAGIC)?;
    overlay.write(STATE + 1, &GEOMETRY)?;
    for start in SLOTS {
        overlay.write(start, &[VERSION])?;
    }
    Ok(overlay)
}

fn with_state(storage: &Shared, state: u8) -> io::Result<Overlay> {
    let overlay = Overlay::new(storage.clone())?;
    overlay.write(STATE, &[state])?;
    Ok(overlay)
}

//! The log: a part of the file, of fixed size, in which a batch becomes durable with one write and one sync.
//!
//! ```text
//! file:   0 head of redb │ 4096 label │ 8192 log … │ all other pages of redb
//! sector: payload 488 │ generation u64 │ first u32 │ bytes u32 │ check 7 │ mark u8
//! ```
//!
//! redb needs two syncs and a dozen pages for a commit, however small the batch is. So a batch goes into the log first:
//! its sealed records, one after the other, cut into sectors of 512 bytes. The space was written once when the file was
//! made, so a sync writes no metadata of the file system. When the log is full, one commit of redb takes over all its
//! records, and the log begins anew.
//!
//! The *generation* is the number of commits of redb so far. Sectors of an older generation hold records that redb has
//! too; they are as good as empty. So nothing needs to be erased. `first` is the sector at which the batch begins, `bytes`
//! is the length of its records. Integers are little-endian. The check is the beginning of the BLAKE3 hash of these three
//! numbers and the number of the sector. The records have their own hashes.
//!
//! # A batch that was cut off, and a batch that was damaged
//!
//! A power failure during a write leaves each sector as it was before, as it was to be, or with a first part as it was
//! to be and a last part as it was before. The *mark* is the last byte, so a sector with the mark of its generation was
//! written whole. Marks of neighbouring generations differ by at least two bits, and all differ from zero by two. So:
//!
//! * a batch with a sector that was not written was never acknowledged, and is left out;
//! * a batch whose sectors were all written is part of the journal. If one bit of it is turned, a record does not match
//!   its hash, or a sector does not match its check: this is damage, and is never taken for a batch that was cut off;
//! * a batch that comes after one that was cut off is damage too: it was only written after the sync of the one before.

use std::io;

use crate::hash::Hash;
use crate::storage::{PAGE, Shared};

/// The unit in which the log is written, and the smallest that a disk writes whole.
const SECTOR: usize = 512;
const PAYLOAD: usize = SECTOR - 24;
const CHECK: usize = 7;
const MARK: usize = SECTOR - 1;

type Sector = [u8; SECTOR];

/// The place in the log for the next batch.
#[derive(Debug)]
pub(crate) struct Log {
    storage: Shared,
    sectors: usize,
    next: usize,
    /// Whether parts of a batch that was never acknowledged lie behind `next`. Nothing is written over them: sectors of
    /// two batches of one generation could be mixed up.
    soiled: bool,
}

/// The contents of a log.
pub(crate) struct Contents {
    /// The records of each whole batch, in order.
    pub batches: Vec<Vec<u8>>,
    /// The reason why a later batch cannot be read, if there is one.
    pub damage: Option<&'static str>,
}

/// The state of a sector in the present generation.
enum State {
    /// It was not written, or not to its end.
    Before,
    /// It was written.
    Written(Numbers),
    /// It was written, and its numbers do not match their check.
    Marred,
}

/// The numbers in a sector.
#[derive(Clone, Copy)]
struct Numbers {
    generation: u64,
    first: u32,
    bytes: u32,
}

impl Log {
    /// Reads the log of `storage`, as of the commit of redb with the number `generation`.
    /// `None` when the storage has no log.
    pub(crate) fn read(storage: &Shared, generation: u64) -> io::Result<Option<(Self, Contents)>> {
        let bytes = storage.read_log()?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let (sectors, _) = bytes.as_chunks::<SECTOR>();
        let states: Vec<State> = (0..).zip(sectors).map(|(number, sector)| state(sector, number, generation)).collect();
        let (mut batches, mut next, mut damage) = (Vec::new(), 0, None);
        while let Some(state) = states.get(next) {
            let numbers = match state {
                State::Written(numbers) if number(numbers.first) == next => *numbers,
                State::Written(_) | State::Before => break,
                State::Marred => {
                    damage = Some("a sector that does not match its check");
                    break;
                }
            };
            let end = next + number(numbers.bytes).div_ceil(PAYLOAD).max(1);
            let Some(whole) = sectors.get(next..end) else {
                damage = Some("a batch that is longer than the log");
                break;
            };
            if states[next..end].iter().any(|state| matches!(state, State::Before)) {
                break;
            }
            let mut payload: Vec<u8> = whole.iter().flat_map(|sector| &sector[..PAYLOAD]).copied().collect();
            payload.truncate(number(numbers.bytes));
            batches.push(payload);
            next = end;
        }
        let behind = &states[next..];
        if behind.iter().any(|state| matches!(state, State::Written(numbers) if number(numbers.first) > next)) {
            damage = damage.or(Some("a batch that was cut off before another batch"));
        }
        let soiled = behind.iter().any(|state| !matches!(state, State::Before));
        let log = Self { storage: storage.clone(), sectors: sectors.len(), next, soiled };
        Ok(Some((log, Contents { batches, damage })))
    }

    /// Whether a batch of `bytes` can be written before the next commit of redb.
    pub(crate) fn takes(&self, bytes: usize) -> bool {
        !self.soiled && u32::try_from(bytes).is_ok() && bytes.div_ceil(PAYLOAD) <= self.sectors - self.next
    }

    /// Writes a batch that the log [takes](Self::takes), and syncs it. After an error the log takes nothing more before
    /// the next commit of redb.
    pub(crate) fn append(&mut self, generation: u64, payload: &[u8]) -> io::Result<()> {
        self.soiled = true;
        let (first, bytes) = (small(self.next), small(payload.len()));
        let numbers = Numbers { generation, first, bytes };
        let mut framed = Vec::with_capacity(payload.len().div_ceil(PAYLOAD) * SECTOR);
        for (sector, part) in (first..).zip(payload.chunks(PAYLOAD)) {
            let start = framed.len();
            framed.extend_from_slice(part);
            framed.resize(start + PAYLOAD, 0);
            framed.extend_from_slice(&numbers.sealed(sector));
            framed.push(mark(generation));
        }
        self.storage.write_log(wide(self.next * SECTOR), &framed)?;
        self.storage.sync()?;
        self.next += framed.len() / SECTOR;
        self.soiled = false;
        Ok(())
    }

    /// Takes nothing more before the next commit of redb.
    pub(crate) fn close(&mut self) {
        self.soiled = true;
    }

    /// Begins anew, after a commit of redb.
    pub(crate) fn restart(&mut self) {
        (self.next, self.soiled) = (0, false);
    }
}

/// The payload of every sector of `log`, whatever it belongs to. The last sector may be cut short.
pub(crate) fn payloads(log: &[u8]) -> Vec<u8> {
    log.chunks(SECTOR).flat_map(|sector| &sector[..sector.len().min(PAYLOAD)]).copied().collect()
}

impl Numbers {
    /// The numbers and their check, as they are stored in sector `sector`.
    fn sealed(self, sector: u32) -> [u8; MARK - PAYLOAD] {
        let mut bytes = [0; MARK - PAYLOAD];
        let (numbers, check) = bytes.split_at_mut(MARK - PAYLOAD - CHECK);
        numbers[..8].copy_from_slice(&self.generation.to_le_bytes());
        numbers[8..12].copy_from_slice(&self.first.to_le_bytes());
        numbers[12..].copy_from_slice(&self.bytes.to_le_bytes());
        let mut covered = [0; 20];
        covered[..16].copy_from_slice(numbers);
        covered[16..].copy_from_slice(&sector.to_le_bytes());
        check.copy_from_slice(&Hash::of(&covered).0[..CHECK]);
        bytes
    }

    fn read(bytes: &Sector, sector: u32) -> Option<Self> {
        let at = |start: usize| u32::from_le_bytes(std::array::from_fn(|byte| bytes[start + byte]));
        let generation = u64::from_le_bytes(std::array::from_fn(|byte| bytes[PAYLOAD + byte]));
        let numbers = Self { generation, first: at(PAYLOAD + 8), bytes: at(PAYLOAD + 12) };
        (numbers.sealed(sector) == bytes[PAYLOAD..MARK]).then_some(numbers)
    }
}

fn state(sector: &Sector, number: u32, generation: u64) -> State {
    let near = (sector[MARK] ^ mark(generation)).count_ones() <= 1;
    if !near && sector[PAYLOAD..MARK].iter().all(|byte| *byte == 0) {
        return State::Before;
    }
    match Numbers::read(sector, number) {
        Some(numbers) if numbers.generation == generation => State::Written(numbers),
        // With a turned bit, the end of an unused sector may look like a mark.
        None if near && sector[..MARK].iter().any(|byte| *byte != 0) => State::Marred,
        Some(_) | None => State::Before,
    }
}

/// The last byte of every sector of a generation: an even number of bits is set, and never none.
fn mark(generation: u64) -> u8 {
    let number = u8::try_from(generation % 127 + 1).expect("at most 127");
    if number.count_ones().is_multiple_of(2) { number } else { number | 0x80 }
}

fn number(small: u32) -> usize {
    usize::try_from(small).expect("a computer of 32 bits or more")
}

fn small(number: usize) -> u32 {
    u32::try_from(number).expect("a log has fewer than 2³² bytes")
}

fn wide(bytes: usize) -> u64 {
    u64::try_from(bytes).expect("what is in memory is counted in 64 bits")
}

/// The length of the label of a log, in bytes. The label stands at the end of the first page and again before the log;
/// it has a name, the length of the log, and the hash of both.
pub(crate) const LABEL_BYTES: usize = 64;
const NAME: [u8; 24] = *b"upm.journal log, 1      ";

/// The label of a log of `bytes`.
pub(crate) fn label(bytes: u64) -> [u8; LABEL_BYTES] {
    let mut label = [0; LABEL_BYTES];
    label[..24].copy_from_slice(&NAME);
    label[24..32].copy_from_slice(&bytes.to_le_bytes());
    let hash = Hash::of(&label[..32]);
    label[32..].copy_from_slice(&hash.0);
    label
}

/// The length of the log with this label, if it is one.
pub(crate) fn labelled(found: &[u8; LABEL_BYTES]) -> Option<u64> {
    let bytes = u64::from_le_bytes(std::array::from_fn(|byte| found[24 + byte]));
    (label(bytes) == *found).then_some(bytes)
}

/// The length of a log that holds at least `bytes`: a number of whole pages, at least one, that sectors can be counted in.
pub(crate) fn rounded(bytes: usize) -> u64 {
    wide(bytes).clamp(PAGE, u64::from(u32::MAX) / 2).next_multiple_of(PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A turned bit never makes a written sector look unwritten, nor the other way round.
    #[test]
    fn the_marks_of_neighbours_and_of_nothing_differ_by_two_bits() {
        let marks: Vec<u8> = (1..=127).map(mark).collect();
        for (place, one) in marks.iter().enumerate() {
            assert!(one.count_ones() >= 2, "{one:#x}");
            for other in &marks[..place] {
                assert!((one ^ other).count_ones() >= 2, "{one:#x} {other:#x}");
            }
        }
    }
}

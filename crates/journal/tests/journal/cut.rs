//! Files that were cut short, lengthened, or never were journals: which are refused, and which records can be saved.

use std::collections::BTreeMap;

use journal::faults::{Disk, Kept};
use journal::{Damage, Defect, Head, Journal, Memory, OpenError, Record, Remains, SalvageError, Store, diff, verify};

use crate::common::{LOG_BYTES, Place, create, grow, identity, open, record, snap, snapshot_bytes};

/// A journal of several hundred records, written in batches of several sizes, on its disk.
fn several_hundred() -> (Disk, Store) {
    let disk = Disk::new();
    let mut journal = create(&disk).unwrap();
    while journal.head().sequence < 300 {
        let size = 1 + journal.head().sequence % 7;
        grow(&mut journal, size).unwrap();
    }
    (disk, journal)
}

fn records(journal: &Store) -> Vec<Record> {
    journal.read(journal.base().sequence).map(|record| record.unwrap()).collect()
}

/// The length of image that is needed for each record to be found at least once by its bytes alone. In the log 24 bytes
/// of every 512 do not belong to records.
fn needed(image: &[u8], written: &[Record]) -> Vec<usize> {
    let sealed: Vec<Vec<u8>> = written.iter().map(Record::encode).collect();
    let mut needed = vec![usize::MAX; written.len()];
    let log: Vec<(usize, u8)> = (0..).zip(image.iter().copied()).skip(8192).take(LOG_BYTES).collect();
    let log: Vec<(usize, u8)> = log.chunks(512).flat_map(|sector| &sector[..488]).copied().collect();
    let rest: Vec<(usize, u8)> = (0..).zip(image.iter().copied()).skip(8192 + LOG_BYTES).collect();
    for bytes in [log, rest] {
        let (places, bytes): (Vec<usize>, Vec<u8>) = bytes.into_iter().unzip();
        for place in (0..bytes.len() - 4).filter(|place| bytes[*place..].starts_with(&[3, 0, 1, 0])) {
            for (end, record) in needed.iter_mut().zip(&sealed) {
                if bytes[place..].starts_with(record) {
                    *end = (*end).min(places[place + record.len() - 1] + 1);
                }
            }
        }
    }
    needed
}

/// The outcome of a cut: each of these is right, any other fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// Opened, with every record.
    Whole,
    /// Refused at the first record that is not in the file any more.
    Located,
    /// Refused in the same way, and the rest was saved as a journal.
    Saved,
}

/// Cuts the image to each of `lengths`, opens it for writing, and counts the outcomes.
fn cut(image: &[u8], written: &[Record], lengths: impl Iterator<Item = usize>) -> BTreeMap<Outcome, u32> {
    let needed = needed(image, written);
    let mut outcomes = BTreeMap::new();
    for length in lengths {
        let cut = image[..length].to_vec();
        // Without the root it is unknown which chain was acknowledged; in these journals no batch failed.
        let whole = needed.iter().take_while(|end| **end <= length).count();
        let disk = Disk::from_image(cut.clone());
        let opened = Store::open_on("disk", disk.clone(), &identity());
        let examined = Store::examine_on("disk", Disk::from_image(cut.clone()));
        let outcome = match (opened, examined) {
            (Ok(opened), Ok(examined)) => {
                assert!(records(&opened) == written && records(&examined) == written, "{length} bytes: other records");
                Outcome::Whole
            }
            (Err(OpenError::Damage(damage)), Err(OpenError::Damage(same))) => {
                assert_eq!(damage, same, "{length} bytes");
                assert_eq!(disk.image(), cut, "{length} bytes: the evidence was written to");
                check_refusal(&damage, length, written, whole);
                check_saved(cut, written, whole)
            }
            (opened, examined) => panic!("{length} bytes: {opened:?}, {examined:?}"),
        };
        *outcomes.entry(outcome).or_insert(0) += 1;
    }
    println!("{} bytes, cuts: {outcomes:?}", image.len());
    outcomes
}

/// The message names the first record that is missing, and the last that is whole.
fn check_refusal(damage: &Damage, length: usize, written: &[Record], whole: usize) {
    let first = written[0].sequence;
    let next = first + u64::try_from(whole).unwrap();
    assert_eq!((damage.what, damage.sequence), (Defect::Length, next), "{length} bytes: {damage}");
    let chained = match whole {
        0 => "no chain of records begins".to_owned(),
        _ => format!("records {first} to {} are whole and chained", next - 1),
    };
    let beginning = format!("disk: record {next}: file length: found {length} bytes in which {chained}, expected ");
    assert!(damage.to_string().starts_with(&beginning), "{damage} instead of {beginning}");
    if let Some((_, last)) = damage.expected.split_once(" with records to ") {
        assert_eq!(last.parse(), Ok(written.last().unwrap().sequence), "{length} bytes: {damage}");
    }
}

/// The saved journal has exactly the first records, to the last bit.
fn check_saved(cut: Vec<u8>, written: &[Record], whole: usize) -> Outcome {
    let remains = Remains::of_storage("disk", Disk::from_image(cut)).unwrap();
    let found: Vec<Record> = remains.read().map(|record| record.unwrap()).collect();
    assert!(found == written[..whole], "{} records instead of {whole}", found.len());
    match remains.save_on("saved", Disk::new()) {
        Ok(saved) => {
            let (last, head) = (written[whole - 1].hash(), verify(&saved).unwrap().head);
            assert_eq!((head.hash, saved.base()), (last, remains.base()));
            Outcome::Saved
        }
        Err(error) => {
            assert!(whole == 0, "{whole} records: {error}");
            assert!(matches!(error, SalvageError::Damage(_)), "{error}");
            Outcome::Located
        }
    }
}

/// Every 4 KiB, and lengths around and between.
fn lengths(image: &[u8]) -> impl Iterator<Item = usize> + use<> {
    let end = image.len();
    (4096..end).step_by(4096).chain((1..end).step_by(40_031)).chain([1, 9, 10, 31, 32, 320, 4095, end - 1])
}

/// R-N6, R-N3.
#[test]
fn a_file_cut_short_is_refused_at_the_first_record_that_is_lost_and_what_is_left_is_saved() {
    let (disk, journal) = several_hundred();
    let written = records(&journal);
    drop(journal);
    let image = disk.image();
    let outcomes = cut(&image, &written, lengths(&image));
    assert!(outcomes[&Outcome::Saved] > 100 && !outcomes.contains_key(&Outcome::Whole), "{outcomes:?}");
}

/// R-N6, R-N3: after a crash redb uses the length of the file; when only free pages were cut off, all records are
/// there.
#[test]
fn a_crashed_file_cut_short_is_whole_or_refused_at_the_first_record_that_is_lost() {
    let (disk, mut journal) = several_hundred();
    for size in [300_000, 1000, 1000] {
        snap(&mut journal, size).unwrap();
        grow(&mut journal, 1).unwrap();
    }
    let written = records(&journal);
    let image = disk.crash(|_| Kept::Nothing);
    drop(journal);
    let outcomes = cut(&image, &written, lengths(&image));
    assert!(outcomes[&Outcome::Saved] > 100 && outcomes[&Outcome::Whole] > 0, "{outcomes:?}");
}

/// R-N6, I-69: dropped records do not come back, and a snapshot that can be reached is saved too.
#[test]
fn a_cut_journal_that_was_compacted_is_saved_from_its_base_on() {
    let (disk, mut journal) = several_hundred();
    let before = records(&journal);
    snap(&mut journal, 5000).unwrap();
    let base = journal.compact(journal.head().sequence).unwrap().sequence;
    while journal.head().sequence < 450 {
        grow(&mut journal, 5).unwrap();
    }
    let written = records(&journal);
    drop(journal);
    let image = disk.image();
    let mut snapshots = 0;
    for length in (8192..image.len()).step_by(4096) {
        let cut = image[..length].to_vec();
        let Err(OpenError::Damage(damage)) = open(cut.clone()) else { panic!("{length} bytes are not refused") };
        let remains = Remains::of_storage("disk", Disk::from_image(cut)).unwrap();
        assert_eq!(remains.head().sequence, damage.sequence);
        // The newest bounds left may be from before the compaction.
        for record in remains.read() {
            let record = record.unwrap();
            let all = before.iter().chain(&written);
            assert!(all.into_iter().any(|known| *known == record), "{length} bytes: record {}", record.sequence);
        }
        let Ok(saved) = remains.save_on("saved", Disk::new()) else { continue };
        let report = verify(&saved).unwrap();
        assert_eq!((report.base, report.head), (remains.base(), remains.head()));
        if report.snapshot == Some(base) {
            assert_eq!(saved.latest_snapshot().unwrap().unwrap().bytes, snapshot_bytes(base, 5000));
            snapshots += 1;
        }
    }
    println!("{} bytes, {snapshots} snapshots saved", image.len());
    let whole = Remains::of_storage("disk", Disk::from_image(image)).unwrap().save_on("saved", Disk::new()).unwrap();
    assert_eq!((whole.base().sequence, verify(&whole).unwrap().snapshot), (base, Some(base)));
    assert!(records(&whole) == written);
}

/// R-N3: a failed batch is not saved as if it had been acknowledged.
#[test]
fn where_the_root_is_readable_records_of_a_batch_that_failed_are_left_out() {
    let disk = Disk::new();
    let mut journal = create(&disk).unwrap();
    for size in [5, 8, 9] {
        grow(&mut journal, size).unwrap();
    }
    let acknowledged = records(&journal);
    // The power is cut when a part of a batch is written: of one in the log, and of one that is larger than the log.
    let operations = disk.operations();
    let mut tried = [0; 2];
    for (size, tried) in [4, 40].into_iter().zip(&mut tried) {
        for stop in operations.. {
            let copy = Disk::from_image(disk.crash(|_| Kept::Nothing));
            let mut journal = Store::open_on("disk", copy.clone(), &identity()).unwrap();
            let begun = copy.operations();
            copy.stop_before(begun + stop - operations);
            if grow(&mut journal, size).is_ok() {
                break;
            }
            for kept in [Kept::All, Kept::First(700), Kept::Sectors(6)] {
                let image = copy.crash(|_| kept);
                let remains = Remains::of_storage("disk", Disk::from_image(image.clone())).unwrap();
                let opened = open(image).unwrap();
                assert_eq!(remains.head(), opened.head(), "stopped after {}", stop - operations);
                *tried += u32::from(opened.head().sequence == u64::try_from(acknowledged.len()).unwrap());
            }
        }
    }
    assert!(tried[0] > 2 && tried[1] > 6, "{tried:?} batches that failed are a poor trial");
}

/// R-N4, R-N6: each message names the file, what was found and what was expected.
#[test]
fn what_is_no_journal_or_longer_than_one_is_refused_by_name() {
    let (disk, journal) = several_hundred();
    let written = records(&journal);
    drop(journal);
    let image = disk.image();
    let refused = |image: &[u8]| {
        let [opened, examined] = [open(image.to_vec()), Store::examine_on("disk", Disk::from_image(image.to_vec()))];
        let text = opened.unwrap_err().to_string();
        assert_eq!(text, examined.unwrap_err().to_string());
        text
    };
    assert_eq!(refused(&[]), "disk: found an empty file, expected a journal");
    for other in [&b"x"[..], b"account,equity\n", &[0; 8192]] {
        let text = refused(other);
        assert!(text.starts_with("disk: found ") && text.ends_with(", expected a journal"), "{text}");
    }
    assert_eq!(
        refused(&image[..100]),
        format!(
            "disk: record 0: file length: found 100 bytes in which no chain of records begins, expected {} bytes or more",
            image.len() - LOG_BYTES - 4096
        )
    );
    let longer = [&image[..], b"one more line\n"].concat();
    assert_eq!(
        refused(&longer),
        format!(
            "disk: record {0}: file length: found {1} bytes in which records 0 to {2} are whole and chained, expected \
             {3} bytes with records to {2}",
            written.len(),
            longer.len(),
            written.len() - 1,
            image.len()
        )
    );
    // Additional whole pages are space that was never used.
    let roomier = [&image[..], &[0; 8192]].concat();
    assert!(records(&open(roomier).unwrap()) == written);
}

/// R-N6: from a sound journal everything is saved, and the journal itself is never overwritten.
#[test]
fn a_file_is_saved_beside_itself_and_nowhere_else() {
    let (from, to) = (Place::new("salvage-from"), Place::new("salvage-to"));
    let mut journal = Store::create(from.path(), &identity()).unwrap();
    let mut memory = Memory::new(&identity());
    for size in [3, 90, 40] {
        grow(&mut journal, size).unwrap();
        grow(&mut memory, size).unwrap();
    }
    assert!(matches!(Remains::of(from.path()), Err(OpenError::Busy { .. })));
    drop(journal);
    let bytes = std::fs::read(from.path()).unwrap();
    let remains = Remains::of(from.path()).unwrap();
    let refused = remains.save(from.path()).unwrap_err();
    assert!(matches!(refused, SalvageError::Open(OpenError::Occupied { .. })), "{refused}");
    let saved = remains.save(to.path()).unwrap();
    assert_eq!((diff(&saved, &memory), saved.head()), (Ok(None), memory.head()));
    assert_eq!(std::fs::read(from.path()).unwrap(), bytes);
    assert!(matches!(Remains::of(std::env::temp_dir().join("no such file")), Err(OpenError::Storage { .. })));
}

/// The record after `last`, or the first record.
fn behind(last: Option<&Record>, number: u64) -> Record {
    let genesis = identity().genesis_head();
    let head = last.map(|last| Head { sequence: last.sequence + 1, hash: last.hash(), ..genesis });
    record(head.unwrap_or(genesis), number)
}

/// The records found in bytes that are not a redb file.
fn found(records: &[&Record]) -> Vec<Record> {
    let image = records.iter().flat_map(|record| [vec![3, 0, 1], record.encode()].concat()).collect();
    let remains = Remains::of_storage("disk", Disk::from_image(image)).unwrap();
    remains.read().map(|record| record.unwrap()).collect()
}

/// R-N3: freed pages may hold the records of batches that failed.
#[test]
fn the_longest_chain_counts_and_of_equally_long_ones_what_they_share() {
    let first = behind(None, 0);
    let [second, other] = [7, 8].map(|number| behind(Some(&first), number));
    let third = behind(Some(&second), 9);
    assert_eq!(found(&[&third, &other, &second, &first]), [first.clone(), second.clone(), third.clone()]);
    assert_eq!(found(&[&other, &first, &second]), std::slice::from_ref(&first));
    assert_eq!(found(&[&third, &first, &other]), [first.clone(), other]);
    assert_eq!(found(&[&third, &second]), []);
}

/// R-N3: the bytes of a command may be anything, even a record.
#[test]
fn a_record_planted_in_a_command_is_not_found() {
    let first = behind(None, 0);
    let forged = behind(Some(&first), 1);
    let next = behind(Some(&forged), 2);
    let second = Record { command: [forged.encode(), next.encode()].concat(), ..behind(Some(&first), 3) };
    assert_eq!(found(&[&first, &second]), [first.clone(), second]);
    assert_eq!(found(&[&first, &forged, &next]), [first, forged, next]);
}

/// A large file is searched in overlapping pieces.
#[test]
fn records_are_found_wherever_they_lie_in_a_large_file() {
    let mut image = vec![0; 140 << 20];
    let (mut last, mut placed) = (None, 0);
    for place in [0, 47 << 20, (64 << 20) - 10, 65 << 20, 94 << 20, 111 << 20, (128 << 20) - 40, (140 << 20) - 6000] {
        let record = behind(last.as_ref(), 5);
        let bytes = record.encode();
        let place = if place > 0 { place - 20 } else { place };
        image[place..place + bytes.len()].copy_from_slice(&bytes);
        last = Some(record);
        placed += 1;
    }
    let remains = Remains::of_storage("disk", Disk::from_image(image)).unwrap();
    assert_eq!((remains.head().sequence, Some(remains.head().hash)), (placed, last.map(|last| last.hash())));
}

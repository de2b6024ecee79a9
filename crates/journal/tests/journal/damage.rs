//! Files that differ from what was written.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;

use dice::Dice;
use journal::faults::{Disk, Fault, Kept};
use journal::{Defect, Draft, Journal, OpenError, Record, Remains, Store, verify};

use crate::common::{check_content, create, draft, grow, identity, open, snap, snapshot_bytes};

/// Over the whole file, one bit is flipped in every byte whose position is a multiple of this. With 1, and every bit,
/// the test takes an hour, and the outcome is the same.
const STRIDE: usize = 97;

/// A journal of small records on its disk, open.
fn small() -> (Disk, Store) {
    let disk = Disk::new();
    let mut journal = create(&disk).unwrap();
    for number in [0, 1, 2] {
        journal.append(&[little(number), little(number)]).unwrap();
    }
    snap(&mut journal, 60).unwrap();
    journal.append(&[little(3)]).unwrap();
    (disk, journal)
}

/// The file of a process that closed it, and of one that was killed.
fn files() -> [(&'static str, Vec<u8>); 2] {
    let (disk, journal) = small();
    let killed = disk.crash(|_| Kept::Nothing);
    drop(journal);
    let (disk, journal) = small();
    drop(journal);
    [("closed", disk.image()), ("killed", killed)]
}

fn little(number: u64) -> Draft {
    Draft { events: vec![7; 20], ..draft(number) }
}

fn records(journal: &Store) -> Vec<Record> {
    journal.read(journal.base().sequence).map(|record| record.unwrap()).collect()
}

/// The outcome for a damaged file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// It was not opened.
    Refused,
    /// It was opened and the damage was reported.
    Named,
    /// It is the journal that was written, to the last record.
    Same,
}

/// Reads a damaged image in both ways. Any result other than the written records or a refusal is a failure.
fn read_damaged(image: Vec<u8>, written: &[Record], case: &str) -> [Outcome; 2] {
    let disks = [Disk::from_image(image.clone()), Disk::from_image(image)];
    let [checked, unchecked] = disks;
    let opened = [Store::open_on("disk", checked, &identity()), Store::examine_on("disk", unchecked)];
    opened.map(|opened| {
        let Ok(mut journal) = opened else { return Outcome::Refused };
        let Ok(report) = verify(&journal) else { return Outcome::Named };
        let found = records(&journal);
        assert!(found == written, "{case}: {} records instead of {}", found.len(), written.len());
        if !report.passed_over.is_empty() {
            return Outcome::Named;
        }
        let snapshot = journal.latest_snapshot().unwrap().unwrap();
        assert_eq!(snapshot.bytes, snapshot_bytes(6, 60), "{case}");
        if journal.append(&[little(4)]).is_ok() {
            assert_eq!(records(&journal)[..written.len()], *written, "{case}: after one more");
        }
        Outcome::Same
    })
}

/// Flips each of `flips`, one at a time, and counts the outcomes.
fn flipped(name: &str, image: &[u8], flips: &[(usize, u8)]) -> BTreeMap<[Outcome; 2], u32> {
    let written = records(&open(image.to_vec()).unwrap());
    let outcomes = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for part in flips.chunks(flips.len().div_ceil(2)) {
            let (written, outcomes) = (&written, &outcomes);
            scope.spawn(move || {
                for &(byte, bit) in part {
                    let mut damaged = image.to_vec();
                    damaged[byte] ^= 1 << bit;
                    let outcome = read_damaged(damaged, written, &format!("{name}, byte {byte} bit {bit}"));
                    *outcomes.lock().unwrap().entry(outcome).or_insert(0) += 1;
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap();
    println!("{name}: {} bytes, {} flips: {outcomes:?}", image.len(), flips.len());
    outcomes
}

/// Every bit of some bytes.
fn every_bit(bytes: Range<usize>) -> impl Iterator<Item = (usize, u8)> {
    bytes.flat_map(|byte| (0..8).map(move |bit| (byte, bit)))
}

/// R-N6, I-70: every bit of the bytes that redb needs first, including its two roots; for the rest of the file, a bit
/// of every few bytes. No acknowledged record is ever lost silently, whether the process that wrote the file closed it
/// or was killed.
#[test]
fn a_flipped_bit_is_harmless_or_refused_and_never_another_history() {
    for (name, image) in files() {
        let mut flips: Vec<(usize, u8)> = every_bit(0..320).collect();
        flips.extend((320..image.len()).step_by(STRIDE).map(|byte| (byte, u8::try_from(byte / STRIDE % 8).unwrap())));
        let outcomes = flipped(name, &image, &flips);
        let seen = |outcome| outcomes.keys().any(|found| found.contains(&outcome));
        assert!(seen(Outcome::Refused) && seen(Outcome::Named) && seen(Outcome::Same), "{name}: {outcomes:?}");
    }
}

/// R-N6: one bit without a checksum names the current root. Flipped, it names the previous root, which lacks only the
/// last batch.
#[test]
fn the_bit_that_names_the_current_root_is_not_believed() {
    for (name, image) in files() {
        let written = records(&open(image.clone()).unwrap());
        let mut turned = image;
        turned[9] ^= 1;
        assert_eq!(read_damaged(turned.clone(), &written, name), [Outcome::Same; 2]);
        let remains = Remains::of_storage("disk", Disk::from_image(turned.clone())).unwrap();
        assert_eq!(remains.counted(), Some(7));
        assert!(records(&remains.save_on("saved", Disk::new()).unwrap()) == written, "{name}");
        // Opening for writing corrects the bit.
        let disk = Disk::from_image(turned);
        drop(Store::open_on("disk", disk.clone(), &identity()).unwrap());
        assert!(records(&open(disk.image()).unwrap()) == written, "{name}");
    }
}

/// R-N3, R-N6: where the current root is damaged, the records themselves show how far they go.
#[test]
fn a_damaged_root_is_named_with_the_records_that_are_whole_and_all_are_saved() {
    for (name, image) in files() {
        let written = records(&open(image.clone()).unwrap());
        let current = if image[9] & 1 == 0 { 64..192 } else { 192..320 };
        // The magic, the page size, and all bytes of the current slot.
        for byte in [3, 13].into_iter().chain(current.step_by(5)) {
            let mut damaged = image.clone();
            damaged[byte] ^= 4;
            let examined = Store::examine_on("disk", Disk::from_image(damaged.clone()));
            if let Err(error) = examined {
                let OpenError::Damage(damage) = error else { panic!("{name}, byte {byte}: {error}") };
                // With another page size, the computed length of the file differs first.
                let what = if byte == 13 { Defect::Length } else { Defect::Root };
                assert_eq!((damage.sequence, damage.what), (7, what), "{name}, byte {byte}: {damage}");
                assert!(damage.to_string().contains("in which records 0 to 6 are whole and chained"), "{damage}");
            }
            let remains = Remains::of_storage("disk", Disk::from_image(damaged)).unwrap();
            let saved = remains.save_on("saved", Disk::new()).unwrap();
            assert!(records(&saved) == written, "{name}, byte {byte}");
            assert_eq!(verify(&saved).unwrap().snapshot, Some(6), "{name}, byte {byte}");
        }
    }
}

/// R-N6: writes that report success but are torn, flipped, lost or misplaced. The records read back are those written,
/// up to some record: a disk that loses its last write with success can hide the last batch, which only a comparison
/// with the outside shows (R-N4).
#[test]
fn a_disk_that_lies_never_makes_another_history() {
    let run = |disk: &Disk| {
        let Ok(mut journal) = create(disk) else { return };
        for size in [2, 3, 1, 4, 30, 5, 20] {
            if grow(&mut journal, size).is_err() {
                return;
            }
        }
        let _ = snap(&mut journal, 5000);
        let _ = grow(&mut journal, 2);
    };
    let sound = Disk::new();
    run(&sound);
    let mut dice = Dice::new(72);
    let mut struck = 0;
    for operation in 0..sound.operations() {
        let faults = [
            Fault::Torn { bytes: usize::try_from(dice.below(4096)).unwrap() },
            Fault::Flip { byte: usize::try_from(dice.below(4096)).unwrap(), bit: 5 },
            Fault::Lost,
            Fault::Misdirected { offset: dice.below(16) * 4096 },
        ];
        // Every second fault for one operation, the others for the next.
        for fault in faults.into_iter().skip(usize::from(operation % 2 == 1)).step_by(2) {
            let disk = Disk::new();
            disk.inject(operation, fault);
            run(&disk);
            let counts = disk.counts();
            struck += counts.torn + counts.flipped + counts.lost + counts.misdirected;
            let Ok(journal) = open(disk.image()) else { continue };
            if verify(&journal).is_ok() {
                check_content(&journal);
            }
        }
    }
    assert!(struck > 100, "{struck} faults are a poor trial");
}

/// I-69: the newer snapshot is damaged in the file; the older one is taken, and it names the damaged one.
#[test]
fn a_damaged_snapshot_falls_back_to_the_one_before_and_says_so() {
    let disk = Disk::new();
    let mut journal = create(&disk).unwrap();
    for _ in 0..3 {
        grow(&mut journal, 2).unwrap();
        snap(&mut journal, 20_000).unwrap();
    }
    drop(journal);
    let newest = journal::Hash::of(&snapshot_bytes(6, 20_000));
    let mut image = disk.image();
    let damage_snapshot = |image: &mut Vec<u8>, byte: u8| {
        // Freed pages may hold older copies.
        for place in 1..image.len() - 64 {
            if image[place - 1] != byte && image[place..place + 64].iter().all(|found| *found == byte) {
                image[place] ^= 1;
            }
        }
    };
    damage_snapshot(&mut image, 6);
    assert!(open(image.clone()).is_err(), "for writing, a damaged page is refused");

    let journal = Store::examine_on("disk", Disk::from_image(image.clone())).unwrap();
    let snapshot = journal.latest_snapshot().unwrap().unwrap();
    assert_eq!((snapshot.at.sequence, snapshot.bytes), (4, snapshot_bytes(4, 20_000)));
    let [damage] = snapshot.passed_over.as_slice() else { panic!("one was passed over") };
    assert_eq!((damage.sequence, damage.what), (6, Defect::Snapshot));
    assert_eq!(damage.expected, newest.to_string());
    assert_eq!(verify(&journal).unwrap().passed_over, snapshot.passed_over);

    damage_snapshot(&mut image, 4);
    let journal = Store::examine_on("disk", Disk::from_image(image)).unwrap();
    assert_eq!(journal.latest_snapshot().unwrap_err(), *damage, "with no sound one left, the newest is named");
}

/// A journal of records that can be found by their bytes, with a snapshot before the last two.
fn findable() -> (Disk, Store) {
    let disk = Disk::new();
    let mut journal = create(&disk).unwrap();
    for number in 0..7 {
        if number == 5 {
            snap(&mut journal, 9000).unwrap();
        }
        journal.append(&[Draft { events: payload(number), ..draft(number) }]).unwrap();
    }
    (disk, journal)
}

fn payload(number: u64) -> Vec<u8> {
    vec![200 + u8::try_from(number).unwrap(); 300]
}

/// Flips a bit in every copy of a record: old pages hold older copies.
fn damage_record(image: &mut [u8], number: u64) {
    let payload = payload(number);
    for place in 0..image.len() - payload.len() {
        if image[place..].starts_with(&payload) {
            image[place] ^= 1;
        }
    }
}

/// R-N3: the record with the flipped bit is named, in the file of a killed process too.
#[test]
fn damage_in_a_record_is_located() {
    let (disk, journal) = findable();
    let killed = disk.crash(|_| Kept::Nothing);
    drop(journal);
    let (disk, journal) = findable();
    drop(journal);
    for image in [disk.image(), killed] {
        for number in 0..7 {
            let mut damaged = image.clone();
            damage_record(&mut damaged, number);
            assert!(open(damaged.clone()).is_err(), "for writing, a damaged page is refused");
            let journal = Store::examine_on("disk", Disk::from_image(damaged)).unwrap();
            let damage = verify(&journal).unwrap_err();
            assert_eq!((damage.sequence, damage.what), (number, Defect::Checksum));
            assert!(damage.to_string().starts_with(&format!("disk: record {number}: checksum: found ")), "{damage}");
        }
    }
}

/// I-69: the state in a sound snapshot and the records after it are saved, whichever record before it is lost.
#[test]
fn damage_in_an_old_record_loses_nothing_that_a_snapshot_stands_for() {
    let (disk, journal) = findable();
    let written = records(&journal);
    let image = disk.crash(|_| Kept::Nothing);
    for lost in 0..5 {
        let mut damaged = image.clone();
        damage_record(&mut damaged, lost);
        let remains = Remains::of_storage("disk", Disk::from_image(damaged)).unwrap();
        assert_eq!((remains.counted(), remains.left_out()), (Some(7), Some(0..lost)));
        let saved = remains.save_on("saved", Disk::new()).unwrap();
        let report = verify(&saved).unwrap();
        assert_eq!((report.base.sequence, report.snapshot), (lost + 1, Some(5)));
        assert_eq!(report.head, journal.head());
        assert!(records(&saved) == written[usize::try_from(lost).unwrap() + 1..], "lost {lost}");
        assert_eq!(saved.latest_snapshot().unwrap().unwrap().bytes, snapshot_bytes(5, 9000));
    }
    // After the snapshot, a lost record is not covered.
    let mut damaged = image.clone();
    damage_record(&mut damaged, 5);
    let remains = Remains::of_storage("disk", Disk::from_image(damaged)).unwrap();
    assert_eq!((remains.base().sequence, remains.head().sequence, remains.left_out()), (0, 5, None));
    // One record before it and one after it: only the state is saved.
    let mut damaged = image;
    damage_record(&mut damaged, 4);
    damage_record(&mut damaged, 5);
    let saved = Remains::of_storage("disk", Disk::from_image(damaged)).unwrap().save_on("saved", Disk::new()).unwrap();
    let report = verify(&saved).unwrap();
    assert_eq!((report.base.sequence, report.records, report.snapshot), (5, 0, Some(5)));
}

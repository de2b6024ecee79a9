//! Files that are not what was written.

use std::collections::BTreeMap;
use std::sync::Mutex;

use journal::faults::{Dice, Disk, Fault, Kept};
use journal::{Defect, Draft, Journal, Record, Store, verify};

use crate::common::{check_content, create, draft, grow, identity, open, snap, snapshot_bytes};

/// The whole file is tried, every byte of which the position is a multiple of this. With 1 it is every byte: some
/// minutes, and the same outcome.
const STRIDE: usize = 97;

/// A journal of small records, closed, as bytes.
fn small() -> Vec<u8> {
    let disk = Disk::new();
    let mut journal = create(&disk).unwrap();
    for number in [0, 1, 2] {
        journal.append(&[little(number), little(number)]).unwrap();
    }
    snap(&mut journal, 60).unwrap();
    journal.append(&[little(3)]).unwrap();
    drop(journal);
    disk.image()
}

fn little(number: u64) -> Draft {
    Draft { events: vec![7; 20], ..draft(number) }
}

fn records(journal: &Store) -> Vec<Record> {
    journal.read(0).map(|record| record.unwrap()).collect()
}

/// What became of a damaged file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// It was not opened.
    Refused,
    /// It was opened and the damage named.
    Named,
    /// It is the journal that was written, to the last record.
    Same,
}

/// Reads a damaged image in both ways. Anything but what was written, or a refusal, is a failure.
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

/// R-N6, I-70: of every byte of the file.
#[test]
fn a_flipped_bit_is_harmless_or_refused_and_never_another_history() {
    let image = small();
    let written = records(&open(image.clone()).unwrap());
    // Every bit of what redb needs first, one bit of every byte of its two roots, and then the file.
    let mut flips: Vec<(usize, u8)> = (0..64).flat_map(|byte| (0..8).map(move |bit| (byte, bit))).collect();
    flips.extend((64..320).map(|byte| (byte, 3)));
    flips.extend((0..image.len()).step_by(STRIDE).map(|byte| (byte, u8::try_from(byte / STRIDE % 8).unwrap())));

    let outcomes = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for part in flips.chunks(flips.len().div_ceil(2)) {
            let (image, written, outcomes) = (&image, &written, &outcomes);
            scope.spawn(move || {
                for &(byte, bit) in part {
                    let mut damaged = image.clone();
                    damaged[byte] ^= 1 << bit;
                    let outcome = read_damaged(damaged, written, &format!("byte {byte} bit {bit}"));
                    *outcomes.lock().unwrap().entry(outcome).or_insert(0) += 1;
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap();
    println!("{} bytes, {} flips: {outcomes:?}", image.len(), flips.len());
    let seen = |outcome| outcomes.keys().any(|found: &[Outcome; 2]| found.contains(&outcome));
    assert!(seen(Outcome::Refused) && seen(Outcome::Named) && seen(Outcome::Same), "{outcomes:?}");
}

/// R-N6: after a crash too, when redb repairs what it finds. The one bit that names the current root is left out: after
/// a crash, nothing in the file contradicts it.
#[test]
fn a_flipped_bit_in_a_crashed_file_hides_no_acknowledged_batch() {
    let disk = Disk::new();
    let mut journal = create(&disk).unwrap();
    for number in 0..4 {
        journal.append(&[little(number)]).unwrap();
    }
    let written = records(&journal);
    let image = disk.crash(|_| Kept::Nothing);
    let header = (0..320).filter(|byte| *byte != 9);
    let flips: Vec<usize> = header.chain((4096..image.len()).step_by(2 * STRIDE)).collect();
    for byte in flips {
        let mut damaged = image.clone();
        damaged[byte] ^= 1 << (byte % 8);
        let Ok(journal) = open(damaged) else { continue };
        let Ok(_) = verify(&journal) else { continue };
        assert!(records(&journal) == written, "byte {byte}");
    }
}

/// R-N6: writes that report success and are torn, flipped, lost or elsewhere. What is read back is what was written, up
/// to somewhere: a disk that loses its last write with success can hide the last batch, which only a comparison with
/// the outside shows (R-N4).
#[test]
fn a_disk_that_lies_never_makes_another_history() {
    let run = |disk: &Disk| {
        let Ok(mut journal) = create(disk) else { return };
        for size in [2, 3, 1, 4] {
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
        // Half of them each time, the other half the next.
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

/// I-69: the newer snapshot is damaged in the file, the older one is taken, and it says so.
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
        let page = image.windows(64).rposition(|bytes| bytes.iter().all(|found| *found == byte)).unwrap();
        image[page] ^= 1;
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

/// R-N3: the record that a bit was turned in is named.
#[test]
fn damage_in_a_record_is_located() {
    let disk = Disk::new();
    let mut journal = create(&disk).unwrap();
    for number in 0..5 {
        journal.append(&[Draft { events: vec![200 + u8::try_from(number).unwrap(); 300], ..draft(number) }]).unwrap();
    }
    drop(journal);
    let image = disk.image();
    for number in 0..5 {
        let mut damaged = image.clone();
        let payload = [200 + u8::try_from(number).unwrap(); 300];
        // Pages of the past hold older copies.
        for place in 0..damaged.len() - payload.len() {
            if damaged[place..].starts_with(&payload) {
                damaged[place] ^= 1;
            }
        }
        let journal = Store::examine_on("disk", Disk::from_image(damaged)).unwrap();
        let damage = verify(&journal).unwrap_err();
        assert_eq!((damage.sequence, damage.what), (number, Defect::Checksum));
        assert!(damage.to_string().starts_with(&format!("disk: record {number}: checksum: found ")), "{damage}");
    }
}

//! The log in front of the table of records: what it keeps, what it leaves out, and what it calls damage.

use journal::faults::{Disk, Fault, Kept};
use journal::{AppendError, Defect, Draft, Journal, Memory, OpenError, Remains, Store, diff, verify};

use crate::common::{LOG_BYTES, check_content, create, draft, drafts, grow, identity, open, snap};

/// The place of the log in the file, and the length of its sectors.
const LOG: usize = 8192;
const SECTOR: usize = 512;

/// The image of a journal whose process was killed, with `batches` in the log.
fn killed(batches: &[u64]) -> Vec<u8> {
    let disk = Disk::new();
    let mut journal = create(&disk).unwrap();
    for size in batches {
        grow(&mut journal, *size).unwrap();
    }
    disk.crash(|_| Kept::Nothing)
}

fn examine(image: Vec<u8>) -> Store {
    Store::examine_on("disk", Disk::from_image(image)).unwrap()
}

/// R-N1: the promise of a batch is one write and one sync.
#[test]
fn a_batch_is_one_write_and_one_sync() {
    let disk = Disk::new();
    let mut journal = create(&disk).unwrap();
    for size in [1, 4, 1] {
        let before = disk.counts();
        grow(&mut journal, size).unwrap();
        let after = disk.counts();
        assert_eq!((after.writes - before.writes, after.syncs - before.syncs), (1, 1));
        assert_eq!(after.lengths, before.lengths, "the file does not grow");
    }
}

/// I-71, R-N6: whichever bit of whichever sector of the last batch is turned, the batch is not left out in silence.
#[test]
fn no_single_bit_hides_the_last_batch_of_a_killed_journal() {
    // The last batch has records of 0, 1, 40, 200, 900 and 5,000 bytes, or only one of them.
    for (batches, sectors) in [(&[6, 6][..], 0..30), (&[1, 1, 1], 0..3), (&[5, 1], 0..15)] {
        let image = killed(batches);
        let sequence: u64 = batches.iter().sum();
        assert_eq!(open(image.clone()).unwrap().head().sequence, sequence);
        let (mut same, mut named) = (0, 0);
        for byte in LOG + sectors.start * SECTOR..LOG + sectors.end * SECTOR {
            let bit = u8::try_from(byte % 8).unwrap();
            let mut damaged = image.clone();
            damaged[byte] ^= 1 << bit;
            match open(damaged.clone()) {
                Ok(journal) => {
                    assert_eq!(journal.head().sequence, sequence, "byte {byte}, bit {bit}");
                    same += 1;
                }
                Err(OpenError::Damage(damage)) => {
                    assert!(damage.sequence < sequence, "byte {byte}, bit {bit}: {damage}");
                    assert_eq!(verify(&examine(damaged)), Err(damage), "byte {byte}, bit {bit}");
                    named += 1;
                }
                Err(other) => panic!("byte {byte}, bit {bit}: {other}"),
            }
        }
        println!("{batches:?}: {same} harmless, {named} named");
        assert!(same > 100 && named > 100, "{batches:?}: {same} harmless, {named} named");
    }
}

/// R-N6: all bits of the marks and numbers, not one in eight.
#[test]
fn no_bit_around_the_records_of_a_sector_hides_a_batch() {
    let image = killed(&[2, 3]);
    let used = image[LOG..LOG + LOG_BYTES].chunks(SECTOR).take_while(|sector| sector[SECTOR - 1] != 0).count();
    assert!(used > 3);
    for sector in 0..used {
        for bit in 0..24 * 8 {
            let mut damaged = image.clone();
            damaged[LOG + sector * SECTOR + 488 + bit / 8] ^= 1 << (bit % 8);
            if let Ok(journal) = open(damaged) {
                assert_eq!(journal.head().sequence, 5, "sector {sector}, bit {bit}");
            }
        }
    }
}

/// R-N3, I-71: damage in the log is named by its record, and everything before it and after it is judged as such.
#[test]
fn damage_in_the_log_is_located_and_the_rest_is_saved() {
    let disk = Disk::new();
    let mut journal = create(&disk).unwrap();
    let payload = |number: u8| vec![200 + number; 300];
    for number in 0..5_u8 {
        journal.append(&[Draft { events: payload(number), ..draft(number.into()) }]).unwrap();
    }
    let image = disk.crash(|_| Kept::Nothing);
    for number in 0..5_u8 {
        let mut damaged = image.clone();
        let place = damaged.windows(300).position(|bytes| bytes == payload(number)).unwrap();
        damaged[place] ^= 1;
        let Err(OpenError::Damage(damage)) = open(damaged.clone()) else { panic!("record {number} is damaged") };
        assert_eq!((damage.sequence, damage.what), (number.into(), Defect::Checksum));
        let examined = examine(damaged.clone());
        assert_eq!(verify(&examined), Err(damage.clone()));
        let read: Vec<_> = examined.read(0).collect();
        assert_eq!((read.len(), read.last()), (usize::from(number) + 1, Some(&Err(damage))), "readers are told too");
        let remains = Remains::of_storage("disk", Disk::from_image(damaged)).unwrap();
        assert_eq!((remains.head().sequence, remains.counted()), (number.into(), None));
    }
}

/// I-71: a batch was only written after the sync of the one before, so one that is missing before another is damage.
#[test]
fn a_lost_batch_before_another_is_damage() {
    let whole = killed(&[1, 1, 1]);
    for (lost, sector) in [(0, 0), (1, 1)] {
        let mut image = whole.clone();
        image[LOG + sector * SECTOR..][..SECTOR].fill(0);
        let Err(OpenError::Damage(damage)) = open(image.clone()) else { panic!("batch {lost} is lost") };
        assert_eq!((damage.sequence, damage.what), (lost, Defect::Log), "{damage}");
        assert_eq!(verify(&examine(image)), Err(damage));
    }
}

/// I-71: whatever part of a batch a crash leaves, also over the batches of a log that was full before, it is left out,
/// and the journal goes on, through a second crash.
#[test]
fn a_batch_that_was_cut_off_is_left_out_wherever_it_was_cut() {
    for before in [0, 3, 40] {
        let sound = Disk::new();
        let mut journal = create(&sound).unwrap();
        for _ in 0..before {
            grow(&mut journal, 2).unwrap();
        }
        snap(&mut journal, 10).unwrap();
        grow(&mut journal, 1).unwrap();
        let head = journal.head().sequence;
        let image = sound.crash(|_| Kept::Nothing);
        let lengths = (0..9000).step_by(37).chain((1..17).flat_map(|sector| sector * 512 - 30..sector * 512 + 2));
        let parts = (0..256).map(|bits| Kept::Sectors(bits * 0x0101_0101_0101_0101)).chain(lengths.map(Kept::First));
        for kept in parts {
            let disk = Disk::from_image(image.clone());
            let mut journal = Store::open_on("disk", disk.clone(), &identity()).unwrap();
            disk.stop_before(disk.operations() + 1);
            grow(&mut journal, 6).unwrap_err();
            let mut journal = open(disk.crash(|_| kept)).unwrap_or_else(|error| panic!("{kept:?}: {error}"));
            let found = journal.head().sequence;
            assert!(found == head || found == head + 6, "{kept:?}: {found} of {head}");
            // What is left of it must not be mixed up with the next batch, in one more crash.
            let disk = Disk::from_image(disk.crash(|_| kept));
            let mut again = Store::open_on("disk", disk.clone(), &identity()).unwrap();
            grow(&mut again, 3).unwrap();
            assert_eq!(open(disk.crash(|_| Kept::Nothing)).unwrap().head().sequence, found + 3, "{kept:?}");
            assert_eq!(grow(&mut journal, 3).unwrap().sequence, found + 3);
            check_content(&journal);
        }
    }
}

/// I-71: a batch whose write failed is absent, and does not come back with the next one.
#[test]
fn a_batch_whose_write_failed_stays_absent() {
    let disk = Disk::new();
    let mut journal = create(&disk).unwrap();
    grow(&mut journal, 2).unwrap();
    disk.inject(disk.operations(), Fault::Failed);
    let refused = grow(&mut journal, 3).unwrap_err();
    assert!(matches!(refused, AppendError::Failed { sequence: 2, .. }), "{refused}");
    assert_eq!(open(disk.image()).unwrap().head().sequence, 2);
    grow(&mut journal, 1).unwrap();
    grow(&mut journal, 1).unwrap();
    assert_eq!(open(disk.crash(|_| Kept::Nothing)).unwrap().head().sequence, 4);
}

/// R-N1: a file made before there was a log is read and goes on as it is, each batch a commit.
#[test]
fn a_file_without_a_log_goes_on() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../sequencer/tests/golden/journals/command-1-events-1-state-1");
    let image = std::fs::read(format!("{folder}/journal.redb")).unwrap();
    let old = examine(image.clone());
    let (identity, head) = (old.identity().clone(), old.head());
    let disk = Disk::from_image(image);
    let mut journal = Store::open_on("disk", disk.clone(), &identity).unwrap();
    grow(&mut journal, 40).unwrap();
    let syncs = disk.counts().syncs;
    grow(&mut journal, 1).unwrap();
    assert_eq!(disk.counts().syncs - syncs, 2);
    let killed = Store::open_on("disk", Disk::from_image(disk.crash(|_| Kept::Nothing)), &identity).unwrap();
    assert_eq!((diff(&killed, &journal), killed.head().sequence), (Ok(None), head.sequence + 41));
    assert_eq!(verify(&killed).unwrap().head, journal.head());
}

/// I-72: the log makes no difference to the history, whatever its length, nor do compactions at any record of a row.
#[test]
fn the_length_of_the_log_makes_no_difference_to_the_history() {
    let mut memory = Memory::new(&identity());
    let mut stores: Vec<(Disk, Store)> = [0, 5000, 20_000, 1 << 20]
        .map(|bytes| {
            let disk = Disk::new();
            (disk.clone(), Store::create_with_log("disk", disk, &identity(), bytes).unwrap())
        })
        .into();
    for round in 0..12 {
        let from = memory.head().sequence;
        let batch = drafts(from..from + 1 + round * 5 % 17);
        memory.append(&batch).unwrap();
        for (disk, store) in &mut stores {
            store.append(&batch).unwrap();
            if round % 4 == 2 {
                snap(store, 100).unwrap();
                store.compact(store.head().sequence - round).unwrap();
            }
            let base = store.base().sequence;
            for sequence in base..=store.head().sequence {
                assert_eq!(store.at(sequence), memory.at(sequence));
                assert_eq!(store.read(sequence).count(), memory.read(sequence).count());
            }
            let killed = open(disk.image()).unwrap();
            assert_eq!((diff(store, &memory), diff(&killed, &memory)), (Ok(None), Ok(None)), "round {round}");
            assert_eq!(verify(&killed).unwrap().base.sequence, base);
        }
    }
    for (disk, store) in stores {
        drop(store);
        assert_eq!(diff(&open(disk.image()).unwrap(), &memory), Ok(None));
    }
}

//! The power is cut at every place of a run.

use dice::Dice;
use journal::faults::{Disk, Kept};
use journal::{Journal, Store, verify};
use proptest::prelude::*;

use crate::common::{check_content, create, grow, identity, open, snap};

/// The facts known outside the journal: the records acknowledged, and the records requested.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    created: bool,
    acknowledged: u64,
    asked: u64,
    base: u64,
    base_asked: u64,
    snapshot: Option<u64>,
}

/// Appends batches, takes snapshots and compacts, until the disk stops.
fn run(disk: &Disk, told: &mut Told) -> Option<Store> {
    let mut journal = create(disk).ok()?;
    told.created = true;
    for (step, size) in (0_u64..).zip([1, 3, 2, 5, 1, 4, 2, 6]) {
        told.asked = told.acknowledged + size;
        let head = grow(&mut journal, size).ok()?;
        told.acknowledged = head.sequence;
        assert_eq!(told.acknowledged, told.asked);
        if step % 3 == 2 {
            snap(&mut journal, 3000).ok()?;
            told.snapshot = Some(head.sequence);
            told.base_asked = head.sequence - 2;
            journal.compact(told.base_asked).ok()?;
            told.base = told.base_asked;
        }
    }
    Some(journal)
}

/// I-71: the journal on `image` has the acknowledged batches, and perhaps the whole of the batch last requested.
fn check(image: Vec<u8>, told: Told, case: &str) {
    let mut journal = match open(image) {
        Ok(journal) => journal,
        Err(error) => {
            assert!(!told.created, "{case}: {error}, told {told:?}");
            return;
        }
    };
    let head = journal.head().sequence;
    assert!(head == told.acknowledged || head == told.asked, "{case}: head {head}, told {told:?}");
    let base = journal.base().sequence;
    assert!(base == told.base || base == told.base_asked, "{case}: base {base}, told {told:?}");
    let report = verify(&journal).unwrap();
    assert!(report.snapshot >= told.snapshot, "{case}: snapshot {:?}, told {told:?}", report.snapshot);
    assert!(report.passed_over.is_empty());
    check_content(&journal);
    assert_eq!(grow(&mut journal, 1).unwrap().sequence, head + 1, "{case}: goes on");
}

/// I-71, R-N6.
#[test]
fn a_crash_at_any_write_loses_no_acknowledged_batch_and_leaves_no_half_one() {
    let whole = Disk::new();
    run(&whole, &mut Told::default()).unwrap();
    let operations = whole.operations();
    assert!(operations > 100, "{operations} operations are a poor run");
    for stop in 0..operations {
        let disk = Disk::new();
        disk.stop_before(stop);
        let mut told = Told::default();
        let _journal = run(&disk, &mut told);
        check(disk.crash(|_| Kept::Nothing), told, &format!("stop {stop}, nothing kept"));
        check(disk.crash(|_| Kept::All), told, &format!("stop {stop}, all kept"));
        let mut dice = Dice::new(stop);
        for chance in 0..2 {
            check(
                disk.crash(|pending| Kept::drawn(pending, |bound| dice.below(bound))),
                told,
                &format!("stop {stop}, by chance {chance}"),
            );
        }
    }
}

/// I-71: a second crash, at any write of the recovery from the first.
#[test]
fn a_crash_while_recovering_loses_nothing_either() {
    let whole = Disk::new();
    run(&whole, &mut Told::default()).unwrap();
    let operations = whole.operations();
    for stop in (operations / 3..operations).step_by(29) {
        let first = Disk::new();
        first.stop_before(stop);
        let mut told = Told::default();
        let _journal = run(&first, &mut told);
        let mut dice = Dice::new(stop);
        let image = first.crash(|pending| Kept::drawn(pending, |bound| dice.below(bound)));
        for again in 0.. {
            let second = Disk::from_image(image.clone());
            second.stop_before(again);
            let recovered = Store::open_on("disk", second.clone(), &identity()).is_ok();
            let image = second.crash(|pending| Kept::drawn(pending, |bound| dice.below(bound)));
            check(image, told, &format!("stop {stop}, then {again}"));
            if recovered {
                break;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// I-71: one journal over many runs, each ended by a crash.
    #[test]
    fn a_journal_survives_any_number_of_crashes(
        lives in prop::collection::vec((0_u64..70, any::<u64>(), prop::collection::vec(1_u64..9, 1..7)), 1..5),
    ) {
        let disk = Disk::new();
        drop(create(&disk).unwrap());
        let mut image = disk.image();
        let mut told = Told { created: true, ..Told::default() };
        for (stop, seed, sizes) in lives {
            let disk = Disk::from_image(image);
            disk.stop_before(stop);
            let journal = Store::open_on("disk", disk.clone(), &identity());
            if let Ok(mut journal) = journal {
                for size in sizes {
                    told.asked = told.acknowledged + size;
                    let Ok(head) = grow(&mut journal, size) else { break };
                    told.acknowledged = head.sequence;
                }
            }
            let mut dice = Dice::new(seed);
            image = disk.crash(|pending| Kept::drawn(pending, |bound| dice.below(bound)));
            check(image.clone(), told, &format!("seed {seed}, stop {stop}"));
            told.acknowledged = open(image.clone()).unwrap().head().sequence;
            told.asked = told.acknowledged;
        }
    }
}

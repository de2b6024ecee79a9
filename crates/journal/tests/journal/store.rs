//! A journal in a file.

use journal::faults::{Disk, Kept};
use journal::{Identity, Journal, OpenError, Store, diff, verify};
use proptest::prelude::*;

use crate::common::{Place, check_content, create, grow, identity, open, snap, snapshot_bytes};

/// R-N1.
#[test]
fn a_journal_comes_back_from_its_file() {
    let place = Place::new("back");
    let mut journal = Store::create(place.path(), &identity()).unwrap();
    for size in [3, 1, 8] {
        grow(&mut journal, size).unwrap();
    }
    let head = journal.head();
    drop(journal);
    let mut journal = Store::open(place.path(), &identity()).unwrap();
    assert_eq!(journal.head(), head);
    assert_eq!(verify(&journal).unwrap().records, 12);
    check_content(&journal);
    grow(&mut journal, 2).unwrap();
    assert_eq!(journal.read(11).map(|record| record.unwrap().sequence).collect::<Vec<_>>(), [11, 12, 13]);
}

/// R-N4.
#[test]
fn nothing_starts_from_a_missing_or_empty_file_and_nothing_is_created_over_another() {
    let place = Place::new("empty");
    assert!(matches!(Store::open(place.path(), &identity()), Err(OpenError::Storage { .. })));
    assert!(!place.path().exists(), "a refusal leaves no file");
    std::fs::write(place.path(), "").unwrap();
    assert!(matches!(Store::open(place.path(), &identity()), Err(OpenError::Empty { .. })));
    assert!(matches!(Store::examine(place.path()), Err(OpenError::Empty { .. })));
    drop(Store::create(place.path(), &identity()).unwrap());
    assert!(matches!(Store::create(place.path(), &identity()), Err(OpenError::Occupied { .. })));
    verify(&Store::open(place.path(), &identity()).unwrap()).unwrap();
}

/// R-N3.
#[test]
fn another_shard_and_another_genesis_are_refused_by_name() {
    let disk = Disk::new();
    drop(create(&disk).unwrap());
    let refused = |identity: &Identity| Store::open_on("disk", disk.clone(), identity).unwrap_err().to_string();
    assert_eq!(refused(&Identity { shard: 8, ..identity() }), "disk: shard: found 7, expected 8");
    let other = Identity { genesis: "other".into(), ..identity() };
    assert_eq!(refused(&other), "disk: genesis: found \"params 41c7\", expected \"other\"");
}

/// R-N3.
#[test]
fn a_file_of_another_format_is_refused() {
    for text in ["shard,sequence\n1,2\n".repeat(1000), "x".into(), "\0".repeat(8192)] {
        let refused = open(text.clone().into_bytes()).unwrap_err();
        assert!(matches!(refused, OpenError::NotAJournal { .. } | OpenError::Storage { .. }), "{refused}");
    }
    let disk = Disk::new();
    let table = redb::TableDefinition::<u64, u64>::new("numbers");
    let database = redb::Builder::new().create_with_backend(disk.clone()).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(table).unwrap().insert(1, 1).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let refused = open(disk.image()).unwrap_err();
    assert!(matches!(refused, OpenError::NotAJournal { .. }), "{refused}");
}

/// R-N1.
#[test]
fn a_journal_has_one_writer() {
    let place = Place::new("busy");
    let journal = Store::create(place.path(), &identity()).unwrap();
    let refused = Store::open(place.path(), &identity()).unwrap_err();
    assert!(matches!(refused, OpenError::Busy { .. }), "{refused}");
    assert!(refused.to_string().ends_with("found it open elsewhere, expected to be the only one that has it open"));
    assert!(matches!(Store::examine(place.path()), Err(OpenError::Busy { .. })));
    drop(journal);
    Store::open(place.path(), &identity()).unwrap();
}

/// I-69.
#[test]
fn a_cut_journal_goes_on_from_the_hash_of_its_snapshot() {
    let disk = Disk::new();
    let mut journal = create(&disk).unwrap();
    let mut whole = journal::Memory::new(&identity());
    for _ in 0..6 {
        grow(&mut journal, 50).unwrap();
        grow(&mut whole, 50).unwrap();
        snap(&mut journal, 1_100_000).unwrap();
        journal.compact(journal.head().sequence - 20).unwrap();
        grow(&mut journal, 5).unwrap();
        grow(&mut whole, 5).unwrap();
    }
    let report = verify(&journal).unwrap();
    assert_eq!((report.records, report.base.sequence, report.snapshot), (25, 305, Some(325)));
    drop(journal);
    let mut journal = open(disk.image()).unwrap();
    assert_eq!(verify(&journal).unwrap(), report);
    assert_eq!(diff(&journal, &whole), Ok(None));
    check_content(&journal);
    let snapshot = journal.latest_snapshot().unwrap().unwrap();
    assert_eq!(snapshot.at, whole.at(325).unwrap());
    assert_eq!(snapshot.bytes, snapshot_bytes(325, 1_100_000));
    assert_eq!(snapshot.passed_over, []);
    journal.compact(325).unwrap();
    grow(&mut journal, 1).unwrap();
    assert_eq!(verify(&journal).unwrap().records, 6);
    assert!(disk.image().len() < 10 << 20, "what was dropped is used again");
}

/// I-69.
#[test]
fn the_last_two_snapshots_are_kept() {
    let mut journal = create(&Disk::new()).unwrap();
    for _ in 0..4 {
        grow(&mut journal, 1).unwrap();
        snap(&mut journal, 100).unwrap();
        snap(&mut journal, 70).unwrap();
        let taken = journal.latest_snapshot().unwrap().unwrap();
        assert_eq!(taken.bytes, snapshot_bytes(journal.head().sequence, 70), "a second one at a place replaces it");
    }
    journal.compact(3).unwrap();
    assert_eq!(journal.latest_snapshot().unwrap().unwrap().at, journal.head());
}

/// R-N6.
#[test]
fn looking_at_a_crashed_journal_changes_nothing() {
    let disk = Disk::new();
    let mut journal = create(&disk).unwrap();
    grow(&mut journal, 9).unwrap();
    let image = disk.crash(|_| Kept::Nothing);
    drop(journal);
    let crashed = Disk::from_image(image.clone());
    let mut journal = Store::examine_on("disk", crashed.clone()).unwrap();
    assert_eq!(verify(&journal).unwrap().records, 9);
    check_content(&journal);
    let refused = grow(&mut journal, 1).unwrap_err().to_string();
    assert_eq!(refused, "disk: record 9: found a journal opened for reading, expected one opened for writing");
    drop(journal);
    assert_eq!((crashed.operations(), crashed.image() == image), (0, true));

    let place = Place::new("looked");
    std::fs::write(place.path(), &image).unwrap();
    assert_eq!(Store::examine(place.path()).unwrap().head().sequence, 9);
    assert!(std::fs::read(place.path()).unwrap() == image);
}

/// R-N1.
#[test]
fn a_journal_of_any_home_moves_to_the_thread_that_writes_it() {
    let homes: Vec<Box<dyn Journal + Send>> =
        vec![Box::new(create(&Disk::new()).unwrap()), Box::new(journal::Memory::new(&identity()))];
    for mut home in homes {
        let written = std::thread::spawn(move || {
            home.append(&crate::common::drafts(0..3)).unwrap();
            verify(home.as_ref()).unwrap().records
        });
        assert_eq!(written.join().unwrap(), 3);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// I-70: the journal is the same, whatever stores it.
    #[test]
    fn a_file_and_memory_hold_the_same_journal(steps in prop::collection::vec((0_u64..5, any::<bool>()), 1..10)) {
        let disk = Disk::new();
        let mut stored = create(&disk).unwrap();
        let mut memory = journal::Memory::new(&identity());
        for (size, cut) in steps {
            prop_assert_eq!(grow(&mut stored, size), grow(&mut memory, size));
            if cut {
                snap(&mut stored, 30).unwrap();
                snap(&mut memory, 30).unwrap();
                let before = stored.head().sequence.saturating_sub(size);
                prop_assert_eq!(stored.compact(before), memory.compact(before));
            }
        }
        prop_assert_eq!(verify(&stored).unwrap(), verify(&memory).unwrap());
        prop_assert_eq!(stored.latest_snapshot(), memory.latest_snapshot());
        drop(stored);
        prop_assert_eq!(diff(&open(disk.image()).unwrap(), &memory), Ok(None));
    }
}

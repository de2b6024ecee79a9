//! A full disk, and other errors that a run survives.

use journal::faults::{Disk, Fault};
use journal::{AppendError, Hash, Journal, SnapshotError, verify};

use crate::common::{check_content, create, draft, grow, open};

/// R-N1.
#[test]
fn a_full_disk_refuses_the_batch_keeps_the_journal_readable_and_goes_on_with_room() {
    let disk = Disk::new();
    let mut journal = create(&disk).unwrap();
    grow(&mut journal, 10).unwrap();
    disk.set_room(Some(u64::try_from(disk.image().len()).unwrap()));
    let refused = loop {
        let head = journal.head();
        match grow(&mut journal, 7) {
            Ok(_) => {}
            Err(refused) => {
                assert_eq!(journal.head(), head);
                break refused;
            }
        }
    };
    let head = journal.head();
    assert!(matches!(&refused, AppendError::Full { sequence, .. } if *sequence == head.sequence), "{refused}");
    for _ in 0..3 {
        assert!(matches!(grow(&mut journal, 7), Err(AppendError::Full { .. })));
        assert_eq!(journal.head(), head);
        assert_eq!(verify(&journal).unwrap().records, head.sequence);
    }
    let bytes = vec![1; 300_000];
    let refused = journal.snapshot(head, Hash::of(&bytes), &bytes).unwrap_err();
    assert!(matches!(refused, SnapshotError::Write(AppendError::Full { .. })), "{refused}");
    assert_eq!(journal.latest_snapshot(), Ok(None));
    check_content(&journal);
    assert!(disk.counts().full > 4);

    disk.set_room(None);
    assert_eq!(grow(&mut journal, 7).unwrap().sequence, head.sequence + 7);
    verify(&journal).unwrap();
    drop(journal);
    let journal = open(disk.image()).unwrap();
    assert_eq!(journal.head().sequence, head.sequence + 7);
    check_content(&journal);
}

/// I-71: every operation of a run fails once, and the handle reports correctly what is stored.
#[test]
fn an_error_at_any_operation_leaves_a_handle_that_does_not_lie() {
    let sizes = [1, 4, 2, 6, 30, 3];
    let sound = Disk::new();
    let mut journal = create(&sound).unwrap();
    let created = sound.operations();
    for size in sizes {
        grow(&mut journal, size).unwrap();
    }
    let (mut failed, mut wounded) = (0, 0);
    for operation in created..sound.operations() {
        let disk = Disk::new();
        let mut journal = create(&disk).unwrap();
        disk.inject(operation, Fault::Failed);
        let mut in_doubt = None;
        for size in sizes {
            let before = journal.head();
            match grow(&mut journal, size) {
                Ok(head) => assert_eq!(head.sequence, before.sequence + size),
                Err(AppendError::Failed { sequence, .. }) => {
                    failed += 1;
                    assert_eq!((sequence, journal.head()), (before.sequence, before));
                    grow(&mut journal, size).expect("the disk failed only once");
                }
                Err(AppendError::Wounded { sequence, .. }) => {
                    wounded += 1;
                    assert_eq!((sequence, journal.head()), (before.sequence, before));
                    assert!(matches!(grow(&mut journal, size), Err(AppendError::Wounded { .. })));
                    in_doubt = Some(before.sequence + size);
                    break;
                }
                Err(other) => panic!("operation {operation}: {other}"),
            }
        }
        let head = journal.head().sequence;
        assert_eq!(verify(&journal).unwrap().records, head, "operation {operation}: readable");
        check_content(&journal);
        drop(journal);
        let journal = open(disk.image()).unwrap();
        let found = journal.head().sequence;
        assert!(found == head || Some(found) == in_doubt, "operation {operation}: {found} of {head}");
        verify(&journal).unwrap();
        check_content(&journal);
    }
    assert!(failed > 5 && wounded > 5, "{failed} failed, {wounded} wounded");
}

/// R-N1: a failed sync may have lost pages that reading back still shows.
#[test]
fn after_a_failed_sync_nothing_is_written_any_more() {
    let disk = Disk::new();
    let mut journal = create(&disk).unwrap();
    grow(&mut journal, 3).unwrap();
    disk.break_syncs(true);
    let head = journal.head();
    let refused = grow(&mut journal, 1).unwrap_err();
    assert!(matches!(refused, AppendError::Wounded { .. }), "{refused}");
    disk.break_syncs(false);
    let operations = disk.operations();
    assert_eq!(journal.append(&[draft(1)]).unwrap_err(), refused);
    assert_eq!(journal.head(), head);
    check_content(&journal);
    drop(journal);
    assert_eq!(disk.operations(), operations, "the disk is left as it is");
}

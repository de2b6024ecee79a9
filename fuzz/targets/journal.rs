//! Any bytes are a journal, a damaged journal or another file: opened, verified, read and salvaged without a panic. A record
//! that is read is one that was written.
#![no_main]

use fuzz::damage::{RECORDS, draft, file, identity};
use fuzz::{keep_going, survive};
use journal::faults::Disk;
use journal::{Journal, Remains, Store, verify};

/// Reads all records; each is the one that was written in its place.
fn read(journal: &impl Journal) {
    if *journal.identity() != identity() {
        return;
    }
    for (sequence, record) in (journal.base().sequence..).zip(journal.read(journal.base().sequence)) {
        let Ok(record) = record else { break };
        let written = draft(sequence);
        assert!(sequence < RECORDS, "record {sequence} was never written");
        assert_eq!((record.sequence, record.command), (sequence, written.command));
        assert_eq!(record.events, written.events);
    }
}

fn test(image: Vec<u8>) {
    let disk = || Disk::from_image(image.clone());
    if let Ok(store) = Store::examine_on("fuzz", disk()) {
        read(&store);
        if let Ok(report) = verify(&store) {
            assert!(report.head.sequence <= RECORDS, "{report:?}");
        }
        let _ = store.latest_snapshot();
    }
    if let Ok(remains) = Remains::of_storage("fuzz", disk()) {
        let saved = Disk::new();
        if let Ok(store) = remains.save_on("saved", saved) {
            read(&store);
            verify(&store).expect("what was saved is sound");
        }
    }
    if let Ok(mut store) = Store::open_on("fuzz", disk(), &identity()) {
        read(&store);
        // A journal that opens for writing goes on where it ends.
        let head = store.head();
        let after = store.append(&[draft(head.sequence)]).expect("a disk with room");
        assert_eq!(after.sequence, head.sequence + 1);
    }
}

libfuzzer_sys::fuzz_target!(init: keep_going(), |bytes: &[u8]| survive(|| test(file(bytes))));

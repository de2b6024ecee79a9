//! Records, their chain, and the functions that walk it.

use journal::{
    AppendError, CompactError, Defect, Difference, Divergence, Hash, Head, Identity, Journal, Memory, RECORD_BYTES_MAX,
    Record, SnapshotError, diff, verify,
};
use proptest::prelude::*;
use units::Timestamp;

use crate::common::{draft, draft_of, drafts, grow, identity, record, snap};

fn memory(records: u64) -> Memory {
    let mut journal = Memory::new(&identity());
    grow(&mut journal, records).unwrap();
    journal
}

fn any_record() -> impl Strategy<Value = Record> {
    let hash = || any::<[u8; 32]>().prop_map(Hash);
    let bytes = || prop::collection::vec(any::<u8>(), 0..300);
    (any::<u32>(), any::<u64>(), hash(), any::<i64>(), bytes(), bytes(), prop::option::of(hash())).prop_map(
        |(shard, sequence, previous, time, command, events, state)| {
            let time = Timestamp::from_micros(time);
            Record { shard, sequence, previous, time, command, events, state }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// R-N1.
    #[test]
    fn a_record_comes_back_as_it_was_written(record in any_record()) {
        let bytes = record.encode();
        prop_assert_eq!(Record::decode("x", record.sequence, &bytes), Ok(record.clone()));
        prop_assert_eq!(&bytes[bytes.len() - 32..], record.hash().0);
    }

    /// R-N1.
    #[test]
    fn bytes_that_were_not_written_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Record::decode("x", 0, &bytes).is_err());
    }

    /// R-N3.
    #[test]
    fn batches_of_any_sizes_make_the_chain_of_single_records(sizes in prop::collection::vec(0_u64..5, 0..12)) {
        let mut journal = Memory::new(&identity());
        for size in &sizes {
            grow(&mut journal, *size).unwrap();
        }
        let total: u64 = sizes.iter().sum();
        let mut single = Memory::new(&identity());
        for number in 0..total {
            single.append(&[draft(number)]).unwrap();
        }
        prop_assert_eq!(journal.head(), single.head());
        prop_assert_eq!(diff(&journal, &single), Ok(None));
        prop_assert_eq!(verify(&journal).unwrap().records, total);
    }

    /// R-N3.
    #[test]
    fn a_difference_is_found_at_its_record(length in 1_u64..20, at in 0_u64..20, part in 0_usize..4) {
        let at = at % length;
        let mut other = drafts(0..length);
        let changed = &mut other[usize::try_from(at).unwrap()];
        let what = match part {
            0 => { changed.time = Timestamp::from_micros(1); Difference::Time }
            1 => { changed.command.push(1); Difference::Command }
            2 => { changed.events.push(1); Difference::Events }
            _ => { changed.state = Some(Hash::of(b"other")); Difference::State }
        };
        let mut second = Memory::new(&identity());
        second.append(&other).unwrap();
        prop_assert_eq!(diff(&memory(length), &second), Ok(Some(Divergence { sequence: at, what })));
    }
}

/// R-N1.
#[test]
fn a_flip_of_any_bit_of_a_record_is_a_wrong_checksum() {
    let bytes = record(identity().genesis_head(), 2).encode();
    for byte in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[byte] ^= 1 << bit;
            let damage = Record::decode("x", 0, &flipped).unwrap_err();
            assert_eq!((damage.sequence, damage.what), (0, Defect::Checksum), "byte {byte} bit {bit}");
        }
    }
}

/// R-N1.
#[test]
fn a_record_cut_or_lengthened_anywhere_is_refused() {
    let bytes = record(identity().genesis_head(), 2).encode();
    for length in 0..bytes.len() {
        assert!(Record::decode("x", 0, &bytes[..length]).is_err(), "{length} bytes");
    }
    for more in 1..40 {
        let longer = [bytes.as_slice(), &vec![0; more]].concat();
        assert!(Record::decode("x", 0, &longer).is_err(), "{more} bytes more");
    }
}

fn resealed(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = record(identity().genesis_head(), 2).encode();
    bytes.truncate(bytes.len() - 32);
    change(&mut bytes);
    let hash = Hash::of(&bytes);
    bytes.extend_from_slice(&hash.0);
    bytes
}

/// R-N1.
#[test]
fn an_unknown_kind_an_unknown_version_and_trailing_bytes_are_refused_by_name() {
    let refused = |bytes: &[u8]| Record::decode("x", 0, bytes).unwrap_err();
    let kind = refused(&resealed(|bytes| bytes[0] = 9));
    assert_eq!(kind.to_string(), "x: record 0: kind: found 9, expected 3");
    let version = refused(&resealed(|bytes| bytes[2] = 2));
    assert_eq!(version.to_string(), "x: record 0: version: found 2, expected 1");
    let trailing = refused(&resealed(|bytes| bytes.extend_from_slice(&[0, 0])));
    assert_eq!(trailing.to_string(), "x: record 0: encoding: found 2 bytes after the last field, expected none");
    let short = refused(&resealed(|bytes| bytes.truncate(20)));
    assert_eq!(short.what, Defect::Encoding);
    let elsewhere = Record::decode("x", 4, &resealed(|_| ())).unwrap_err();
    assert_eq!((elsewhere.sequence, elsewhere.what), (4, Defect::Sequence));
}

/// R-N3.
#[test]
fn the_first_record_follows_the_shard_the_format_and_the_genesis() {
    let heads = [(7, "a"), (8, "a"), (7, "b")]
        .map(|(shard, genesis)| Identity { shard, genesis: genesis.to_owned() }.genesis_head());
    assert_ne!(heads[0].hash, heads[1].hash);
    assert_ne!(heads[0].hash, heads[2].hash);
    let first = memory(1).read(0).next().unwrap().unwrap();
    assert_eq!(first.previous, identity().genesis_head().hash);
}

/// The bytes on disk are a commitment: a change of these hashes requires a new version. I-70.
#[test]
fn the_encoding_is_pinned() {
    let genesis = identity().genesis_head();
    assert_eq!(genesis.hash.to_string(), "d320ee0a196708cea5707b76f6737827795e2c9b7514044ffe969ff7119f2e1b");
    assert_eq!(memory(4).head().hash.to_string(), "b8d0f113004b6756063a2fb5b7eceae5ab7442dbbed525b635a795c31a142fd0");
    assert_eq!(record(Head { hash: Hash([0; 32]), ..genesis }, 1).encode().len(), 4 + 1 + 1 + 32 + 8 + 9 + 2 + 1 + 32);
}

/// R-N3.
#[test]
fn a_gap_is_named_at_the_missing_record() {
    for lost in 0..6 {
        let mut journal = memory(6);
        journal.lose(lost);
        let damage = verify(&journal).unwrap_err();
        assert_eq!((damage.sequence, damage.what), (lost, Defect::Missing));
    }
}

/// R-N3.
#[test]
fn a_damaged_record_is_named_and_reading_may_go_on_behind_it() {
    for bad in 0..6 {
        let mut journal = memory(6);
        journal.stored_mut(bad).unwrap()[9] ^= 4;
        let damage = verify(&journal).unwrap_err();
        assert_eq!((damage.sequence, damage.what), (bad, Defect::Checksum));
        assert_eq!(journal.read(0).count(), usize::try_from(bad).unwrap() + 1, "damage is the last thing read");
        if bad < 4 {
            assert!(journal.read(bad + 2).all(|record| record.is_ok()));
        }
    }
}

/// R-N3.
#[test]
fn a_fork_is_named_at_its_first_record() {
    let mut other = Memory::new(&identity());
    other.append(&[draft(99)]).unwrap();
    grow(&mut other, 5).unwrap();
    for fork in 1..6 {
        let mut journal = memory(6);
        let foreign = other.read(fork).next().unwrap().unwrap();
        *journal.stored_mut(fork).unwrap() = foreign.encode();
        let damage = verify(&journal).unwrap_err();
        assert_eq!((damage.sequence, damage.what), (fork, Defect::Previous));
    }
}

/// R-N3.
#[test]
fn a_wrong_end_a_regression_and_a_foreign_shard_are_named() {
    let mut journal = memory(3);
    let before_last = journal.at(2).unwrap();
    *journal.stored_mut(2).unwrap() = record(before_last, 77).encode();
    let damage = verify(&journal).unwrap_err();
    assert_eq!((damage.sequence, damage.what), (2, Defect::Head));

    let mut journal = memory(3);
    *journal.stored_mut(2).unwrap() = journal.stored_mut(1).unwrap().clone();
    let damage = verify(&journal).unwrap_err();
    assert_eq!((damage.sequence, damage.what), (2, Defect::Sequence));

    let mut journal = memory(3);
    *journal.stored_mut(2).unwrap() = record(Head { shard: 8, ..before_last }, 2).encode();
    let damage = verify(&journal).unwrap_err();
    assert_eq!((damage.sequence, damage.what), (2, Defect::Shard));
}

/// R-N4.
#[test]
fn the_chain_has_one_hash_at_every_place() {
    let journal = memory(9);
    let mut heads = vec![identity().genesis_head()];
    let mut growing = Memory::new(&identity());
    for number in 0..9 {
        heads.push(growing.append(&[draft(number)]).unwrap());
    }
    for (sequence, head) in (0..).zip(heads) {
        assert_eq!(journal.at(sequence), Ok(head));
    }
    assert_eq!(journal.at(10).unwrap_err().what, Defect::Missing);
}

/// I-72.
#[test]
fn journals_of_one_history_do_not_differ_wherever_they_were_cut() {
    let whole = memory(12);
    for cut in [1, 5, 12] {
        let mut journal = memory(12);
        snap(&mut journal, 10).unwrap();
        journal.compact(cut).unwrap();
        assert_eq!(diff(&whole, &journal), Ok(None));
        assert_eq!(diff(&journal, &whole), Ok(None));
    }
    let ends = |sequence, what| Ok(Some(Divergence { sequence, what }));
    assert_eq!(diff(&whole, &memory(9)), ends(9, Difference::SecondEnds));
    assert_eq!(diff(&memory(9), &whole), ends(9, Difference::FirstEnds));
    let other = Memory::new(&Identity { shard: 8, ..identity() });
    assert_eq!(diff(&whole, &other), ends(0, Difference::Shard));
    let other = Memory::new(&Identity { genesis: "other".into(), ..identity() });
    assert_eq!(diff(&whole, &other), ends(0, Difference::Previous));
}

/// I-69.
#[test]
fn a_snapshot_stands_on_the_chain_or_is_refused() {
    let mut journal = memory(4);
    let at = journal.at(3).unwrap();
    journal.snapshot(at, Hash::of(b"state"), b"bytes").unwrap();
    let wrong = Head { hash: Hash::of(b"other"), ..at };
    let refused = journal.snapshot(wrong, Hash::of(b"state"), b"bytes").unwrap_err();
    assert!(matches!(&refused, SnapshotError::Damage(damage) if damage.what == Defect::Snapshot), "{refused}");
    let ahead = Head { sequence: 9, ..at };
    assert!(matches!(journal.snapshot(ahead, at.hash, b""), Err(SnapshotError::Damage(_))));
    let kept = journal.latest_snapshot().unwrap().unwrap();
    assert_eq!((kept.at, kept.bytes.as_slice()), (at, b"bytes".as_slice()));
}

/// I-69.
#[test]
fn nothing_is_dropped_that_no_snapshot_stands_for() {
    let mut journal = memory(6);
    assert!(matches!(journal.compact(1), Err(CompactError::Uncovered { sequence: 1, .. })));
    let at = journal.at(4).unwrap();
    journal.snapshot(at, at.hash, b"four").unwrap();
    assert!(matches!(journal.compact(5), Err(CompactError::Uncovered { sequence: 5, .. })));
    assert_eq!(journal.compact(4).unwrap(), at);
    assert_eq!(journal.compact(2).unwrap(), at, "a cut behind the base changes nothing");
    assert_eq!(verify(&journal).unwrap().records, 2);
    assert_eq!(journal.read(3).next().unwrap().unwrap_err().what, Defect::Dropped);
    assert_eq!(draft_of(&journal.read(5).next().unwrap().unwrap()), draft(5));
}

/// R-N1.
#[test]
fn a_record_over_the_limit_is_refused_with_its_whole_batch() {
    let mut journal = memory(2);
    let head = journal.head();
    let mut large = draft(3);
    large.events = vec![0; RECORD_BYTES_MAX + 1 - large.command.len()];
    let found = RECORD_BYTES_MAX + 1;
    let refused = journal.append(&[draft(2), large]).unwrap_err();
    let expected = RECORD_BYTES_MAX;
    assert_eq!(refused, AppendError::TooLarge { file: "memory".into(), sequence: 3, found, expected });
    assert_eq!(journal.head(), head);
    assert_eq!(journal.append(&[]), Ok(head), "a batch of nothing is nothing");
}

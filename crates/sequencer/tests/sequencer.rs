//! Acknowledged batches are on disk, others have not happened, and a journal leads back to the state it came from.

#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use dice::Dice;
use engine::{AccountId, Command, Engine, Envelope, Principal};
use journal::faults::{Disk, Kept};
use journal::{Hash, Identity, Journal, Memory, Store};
use model::USD;
use sequencer::{Answer, Genesis, Sequencer, Stopped, replay};
use units::Timestamp;

fn genesis() -> Genesis {
    Genesis::new("2026-11-22T00:00:00Z".parse().unwrap())
}

fn identity() -> Identity {
    Identity { shard: 3, genesis: genesis().text() }
}

fn envelope(second: i64, principal: Principal, command: Command) -> Envelope {
    let time = Timestamp::from_micros(genesis().time.micros() + second * 1_000_000);
    Envelope { time, principal, command }
}

fn open(second: i64, name: &str) -> Envelope {
    envelope(second, Principal::System, Command::OpenAccount { name: name.to_owned(), owner: 1 })
}

fn deposit(second: i64, reference: u64, amount: &str) -> Envelope {
    let (account, amount) = (AccountId(0), amount.parse().unwrap());
    envelope(second, Principal::Custody, Command::Deposit { account, asset: USD, location: None, amount, reference })
}

fn hash(sequencer: &Sequencer<impl Journal>) -> Hash {
    Hash(sequencer.engine().state().clone().hash().0)
}

/// I-71: a journal that is opened again leads to the state that was left, hash by hash, from the genesis or a snapshot.
#[test]
fn a_journal_leads_back_to_where_it_was_left() {
    let disk = Disk::new();
    let journal = Store::create_with_log("disk", disk.clone(), &identity(), 16 << 10).unwrap();
    let (mut sequencer, recovery) = Sequencer::open(journal).unwrap();
    assert_eq!((recovery.records, recovery.snapshot), (0, None));
    sequencer.submit(&[open(1, "alice")]).unwrap();
    for reference in 1..1_100 {
        sequencer.submit(&[deposit(2, reference, "1.5")]).unwrap();
    }
    let left = (hash(&sequencer), sequencer.head());
    drop(sequencer);
    let reopen = || Store::open_on("disk", Disk::from_image(disk.image()), &identity()).unwrap();
    let (mut sequencer, recovery) = Sequencer::open(reopen()).unwrap();
    assert_eq!((hash(&sequencer), sequencer.head()), left);
    assert!(recovery.met >= 1, "a state hash is written every 1,024 records: {recovery:?}");
    // The hash that is updated with every change is the hash of the whole state.
    let bytes = postcard::to_stdvec(sequencer.engine().state()).unwrap();
    let mut decoded: engine::State = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(Hash(decoded.hash().0), left.0);

    sequencer.snapshot().unwrap();
    let at = sequencer.head().sequence;
    sequencer.submit(&[deposit(3, 2_000, "7")]).unwrap();
    let last = hash(&sequencer);
    sequencer.journal_mut().compact(at).unwrap();
    let replayed = replay(sequencer.journal(), None, |_, _| {}).unwrap();
    assert_eq!((replayed.snapshot, Hash(replayed.engine.state().clone().hash().0)), (Some(at), last));
    // A state before the compaction is gone, and a replay to it is refused.
    assert!(replay(sequencer.journal(), Some(at - 1), |_, _| {}).is_err());
}

/// A batch is decided in order, each command on the state that those before it have left; a refused one changes nothing.
#[test]
fn a_batch_is_answered_in_order() {
    let (mut sequencer, _) = Sequencer::open(Memory::new(&identity())).unwrap();
    let batch = [deposit(1, 1, "5"), open(1, "alice"), open(1, "alice"), deposit(1, 1, "5"), deposit(1, 1, "5")];
    let answers = sequencer.submit(&batch).unwrap();
    let codes: Vec<Option<u16>> = answers
        .iter()
        .map(|answer| match answer {
            Answer::Accepted { .. } => None,
            Answer::Refused(reject) => Some(reject.code()),
        })
        .collect();
    assert_eq!(codes, [Some(3), None, Some(4), None, Some(5)]);
    // The engine must judge the account that changed: the last record of the batch does that.
    let records: Vec<_> = sequencer.journal().read(0).map(Result::unwrap).collect();
    let (last, _) = sequencer::decode("memory", records.last().unwrap()).unwrap();
    assert_eq!((records.len(), last.command), (3, Command::Watch));
}

/// A batch that is not durable has not happened: a full disk stops the engine, which stays readable, and it goes on
/// when there is room.
#[test]
fn a_full_disk_takes_nothing_and_loses_nothing() {
    let disk = Disk::new();
    let journal = Store::create_with_log("disk", disk.clone(), &identity(), 16 << 10).unwrap();
    let (mut sequencer, _) = Sequencer::open(journal).unwrap();
    sequencer.submit(&[open(1, "alice"), deposit(1, 1, "5")]).unwrap();
    let before = (hash(&sequencer), sequencer.head());
    disk.set_room(Some(0));
    let mut stopped = 0;
    for reference in 2..40 {
        let batch: Vec<Envelope> = (0..200).map(|more| deposit(2, reference * 1_000 + more, "1")).collect();
        match sequencer.submit(&batch) {
            Ok(_) => {}
            Err(Stopped::Journal(error)) => {
                assert!(error.to_string().contains("no room"), "{error}");
                stopped += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(stopped > 0, "the disk never filled");
    let full = (hash(&sequencer), sequencer.head());
    assert!(full.1.sequence >= before.1.sequence);
    assert_eq!(sequencer.engine().state().accounts[0].name, "alice");
    disk.set_room(None);
    sequencer.submit(&[deposit(3, 1_000_000, "9")]).unwrap();
    let (again, _) =
        Sequencer::open(Store::open_on("disk", Disk::from_image(disk.image()), &identity()).unwrap()).unwrap();
    assert_eq!(hash(&again), hash(&sequencer));
}

/// I-71: whatever a crash leaves of data that was not synced, every acknowledged batch is there and nothing else.
#[test]
fn a_crash_leaves_what_was_acknowledged() {
    for seed in 0..12 {
        let mut dice = Dice::new(seed);
        let disk = Disk::new();
        let (mut sequencer, _) =
            Sequencer::open(Store::create_with_log("disk", disk.clone(), &identity(), 16 << 10).unwrap()).unwrap();
        sequencer.submit(&[open(1, "alice")]).unwrap();
        disk.stop_before(disk.operations() + 5 + dice.below(60));
        let mut acknowledged = vec![(sequencer.head(), hash(&sequencer))];
        let mut reference = 0;
        loop {
            let size = 1 + dice.below(4);
            let batch: Vec<Envelope> = (0..size).map(|more| deposit(2, reference + more + 1, "2")).collect();
            reference += size;
            if sequencer.submit(&batch).is_err() {
                break;
            }
            acknowledged.push((sequencer.head(), hash(&sequencer)));
        }
        let image = disk.crash(|pending| Kept::drawn(pending, |bound| dice.below(bound)));
        let journal = Store::open_on("disk", Disk::from_image(image), &identity()).unwrap();
        let (head, expected) = *acknowledged.last().unwrap();
        assert_eq!(journal.at(head.sequence).unwrap(), head, "seed {seed}: the chain that was acknowledged");
        let mut replayed: Engine = replay(&journal, Some(head.sequence), |_, _| {}).unwrap().engine;
        assert_eq!(Hash(replayed.hash().0), expected, "seed {seed}");
        Sequencer::open(journal).unwrap();
    }
}

/// R-N4: a journal that began with other parameters is not taken for this one.
#[test]
fn a_journal_of_another_genesis_is_refused() {
    let identity = Identity { shard: 3, genesis: "{}".to_owned() };
    let error = Sequencer::open(Memory::new(&identity)).unwrap_err();
    assert!(error.to_string().contains("genesis: format: missing"), "{error}");
}

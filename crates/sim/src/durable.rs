//! The journal of a run: each tick is one batch on a disk that fails. The records that survive are compared with the
//! batches that were acknowledged.

use audit::Finding;
use dice::Dice;
use engine::state::StateHash;
use engine::{Envelope, Event};
use journal::faults::{Disk, Kept};
use journal::{Draft, Hash, Head, Identity, Journal, Store};

use crate::faults::{Struck, count};
use crate::world::{genesis, identity};

/// A snapshot of the state is written after this many batches, so that recovery begins there.
const SNAPSHOT_EVERY: u64 = 40;

/// The bytes of the log of the journal: few, so that it is often full.
const LOG_BYTES: usize = 64 << 10;

/// A journal on a disk that fails.
#[derive(Debug)]
pub struct Durable {
    identity: Identity,
    disk: Disk,
    store: Store,
    /// The last head that was acknowledged, and the hash of the state there.
    acknowledged: (Head, StateHash),
    /// The contents of the disk before the last batch.
    before: Vec<u8>,
    keeps_images: bool,
    batches: u64,
}

fn broken(what: &'static str) -> impl Fn(String) -> Finding {
    move |why| Finding::new("I-71", format!("{what}: {why}"))
}

impl Durable {
    /// Creates a journal on an empty disk, with the hash of the engine's first state.
    pub fn create(state: StateHash, keeps_images: bool) -> Result<Self, Finding> {
        let identity = identity();
        let disk = Disk::new();
        let store = Store::create_with_log("sim", disk.clone(), &identity, LOG_BYTES);
        let store = store.map_err(|error| broken("create")(error.to_string()))?;
        let acknowledged = (store.head(), state);
        let before = disk.image();
        Ok(Self { identity, disk, store, acknowledged, before, keeps_images, batches: 0 })
    }

    /// Writes a batch; the power fails meanwhile when `crash`. Afterwards the batch is acknowledged in either case.
    pub fn write(
        &mut self,
        batch: &[(Envelope, Vec<Event>)],
        state: &mut engine::Engine,
        (crash, forgets): (bool, bool),
        dice: &mut Dice,
        struck: &mut Struck,
    ) -> Result<(), Finding> {
        let hash = state.hash();
        let drafts: Vec<Draft> =
            batch.iter().map(|(envelope, events)| sequencer::draft(envelope, events, None)).collect();
        if drafts.is_empty() {
            return Ok(());
        }
        if self.keeps_images && !crash {
            self.before = self.disk.image();
        }
        if crash {
            self.disk.stop_before(self.disk.operations() + dice.below(14));
            let told = self.store.append(&drafts);
            count(struck, "power loss");
            if let Ok(head) = told {
                self.acknowledged = (head, hash);
            }
            let mut disk_dice = Dice::new(dice.any());
            // Sometimes the whole batch was written, and only the answer is missing.
            let whole = dice.chance(300);
            let image = self
                .disk
                .crash(|pending| if whole { Kept::All } else { Kept::drawn(pending, |bound| disk_dice.below(bound)) });
            let counts = self.disk.counts();
            if counts.torn + counts.lost > 0 {
                count(struck, "torn or lost write");
            }
            let image = if forgets { std::mem::take(&mut self.before) } else { image };
            self.recover(image, hash, &drafts, struck)?;
        } else {
            let head = self.store.append(&drafts).map_err(|error| broken("append")(error.to_string()))?;
            self.acknowledged = (head, hash);
        }
        self.batches += 1;
        if self.batches.is_multiple_of(SNAPSHOT_EVERY) {
            let bytes = sequencer::encode_state(state.state());
            let taken = self.store.snapshot(self.store.head(), Hash(hash.0), &bytes);
            taken.map_err(|error| broken("snapshot")(error.to_string()))?;
        }
        Ok(())
    }

    /// Opens the disk after a crash. Every acknowledged record is there, no other record except the batch that was under
    /// way, and replay gives the state that was.
    fn recover(
        &mut self,
        image: Vec<u8>,
        hash: StateHash,
        drafts: &[Draft],
        struck: &mut Struck,
    ) -> Result<(), Finding> {
        self.disk = Disk::from_image(image);
        let opened = Store::open_on("sim", self.disk.clone(), &self.identity);
        self.store = opened.map_err(|error| broken("reopen")(error.to_string()))?;
        let (acknowledged, state_there) = self.acknowledged;
        let head = self.store.head();
        let lost = || {
            let (found, expected) = (head.sequence, acknowledged.sequence);
            Finding::new("I-71", format!("{found} records after a crash, {expected} were acknowledged"))
        };
        if head.sequence < acknowledged.sequence {
            return Err(lost());
        }
        let there = self.store.at(acknowledged.sequence).map_err(|error| broken("chain")(error.to_string()))?;
        if there.hash != acknowledged.hash {
            return Err(Finding::new("I-71", "the journal has another history than the one that was acknowledged"));
        }
        let length = u64::try_from(drafts.len()).expect("a batch fits");
        let kept = head.sequence > acknowledged.sequence;
        if kept && head.sequence != acknowledged.sequence + length {
            return Err(Finding::new("I-71", "a part of a batch came back"));
        }
        let replayed = sequencer::replay(&self.store, None, |_, _| {});
        let mut replayed = replayed.map_err(|error| broken("replay")(error.to_string()))?;
        let expected = if kept { hash } else { state_there };
        let found = replayed.engine.hash();
        if found != expected {
            return Err(Finding::new(
                "I-71",
                format!("the state hashes to {found} after recovery, expected {expected}"),
            ));
        }
        if kept {
            count(struck, "kept unacknowledged batch");
            self.acknowledged = (head, hash);
        } else if acknowledged.sequence == head.sequence && state_there != hash {
            // The batch was lost and never acknowledged: the client sends it again.
            let head = self.store.append(drafts).map_err(|error| broken("append again")(error.to_string()))?;
            self.acknowledged = (head, hash);
        }
        Ok(())
    }

    /// Replays the journal from its genesis and compares the hash of the resulting state.
    pub fn verify(&self, expected: StateHash) -> Result<(), Finding> {
        let mut engine =
            engine::Engine::new(genesis().state()).map_err(|error| broken("genesis")(error.to_string()))?;
        for record in self.store.read(0) {
            let record = record.map_err(|error| broken("read")(error.to_string()))?;
            let (_, events) = sequencer::decode("sim", &record).map_err(|error| broken("decode")(error.to_string()))?;
            engine.commit(&events);
        }
        let found = engine.hash();
        if found == expected {
            return Ok(());
        }
        Err(Finding::new("I-70", format!("replay hashes to {found}, the run to {expected}")))
    }
}

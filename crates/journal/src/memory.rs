//! A journal in memory, for tests: the same bytes and the same checks as on disk, but not durable.

use std::collections::BTreeMap;

use crate::error::{AppendError, CompactError, Damage, SnapshotError};
use crate::hash::Hash;
use crate::record::{Bounds, Draft, Head, Identity, Label, Snapshot};
use crate::walk::{Stored, Walk, chain_at, check_cover, check_snapshot, choose, seal_batch};
use crate::{Journal, Records, SNAPSHOTS_KEPT};

/// A journal in memory.
#[derive(Clone, Debug)]
pub struct Memory {
    identity: Identity,
    bounds: Bounds,
    records: BTreeMap<u64, Vec<u8>>,
    /// The label and the bytes of each snapshot.
    snapshots: BTreeMap<u64, (Vec<u8>, Vec<u8>)>,
}

impl Memory {
    /// An empty journal.
    pub fn new(identity: &Identity) -> Self {
        let head = identity.genesis_head();
        Self {
            identity: identity.clone(),
            bounds: Bounds { base: head, head, writes: 0 },
            records: BTreeMap::new(),
            snapshots: BTreeMap::new(),
        }
    }

    /// The stored bytes of the record at `sequence`, to damage them in a test.
    pub fn stored_mut(&mut self, sequence: u64) -> Option<&mut Vec<u8>> {
        self.records.get_mut(&sequence)
    }

    /// Removes the record at `sequence`, to test gaps.
    pub fn lose(&mut self, sequence: u64) {
        self.records.remove(&sequence);
    }
}

impl Journal for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn base(&self) -> Head {
        self.bounds.base
    }

    fn head(&self) -> Head {
        self.bounds.head
    }

    fn append(&mut self, batch: &[Draft]) -> Result<Head, AppendError> {
        let (sealed, head) = seal_batch(self.name(), self.bounds.head, batch)?;
        self.records.extend((self.bounds.head.sequence..).zip(sealed));
        self.bounds.head = head;
        Ok(head)
    }

    fn read(&self, from: u64) -> Records<'_> {
        match self.at(from) {
            Ok(place) => {
                let stored = self.records.range(from..).map(|(&sequence, bytes)| Ok((sequence, bytes.clone())));
                Box::new(Walk::new(self.name(), stored, place, self.bounds.head))
            }
            Err(damage) => Box::new(std::iter::once(Err(damage))),
        }
    }

    fn at(&self, sequence: u64) -> Result<Head, Damage> {
        chain_at(self.name(), &self.bounds, sequence, |last| Ok(self.records.get(&last).cloned()))
    }

    fn snapshot(&mut self, at: Head, state: Hash, bytes: &[u8]) -> Result<(), SnapshotError> {
        check_snapshot(self.name(), at, self.at(at.sequence)?)?;
        self.snapshots.insert(at.sequence, (Label::new(at, state, bytes).seal(), bytes.to_vec()));
        while self.snapshots.len() > SNAPSHOTS_KEPT {
            self.snapshots.pop_first();
        }
        Ok(())
    }

    fn latest_snapshot(&self) -> Result<Option<Snapshot>, Damage> {
        let newest_first = self.snapshots.iter().rev().map(|(&sequence, (label, bytes))| Stored {
            sequence,
            label: label.clone(),
            bytes: Ok(bytes.clone()),
        });
        choose(self.name(), self.identity.shard, newest_first, |sequence| self.at(sequence))
    }

    fn compact(&mut self, before: u64) -> Result<Head, CompactError> {
        if before <= self.bounds.base.sequence {
            return Ok(self.bounds.base);
        }
        check_cover(self.name(), before, self.latest_snapshot()?.as_ref())?;
        self.bounds.base = self.at(before)?;
        self.records = self.records.split_off(&before);
        self.snapshots = self.snapshots.split_off(&before);
        Ok(self.bounds.base)
    }
}

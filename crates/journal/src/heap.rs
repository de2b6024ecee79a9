//! Records without an order, as they are found in a damaged file, and the chains that they make.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::hash::Hash;
use crate::record::{Head, Record};

/// Whole records by sequence and by hash: what each follows, and where its bytes are.
#[derive(Default)]
pub(crate) struct Heap(BTreeMap<u64, BTreeMap<Hash, (Head, Range<u64>)>>);

/// Records that follow one another.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    /// Where it begins.
    pub base: Head,
    /// Where it ends: a record more would come here.
    pub head: Head,
    /// Where the bytes of each record are.
    pub places: Vec<Range<u64>>,
}

/// A place of a chain, in the order of sequences.
type Place = (u64, Hash);

fn place(head: &Head) -> Place {
    (head.sequence, head.hash)
}

impl Heap {
    /// Puts a record in that was found at `bytes`.
    pub(crate) fn add(&mut self, record: &Record, hash: Hash, bytes: Range<u64>) {
        let follows = Head { shard: record.shard, sequence: record.sequence, hash: record.previous };
        self.0.entry(record.sequence).or_default().insert(hash, (follows, bytes));
    }

    /// Leaves only chains that go through `head`, as far as they go so far.
    pub(crate) fn pass(&mut self, head: Head) {
        if let Some(last) = head.sequence.checked_sub(1).and_then(|last| self.0.get_mut(&last)) {
            last.retain(|hash, _| *hash == head.hash);
        }
    }

    /// The same, and nothing behind `head`.
    pub(crate) fn end(&mut self, head: Head) {
        self.0.split_off(&head.sequence);
        self.pass(head);
    }

    /// What the first records of all follow.
    pub(crate) fn firsts(&self) -> Vec<Head> {
        self.0.get(&0).into_iter().flat_map(BTreeMap::values).map(|(follows, _)| *follows).collect()
    }

    /// The chain that goes furthest from any of `bases`. Where several go equally far, what they share.
    pub(crate) fn longest(&self, bases: &[Head]) -> Option<Chain> {
        let mut reached: BTreeSet<Place> = bases.iter().map(place).collect();
        for (sequence, records) in &self.0 {
            for (hash, (follows, _)) in records {
                if reached.contains(&place(follows)) {
                    reached.insert((sequence + 1, *hash));
                }
            }
        }
        let before = |end| self.before(end).filter(|(follows, _)| reached.contains(follows));
        let (furthest, _) = *reached.last()?;
        let mut ends: BTreeSet<Place> = reached.iter().rev().take_while(|end| end.0 == furthest).copied().collect();
        while ends.len() > 1 {
            ends = ends.into_iter().filter_map(|end| before(end).map(|(follows, _)| follows)).collect();
        }
        let end = ends.pop_first()?;
        let (start, places) = back(end, before);
        let shard = bases.first()?.shard;
        let head = |(sequence, hash)| Head { shard, sequence, hash };
        Some(Chain { base: head(start), head: head(end), places })
    }

    /// The chain that goes furthest from `at`, and as far back from there as there are records.
    pub(crate) fn around(&self, at: Head) -> Option<Chain> {
        let behind = self.longest(&[at])?;
        let ((sequence, hash), mut places) = back(place(&at), |end| self.before(end));
        places.extend(behind.places);
        Some(Chain { base: Head { sequence, hash, ..at }, head: behind.head, places })
    }

    /// The record that ends at a place: what it follows, and where its bytes are.
    fn before(&self, (sequence, hash): Place) -> Option<(Place, Range<u64>)> {
        let (follows, bytes) = self.0.get(&sequence.checked_sub(1)?)?.get(&hash)?;
        Some((place(follows), bytes.clone()))
    }
}

/// Goes back from `end` as long as there is a record `before`: where that leads, and the records on the way in order.
fn back(end: Place, before: impl Fn(Place) -> Option<(Place, Range<u64>)>) -> (Place, Vec<Range<u64>>) {
    let (mut start, mut places) = (end, Vec::new());
    while let Some((follows, bytes)) = before(start) {
        places.push(bytes);
        start = follows;
    }
    places.reverse();
    (start, places)
}

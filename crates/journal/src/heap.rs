//! Collects the records found in a damaged file, in any order, and finds the chains that they form.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::hash::Hash;
use crate::record::{Head, Record};

/// Whole records by sequence and by hash, each with the position it follows and the place of its bytes.
#[derive(Default)]
pub(crate) struct Heap(BTreeMap<u64, BTreeMap<Hash, (Head, Range<u64>)>>);

/// Records that follow one another.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    /// The position at which the chain begins.
    pub base: Head,
    /// The position after the last record: the next record would come here.
    pub head: Head,
    /// The place of each record's bytes.
    pub places: Vec<Range<u64>>,
}

/// A place of a chain, in the order of sequences.
type Place = (u64, Hash);

fn place(head: &Head) -> Place {
    (head.sequence, head.hash)
}

impl Heap {
    /// Adds a record that was found at `bytes`.
    pub(crate) fn add(&mut self, record: &Record, hash: Hash, bytes: Range<u64>) {
        let follows = Head { shard: record.shard, sequence: record.sequence, hash: record.previous };
        self.0.entry(record.sequence).or_default().insert(hash, (follows, bytes));
    }

    /// Removes all records just before `head` that do not lead to it, so that chains pass through `head`.
    pub(crate) fn pass(&mut self, head: Head) {
        if let Some(last) = head.sequence.checked_sub(1).and_then(|last| self.0.get_mut(&last)) {
            last.retain(|hash, _| *hash == head.hash);
        }
    }

    /// The same, and removes all records from `head` on.
    pub(crate) fn end(&mut self, head: Head) {
        self.0.split_off(&head.sequence);
        self.pass(head);
    }

    /// The positions that the records with sequence 0 follow.
    pub(crate) fn firsts(&self) -> Vec<Head> {
        self.0.get(&0).into_iter().flat_map(BTreeMap::values).map(|(follows, _)| *follows).collect()
    }

    /// The longest chain that begins at one of `bases`. When several are equally long, the part that they share.
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

    /// The longest chain from `at` on, extended back from `at` as far as there are records.
    pub(crate) fn around(&self, at: Head) -> Option<Chain> {
        let behind = self.longest(&[at])?;
        let ((sequence, hash), mut places) = back(place(&at), |end| self.before(end));
        places.extend(behind.places);
        Some(Chain { base: Head { sequence, hash, ..at }, head: behind.head, places })
    }

    /// The record that ends at a position: the position it follows, and the place of its bytes.
    fn before(&self, (sequence, hash): Place) -> Option<(Place, Range<u64>)> {
        let (follows, bytes) = self.0.get(&sequence.checked_sub(1)?)?.get(&hash)?;
        Some((place(follows), bytes.clone()))
    }
}

/// Goes back from `end` as long as there is a record `before`: returns the position reached, and the records on the way
/// in order.
fn back(end: Place, before: impl Fn(Place) -> Option<(Place, Range<u64>)>) -> (Place, Vec<Range<u64>>) {
    let (mut start, mut places) = (end, Vec::new());
    while let Some((follows, bytes)) = before(start) {
        places.push(bytes);
        start = follows;
    }
    places.reverse();
    (start, places)
}

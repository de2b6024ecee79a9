//! Verifies that a journal is whole, and finds where two journals differ first.

use std::fmt;

use crate::error::{Damage, Flaw};
use crate::walk::check_snapshot;
use crate::{Defect, Hash, Head, Identity, Journal, Record};

/// The facts about a journal that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The shard and the genesis of the journal.
    pub identity: Identity,
    /// The position at which the kept records begin.
    pub base: Head,
    /// The position at which the kept records end.
    pub head: Head,
    /// The number of records kept.
    pub records: u64,
    /// The number of records with a state hash.
    pub states: u64,
    /// The length of their commands and events, in bytes.
    pub bytes: u64,
    /// The place of the newest sound snapshot.
    pub snapshot: Option<u64>,
    /// Newer snapshots that are damaged.
    pub passed_over: Vec<Damage>,
}

/// Walks the whole chain from base to head. Each record is hashed again from its fields, so the chain holds for the
/// records as read, whatever reader the journal has. A gap, a fork, a regression, a flipped bit or a lost end is
/// [`Damage`] at its exact sequence (R-N3). Then the storage around the records is [checked](Journal::check), so that
/// damage that hides a snapshot is found too.
pub fn verify(journal: &(impl Journal + ?Sized)) -> Result<Report, Damage> {
    let (name, base, head) = (journal.name(), journal.base(), journal.head());
    let genesis = journal.identity().genesis_head();
    let begin = Head { hash: if base.sequence == 0 { genesis.hash } else { base.hash }, shard: genesis.shard, ..base };
    if base != begin {
        return Err(Flaw::new(Defect::Previous, base.hash, begin.hash).at(name, base.sequence));
    }
    let mut place = begin;
    let (mut states, mut bytes) = (0, 0);
    for record in journal.read(base.sequence) {
        let record = record?;
        record.follows(&place).map_err(|flaw| flaw.at(name, place.sequence))?;
        place = Head { sequence: place.sequence + 1, hash: record.hash(), ..place };
        states += u64::from(record.state.is_some());
        bytes += length(&record.command) + length(&record.events);
    }
    if place.sequence != head.sequence {
        let found = format!("the end after {} records", place.sequence);
        return Err(Flaw::new(Defect::Missing, found, head.sequence).at(name, place.sequence));
    }
    if place != head {
        return Err(Flaw::new(Defect::Head, place.hash, head.hash).at(name, head.sequence));
    }
    let snapshot = journal.latest_snapshot()?;
    if let Some(snapshot) = &snapshot {
        check_snapshot(name, snapshot.at, journal.at(snapshot.at.sequence)?)?;
    }
    // A damaged snapshot is damage enough and is listed in the report, so the pages are not checked.
    if snapshot.as_ref().is_none_or(|snapshot| snapshot.passed_over.is_empty()) {
        journal.check()?;
    }
    Ok(Report {
        identity: journal.identity().clone(),
        base,
        head,
        records: head.sequence - base.sequence,
        states,
        bytes,
        snapshot: snapshot.as_ref().map(|snapshot| snapshot.at.sequence),
        passed_over: snapshot.map(|snapshot| snapshot.passed_over).unwrap_or_default(),
    })
}

/// The position at which the chain has the hash `kept`: the head of the journal when its last record had this hash.
/// `None` when the kept records never had it: records are missing at the end, or differ from those that led to `kept`.
pub fn find(journal: &(impl Journal + ?Sized), kept: Hash) -> Result<Option<Head>, Damage> {
    let head = journal.head();
    if head.hash == kept {
        return Ok(Some(head));
    }
    for record in journal.read(journal.base().sequence) {
        let record = record?;
        if record.previous == kept {
            return Ok(Some(Head { sequence: record.sequence, hash: kept, ..head }));
        }
    }
    Ok(None)
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).expect("what is in memory is counted in 64 bits")
}

/// The first difference between two journals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The first record that differs.
    pub sequence: u64,
    /// The field that differs.
    pub what: Difference,
}

/// The field that differs between two records of one sequence; the first in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The records belong to two shards.
    Shard,
    /// They follow two chains: the journals differ before the first record that both keep.
    Previous,
    /// The times of the commands differ.
    Time,
    /// The commands differ.
    Command,
    /// The events that the engine decided differ.
    Events,
    /// The state hashes differ, or only one record has one.
    State,
    /// The first journal ends, the second goes on.
    FirstEnds,
    /// The second journal ends, the first goes on.
    SecondEnds,
}

impl fmt::Display for Divergence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            Difference::Shard => "shards",
            Difference::Previous => "previous hashes",
            Difference::Time => "times",
            Difference::Command => "commands",
            Difference::Events => "events",
            Difference::State => "state hashes",
            Difference::FirstEnds => "ends: the first journal has no such record",
            Difference::SecondEnds => "ends: the second journal has no such record",
        };
        write!(formatter, "record {}: different {what}", self.sequence)
    }
}

/// The first record that differs, among those that both keep; `None` when the journals are equal from there on.
pub fn diff(first: &(impl Journal + ?Sized), second: &(impl Journal + ?Sized)) -> Result<Option<Divergence>, Damage> {
    let from = first.base().sequence.max(second.base().sequence);
    let (ends_first, ends_second) = (first.head().sequence, second.head().sequence);
    let at_end = |sequence| {
        let what = if ends_first < ends_second { Difference::FirstEnds } else { Difference::SecondEnds };
        (ends_first != ends_second).then_some(Divergence { sequence, what })
    };
    let last = ends_first.min(ends_second);
    if from > last {
        return Ok(at_end(last));
    }
    if first.identity().shard != second.identity().shard {
        return Ok(Some(Divergence { sequence: from, what: Difference::Shard }));
    }
    if first.at(from)?.hash != second.at(from)?.hash {
        return Ok(Some(Divergence { sequence: from, what: Difference::Previous }));
    }
    for (left, right) in first.read(from).zip(second.read(from)) {
        let (left, right) = (left?, right?);
        if let Some(what) = difference(&left, &right) {
            return Ok(Some(Divergence { sequence: left.sequence, what }));
        }
    }
    Ok(at_end(last))
}

fn difference(left: &Record, right: &Record) -> Option<Difference> {
    [
        (left.shard != right.shard, Difference::Shard),
        (left.previous != right.previous, Difference::Previous),
        (left.time != right.time, Difference::Time),
        (left.command != right.command, Difference::Command),
        (left.events != right.events, Difference::Events),
        (left.state != right.state, Difference::State),
    ]
    .into_iter()
    .find_map(|(differs, what)| differs.then_some(what))
}

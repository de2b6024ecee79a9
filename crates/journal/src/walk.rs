//! Operations common to all journals, in memory or on disk: seal a batch, walk stored bytes, choose a snapshot.

use crate::error::{AppendError, CompactError, Damage, Defect, Flaw};
use crate::record::{Bounds, Draft, Head, Label, RECORD_BYTES_MAX, Record, Snapshot};

/// The records of `batch` as they are stored after `head`, and the head after them.
pub(crate) fn seal_batch(file: &str, head: Head, batch: &[Draft]) -> Result<(Vec<Vec<u8>>, Head), AppendError> {
    let mut next = head;
    let mut sealed = Vec::with_capacity(batch.len());
    for draft in batch {
        let found = draft.command.len().saturating_add(draft.events.len());
        if found > RECORD_BYTES_MAX {
            let (file, sequence) = (file.to_owned(), next.sequence);
            return Err(AppendError::TooLarge { file, sequence, found, expected: RECORD_BYTES_MAX });
        }
        sealed.push(next.extend(draft));
    }
    Ok((sealed, next))
}

/// Checks that a reader may start at `sequence`: from the base to the head, both included.
pub(crate) fn check_place(file: &str, bounds: &Bounds, sequence: u64) -> Result<(), Damage> {
    let kept = || format!("a place from {} to {}", bounds.base.sequence, bounds.head.sequence);
    if sequence < bounds.base.sequence {
        return Err(Flaw::new(Defect::Dropped, "nothing", kept()).at(file, sequence));
    }
    if sequence > bounds.head.sequence {
        return Err(Flaw::new(Defect::Missing, "nothing", kept()).at(file, sequence));
    }
    Ok(())
}

/// The position before record `sequence`; `stored` returns the bytes of a record.
pub(crate) fn chain_at(
    file: &str,
    bounds: &Bounds,
    sequence: u64,
    stored: impl FnOnce(u64) -> Result<Option<Vec<u8>>, String>,
) -> Result<Head, Damage> {
    check_place(file, bounds, sequence)?;
    let last = match sequence {
        ends if ends == bounds.base.sequence => return Ok(bounds.base),
        ends if ends == bounds.head.sequence => return Ok(bounds.head),
        inside => inside - 1,
    };
    let lacking = |what, found: &str| Flaw::new(what, found, "a record").at(file, last);
    let bytes = stored(last).map_err(|error| lacking(Defect::Unreadable, &error))?;
    let bytes = bytes.ok_or_else(|| lacking(Defect::Missing, "nothing"))?;
    let record = Record::decode(file, last, &bytes)?;
    if record.shard != bounds.head.shard {
        return Err(Flaw::new(Defect::Shard, record.shard, bounds.head.shard).at(file, last));
    }
    Ok(Head { sequence, hash: record.hash(), ..bounds.head })
}

/// A walk over stored records, each checked against the one before, to the stored end of the journal.
pub(crate) struct Walk<I> {
    file: String,
    stored: I,
    /// The present position of the walk.
    place: Head,
    end: Head,
    over: bool,
}

impl<I: Iterator<Item = Result<(u64, Vec<u8>), String>>> Walk<I> {
    /// Walks `stored` from `place` to `end`.
    pub(crate) fn new(file: &str, stored: I, place: Head, end: Head) -> Self {
        Self { file: file.to_owned(), stored, place, end, over: false }
    }

    fn step(&mut self) -> Result<Record, Damage> {
        let sequence = self.place.sequence;
        let expected = || format!("record {sequence} of {}", self.end.sequence);
        let flaw = match self.stored.next() {
            Some(Ok((key, bytes))) if key == sequence => {
                let record = self.place.admit(&self.file, &bytes)?;
                if self.place.sequence == self.end.sequence && self.place.hash != self.end.hash {
                    return Err(Flaw::new(Defect::Head, self.place.hash, self.end.hash).at(&self.file, sequence));
                }
                return Ok(record);
            }
            Some(Ok((key, _))) => Flaw::new(Defect::Missing, format!("record {key}"), expected()),
            Some(Err(error)) => Flaw::new(Defect::Unreadable, error, expected()),
            None => Flaw::new(Defect::Missing, "nothing", expected()),
        };
        Err(flaw.at(&self.file, sequence))
    }
}

impl<I: Iterator<Item = Result<(u64, Vec<u8>), String>>> Iterator for Walk<I> {
    type Item = Result<Record, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over || self.place.sequence >= self.end.sequence {
            return None;
        }
        let step = self.step();
        self.over = step.is_err();
        Some(step)
    }
}

/// A stored snapshot: its place, its label, and a function that reads its bytes.
pub(crate) struct Stored {
    pub sequence: u64,
    pub label: Vec<u8>,
    pub bytes: Result<Vec<u8>, String>,
}

/// The first sound snapshot in `newest_first`. `at` returns positions of the journal's chain.
pub(crate) fn choose(
    file: &str,
    shard: u32,
    newest_first: impl Iterator<Item = Stored>,
    at: impl Fn(u64) -> Result<Head, Damage>,
) -> Result<Option<Snapshot>, Damage> {
    let mut damaged = Vec::new();
    for stored in newest_first {
        let sequence = stored.sequence;
        let opened = stored
            .bytes
            .map_err(|error| Flaw::new(Defect::Unreadable, error, "the bytes of a snapshot"))
            .and_then(|bytes| Label::unseal(&stored.label, shard, sequence, bytes))
            .map_err(|flaw| flaw.at(file, sequence));
        let placed = opened.and_then(|snapshot| check_snapshot(file, snapshot.at, at(sequence)?).map(|()| snapshot));
        match placed {
            Ok(snapshot) => return Ok(Some(Snapshot { passed_over: damaged, ..snapshot })),
            Err(damage) => damaged.push(damage),
        }
    }
    damaged.into_iter().next().map_or(Ok(None), Err)
}

/// Checks that a snapshot lies on the chain of its journal.
pub(crate) fn check_snapshot(file: &str, found: Head, expected: Head) -> Result<(), Damage> {
    if found == expected {
        return Ok(());
    }
    let text = |head: Head| format!("hash {} of shard {}", head.hash, head.shard);
    Err(Flaw::new(Defect::Snapshot, text(found), text(expected)).at(file, found.sequence))
}

/// Checks that a sound snapshot at or after `before` covers a compaction to it.
pub(crate) fn check_cover(file: &str, before: u64, newest: Option<&Snapshot>) -> Result<(), CompactError> {
    if newest.is_some_and(|snapshot| snapshot.at.sequence >= before) {
        return Ok(());
    }
    let found = newest.map_or("no snapshot".to_owned(), |snapshot| format!("one at {}", snapshot.at.sequence));
    Err(CompactError::Uncovered { file: file.to_owned(), sequence: before, found })
}

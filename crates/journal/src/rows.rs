//! The table of records.
//!
//! A row holds records that follow one another, up to [`RUN_BYTES`]; its key is the sequence of the first. Large rows are
//! written several times faster than one row for each record. In a file without a log every row holds one record, as
//! the programs that made such files expect.

use std::ops::Range;

use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};

use crate::open::guarded;
use crate::record::sealed_length;

const RECORDS: TableDefinition<u64, &[u8]> = TableDefinition::new("records");

/// The most bytes that a row of several records has: with what redb adds, its page has 64 KiB.
pub(crate) const RUN_BYTES: usize = (64 << 10) - 256;

/// The first key, the sequence and the bytes of the last record, and the number of rows.
pub(crate) type Ends = (Option<u64>, Option<(u64, Vec<u8>)>, u64);

/// Makes the table.
pub(crate) fn create(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(RECORDS)?;
    Ok(())
}

/// Inserts sealed records from `sequence` on, in rows of at most `most` bytes or one record.
pub(crate) fn insert(
    transaction: &WriteTransaction,
    sequence: u64,
    sealed: &[Vec<u8>],
    most: usize,
) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(RECORDS)?;
    let (mut first, mut run) = (sequence, Vec::new());
    for (sequence, bytes) in (sequence..).zip(sealed) {
        if !run.is_empty() && run.len() + bytes.len() > most {
            table.insert(first, run.as_slice())?;
            (first, run) = (sequence, Vec::new());
        }
        run.extend_from_slice(bytes);
    }
    if !run.is_empty() {
        table.insert(first, run.as_slice())?;
    }
    Ok(())
}

/// Drops the records before `before`.
pub(crate) fn drop_before(transaction: &WriteTransaction, before: u64) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(RECORDS)?;
    let cut = match table.range(..before)?.next_back().transpose()? {
        Some((key, run)) => from_in(key.value(), run.value(), before).to_vec(),
        None => Vec::new(),
    };
    table.retain_in(..before, |_, _| false)?;
    if !cut.is_empty() {
        table.insert(before, cut.as_slice())?;
    }
    Ok(())
}

/// The ends of the table.
pub(crate) fn ends(transaction: &ReadTransaction) -> Result<Ends, redb::Error> {
    let table = transaction.open_table(RECORDS)?;
    let first = table.first()?.map(|(key, _)| key.value());
    let last = table.last()?.and_then(|(key, run)| {
        let last = (key.value()..).zip(split(run.value())).last();
        last.map(|(sequence, bytes)| (sequence, bytes.to_vec()))
    });
    Ok((first, last, table.len()?))
}

/// The records of a row, one after the other. Bytes that are no record come as one, the last.
fn split(run: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = run;
    std::iter::from_fn(move || {
        let (record, behind) = rest.split_at(first_length(rest));
        rest = behind;
        (!record.is_empty()).then_some(record)
    })
}

/// The length of the first record in `run`, or of all of it.
fn first_length(run: &[u8]) -> usize {
    sealed_length(run).filter(|length| *length <= run.len()).unwrap_or(run.len())
}

/// The part of the row at `key` from record `sequence` on.
fn from_in(key: u64, run: &[u8], sequence: u64) -> &[u8] {
    let before: usize = (key..sequence).zip(split(run)).map(|(_, record)| record.len()).sum();
    &run[before..]
}

/// The records of a range of the table, in order.
pub(crate) struct Rows {
    table: redb::Range<'static, u64, &'static [u8]>,
    from: u64,
    /// The row that is being read, from the record with this sequence on.
    row: (u64, Vec<u8>),
    place: usize,
}

impl Rows {
    /// The records of `range`.
    pub(crate) fn read(transaction: &ReadTransaction, range: Range<u64>) -> Result<Self, redb::Error> {
        let table = transaction.open_table(RECORDS)?;
        let Range { start: from, end } = range;
        let first = table.range(..=from)?.next_back().transpose()?.map_or(from, |(key, _)| key.value());
        Ok(Self { table: table.range(first.min(end)..end)?, from, row: (0, Vec::new()), place: 0 })
    }
}

impl Iterator for Rows {
    type Item = Result<(u64, Vec<u8>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.place == self.row.1.len() {
            let row = guarded(|| {
                let row = self.table.next().transpose()?;
                Ok(row.map(|(key, run)| match key.value() {
                    key if key < self.from => (self.from, from_in(key, run.value(), self.from).to_vec()),
                    key => (key, run.value().to_vec()),
                }))
            });
            self.row = match row {
                Ok(row) => row?,
                Err(error) => return Some(Err(error.to_string())),
            };
            self.place = 0;
        }
        let rest = &self.row.1[self.place..];
        let record = rest[..first_length(rest)].to_vec();
        let sequence = self.row.0;
        self.row.0 += 1;
        self.place += record.len();
        Some(Ok((sequence, record)))
    }
}

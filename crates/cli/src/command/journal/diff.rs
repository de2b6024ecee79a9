//! `upm journal diff`: the first difference between two journals.

use std::path::PathBuf;

use journal::{Difference, Divergence, Journal, Store};
use sequencer::Genesis;
use serde::Serialize;
use serde_json::Value;
use shell::failure::Failure;
use shell::input::Output;
use shell::printer::{Answer, Tone, toned};
use shell::table::paragraph;

use super::named::named;
use crate::amount::exact;
use crate::history::{self, broken};
use crate::record::{self, JSON, RecordDocument};

/// Find the first record in which two journals differ
///
/// Exit status 0 when they are the same, 1 when they differ.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm-lab run --seed 1 --ticks 20 --keep target/run.journal
  upm journal diff target/run.journal target/run.journal
  upm journal diff target/run.journal target/run.journal --names")]
pub struct Args {
    /// One of the two journals
    #[arg(value_name = "A")]
    first: PathBuf,
    /// The other of the two
    #[arg(value_name = "B")]
    second: PathBuf,
    /// Names in place of numbers, contracts in place of lots; both journals are replayed up to the record to find the names
    #[arg(long)]
    names: bool,
    /// table for people, or json (upm.journal-diff/1) for programs
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    output: Output,
}

/// The first difference between two journals, as a document `upm.journal-diff/1`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct DiffDocument {
    format: &'static str,
    journals: [String; 2],
    same: bool,
    /// The number of records that were compared, or that are the same.
    records: u64,
    /// The first record that differs.
    sequence: Option<u64>,
    what: Option<String>,
    /// The parts of the genesis that differ.
    genesis: Vec<&'static str>,
    /// The fields of the record that differ; empty where one of the journals ends before it.
    fields: Vec<&'static str>,
    /// This record in each journal; none where the journal ends before it.
    first: Option<Value>,
    second: Option<Value>,
}

/// Compares two journals record by record.
pub fn run(args: &Args) -> Result<Answer, Failure> {
    let first = history::open(&args.first)?;
    if is_same_file(args) {
        journal::verify(&first).map_err(broken)?;
        return answer(args, &document([&first, &first], None, args.names)?);
    }
    let second = history::open(&args.second)?;
    let divergence = journal::diff(&first, &second).map_err(broken)?;
    answer(args, &document([&first, &second], divergence, args.names)?)
}

/// A journal has one reader at a time, so a file must not be opened twice to be compared with itself.
fn is_same_file(args: &Args) -> bool {
    let paths = [&args.first, &args.second].map(std::fs::canonicalize);
    matches!(paths, [Ok(first), Ok(second)] if first == second)
}

fn answer(args: &Args, document: &DiffDocument) -> Result<Answer, Failure> {
    if document.same && document.records == 0 {
        let problem = "found no record that is in both, so nothing was compared, expected at least one";
        return Err(broken(format_args!("{}: {problem}", document.journals.join(", "))));
    }
    let answer = match args.output {
        Output::Json => Answer::json(document),
        Output::Table => Answer::out(text(document)),
    };
    Ok(Answer { failed: !document.same, ..answer })
}

fn document(both: [&Store; 2], divergence: Option<Divergence>, names: bool) -> Result<DiffDocument, Failure> {
    let [first, second] = both;
    let sequence = divergence.map(|divergence| divergence.sequence);
    let read = |store| sequence.map_or(Ok(None), |sequence| record(store, sequence));
    let (one, other) = (read(first)?, read(second)?);
    let fields = one.as_ref().zip(other.as_ref()).map_or_else(Vec::new, |(one, other)| one.differences(other));
    let shown = |store, record: Option<RecordDocument>| record.map(|record| shown(store, &record, names)).transpose();
    Ok(DiffDocument {
        format: "upm.journal-diff/1",
        journals: both.map(|store| store.name().to_owned()),
        same: divergence.is_none(),
        records: sequence.unwrap_or(first.head().sequence) - first.base().sequence.max(second.base().sequence),
        sequence,
        what: divergence.map(words),
        genesis: genesis(both),
        fields,
        first: shown(first, one)?,
        second: shown(second, other)?,
    })
}

/// A record of a journal; none when it is not kept.
fn record(store: &Store, sequence: u64) -> Result<Option<RecordDocument>, Failure> {
    if sequence < store.base().sequence || sequence >= store.head().sequence {
        return Ok(None);
    }
    let record = store.read(sequence).next().transpose().map_err(broken)?;
    record.map(|record| RecordDocument::new(store.name(), &record)).transpose()
}

/// A record as it is kept, or with the names that its journal has just after it.
fn shown(store: &Store, record: &RecordDocument, names: bool) -> Result<Value, Failure> {
    let value = serde_json::to_value(record).expect(JSON);
    if !names {
        return Ok(value);
    }
    let replayed = history::replay(store, record.sequence + 1, |_, _| {})?;
    Ok(named(replayed.engine.state(), value))
}

fn words(divergence: Divergence) -> String {
    match divergence.what {
        Difference::Shard => "shard",
        Difference::Previous => "previous hash",
        Difference::Time => "time",
        Difference::Command => "command",
        Difference::Events => "events",
        Difference::State => "state hash",
        Difference::FirstEnds => "the first journal ends before it",
        Difference::SecondEnds => "the second journal ends before it",
    }
    .to_owned()
}

/// The parts of the genesis in which two journals differ.
fn genesis(both: [&Store; 2]) -> Vec<&'static str> {
    let [first, second] = both.map(|store| &store.identity().genesis);
    if first == second {
        return Vec::new();
    }
    let (Ok(first), Ok(second)) = (Genesis::parse(first), Genesis::parse(second)) else { return vec!["genesis"] };
    let fields = [
        ("time", first.time != second.time),
        ("method", first.method != second.method),
        ("policy", first.policy != second.policy),
    ];
    fields.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect()
}

fn text(document: &DiffDocument) -> String {
    let count = exact(document.records);
    let (Some(sequence), Some(what)) = (document.sequence, &document.what) else {
        return format!("{} · {count} records\n", toned(Tone::Green, "the same"));
    };
    let place = toned(Tone::Red, &format!("record {} differs", exact(sequence)));
    let mut text = format!("{place} · {what} · {count} records before it are the same\n");
    if !document.genesis.is_empty() {
        text += &paragraph("  genesis", 12, &format!("they began with another {}", document.genesis.join(" and ")));
    }
    if !document.fields.is_empty() {
        text += &paragraph("  differ", 12, &document.fields.join(", "));
    }
    for (journal, record) in document.journals.iter().zip([&document.first, &document.second]) {
        text = text + "\n" + &toned(Tone::Bold, journal) + "\n";
        text += &record.as_ref().map_or_else(|| "  no such record\n".to_owned(), record::text);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_current() {
        testdata::schema::is_current::<DiffDocument>("upm.journal-diff/1", testdata::schema::Side::Written);
    }
}

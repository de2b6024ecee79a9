//! `upm journal salvage`: a new journal from the whole records of a damaged one.

use std::ops::Range;
use std::path::PathBuf;

use journal::{Remains, SalvageError};
use serde::Serialize;
use shell::draft::Aside;
use shell::failure::Failure;
use shell::input::Output;
use shell::printer::{Answer, Tone, overwrite, toned};
use shell::table::paragraph;

use super::JournalArgs;
use crate::amount::exact;
use crate::history::{broken, unopened};

/// Save the whole records of a damaged journal in a new one, up to the first that is lost
///
/// Every byte of the file is read, none is changed. A record is saved if it is whole and follows the record before.
///
/// Where a later snapshot covers a lost record, the new journal begins after that record, as after a compaction.
///
/// Records after the last saved one are lost for good, even acknowledged ones: compare with backups and exports.
///
/// When the file no longer gives the number of records, the last may be of a batch that was never acknowledged.
///
/// Keep the damaged file.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm-lab run --seed 1 --ticks 20 --keep target/run.journal
  upm journal salvage target/run.journal target/saved.journal
  upm journal verify target/saved.journal")]
pub struct Args {
    #[command(flatten)]
    journal: JournalArgs,
    /// The new journal; nothing is ever overwritten
    #[arg(value_name = "NEW")]
    to: PathBuf,
    /// table for people, or json (upm.journal-salvage/1) for programs
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    output: Output,
}

/// The saved part of a damaged journal, as a document `upm.journal-salvage/1`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct SalvageDocument {
    format: &'static str,
    journal: String,
    saved: String,
    /// The first and the last record saved; none when only a snapshot is saved.
    records: Option<[u64; 2]>,
    /// First and last of the whole records that are not saved because a later record is lost.
    left_out: Option<[u64; 2]>,
    /// First and last of the records between these and the first saved one, which are lost for good. The snapshot
    /// covers them.
    lost_before: Option<[u64; 2]>,
    /// The number of records ever written; none when the damaged file does not tell any more.
    counted: Option<u64>,
    snapshot: Option<u64>,
    head: String,
    /// The first record that is not saved.
    #[serde(skip)]
    next: u64,
}

/// Saves the records, then verifies the new journal.
pub fn run(args: &Args) -> Result<Answer, Failure> {
    let from = args.journal.path();
    let aside = Aside::of_new(&args.to)?;
    overwrite(&format!("looking for records in {}", from.display()));
    let remains = Remains::of(from);
    overwrite("");
    let remains = remains.map_err(unopened)?;
    let saved = remains.save(aside.path()).map_err(|error| match error {
        SalvageError::Open(error) => unopened(error),
        error => broken(error),
    })?;
    let report = journal::verify(&saved).map_err(broken)?;
    drop(saved);
    aside.publish()?;
    let document = SalvageDocument {
        format: "upm.journal-salvage/1",
        journal: from.display().to_string(),
        saved: args.to.display().to_string(),
        records: ends(report.base.sequence..report.head.sequence),
        left_out: remains.left_out().and_then(ends),
        lost_before: remains.left_out().and_then(|kept| ends(kept.end..report.base.sequence)),
        next: report.head.sequence,
        counted: remains.counted(),
        snapshot: report.snapshot,
        head: report.head.hash.to_string(),
    };
    Ok(match args.output {
        Output::Json => Answer::json(&document),
        Output::Table => Answer::out(text(&document)),
    })
}

/// The first and the last of some records.
fn ends(records: Range<u64>) -> Option<[u64; 2]> {
    records.end.checked_sub(1).filter(|last| *last >= records.start).map(|last| [records.start, last])
}

fn text(document: &SalvageDocument) -> String {
    let line = |lead: &str, words: &str| paragraph(&format!("  {lead}"), 18, words);
    let span = |[first, last]: [u64; 2]| {
        if first == last { exact(first) } else { format!("{} to {}", exact(first), exact(last)) }
    };
    let mut text = format!("{} · {}\n\n", toned(Tone::Bold, &document.saved), toned(Tone::Green, "saved"));
    text += &match document.records {
        Some(records) => line("records", &format!("{}, whole and chained", span(records))),
        None => line("records", "none, only the snapshot"),
    };
    if let Some(left_out) = document.left_out {
        text += &line("left out", &format!("{}, whole, but a record behind them is lost", span(left_out)));
    }
    if let Some(lost) = document.lost_before {
        text += &line("lost", &format!("{}, for good; the snapshot stands for what they did", span(lost)));
    }
    text += &match document.counted.map(|counted| ends(document.next..counted)) {
        Some(Some(lost)) => line("lost", &format!("{}, for good, though acknowledged", span(lost))),
        Some(None) if document.lost_before.is_some() => String::new(),
        Some(None) => line("lost", "none"),
        None => line("lost", &format!("{} and after, for good; the file does not say how many", exact(document.next))),
    };
    text += &match document.snapshot {
        Some(place) => line("snapshot", &format!("before record {}", exact(place))),
        None => line("snapshot", "none that can be read"),
    };
    text + &line("head", &document.head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_current() {
        testdata::schema::is_current::<SalvageDocument>("upm.journal-salvage/1", testdata::schema::Side::Written);
    }
}

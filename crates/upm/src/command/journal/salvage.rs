//! `upm journal salvage`: a new journal of what is left of a damaged one.

use std::path::PathBuf;

use journal::{Remains, SalvageError};
use serde::Serialize;

use super::JournalArgs;
use crate::amount::exact;
use crate::draft::Aside;
use crate::failure::Failure;
use crate::history::{broken, unopened};
use crate::input::Output;
use crate::printer::{Answer, Tone, overwrite, toned};
use crate::table::paragraph;

/// Save the whole records of a damaged journal in a new one, up to the first that is lost
///
/// Every byte of the file is looked at, none is changed. Saved is what was written and follows the record before.
///
/// What comes after the last record is lost for good, though it was acknowledged: compare with backups and exports.
///
/// The last records may be of a batch that was never acknowledged. Keep the damaged file.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm sim --seed 1 --ticks 20 --keep target/run.journal
  upm journal salvage target/run.journal target/saved.journal
  upm journal verify target/saved.journal")]
pub struct Args {
    #[command(flatten)]
    journal: JournalArgs,
    /// The new journal; nothing is written over
    #[arg(value_name = "NEW")]
    to: PathBuf,
    /// table for people, or json (upm.journal-salvage/1) for programs
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    output: Output,
}

/// `upm.journal-salvage/1`.
#[derive(Serialize)]
struct SalvageDocument {
    format: &'static str,
    journal: String,
    saved: String,
    /// The first and the last that are saved.
    records: [u64; 2],
    /// How many there had ever been; none when the damaged file does not say so any more.
    counted: Option<u64>,
    snapshot: Option<u64>,
    head: String,
}

/// Saves, then verifies what was saved.
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
        records: [report.base.sequence, report.head.sequence - 1],
        counted: remains.counted(),
        snapshot: report.snapshot,
        head: report.head.hash.to_string(),
    };
    Ok(match args.output {
        Output::Json => Answer::json(&document),
        Output::Table => Answer::out(text(&document)),
    })
}

fn text(document: &SalvageDocument) -> String {
    let line = |lead: &str, words: &str| paragraph(&format!("  {lead}"), 18, words);
    let span = |[first, last]: [u64; 2]| format!("{} to {}", exact(first), exact(last));
    let mut text = format!("{} · {}\n\n", toned(Tone::Bold, &document.saved), toned(Tone::Green, "saved"));
    text += &line("records", &format!("{}, whole and chained", span(document.records)));
    let next = document.records[1] + 1;
    text += &match document.counted {
        Some(counted) if counted == next => line("lost", "none"),
        Some(counted) => line("lost", &format!("{}, for good, though acknowledged", span([next, counted - 1]))),
        None => line("lost", &format!("{} and after, for good; the file does not say how many", exact(next))),
    };
    text += &match document.snapshot {
        Some(place) => line("snapshot", &format!("before record {}", exact(place))),
        None => line("snapshot", "none that can be read"),
    };
    text + &line("head", &document.head)
}

//! `upm journal export`: every record as a line of JSON.

use journal::Journal;

use super::JournalArgs;
use crate::draft::Destination;
use crate::failure::Failure;
use crate::history::{self, broken};
use crate::printer::{Answer, stream};
use crate::record::RecordDocument;

/// Print records as JSON lines: who asked for what, what was decided, the hashes around it
///
/// Lines are printed as they are read; a damaged record ends them with exit status 1. A file is written whole or not at all.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm sim --seed 1 --ticks 20 --keep target/run.journal
  upm journal export target/run.journal --from 10 --to 12")]
pub struct Args {
    #[command(flatten)]
    journal: JournalArgs,
    /// The first record; the first that is kept when not given
    #[arg(long, value_name = "SEQUENCE")]
    from: Option<u64>,
    /// The last record; the last there is when not given
    #[arg(long, value_name = "SEQUENCE")]
    to: Option<u64>,
}

/// Streams the records asked for.
pub fn run(args: &Args, to: &Destination) -> Result<Answer, Failure> {
    let store = history::open(args.journal.path())?;
    let until = history::until(&store, "--to", args.to)?;
    history::until(&store, "--from", args.from)?;
    let from = args.from.unwrap_or(store.base().sequence);
    if from > until {
        return Err(Failure::wrong("--from", format_args!("found {from}, expected at most --to, {}", until - 1)));
    }
    let records = store.read(from).take_while(|record| !matches!(record, Ok(record) if record.sequence >= until));
    stream(
        to,
        records.map(|record| {
            let document = RecordDocument::new(store.name(), &record.map_err(broken)?)?;
            Ok(serde_json::to_string(&document).expect("what the engine says is JSON"))
        }),
    )
}

//! `upm journal export`: every record as a line of JSON.

use journal::{Journal, Record};
use shell::draft::Destination;
use shell::failure::Failure;
use shell::printer::{Answer, stream};

use super::JournalArgs;
use super::named::named;
use crate::history::{self, broken};
use crate::record::{JSON, RecordDocument};

/// Print records as JSON lines: the principal, the command, the events and the hashes of each
///
/// Lines are printed as they are read; a damaged record ends them with exit status 1. A file is written whole or not at all.
///
/// Without --names the records are in the form of the engine, which `upm-lab run --script` can read.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm-lab run --seed 1 --ticks 20 --keep target/run.journal
  upm journal export target/run.journal --from 10 --to 12
  upm journal export target/run.journal --names --from 10")]
pub struct Args {
    #[command(flatten)]
    journal: JournalArgs,
    /// The first record; the first that is kept when not given
    #[arg(long, value_name = "SEQUENCE")]
    from: Option<u64>,
    /// The last record; the end of the journal when not given
    #[arg(long, value_name = "SEQUENCE")]
    to: Option<u64>,
    /// Names in place of numbers, contracts in place of lots; the whole journal is replayed first to find the names
    #[arg(long)]
    names: bool,
}

/// Streams the requested records.
pub fn run(args: &Args, to: &Destination) -> Result<Answer, Failure> {
    let store = history::open(args.journal.path())?;
    let until = history::until(&store, "--to", args.to)?;
    history::until(&store, "--from", args.from)?;
    let from = args.from.unwrap_or(store.base().sequence);
    if from > until {
        return Err(Failure::wrong("--from", format_args!("found {from}, expected at most --to, {}", until - 1)));
    }
    let head = store.head().sequence;
    let state = args.names.then(|| history::replay(&store, head, |_, _| {})).transpose()?;
    let state = state.map(|replayed| replayed.engine.into_state());
    let records = store.read(from).take_while(|record| !matches!(record, Ok(record) if record.sequence >= until));
    let line = |record: Record| {
        let document = RecordDocument::new(store.name(), &record)?;
        let Some(state) = &state else { return Ok(serde_json::to_string(&document).expect(JSON)) };
        let record = serde_json::to_value(&document).expect(JSON);
        Ok(serde_json::to_string(&named(state, record)).expect(JSON))
    };
    stream(to, records.map(|record| line(record.map_err(broken)?)))
}

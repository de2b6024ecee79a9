//! `upm journal`: reads back from disk the decisions of an engine.

mod cases;
mod diff;
mod directory;
mod export;
mod extract;
mod named;
mod replay;
mod salvage;
mod verify;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use shell::draft::Destination;
use shell::failure::Failure;
use shell::printer::Answer;

/// Read a journal: verify it, replay it, export it, compare it with another, salvage it
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm-lab run --seed 1 --ticks 20 --keep target/run.journal
  upm journal verify target/run.journal
  upm journal export target/run.journal --output-file target/run.jsonl")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Cases(cases::Args),
    Verify(verify::Args),
    Replay(replay::Args),
    Export(export::Args),
    Extract(extract::Args),
    Diff(diff::Args),
    Salvage(salvage::Args),
}

/// The argument that names a journal.
#[derive(clap::Args)]
struct JournalArgs {
    /// Journal, as the engine or `upm-lab run --keep` writes it
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl JournalArgs {
    fn path(&self) -> &Path {
        &self.file
    }
}

/// Verifies, replays, exports, compares or salvages a journal.
pub fn run(args: &Args, to: &Destination) -> Result<Answer, Failure> {
    match &args.command {
        Command::Cases(args) => cases::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Export(args) => export::run(args, to),
        Command::Extract(args) => extract::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Salvage(args) => salvage::run(args),
    }
}

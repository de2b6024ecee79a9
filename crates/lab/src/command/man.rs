//! `upm-lab man`: the manual page of a command, with the text of its `--help`.

use clap::CommandFactory;
use shell::failure::Failure;
use shell::manual::page;
use shell::printer::Answer;

use crate::Arguments;

/// Print the manual page of a command
///
/// `upm-lab man run | man -l -` shows it. A package installs each page under the name upm-lab-run.1.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm-lab man
  upm-lab man run")]
pub struct Args {
    /// The word of a command, such as run; the page of upm-lab itself when not given
    #[arg(value_name = "COMMAND")]
    words: Vec<String>,
}

/// Renders the page of the command with these words.
pub fn run(args: &Args) -> Result<Answer, Failure> {
    page(Arguments::command(), &args.words)
}

//! `upm man`: the manual page of a command, from the same words as its `--help`.

use clap::CommandFactory;
use shell::failure::Failure;
use shell::manual::page;
use shell::printer::Answer;

use crate::Arguments;

/// Print the manual page of a command
///
/// `upm man margin | man -l -` shows it. A package installs each page under the name upm-margin.1.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm man
  upm man margin
  upm man journal verify")]
pub struct Args {
    /// The words of a command, such as margin or journal verify; the page of upm itself when not given
    #[arg(value_name = "COMMAND")]
    words: Vec<String>,
}

/// Renders the page of the command with these words.
pub fn run(args: &Args) -> Result<Answer, Failure> {
    page(Arguments::command(), &args.words)
}

//! `upm man`: the manual page of a command, from the same words as its `--help`.

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::Arguments;
use crate::failure::Failure;
use crate::printer::Answer;

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

/// An empty argument, as roff writes it: without one the version would stand in the place of the date.
const NO_DATE: &str = "\"\"";

/// How the section with the examples begins, which `man` would break and hyphenate like prose.
const FILLED: &str = ".SH EXTRA\nExample:\n";
/// The same with its lines kept as they are until the next section.
const AS_WRITTEN: &str = ".SH EXAMPLE\n.nf\n";

/// Renders the page of the command that the words name.
pub fn run(args: &Args) -> Result<Answer, Failure> {
    // `upm help margin` is another way to ask for `upm margin --help` and has no page of its own.
    let mut upm = Arguments::command().disable_help_subcommand(true);
    upm.build();
    let mut command = &upm;
    for word in &args.words {
        command = command.find_subcommand(word).ok_or_else(|| unknown(command, word))?;
    }
    let mut page = Vec::new();
    let source = concat!("upm ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).date(NO_DATE).source(source).manual("upm");
    man.render(&mut page).expect("a page in memory takes every byte");
    let page = String::from_utf8(page).expect("help and names are UTF-8");
    Ok(Answer::out(page.replace(FILLED, AS_WRITTEN)))
}

/// Why a word names no command below this one.
fn unknown(command: &Command, word: &str) -> Failure {
    let above = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let known: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
    let problem = if known.is_empty() {
        format!("found {word:?} after {above}, expected no further word")
    } else {
        format!("found {word:?} after {above}, expected one of {}", known.join(", "))
    };
    Failure::wrong("COMMAND", problem)
}

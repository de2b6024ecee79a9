//! `upm-lab completions`: the script that a shell reads to complete commands, options and their values.

use clap::CommandFactory;
use shell::completions::{Shell, script};
use shell::printer::Answer;

use crate::Arguments;

/// Print the script with which a shell completes commands, options and their values
///
/// bash reads it with `source <(upm-lab completions bash)`.
///
/// The other shells read it from a file in a folder of theirs; zsh expects the name `_upm-lab` there.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm-lab completions bash
  upm-lab completions zsh")]
pub struct Args {
    /// The shell that reads the script
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

/// Writes the script from the declared commands.
pub fn run(args: &Args) -> Answer {
    script(Arguments::command(), args.shell)
}

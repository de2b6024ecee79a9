//! `upm completions`: a script with which a shell completes the commands, the options and their values.

use clap::CommandFactory;
use shell::completions::{Shell, script};
use shell::printer::Answer;

use crate::Arguments;

/// Print the script with which a shell completes commands, options and their values
///
/// bash reads it with `source <(upm completions bash)`.
///
/// The other shells read it from a file in a folder of theirs; zsh expects the name `_upm` there.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm completions bash
  upm completions zsh")]
pub struct Args {
    /// The shell that reads the script
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

/// Writes the script from the declared commands.
pub fn run(args: &Args) -> Answer {
    script(Arguments::command(), args.shell)
}

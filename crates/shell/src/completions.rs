//! Writes the scripts with which shells complete the commands of a program, their options and their values.

use clap::Command;
use clap_complete::generate;

pub use clap_complete::Shell;

use crate::printer::Answer;

/// The completion script for a shell, made from the declared commands. It completes the words typed after the name of
/// `program`.
pub fn script(mut program: Command, shell: Shell) -> Answer {
    let name = program.get_name().to_owned();
    let mut script = Vec::new();
    generate(shell, &mut program, name, &mut script);
    Answer::out(String::from_utf8(script).expect("help and names are UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_completes_the_program_that_users_start() {
        let script = script(Command::new("upm").subcommand(Command::new("margin")), Shell::Bash).out;
        assert!(script.lines().any(|line| line.trim().starts_with("complete -F _upm ") && line.ends_with(" upm")));
    }
}

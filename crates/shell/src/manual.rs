//! Writes the manual pages of a program's commands from the same words as their `--help`.

use clap::Command;
use clap_mangen::Man;

use crate::failure::Failure;
use crate::printer::Answer;

/// An empty argument in roff: without it the version would appear in the place of the date.
const NO_DATE: &str = "\"\"";

/// The beginning of the section with the examples, which `man` would break and hyphenate like prose.
const FILLED: &str = ".SH EXTRA\nExample:\n";
/// The same with its lines kept as they are until the next section.
const AS_WRITTEN: &str = ".SH EXAMPLE\n.nf\n";

/// The page of the command of `program` with this name, such as `journal verify`; without words, of the program itself.
/// Fails when there is no such command.
pub fn page(program: Command, words: &[String]) -> Result<Answer, Failure> {
    // `upm help margin` is another way to ask for `upm margin --help` and has no page of its own.
    let mut program = program.disable_help_subcommand(true);
    program.build();
    let mut command = &program;
    for word in words {
        command = command.find_subcommand(word).ok_or_else(|| unknown(command, word))?;
    }
    let name = program.get_name().to_owned();
    let source = format!("{name} {}", program.get_version().unwrap_or_default());
    let mut page = Vec::new();
    let man = Man::new(command.clone()).date(NO_DATE).source(source).manual(name);
    man.render(&mut page).expect("a page in memory takes every byte");
    let page = String::from_utf8(page).expect("help and names are UTF-8");
    Ok(Answer::out(page.replace(FILLED, AS_WRITTEN)))
}

/// The error for a word that is not a command below `command`.
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

//! The help of a program: its commands, and its examples, which must work as pasted from the root of the repository.

use crate::program::{Program, root};

/// The longest line of a help before its examples, in characters.
const LONGEST: usize = 140;

/// Every command of a program, as help lists them, the program itself (no word) first. clap's own `help` is none of them.
pub fn commands(program: &Program) -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    let mut next = 0;
    while let Some(command) = all.get(next) {
        let further = below(program, command);
        all.extend(further);
        next += 1;
    }
    all
}

/// The commands below one.
fn below(program: &Program, command: &[String]) -> Vec<Vec<String>> {
    let help = program.answer(&[command, &["--help".to_owned()]].concat());
    let Some((_, list)) = help.split_once("\nCommands:\n") else { return Vec::new() };
    let lines = list.lines().take_while(|line| line.starts_with("  "));
    // A line that is indented further goes on with the words of the one before.
    let names = lines.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(|name| [command, &[name.to_owned()]].concat()).collect()
}

/// The examples in the help of a command, a list of words each, with the name of a program first. Insists on at least one,
/// on lines that fit, and that none leaves the repository. What an example would not write over is removed.
pub fn examples(program: &Program, command: &[&str]) -> Vec<Vec<String>> {
    let help = program.answer(&[command, &["--help"]].concat());
    let (words, text) = help.split_once("Example:\n").unwrap_or_else(|| panic!("no example in:\n{help}"));
    assert!(words.lines().all(|line| line.chars().count() <= LONGEST), "{help}");
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim).filter(|line| line.starts_with("upm"));
    let examples: Vec<Vec<String>> = lines.map(split).collect();
    assert!(!examples.is_empty(), "{help}");
    for example in &examples {
        let leaves = |word: &String| word.starts_with('/') || word.contains("../");
        assert!(!example.iter().any(leaves), "{example:?} leaves the repository");
    }
    examples
}

/// Removes what the example would refuse to write over: a journal, or extracted documents.
pub fn make_room(example: &[String]) {
    let after = |option: &str| example.iter().position(|word| word == option).map(|place| &example[place + 1]);
    let saved = example.iter().any(|word| word == "salvage").then(|| example.last()).flatten();
    let begun = example.iter().any(|word| word == "--begin").then(|| after("--journal")).flatten();
    if let Some(journal) = after("--keep").or(saved).or(begun) {
        std::fs::create_dir_all(root().join("target")).expect("the repository is writable");
        let _ = std::fs::remove_file(root().join(journal));
    }
    if let Some(folder) = after("--to") {
        let _ = std::fs::remove_dir_all(root().join(folder));
    }
}

/// The words of a line, as a shell splits them.
fn split(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().expect("never empty").push(character),
        }
    }
    words.into_iter().filter(|word| !word.is_empty()).collect()
}

//! Every command has help with an example, and the example works as pasted from the root of the repository.

mod common;

use common::{answer, upm};

const COMMANDS: &[&[&str]] = &[
    &[],
    &["journal"],
    &["import"],
    &["params"],
    &["margin"],
    &["compare"],
    &["what-if"],
    &["stress"],
    &["plan"],
    &["run"],
    &["sim"],
    &["sim", "cascade"],
    &["sim", "incident"],
    &["sim", "crash"],
    &["journal", "verify"],
    &["journal", "replay"],
    &["journal", "cases"],
    &["journal", "export"],
    &["journal", "extract"],
    &["journal", "diff"],
    &["journal", "salvage"],
    &["explain"],
    &["import", "deribit"],
    &["import", "deribit-chain"],
    &["methods"],
    &["params", "show"],
    &["params", "check"],
    &["demo"],
    &["completions"],
    &["man"],
];

/// The command lines under "Example:", continuation lines joined, words split as a shell does.
fn examples(help: &str) -> Vec<Vec<String>> {
    let (_, text) = help.split_once("Example:\n").unwrap_or_else(|| panic!("no example in:\n{help}"));
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim).filter(|line| line.starts_with("upm "));
    lines.map(|line| words(line).split_off(1)).collect()
}

fn words(line: &str) -> Vec<String> {
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

#[test]
fn every_example_works_as_pasted() {
    for command in COMMANDS {
        let help = answer(&[*command, &["--help"]].concat());
        let words = help.split("Example:").next().unwrap_or_default();
        assert!(words.lines().all(|line| line.chars().count() <= 140), "{help}");
        let examples = examples(&help);
        assert!(!examples.is_empty(), "{help}");
        for example in examples {
            for word in &example {
                assert!(!word.starts_with('/') && !word.contains("../"), "{example:?} leaves the repository");
            }
            // A journal is never written over.
            if example.iter().any(|word| word == "--keep" || word == "salvage") {
                std::fs::create_dir_all(common::root().join("target")).unwrap();
                let _ = std::fs::remove_file(common::root().join(&example[example.len() - 1]));
            }
            // Nor are documents that were extracted.
            if let Some(place) = example.iter().position(|word| word == "--to").map(|flag| &example[flag + 1]) {
                let _ = std::fs::remove_dir_all(common::root().join(place));
            }
            let run = upm(&example);
            assert_eq!(run.status, 0, "{example:?}: {}", run.err);
        }
    }
}

#[test]
fn what_runs_for_minutes_has_an_example_all_the_same() {
    assert!(answer(&["sim", "canaries", "--help"]).contains("\n  upm sim canaries\n"));
}

#[test]
fn help_is_no_failure_and_its_absence_is() {
    assert!(answer(&["--help"]).contains("margin"));
    assert!(answer(&["--version"]).starts_with("upm "));
    assert_eq!(upm::<&str>(&[]).status, 2);
    assert_eq!(upm(&["import"]).status, 2);
}

//! Every experiment has help with examples that work as pasted, a manual page, and completions.

mod common;

use std::collections::BTreeSet;

use common::LAB;
use testdata::help::{commands, examples, make_room};
use testdata::manual::{check_completions, check_pages};

/// This command runs for minutes; `cargo xtask ci` runs it.
const LONG: &str = "canaries";

/// An example that several commands show is run once.
#[test]
fn every_example_works_as_pasted() {
    let mut seen = BTreeSet::new();
    for command in commands(&LAB) {
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        for example in examples(&LAB, &command) {
            assert_eq!(example[0], "upm-lab", "{example:?}");
            if example[1] != LONG && seen.insert(example.clone()) {
                make_room(&example);
                let run = LAB.run(&example[1..]);
                assert_eq!(run.status, 0, "{example:?}: {}", run.err);
            }
        }
    }
}

#[test]
fn every_experiment_is_listed() {
    let words =
        ["run", "canaries", "crash", "cascade", "coverage", "moves", "attack", "incident", "completions", "man"];
    let listed: Vec<String> = commands(&LAB).into_iter().flatten().collect();
    assert_eq!(listed, words);
}

#[test]
fn every_command_has_a_page_and_completions() {
    check_pages(&LAB, "upm-lab");
    check_completions(&LAB, "upm-lab", &["output-file", "seeds", "shock"]);
}

#[test]
fn help_is_no_failure_and_its_absence_is() {
    assert!(LAB.answer(&["--version"]).starts_with("upm-lab "));
    assert_eq!(LAB.run::<&str>(&[]).status, 2);
    let run = LAB.run(&["simulate"]);
    assert_eq!((run.status, run.out.as_str()), (2, ""));
    assert!(run.err.starts_with("upm-lab: unrecognized subcommand 'simulate'"), "{}", run.err);
}

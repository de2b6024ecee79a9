//! Every command has help with an example, and the example works as pasted from the root of the repository.

mod common;

use common::{UPM, answer, keep_run, upm};
use testdata::help::{examples, make_room};

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

/// Runs an example. A file that the laboratory would write for it is written here without that program, which is in
/// another package.
fn works(example: &[String]) {
    make_room(example);
    match example.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["upm", ref words @ ..] => {
            let run = upm(words);
            assert_eq!(run.status, 0, "{example:?}: {}", run.err);
        }
        ["upm-lab", "run", "--seed", seed, "--ticks", ticks, "--keep", file] => {
            let [seed, ticks] = [seed, ticks].map(|number| number.parse().expect("a number"));
            keep_run(&common::root().join(file), seed, ticks);
        }
        _ => panic!("{example:?} is run by no program"),
    }
}

#[test]
fn every_example_works_as_pasted() {
    for command in COMMANDS {
        let examples = examples(&UPM, command);
        assert!(examples.iter().any(|example| example[0] == "upm"), "{command:?}: {examples:?}");
        for example in &examples {
            works(example);
        }
    }
}

#[test]
fn help_is_no_failure_and_its_absence_is() {
    assert!(answer(&["--help"]).contains("margin"));
    assert!(answer(&["--version"]).starts_with("upm "));
    assert_eq!(upm::<&str>(&[]).status, 2);
    assert_eq!(upm(&["import"]).status, 2);
}

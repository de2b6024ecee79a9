//! Every command has help with an example, and the example works as pasted from the root of the repository.

mod common;

use std::collections::BTreeMap;

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
    &["schema"],
    &["params", "show"],
    &["params", "check"],
    &["demo"],
    &["completions"],
    &["man"],
];

/// Journals of simulated runs by seed and ticks: many commands show the same one, which is simulated once.
type Journals = BTreeMap<(u64, u64), Vec<u8>>;

/// Runs an example. A file that the laboratory would write for it is written here without that program, which is in
/// another package.
fn works(example: &[String], journals: &mut Journals) {
    make_room(example);
    match example.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["upm", ref words @ ..] => {
            let run = upm(words);
            assert_eq!(run.status, 0, "{example:?}: {}", run.err);
        }
        ["upm-lab", "run", "--seed", seed, "--ticks", ticks, "--keep", file] => {
            let [seed, ticks] = [seed, ticks].map(|number| number.parse().expect("a number"));
            let file = common::root().join(file);
            let kept = journals.entry((seed, ticks)).or_insert_with(|| {
                keep_run(&file, seed, ticks);
                std::fs::read(&file).expect("it was just written")
            });
            std::fs::write(&file, kept).expect("the folder for builds is writable");
        }
        _ => panic!("{example:?} is run by no program"),
    }
}

#[test]
fn every_example_works_as_pasted() {
    let mut journals = Journals::new();
    for command in COMMANDS {
        let examples = examples(&UPM, command);
        assert!(examples.iter().any(|example| example[0] == "upm"), "{command:?}: {examples:?}");
        for example in &examples {
            works(example, &mut journals);
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

//! `upm-lab run`: seeds and scripts, the files that a run writes, and arguments that are refused before a run.

mod common;

use common::LAB;
use journal::Store;
use sim::keep::Witness;
use sim::run::run_with;
use sim::{Options, shrink};
use testdata::MARKET;

/// The run fails with one line of error text, which contains `message`.
fn refused(arguments: &[&str], message: &str) {
    let run = LAB.run(arguments);
    assert_eq!((run.status, run.out.as_str(), run.err.lines().count()), (2, "", 1), "{arguments:?}: {}", run.err);
    assert!(run.err.starts_with("upm-lab: ") && run.err.contains(message), "{arguments:?}: {}", run.err);
}

/// The run fails with clap's error text, which contains `message`.
fn misused(arguments: &[&str], message: &str) {
    let run = LAB.run(arguments);
    assert_eq!((run.status, run.out.as_str()), (2, ""), "{arguments:?}: {}", run.err);
    assert!(run.err.starts_with("upm-lab: ") && run.err.contains(message), "{arguments:?}: {}", run.err);
}

#[test]
fn many_seeds_are_summed_up() {
    let summary = LAB.document(&["run", "--seeds", "1..3", "--ticks", "10", "--threads", "2", "--output", "json"]);
    assert_eq!((&summary["format"], &summary["passed"]), (&"upm.sim/1".into(), &true.into()));
    assert_eq!(summary["runs"].as_array().unwrap().len(), 3);
    let alone = LAB.document(&["run", "--seed", "2", "--ticks", "10", "--output", "json"]);
    assert_eq!(alone["runs"][0]["hash"], summary["runs"][1]["hash"]);
}

#[test]
fn a_kept_journal_leads_to_the_state_in_which_the_run_ended() {
    let file = LAB.fresh("lab-kept.journal");
    let run = LAB.document(&["run", "--seed", "1", "--ticks", "20", "--keep", &file, "--output", "json"]);
    let store = Store::examine(&file).unwrap();
    let mut replayed = sequencer::replay(&store, None, |_, _| {}).unwrap();
    assert!(replayed.records > 0);
    assert_eq!(run["runs"][0]["hash"], replayed.engine.hash().to_string());
}

/// A kept journal gets its name only once it is complete.
#[test]
fn an_interrupted_run_leaves_no_journal() {
    let file = LAB.fresh("lab-interrupted.journal");
    let mut run = LAB.start(&["run", "--seed", "1", "--ticks", "100000", "--keep", &file]);
    std::thread::sleep(std::time::Duration::from_millis(300));
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(!std::path::Path::new(&file).exists());
}

#[test]
fn a_script_is_run_as_it_stands() {
    let mut witness = Witness::new(|_| {});
    run_with(&Options::new(1, 1), &mut witness);
    let script = LAB.written("lab-script.jsonl", &shrink::to_lines(&witness.into_accepted()[..6]));
    let document = LAB.document(&["run", "--script", &script, "--output", "json"]);
    assert_eq!((&document["commands"], &document["script"]), (&6.into(), &script.into()));
}

#[test]
fn a_run_of_nothing_is_refused() {
    refused(&["run"], "--seed: missing, expected --seed, --seeds or --script");
    misused(&["run", "--seeds", "9..1"], "expected a first and a last seed, such as 1..100");
    misused(&["run", "--seed", "1", "--ticks", "0"], "--ticks");
    let wrong = LAB.written("lab-wrong.jsonl", "{}\n");
    refused(&["run", "--script", &wrong], "lab-wrong.jsonl: line 1: ");
    let empty = LAB.written("lab-empty.jsonl", "\n\n");
    refused(&["run", "--script", &empty], "lab-empty.jsonl: found ");
}

#[test]
fn an_option_that_does_nothing_is_refused() {
    let script = LAB.written("lab-option.jsonl", "{}");
    misused(&["run", "--seed", "1", "--threads", "2"], "--threads");
    misused(&["run", "--script", &script, "--threads", "2"], "--threads");
    misused(&["run", "--script", &script, "--ticks", "5"], "--ticks");
    refused(&["run", "--seed", "1", "--ticks", "1", "--force"], "--force: found without a file to write");
}

#[test]
fn threads_out_of_range_are_refused() {
    for command in [&["run", "--seeds", "1..2"][..], &["cascade", "--seeds", "1..1", "--shock", "outage"]] {
        for count in ["0", "257", "two"] {
            let message = format!("invalid value '{count}' for '--threads <K>': expected 1 to 256");
            misused(&[command, &["--threads", count]].concat(), &message);
        }
    }
}

#[test]
fn nothing_is_written_over() {
    let market = LAB.written("lab-market.json", MARKET);
    refused(
        &["run", "--seed", "1", "--keep", &market],
        "lab-market.json: found a upm.market document, expected no file",
    );
    let plot = ["cascade", "--seeds", "1..1", "--shock", "gap", "--plot", &market];
    refused(&plot, "found a upm.market document, expected ");
    refused(&["run", "--seed", "1", "--output-file", &market], "found a upm.market document, expected ");
    assert_eq!(std::fs::read_to_string(&market).unwrap(), MARKET);
}

#[test]
fn a_place_that_cannot_be_written_is_exit_status_1() {
    let run = LAB.run(&["run", "--seed", "1", "--ticks", "1", "--keep", "no/such/a.journal"]);
    assert_eq!((run.status, run.out.as_str()), (1, ""), "{}", run.err);
    assert!(run.err.contains("no/such/a.journal: ") && run.err.contains("a file that can be written"), "{}", run.err);
}

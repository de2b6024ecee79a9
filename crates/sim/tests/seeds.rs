//! Tests of the simulator itself: the same seed is the same run, canaries are caught, short scripts still fail.

mod common;

use common::{assert_caught, reached};
use engine::{Command, Engine, Envelope, Event, Reject};
use sim::canary::{CANARIES, Canary, Decider};
use sim::run::{run, run_with};
use sim::{Options, run_seeds, shrink};

/// I-70: to the last hash, on one thread and on many.
#[test]
fn the_same_seed_is_the_same_run_on_any_number_of_threads() {
    let options = Options::new(0, 25);
    let [one, many] = [1, 4].map(|threads| run_seeds(1..=4, &options, threads, |_| {}));
    assert_eq!(one, many);
    assert_eq!(one.failures().count(), 0, "{:?}", one.failures().next().and_then(|outcome| outcome.failure.as_ref()));
    assert_ne!(one.outcomes[0].hash, one.outcomes[1].hash);
}

/// A few canaries in a few seconds; `upm-lab canaries` lets all of them loose.
#[test]
fn broken_rules_are_caught_and_sound_ones_pass() {
    for canary in [Canary::FeeTwice, Canary::NoMargin, Canary::OrderStays, Canary::FundingKept] {
        let caught = |seed| run_with(&Options::new(seed, 25), &mut canary.clone()).failure;
        assert!((1..=6).find_map(caught).is_some(), "{canary:?} was not caught");
    }
    assert_eq!(run(&Options::new(1, 25)).failure, None);
    assert!(CANARIES.len() >= 8);
}

/// I-38, I-42, I-43: accounts are liquidated in a run, and errors in their liquidation are noticed.
#[test]
fn broken_liquidations_are_caught() {
    let (seeds, ticks) = ([10, 24], 50);
    let reached = reached(&seeds, ticks).liquidations;
    for what in ["begun", "offer", "fill", "ended"] {
        assert!(reached.contains_key(what), "{what}: {reached:?}");
    }
    let canaries = [
        (Canary::OverLiquidated, "I-38"),
        (Canary::BadPrice, "I-42"),
        (Canary::GreedyBid, "I-42"),
        (Canary::SkewedCross, "I-42"),
        (Canary::StuckFlag, "I-43"),
    ];
    assert_caught(&canaries, &seeds, ticks);
}

/// Corners that chance alone hardly reaches, and that a change of the workload could lose unnoticed.
#[test]
fn liquidations_cross_and_portfolios_are_auctioned_and_bid_for() {
    let reached = reached(&[1, 17, 20, 24, 26, 42], 30);
    for what in ["crossing", "auction", "bid"] {
        assert!(reached.liquidations.get(what).is_some_and(|count| *count >= 3), "{what}: {reached:?}");
    }
    let (accepted, refused) = reached.commands["AuctionBid"];
    assert!(accepted > 0 && refused > accepted, "bids that ask too much, take too much or come too late are refused");
}

/// A canary is shown by a handful of commands, and by the same commands when they are read from a file.
#[test]
fn a_failing_run_shrinks_to_a_short_script() {
    let caught = |seed| run_with(&Options { shrinks: true, ..Options::new(seed, 25) }, &mut Canary::FeeTwice).failure;
    let failure = (1..=6).find_map(caught).expect("a canary");
    assert!((1..=60).contains(&failure.script.len()), "{} commands", failure.script.len());
    let lines = shrink::to_lines(&failure.script);
    let read: Vec<Envelope> = shrink::from_lines(&lines).expect("what was written is read");
    assert_eq!(read, failure.script);
    let again = Options { script: Some(read), ..Options::default() };
    let found = run_with(&again, &mut Canary::FeeTwice).failure.expect("it still fails");
    assert_eq!(found.invariant, failure.invariant);
    assert_eq!(run(&again).failure, None);
    assert_eq!(shrink::from_lines("{}\n").expect_err("no command").line, 1);
}

/// A panic of a rule counts as a failure.
#[test]
fn a_panic_is_found() {
    struct Panics;
    impl Decider for Panics {
        fn decide(&mut self, engine: &Engine, envelope: &Envelope) -> Result<Vec<Event>, Reject> {
            assert!(envelope.command != Command::Interest, "on purpose");
            engine.decide(envelope)
        }
    }
    let failure = (1..10).find_map(|seed| run_with(&Options::new(seed, 60), &mut Panics).failure);
    assert_eq!(failure.expect("interest is charged").invariant, "I-04");
}

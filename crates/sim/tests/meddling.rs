//! What others put into accounts to keep them from being liquidated is tried in runs, and an engine that lets them is caught.

use sim::canary::Canary;
use sim::run::{run, run_with};
use sim::{Coverage, Options};

/// Seeds in which others meddle with accounts that are liquidated.
const SEEDS: [u64; 5] = [1, 6, 10, 13, 14];

const TICKS: u64 = 60;

/// I-73, I-74, I-75.
#[test]
fn an_engine_that_others_can_hold_up_is_caught() {
    let mut reached = Coverage::default();
    for seed in SEEDS {
        let sound = run(&Options::new(seed, TICKS));
        assert_eq!(sound.failure, None, "seed {seed}");
        reached.add(&sound.coverage);
    }
    for what in ["begun", "offer", "fill", "ended"] {
        assert!(reached.liquidations.get(what).is_some_and(|count| *count >= 3), "{what}: {:?}", reached.liquidations);
    }
    for (canary, invariant) in [
        (Canary::DustBlinds, "I-73"),
        (Canary::NoCase, "I-73"),
        (Canary::OfferFalls, "I-74"),
        (Canary::DustSent, "I-75"),
    ] {
        let caught = |seed| run_with(&Options::new(seed, TICKS), &mut canary.clone()).failure;
        let caught: Vec<String> = SEEDS.into_iter().filter_map(caught).map(|failure| failure.invariant).collect();
        assert!(caught.iter().any(|found| found == invariant), "{canary:?}: {caught:?}");
    }
}

//! Helpers that several tests of the simulator share.

use sim::canary::Canary;
use sim::run::{run, run_with};
use sim::{Coverage, Options};

/// Runs seeds with the unbroken rules, which must hold, and returns their coverage together.
pub fn reached(seeds: &[u64], ticks: u64) -> Coverage {
    let mut reached = Coverage::default();
    for seed in seeds {
        let sound = run(&Options::new(*seed, ticks));
        assert_eq!(sound.failure, None, "seed {seed}");
        reached.add(&sound.coverage);
    }
    reached
}

/// Each canary must be caught by its invariant in at least one of the seeds.
pub fn assert_caught(canaries: &[(Canary, &str)], seeds: &[u64], ticks: u64) {
    for (canary, invariant) in canaries {
        let caught = |seed: &u64| run_with(&Options::new(*seed, ticks), &mut canary.clone()).failure;
        let caught: Vec<String> = seeds.iter().filter_map(caught).map(|failure| failure.invariant).collect();
        assert!(caught.iter().any(|found| found == invariant), "{canary:?}: {caught:?}");
    }
}

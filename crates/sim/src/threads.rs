//! Runs many seeds on many threads. The outcomes are those of one thread, in the order of the seeds.

use std::ops::RangeInclusive;

use serde::Serialize;

use crate::report::Coverage;
use crate::run::{Options, Outcome, run};

/// The results of many runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Every run, in the order of the seeds.
    pub outcomes: Vec<Outcome>,
    /// The coverage of all runs together.
    pub coverage: Coverage,
    /// Commands that were sent.
    pub commands: u64,
    /// The time that passed in all simulations together, in seconds.
    pub simulated_seconds: i64,
}

impl Summary {
    /// The runs that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().filter(|outcome| outcome.failure.is_some())
    }
}

/// Runs each seed of a range for `ticks` ticks. `progress` is called with each run, in the order of the seeds.
pub fn run_seeds(
    seeds: RangeInclusive<u64>,
    template: &Options,
    threads: usize,
    progress: impl FnMut(&Outcome),
) -> Summary {
    let outcomes = pool::map(threads, seeds, |seed| run(&Options { seed, ..template.clone() }), progress);
    let mut summary = Summary::default();
    for outcome in &outcomes {
        summary.coverage.add(&outcome.coverage);
        summary.commands += outcome.commands;
        summary.simulated_seconds += outcome.simulated_seconds;
    }
    summary.outcomes = outcomes;
    summary
}

//! The rounds: who is measured, for how long, and what comes out.
//!
//! * Time is **CPU time of the measuring thread**: what others do on the machine is not counted as ours or a peer's.
//!   They still take cache and clock frequency away, and that is why
//! * peers take **turns**: in every round each works for the same time, so a slow moment meets all of them;
//! * a ratio is taken **within a round**, and medians over rounds are reported, with half the distance of the quartiles as
//!   the spread. No best-of: a best round shows the luck of the machine.

use std::hint::black_box;

use rustix::time::{ClockId, clock_gettime};

use crate::peers::Process;

/// Something whose work can be repeated.
pub enum Runner<'a> {
    /// In this process: a function that does the work once.
    Here(Box<dyn FnMut() + 'a>),
    /// Another program that has answered `ready`.
    There(Process),
    /// Not on this machine.
    Missing(String),
}

/// One line of the table.
pub struct Line {
    pub workload: &'static str,
    pub unit: &'static str,
    pub peer: String,
    /// Nanoseconds of one unit, round by round; or why there are none.
    pub rounds: Result<Vec<f64>, String>,
    /// The largest difference from our results, in the unit that the workload states.
    pub difference: Option<f64>,
}

/// A peer on the way to a line.
pub struct Entry<'a> {
    pub peer: String,
    pub runner: Runner<'a>,
    pub difference: Option<f64>,
}

/// Rounds of work.
#[derive(Clone, Copy)]
pub struct Effort {
    pub rounds: usize,
    pub milliseconds: f64,
}

impl Effort {
    /// Lets all entries take turns. A run of the work does `units` units.
    pub fn measure(self, workload: &'static str, unit: &'static str, units: usize, entries: Vec<Entry>) -> Vec<Line> {
        let mut all: Vec<(Line, Runner)> = Vec::new();
        for Entry { peer, mut runner, difference } in entries {
            if let Runner::Here(work) = &mut runner {
                work();
            }
            let rounds = match &runner {
                Runner::Missing(reason) => Err(reason.clone()),
                Runner::Here(_) | Runner::There(_) => Ok(Vec::new()),
            };
            all.push((Line { workload, unit, peer, rounds, difference }, runner));
        }
        for _ in 0..self.rounds {
            for (line, runner) in &mut all {
                let took = match runner {
                    Runner::Here(work) => Ok(self.repeat(work)),
                    Runner::There(process) => process.round(self.milliseconds),
                    Runner::Missing(_) => continue,
                };
                match (took, &mut line.rounds) {
                    (Ok(nanoseconds), Ok(rounds)) => rounds.push(nanoseconds / units as f64),
                    (Err(reason), rounds) => *rounds = Err(reason),
                    (Ok(_), Err(_)) => {}
                }
            }
        }
        all.into_iter().map(|(line, _)| line).collect()
    }

    /// The clock is a system call: work shorter than a hundred of them is repeated between two looks at it.
    fn repeat(self, work: &mut dyn FnMut()) -> f64 {
        let (start, mut runs, mut spent, mut batch) = (cpu_nanoseconds(), 0_u32, 0.0, 1);
        while spent < self.milliseconds * 1e6 {
            for _ in 0..batch {
                work();
            }
            runs += batch;
            spent = cpu_nanoseconds() - start;
            batch = if spent / f64::from(runs) * f64::from(batch) < 50_000.0 { batch * 2 } else { batch };
        }
        spent / f64::from(runs)
    }
}

/// A runner in this process. What it returns is looked at, so that no work can be left out.
pub fn here<'a, T>(mut work: impl FnMut() -> T + 'a) -> Runner<'a> {
    Runner::Here(Box::new(move || {
        black_box(work());
    }))
}

/// CPU time of this thread.
pub fn cpu_nanoseconds() -> f64 {
    nanoseconds(ClockId::ThreadCPUTime)
}

/// Time of the clock on the wall: for what waits, as a disk does.
pub fn wall_nanoseconds() -> f64 {
    nanoseconds(ClockId::Monotonic)
}

fn nanoseconds(clock: ClockId) -> f64 {
    let now = clock_gettime(clock);
    now.tv_sec as f64 * 1e9 + now.tv_nsec as f64
}

/// Median, and half the distance of the quartiles.
pub fn median_and_spread(values: &[f64]) -> (f64, f64) {
    let (low, median, high) = quartiles(values);
    (median, (high - low) / 2.0)
}

/// The three quartiles.
pub fn quartiles(values: &[f64]) -> (f64, f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |part: f64| {
        let place = part * (sorted.len() - 1) as f64;
        let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
        low + (high - low) * place.fract()
    };
    (at(0.25), at(0.5), at(0.75))
}

/// How many times longer `line` took than `base`, round by round, in the median.
pub fn ratio(line: &Line, base: &Line) -> Option<f64> {
    let (Ok(line), Ok(base)) = (&line.rounds, &base.rounds) else { return None };
    let ratios: Vec<f64> = line.iter().zip(base).map(|(line, base)| line / base).collect();
    (!ratios.is_empty()).then(|| median_and_spread(&ratios).0)
}

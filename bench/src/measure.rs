//! The rounds: which entries are measured, for how long, and with what results.
//!
//! * Time is **CPU time of the measuring thread**: work of other programs on the machine is not counted as ours or a
//!   peer's. They still take cache and clock frequency away, and therefore
//! * peers take **turns**: in every round each works for the same time, so a slow moment meets all of them;
//! * a ratio is taken **within a round**, and medians over rounds are reported, with half the distance of the quartiles as
//!   the spread. No best-of: a best round shows the luck of the machine.

use std::hint::black_box;

use rustix::time::{ClockId, clock_gettime};

use crate::peers::Process;

/// Work that can be repeated.
pub enum Runner<'a> {
    /// Work in this process: a function that does it once.
    Here(Box<dyn FnMut() + 'a>),
    /// Work in another program that has answered `ready`.
    There(Process),
    /// A peer that is not on this machine, with the reason.
    Missing(String),
}

/// One line of the table.
pub struct Line {
    pub workload: &'static str,
    pub unit: &'static str,
    pub peer: String,
    /// Nanoseconds of one unit in each round, or the reason why there are none.
    pub rounds: Result<Vec<f64>, String>,
    /// The largest difference from our results, in the unit that the workload states.
    pub difference: Option<f64>,
}

/// A peer whose line is being measured.
pub struct Entry<'a> {
    pub peer: String,
    pub runner: Runner<'a>,
    pub difference: Option<f64>,
}

/// The number and the length of rounds.
#[derive(Clone, Copy)]
pub struct Effort {
    pub rounds: usize,
    pub milliseconds: f64,
}

impl Effort {
    /// Lets all entries take turns. One run of the work does `units` units.
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

    /// The clock is a system call: work shorter than a hundred of them is repeated between two readings.
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

/// A runner in this process. The result of the work is used, so that the compiler cannot leave out any of it.
pub fn here<'a, T>(mut work: impl FnMut() -> T + 'a) -> Runner<'a> {
    Runner::Here(Box::new(move || {
        black_box(work());
    }))
}

/// CPU time of this thread.
pub fn cpu_nanoseconds() -> f64 {
    nanoseconds(ClockId::ThreadCPUTime)
}

/// CPU time of all threads of this process.
pub fn process_nanoseconds() -> f64 {
    nanoseconds(ClockId::ProcessCPUTime)
}

/// Wall time, for work that waits, as on a disk.
pub fn wall_nanoseconds() -> f64 {
    nanoseconds(ClockId::Monotonic)
}

fn nanoseconds(clock: ClockId) -> f64 {
    let now = clock_gettime(clock);
    now.tv_sec as f64 * 1e9 + now.tv_nsec as f64
}

/// Median, and half the distance between the quartiles.
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

/// The factor by which `line` took longer than `base` in each round; of these the median.
pub fn ratio(line: &Line, base: &Line) -> Option<f64> {
    let (Ok(line), Ok(base)) = (&line.rounds, &base.rounds) else { return None };
    let ratios: Vec<f64> = line.iter().zip(base).map(|(line, base)| line / base).collect();
    (!ratios.is_empty()).then(|| median_and_spread(&ratios).0)
}

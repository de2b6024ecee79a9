//! `upm-lab run`: the engine against a simulated venue in which everything goes wrong, with an auditor that checks every
//! step.

mod page;

use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use engine::Envelope;
use pool::processors;
use serde::Serialize;
use shell::draft::{Aside, Destination};
use shell::failure::Failure;
use shell::input::{Output, Reader};
use shell::printer::Answer;
use shell::progress::{Progress, pace};
use shell::threads;
use sim::keep::{Witness, keep};
use sim::run::run_with;
use sim::{Coverage, Failure as Broken, Options, Outcome, Summary, Unreached, shrink};
use units::grouped::exact;

use crate::seeds;

/// Ticks of a run when none are given.
const TICKS: u64 = 300;

/// Simulate a venue from a seed, with failing prices, transport and disk, and check every step
///
/// A seed is a run, to the last hash, on every machine. Exit status 1 when an invariant does not hold.
///
/// The commands that show a failure are written to a file, as a script that is as short as possible.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm-lab run --seed 1 --ticks 50
  upm-lab run --seeds 1..4 --ticks 20
  upm-lab run --seed 1 --ticks 20 --keep target/run.journal")]
pub struct Args {
    /// The seed to run
    #[arg(long, value_name = "N", conflicts_with_all = ["seeds", "script"])]
    seed: Option<u64>,
    /// Seeds to run, both ends included, such as 1..100
    #[arg(long, value_name = "A..B", value_parser = seeds::range, conflicts_with_all = ["script", "keep"])]
    seeds: Option<RangeInclusive<u64>>,
    /// Commands to run instead of what a seed would make: JSON lines, as a failing run writes them
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Ticks before the faults stop
    #[arg(long, value_name = "T", default_value_t = TICKS, value_parser = clap::value_parser!(u64).range(1..),
        conflicts_with = "script")]
    ticks: u64,
    /// Runs at the same time, of seeds; as many as there are processors when not given
    #[arg(long, value_name = "K", value_parser = threads::number, conflicts_with_all = ["seed", "script"])]
    threads: Option<NonZeroUsize>,
    /// Write the journal of the run here, to verify, replay, export and explain; never over something
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
    /// table for people, or json (upm.sim/1) for programs
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    output: Output,
}

/// The results of every seed, as a document `upm.sim/1`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct SimDocument<'a> {
    format: &'static str,
    /// The script that was run; none for seeds.
    script: Option<String>,
    passed: bool,
    commands: u64,
    simulated_seconds: i64,
    runs: &'a [Outcome],
    coverage: &'a Coverage,
    unreached: Unreached,
    /// The files with the commands of each failing run; none where the commands alone do not show the failure.
    scripts: Vec<Option<String>>,
}

/// Runs seeds or a script, and writes the commands that show a failure.
pub fn run(args: &Args, to: &Destination) -> Result<Answer, Failure> {
    let (summary, report) = match (&args.seeds, &args.script) {
        (Some(seeds), _) => many(args, seeds.clone()),
        (None, script) => one(args, script.as_deref())?,
    };
    let mut scripts = Vec::new();
    for (seed, failure) in failures(&summary) {
        scripts.push(written(seed, &failure.script, to)?);
    }
    let document = SimDocument {
        format: "upm.sim/1",
        script: args.script.as_ref().map(|file| file.display().to_string()),
        passed: scripts.is_empty() && checked(&summary),
        commands: summary.commands,
        simulated_seconds: summary.simulated_seconds,
        runs: &summary.outcomes,
        coverage: &summary.coverage,
        unreached: summary.coverage.unreached(),
        scripts,
    };
    let answer = match args.output {
        Output::Json => Answer::json(&document),
        Output::Table => Answer::out(page::text(&document)),
    };
    Ok(Answer { report, failed: !document.passed, ..answer })
}

/// Whether there was a run and each sent commands: a run without commands has checked nothing.
fn checked(summary: &Summary) -> bool {
    !summary.outcomes.is_empty() && summary.outcomes.iter().all(|outcome| outcome.commands > 0)
}

fn failures(summary: &Summary) -> impl Iterator<Item = (u64, &Broken)> {
    summary.outcomes.iter().filter_map(|outcome| Some((outcome.seed, outcome.failure.as_ref()?)))
}

/// Writes the commands that show a failure, into the folder `target` if there is one.
fn written(seed: u64, script: &[Envelope], to: &Destination) -> Result<Option<String>, Failure> {
    if script.is_empty() {
        return Ok(None);
    }
    let folder = if Path::new("target").is_dir() { "target" } else { "." };
    let file = Path::new(folder).join(format!("upm-sim-{seed}.jsonl"));
    to.write(&file, &shrink::to_lines(script))?;
    Ok(Some(file.display().to_string()))
}

/// Runs every seed of a range, on several threads.
fn many(args: &Args, seeds: RangeInclusive<u64>) -> (Summary, String) {
    let threads = args.threads.unwrap_or_else(processors).get();
    let mut progress = Progress::new("seeds", seeds::count(&seeds));
    let mut done = 0;
    let template = Options { shrinks: true, ..Options::new(0, args.ticks) };
    let summary = sim::run_seeds(seeds, &template, threads, |_| {
        done += 1;
        progress.at(done);
    });
    let report = pace(summary.commands, "commands", progress.over()) + "\n";
    (summary, report)
}

/// Runs one seed or a script; its journal is kept if requested.
fn one(args: &Args, script: Option<&Path>) -> Result<(Summary, String), Failure> {
    let script = match script {
        Some(file) => {
            let lines = shrink::from_lines(&Reader::default().text(file)?);
            let script =
                lines.map_err(|bad| Failure::wrong(file.display(), format_args!("{bad}, expected a command")))?;
            if script.is_empty() {
                return Err(Failure::wrong(file.display(), "found no command, expected at least one a line"));
            }
            Some(script)
        }
        None if args.seed.is_none() => {
            return Err(Failure::wrong("--seed", "missing, expected --seed, --seeds or --script"));
        }
        None => None,
    };
    let kept = args.keep.as_deref().map(Aside::of_new).transpose()?;
    let options = Options { script, ..Options::new(args.seed.unwrap_or_default(), args.ticks) };
    let mut progress = Progress::new("ticks", args.ticks);
    let mut witness = Witness::new(|ticks| progress.at(ticks));
    let mut outcome = run_with(&options, &mut witness);
    let accepted = witness.into_accepted();
    let mut report = pace(outcome.commands, "commands", progress.over()) + "\n";
    if let Some(aside) = kept {
        report += &written_down(aside, &accepted)?;
    }
    if outcome.failure.is_some() {
        // Run again to get a short script: the witness has seen one run only, not the many that shorten a script.
        outcome = sim::run(&Options { shrinks: true, ..options });
    }
    let mut summary = Summary::default();
    summary.coverage.add(&outcome.coverage);
    summary.commands = outcome.commands;
    summary.simulated_seconds = outcome.simulated_seconds;
    summary.outcomes.push(outcome);
    Ok((summary, report))
}

/// Writes the accepted commands into a journal, which gets its name only once it is complete.
fn written_down(aside: Aside, accepted: &[Envelope]) -> Result<String, Failure> {
    let mut progress = Progress::new("commands written", u64::try_from(accepted.len()).unwrap_or(u64::MAX));
    let records = keep(aside.path(), accepted, |records| progress.at(records)).map_err(Failure::broken)?;
    progress.over();
    let file = aside.file().display().to_string();
    aside.publish()?;
    Ok(format!("{} records in {file}\n", exact(records)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_current() {
        testdata::schema::is_current::<SimDocument<'static>>("upm.sim/1", testdata::schema::Side::Written);
    }
}

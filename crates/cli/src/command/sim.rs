//! `upm sim`: the engine against a simulated venue in which everything goes wrong, and an auditor that notices.

mod canaries;
mod cascade;
mod crash;
mod incident;
mod picture;

use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use engine::{Command as Asked, Engine, Envelope, Event, Reject};
use journal::{Identity, Store};
use sequencer::Sequencer;
use serde::Serialize;
use sim::canary::Rules;
use sim::run::run_with;
use sim::{Coverage, Failure as Broken, Options, Outcome, Summary, Unreached, shrink};

use crate::amount::exact;
use crate::draft::{Aside, Destination};
use crate::failure::Failure;
use crate::history::broken;
use crate::input::{Output, Reader};
use crate::parallel::threads;
use crate::printer::{Answer, Tone, toned};
use crate::progress::{Progress, pace};
use crate::table::paragraph;

/// Ticks of a run when none are given.
const TICKS: u64 = 300;

/// Simulate a venue from a seed, with failing prices, transport and disk, and check every step
///
/// A seed is a run, to the last hash, on every machine. Exit status 1 when an invariant does not hold.
///
/// The commands that show a failure are written to a file, as a script that is as short as possible.
#[derive(clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Example:
  upm sim --seed 1 --ticks 50
  upm sim --seeds 1..4 --ticks 20
  upm sim --seed 1 --ticks 20 --keep target/run.journal"
)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Subcommand)]
enum Command {
    Cascade(cascade::Args),
    Incident(incident::Args),
    Canaries(canaries::Args),
    Crash(crash::Args),
}

#[derive(clap::Args)]
struct RunArgs {
    /// The seed to run
    #[arg(long, value_name = "N", conflicts_with_all = ["seeds", "script"])]
    seed: Option<u64>,
    /// Seeds to run, both ends included, such as 1..100
    #[arg(long, value_name = "A..B", value_parser = seeds, conflicts_with_all = ["script", "keep"])]
    seeds: Option<RangeInclusive<u64>>,
    /// Commands to run instead of what a seed would make: JSON lines, as a failing run writes them
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Ticks before the faults stop
    #[arg(long, value_name = "T", default_value_t = TICKS, value_parser = clap::value_parser!(u64).range(1..),
        conflicts_with = "script")]
    ticks: u64,
    /// Runs at the same time, of seeds; as many as there are processors when not given
    #[arg(long, value_name = "K", value_parser = threads, conflicts_with_all = ["seed", "script"])]
    threads: Option<NonZeroUsize>,
    /// Write the journal of the run here, to verify, replay, export and explain; never over something
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
    /// table for people, or json (upm.sim/1) for programs
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    output: Output,
}

/// What became of every seed, as a document `upm.sim/1`.
#[derive(Serialize)]
struct SimDocument<'a> {
    format: &'static str,
    /// The script that was run, if it was one.
    script: Option<String>,
    passed: bool,
    commands: u64,
    simulated_seconds: i64,
    runs: &'a [Outcome],
    coverage: &'a Coverage,
    unreached: Unreached,
    /// Where the commands of each failing run were written; none where the commands alone do not show the failure.
    scripts: Vec<Option<String>>,
}

/// The rules as they are, and what was accepted by them.
struct Witness {
    accepted: Vec<Envelope>,
    ticks: u64,
    progress: Progress,
}

impl Rules for Witness {
    fn decide(&mut self, engine: &Engine, envelope: &Envelope) -> Result<Vec<Event>, Reject> {
        let answer = engine.decide(envelope);
        if answer.is_ok() {
            self.accepted.push(envelope.clone());
        }
        if envelope.command == Asked::Tick {
            self.ticks += 1;
            self.progress.at(self.ticks);
        }
        answer
    }
}

impl Args {
    /// The files that pictures are drawn into.
    pub fn pictures(&self) -> impl Iterator<Item = &Path> {
        let plot = match &self.command {
            Some(Command::Cascade(args)) => args.picture(),
            _ => None,
        };
        plot.into_iter()
    }
}

/// Runs seeds or a script, lets canaries loose, or kills processes.
pub fn run(args: &Args, to: &Destination) -> Result<Answer, Failure> {
    match &args.command {
        Some(Command::Cascade(args)) => cascade::run(args, to),
        Some(Command::Incident(args)) => incident::run(args),
        Some(Command::Canaries(args)) => Ok(canaries::run(args)),
        Some(Command::Crash(args)) => crash::run(args),
        None => runs(&args.run, to),
    }
}

fn runs(args: &RunArgs, to: &Destination) -> Result<Answer, Failure> {
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
        Output::Table => Answer::out(text(&document)),
    };
    Ok(Answer { report, failed: !document.passed, ..answer })
}

/// Whether there was a run, and each sent something: a run without commands has checked nothing.
fn checked(summary: &Summary) -> bool {
    !summary.outcomes.is_empty() && summary.outcomes.iter().all(|outcome| outcome.commands > 0)
}

fn failures(summary: &Summary) -> impl Iterator<Item = (u64, &Broken)> {
    summary.outcomes.iter().filter_map(|outcome| Some((outcome.seed, outcome.failure.as_ref()?)))
}

/// Writes the commands that show a failure, under `target` where there is one.
fn written(seed: u64, script: &[Envelope], to: &Destination) -> Result<Option<String>, Failure> {
    if script.is_empty() {
        return Ok(None);
    }
    let folder = if Path::new("target").is_dir() { "target" } else { "." };
    let file = Path::new(folder).join(format!("upm-sim-{seed}.jsonl"));
    to.write(&file, &shrink::to_lines(script))?;
    Ok(Some(file.display().to_string()))
}

/// Every seed of a range, on threads.
fn many(args: &RunArgs, seeds: RangeInclusive<u64>) -> (Summary, String) {
    let count = (seeds.end() - seeds.start()).saturating_add(1);
    let threads = args.threads.map_or_else(processors, NonZeroUsize::get);
    let mut progress = Progress::new("seeds", count);
    let mut done = 0;
    let template = Options { shrinks: true, ..Options::new(0, args.ticks) };
    let summary = sim::run_seeds(seeds, &template, threads, |_| {
        done += 1;
        progress.at(done);
    });
    let report = pace(summary.commands, "commands", progress.over()) + "\n";
    (summary, report)
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// One seed, or a script; its journal is kept where that was asked for.
fn one(args: &RunArgs, script: Option<&Path>) -> Result<(Summary, String), Failure> {
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
    let progress = Progress::new("ticks", args.ticks);
    let mut witness = Witness { accepted: Vec::new(), ticks: 0, progress };
    let mut outcome = run_with(&options, &mut witness);
    let mut report = pace(outcome.commands, "commands", witness.progress.over()) + "\n";
    if let Some(aside) = kept {
        report += &keep(aside, &witness.accepted)?;
    }
    if outcome.failure.is_some() {
        // Again, for a short script: the witness has seen one run and not the many by which a script is shortened.
        outcome = sim::run(&Options { shrinks: true, ..options });
    }
    let mut summary = Summary::default();
    summary.coverage.add(&outcome.coverage);
    summary.commands = outcome.commands;
    summary.simulated_seconds = outcome.simulated_seconds;
    summary.outcomes.push(outcome);
    Ok((summary, report))
}

/// Sends what was accepted through a sequencer into a journal, which bears its name when it is whole. A batch ends where
/// the run itself asks for a watch, so that nothing is added in between.
fn keep(aside: Aside, accepted: &[Envelope]) -> Result<String, Failure> {
    let identity = Identity { shard: 0, genesis: sim::world::genesis().text() };
    let store = Store::create(aside.path(), &identity).map_err(broken)?;
    let (mut sequencer, _) = Sequencer::open(store).map_err(broken)?;
    let mut progress = Progress::new("commands written", u64::try_from(accepted.len()).unwrap_or(u64::MAX));
    for batch in accepted.split_inclusive(|envelope| envelope.command == Asked::Watch) {
        sequencer.submit(batch).map_err(broken)?;
        progress.at(sequencer.head().sequence);
    }
    progress.over();
    let records = sequencer.head().sequence;
    drop(sequencer);
    let file = aside.file().display().to_string();
    aside.publish()?;
    Ok(format!("{} records in {file}\n", exact(records)))
}

fn text(document: &SimDocument) -> String {
    let line = |lead: &str, words: &str| paragraph(&format!("  {lead}"), 16, words);
    let verdict = if document.passed { toned(Tone::Green, "passed") } else { toned(Tone::Red, "failed") };
    let title = match (document.runs, &document.script) {
        (_, Some(script)) => format!("script {script}"),
        ([one], None) => format!("seed {} · {} ticks", one.seed, exact(one.ticks)),
        (runs, None) => format!("{} seeds", exact(runs.len())),
    };
    let mut text = format!("{} · {verdict}\n\n", toned(Tone::Bold, &title));
    let failing = document.runs.iter().filter_map(|outcome| Some((outcome, outcome.failure.as_ref()?)));
    for ((outcome, failure), script) in failing.zip(&document.scripts) {
        text += &line(
            &format!("seed {}", outcome.seed),
            &format!("tick {}, {}: {}", failure.tick, failure.invariant, failure.what),
        );
        text += &line("command", &failure.command);
        let reproduce = document.script.as_ref().map(|script| format!("upm sim --script {script}"));
        text += &line("reproduce", reproduce.as_ref().unwrap_or(&failure.reproduce));
        if let Some(script) = script {
            let length = exact(failure.script.len());
            text += &line("shortest", &format!("upm sim --script {script}, {length} commands"));
        }
        text.push('\n');
    }
    let accepted: u64 = document.coverage.commands.values().map(|(accepted, _)| accepted).sum();
    let (sent, refused) = (exact(document.commands), exact(document.commands - accepted));
    text += &line("commands", &format!("{sent} sent, {} accepted, {refused} refused", exact(accepted)));
    text += &line("time", &format!("{} simulated seconds", exact(document.simulated_seconds)));
    let fallen: u64 = document.runs.iter().map(|outcome| outcome.liquidatable).sum();
    text += &line("liquidatable", &format!("{} accounts at some time", exact(fallen)));
    text += &line("events", &counted(document.coverage.events.iter()));
    let refusals: Vec<(String, u64)> =
        document.coverage.rejects.iter().map(|(code, count)| (sim::kinds::reject(*code), *count)).collect();
    text += &line("refusals", &counted(refusals.iter().map(|(what, count)| (what, count))));
    text += &line("liquidations", &counted(document.coverage.liquidations.iter()));
    text += &line("faults", &counted(document.coverage.faults.iter()));
    text += &line("checks", &counted(document.coverage.checks.iter()));
    let Unreached { commands, events, rejects, statuses, faults, liquidations } = &document.unreached;
    let missing = [commands, events, statuses, faults, liquidations];
    let missing: Vec<&str> = missing.into_iter().flatten().copied().collect();
    let missing = missing.into_iter().chain(rejects.iter().map(String::as_str)).collect::<Vec<_>>().join(", ");
    text += &line("never", if missing.is_empty() { "everything was reached" } else { &missing });
    if let [one] = document.runs {
        text += &line("state", &one.hash);
    }
    text
}

fn counted<'a, K: std::fmt::Display + 'a>(counts: impl Iterator<Item = (&'a K, &'a u64)>) -> String {
    let counts: Vec<String> = counts.map(|(what, count)| format!("{what} {}", exact(count))).collect();
    if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
}

/// For clap: `1..100`, both included.
fn seeds(text: &str) -> Result<RangeInclusive<u64>, String> {
    let ends = text.split_once("..").map(|(first, last)| (first.parse(), last.parse()));
    match ends {
        Some((Ok(first), Ok(last))) if first <= last => Ok(first..=last),
        _ => Err("expected a first and a last seed, such as 1..100".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use sim::canary::Canary;

    use super::*;
    use crate::printer::plain;

    #[test]
    fn a_failing_seed_says_how_to_see_it_again() {
        let failing = |seed| {
            let outcome = run_with(&Options { shrinks: true, ..Options::new(seed, 30) }, &mut Canary::FeeTwice);
            outcome.failure.clone().map(|failure| (outcome, failure))
        };
        let (outcome, failure) = (1..20).find_map(failing).expect("fees are taken twice");
        let coverage = Coverage::default();
        let document = SimDocument {
            format: "upm.sim/1",
            script: None,
            passed: false,
            commands: outcome.commands,
            simulated_seconds: outcome.simulated_seconds,
            runs: std::slice::from_ref(&outcome),
            coverage: &outcome.coverage,
            unreached: coverage.unreached(),
            scripts: vec![Some("target/upm-sim-1.jsonl".to_owned())],
        };
        let text = plain(&text(&document));
        let reproduce = format!("  reproduce     {}\n", failure.reproduce);
        let shortest = format!("upm sim --script target/upm-sim-1.jsonl, {} commands", exact(failure.script.len()));
        let seed = format!("seed {} · ", outcome.seed);
        for words in [seed.as_str(), "failed", &failure.invariant, &reproduce, &shortest] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert!(!failure.script.is_empty() && failure.script.len() < 200, "{} commands", failure.script.len());
    }

    #[test]
    fn ranges_of_seeds_have_two_ends() {
        assert_eq!(seeds("1..3"), Ok(1..=3));
        for wrong in ["", "3", "3..1", "a..b", "1..2..3"] {
            assert!(seeds(wrong).is_err(), "{wrong}");
        }
    }
}

//! `upm run`: an engine on a journal, driven by commands that are executed as they are read.
//!
//! ```text
//! commands, a line each ─▶ batch ─▶ Operator ─▶ journal ─▶ an answer a line
//!                 a later moment ─┘ beat: what was due at the moment before
//! ```

mod answers;
mod begin;
mod commands;

use std::path::PathBuf;

use journal::Store;
use operator::{Operator, Schedule};
use sequencer::{Sequencer, Stopped};
use units::Timestamp;

use crate::history::broken;
use answers::Answers;
use commands::{Command, Commands};
use shell::draft::Destination;
use shell::failure::Failure;
use shell::printer::Answer;

/// The most commands of one moment in a batch, and the most between two records in which the engine judges accounts.
const BATCH_MAX: usize = 1024;
const UNDRIVEN_MAX: usize = 1 << 16;

/// Run the engine on a journal: commands in, a line of JSON each; answers out, when they are durable
///
/// Each line is a command with its time and who asks, as `upm journal export` writes it:
///
///   {"time": "2026-11-29T12:00:00Z", "principal": "System",
///    "command": {"OpenAccount": {"name": "alice", "owner": 1}}}
///
/// The clock is that of the commands. Before a command of a later moment, and at the end, everything that a
/// venue owes its engine is done: ticks, funding, interest, settlement, expiry, proposals that come into force,
/// steps of liquidations. What was done is told in lines of its own.
///
/// A command that is refused changes nothing, and the run goes on. A line that is no command ends the run; all
/// before it stays done.
///
/// The commands of one moment are written to the disk together and answered when the moment ends; with --each
/// every command is. The same commands make the same journal, bit for bit.
#[derive(clap::Args)]
#[command(
    verbatim_doc_comment,
    after_help = "\
Example:
  upm run --journal target/venue.journal --begin samples/venue.jsonl
  upm journal verify target/venue.journal
  upm explain alice --journal target/venue.journal"
)]
pub struct Args {
    /// Journal to continue, or to begin
    #[arg(long, value_name = "FILE")]
    journal: PathBuf,
    /// Begin the journal where there is none: at the time of the first command, with the parameters of this program
    #[arg(long)]
    begin: bool,
    /// Begin it with the time, the method and the policy of this document (upm.genesis/1) or of another journal
    #[arg(long, value_name = "FILE")]
    genesis: Option<PathBuf>,
    /// Commands, a line of JSON each; - reads standard input
    #[arg(value_name = "COMMANDS", default_value = "-", hide_default_value = true)]
    commands: PathBuf,
    /// Write and answer every command by itself
    #[arg(long)]
    each: bool,
    /// Execute the commands and no duties: the output of `upm journal export` makes the same journal again
    #[arg(long, conflicts_with = "each")]
    no_duties: bool,
    /// Seconds from tick to tick
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=3600), conflicts_with = "no_duties")]
    tick: u32,
}

/// The state of a run between two batches.
struct Run {
    operator: Operator<Sequencer<Store>>,
    answers: Answers,
    /// Whether the answers still have a reader; without one the run ends.
    listening: bool,
    manner: Manner,
    /// The commands that were taken when duties were last done: where none was taken since, nothing is due.
    beaten: u64,
}

/// How commands are grouped into writes, and whether duties are done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Moments,
    Each,
    /// No duties; batches end where the engine's own final command of a batch is read.
    Undriven,
}

/// Executes all commands.
pub fn run(args: &Args, to: &Destination) -> Result<Answer, Failure> {
    let mut commands = Commands::open(&args.commands)?;
    let answers = Answers::new(to)?;
    let sequencer = begin::sequencer(&args.journal, args.begin, args.genesis.as_deref(), || commands.begin())?;
    let schedule = Schedule { tick: i64::from(args.tick) * 1_000_000, ..Schedule::default() };
    let operator = Operator::new(sequencer, schedule);
    let manner = match (args.each, args.no_duties) {
        (_, true) => Manner::Undriven,
        (true, false) => Manner::Each,
        (false, false) => Manner::Moments,
    };
    let mut run = Run { operator, answers, listening: true, manner, beaten: 0 };
    let ended = run.take_all(&mut commands);
    let done = ended.and_then(|()| run.close());
    let report = run.answers.report(&args.journal, run.operator.door().head());
    match done.and(run.answers.finish()) {
        Ok(()) => Ok(Answer { report, ..Answer::streamed() }),
        // Commands taken before the failure are in the journal, and the report says so.
        Err(failure) => Err(answers::with(failure, &report)),
    }
}

impl Run {
    fn take_all(&mut self, commands: &mut Commands) -> Result<(), Failure> {
        let mut batch = Vec::new();
        while self.listening {
            // Commands before a line that is not a command are executed before the error is reported.
            let next = commands.next();
            let Ok(Some(command)) = next else {
                self.submit(&mut batch)?;
                return next.map(|_| ());
            };
            match self.manner {
                Manner::Undriven if command.is_watch() && !batch.is_empty() => {
                    self.submit(&mut batch)?;
                    continue;
                }
                Manner::Undriven if batch.len() < UNDRIVEN_MAX => {}
                Manner::Moments if batch.len() < BATCH_MAX && command.envelope.time <= self.reached(&batch) => {}
                Manner::Undriven | Manner::Moments | Manner::Each => self.submit(&mut batch)?,
            }
            if command.envelope.time > self.reached(&batch) {
                self.moment_ends()?;
            }
            batch.push(command);
        }
        Ok(())
    }

    /// The time of the last command.
    fn reached(&self, batch: &[Command]) -> Timestamp {
        batch.last().map_or(self.operator.now(), |last| last.envelope.time)
    }

    /// Submits the commands read so far, and reports the results.
    fn submit(&mut self, batch: &mut Vec<Command>) -> Result<(), Failure> {
        if batch.is_empty() {
            return Ok(());
        }
        let envelopes: Vec<_> = batch.iter().map(|command| command.envelope.clone()).collect();
        let answers = self.operator.submit(&envelopes).map_err(|why| stopped(&why))?;
        for (command, answer) in batch.drain(..).zip(answers) {
            self.answers.command(command.line, &answer)?;
        }
        self.listening = self.answers.flush()?;
        Ok(())
    }

    /// Ends a moment: does the duties that are due at it.
    fn moment_ends(&mut self) -> Result<(), Failure> {
        if self.manner != Manner::Undriven && self.answers.taken() > self.beaten {
            self.beaten = self.answers.taken();
            let now = self.operator.now();
            let beat = self.operator.beat(now).map_err(|why| stopped(&why))?;
            beat.done.iter().try_for_each(|done| self.answers.duty(now, done))?;
            self.listening = self.answers.flush()?;
        }
        Ok(())
    }

    /// Ends the last moment and stores a snapshot, so that the next run starts from it.
    fn close(&mut self) -> Result<(), Failure> {
        self.moment_ends()?;
        if self.answers.taken() > 0 {
            self.operator.door_mut().snapshot().map_err(broken)?;
        }
        Ok(())
    }
}

fn stopped(why: &Stopped) -> Failure {
    broken(format_args!("{why}; nothing of the last batch was taken"))
}

//! Kills a real process that writes durably, at random moments. No acknowledged record is lost, and no record appears
//! that was never requested.
//!
//! The work is determined by a seed, so the parent knows every command that the child may have done, and even the hash of
//! its record. The child prints a line for every batch once it is durable: sequence and hash of the head. The parent
//! remembers the lines.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use dice::Dice;
use engine::{Envelope, State};
use journal::{Hash, Head, Journal, Memory, Store};
use operator::{Operator, Schedule};
use sequencer::{Sequencer, replay};
use serde::Serialize;

use crate::faults::Struck;
use crate::workload;
use crate::world::{World, identity};

/// After this many kills the work begins anew, so that the child quickly finds its place in it.
const KILLS_A_ROUND: u64 = 20;

/// The child writes a snapshot after this many batches.
const SNAPSHOT_EVERY: u64 = 25;

/// A child that prints nothing for this long hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// The result of killing processes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CrashReport {
    /// Processes that were killed.
    pub kills: u64,
    /// Batches that were acknowledged.
    pub acknowledged: u64,
    /// Acknowledged batches that were not in the journal afterwards.
    pub lost: u64,
    /// Records that were in the journal and should not have been.
    pub invented: u64,
    /// Records in the journals at the end, over all rounds.
    pub records: u64,
    /// The first other thing that went wrong.
    pub problem: Option<String>,
}

impl CrashReport {
    /// Whether processes were killed and had acknowledged batches, with nothing lost, nothing invented and no problem.
    /// Fails also when no process was killed or no batch was acknowledged: then nothing was checked.
    pub fn passes(&self) -> bool {
        self.kills > 0 && self.acknowledged > 0 && self.lost == 0 && self.invented == 0 && self.problem.is_none()
    }
}

impl std::fmt::Display for CrashReport {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kills, acknowledged, lost, invented, .. } = self;
        write!(formatter, "{kills} kills, {acknowledged} acknowledged, {lost} lost, {invented} invented")
    }
}

/// The arguments by which the program runs [`child`].
pub fn arguments(dir: &Path, seed: u64) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = ["crash", "--child"].map(OsString::from).to_vec();
    arguments.extend([dir.as_os_str().to_owned(), "--seed".into(), seed.to_string().into()]);
    arguments
}

/// The work of a seed: one batch a tick.
struct Work {
    world: World,
    struck: Struck,
    batches: u64,
}

impl Work {
    fn new(seed: u64) -> Self {
        Self { world: World::new(seed), struck: Struck::new(), batches: 0 }
    }

    fn next(&mut self, state: &State) -> Vec<Envelope> {
        self.batches += 1;
        match self.batches.checked_sub(2) {
            None => self.world.founding(state),
            Some(tick) => {
                self.world.advance(state);
                workload::tick(&mut self.world, state, tick, &mut self.struck)
            }
        }
    }
}

fn file(dir: &Path) -> PathBuf {
    dir.join("journal")
}

/// The same work in memory: the journal that the seed must give.
struct Reference {
    work: Work,
    operator: Operator<Sequencer<Memory>>,
}

impl Reference {
    fn new(seed: u64) -> Result<Self, String> {
        let (sequencer, _) = Sequencer::open(Memory::new(&identity())).map_err(|error| error.to_string())?;
        Ok(Self { work: Work::new(seed), operator: Operator::new(sequencer, Schedule::default()) })
    }

    /// Does the work of the seed until there are at least `sequence` records.
    fn reach(&mut self, sequence: u64) -> Result<Head, String> {
        while self.operator.door().head().sequence < sequence {
            let batch = self.work.next(self.operator.state());
            self.operator.submit(&batch).map_err(|error| error.to_string())?;
        }
        Ok(self.operator.door().head())
    }
}

/// Does the work of a seed on the journal in `dir` until it is killed. Returns only when it fails, with the reason.
pub fn child(dir: &Path, seed: u64) -> String {
    match works(dir, seed) {
        Ok(never) => match never {},
        Err(problem) => problem,
    }
}

fn works(dir: &Path, seed: u64) -> Result<std::convert::Infallible, String> {
    let store = Store::open(file(dir), &identity()).map_err(|error| error.to_string())?;
    let (sequencer, _) = Sequencer::open(store).map_err(|error| error.to_string())?;
    let mut operator = Operator::new(sequencer, Schedule::default());
    let mut reference = Reference::new(seed)?;
    let head = operator.door().head();
    let expected = reference.reach(head.sequence)?;
    if head != expected {
        return Err(format!("the journal ends at {head:?}, expected {expected:?}"));
    }
    if reference.operator.state() != operator.state() {
        return Err("the state that was recovered is not the state that was".to_owned());
    }
    let mut work = reference.work;
    let mut out = std::io::stdout().lock();
    loop {
        let batch = work.next(operator.state());
        operator.submit(&batch).map_err(|error| error.to_string())?;
        let head = operator.door().head();
        writeln!(out, "{} {}", head.sequence, head.hash).map_err(|error| error.to_string())?;
        out.flush().map_err(|error| error.to_string())?;
        if work.batches.is_multiple_of(SNAPSHOT_EVERY) {
            operator.door_mut().snapshot().map_err(|error| error.to_string())?;
        }
    }
}

/// Runs the program `exe` as a child `kills` times on journals in `dir`, kills it each time, and compares the lines that
/// it printed with the journal. `progress` is called after every kill.
pub fn parent(
    exe: &Path,
    dir: &Path,
    kills: u64,
    seed: u64,
    mut progress: impl FnMut(&CrashReport),
) -> std::io::Result<CrashReport> {
    let mut report = CrashReport::default();
    let mut dice = Dice::new(seed);
    let mut round = 0;
    while report.kills < kills && report.problem.is_none() && report.lost == 0 && report.invented == 0 {
        let place = dir.join(format!("round-{round}"));
        std::fs::create_dir_all(&place)?;
        let of_round = (kills - report.kills).min(KILLS_A_ROUND);
        let told = rounds(exe, &place, (of_round, seed.wrapping_add(round)), &mut dice, &mut report, &mut progress)?;
        if let Err(problem) = told {
            report.problem.get_or_insert(problem);
        }
        round += 1;
    }
    Ok(report)
}

/// Kills the writer of one journal several times. Failures of the journal are in the inner result.
fn rounds(
    exe: &Path,
    dir: &Path,
    (kills, seed): (u64, u64),
    dice: &mut Dice,
    report: &mut CrashReport,
    progress: &mut impl FnMut(&CrashReport),
) -> std::io::Result<Result<(), String>> {
    match Store::create(file(dir), &identity()) {
        Ok(store) => drop(store),
        Err(error) => return Ok(Err(error.to_string())),
    }
    let mut reference = match Reference::new(seed) {
        Ok(reference) => reference,
        Err(problem) => return Ok(Err(problem)),
    };
    let mut verified = 0;
    for _ in 0..kills {
        let said = killed(exe, dir, seed, (dice, report.acknowledged == 0))?;
        report.kills += 1;
        report.acknowledged += u64::try_from(said.len()).unwrap_or(u64::MAX);
        match compared(dir, &said, &mut reference, &mut verified, report) {
            Ok(()) => progress(report),
            Err(problem) => return Ok(Err(problem)),
        }
        if report.lost > 0 || report.invented > 0 {
            break;
        }
    }
    report.records += verified;
    Ok(Ok(()))
}

/// Starts a child, kills it, and returns the batches that it acknowledged. Where `waits`, it is killed only after it has
/// acknowledged one.
fn killed(exe: &Path, dir: &Path, seed: u64, (dice, waits): (&mut Dice, bool)) -> std::io::Result<Vec<(u64, String)>> {
    let mut process = Process::new(exe).args(arguments(dir, seed)).stdout(Stdio::piped()).spawn()?;
    let out = process.stdout.take().ok_or_else(|| std::io::Error::other("a child without an output"))?;
    let (sender, receiver) = mpsc::channel();
    let listener = std::thread::spawn(move || {
        let mut said = Vec::new();
        let mut out = BufReader::new(out);
        let mut line = String::new();
        // A line without its end does not count as printed.
        while out.read_line(&mut line).is_ok_and(|length| length > 0) && line.ends_with('\n') {
            if let Some((sequence, hash)) = line.trim_end().split_once(' ')
                && let Ok(sequence) = sequence.parse::<u64>()
            {
                said.push((sequence, hash.to_owned()));
                if sender.send(()).is_err() {
                    // Nobody waits any more; the line still counts.
                }
            }
            line.clear();
        }
        said
    });
    // Some are killed while they recover, most while they work.
    if dice.chance(800) || waits {
        let begun = receiver.recv_timeout(PATIENCE);
        if begun == Err(mpsc::RecvTimeoutError::Timeout) {
            process.kill()?;
            process.wait()?;
            return Err(std::io::Error::other("a child that does nothing"));
        }
    }
    std::thread::sleep(Duration::from_micros(dice.below(150_000)));
    process.kill()?;
    process.wait()?;
    listener.join().map_err(|_| std::io::Error::other("a listener that panicked"))
}

/// Compares the lines that a child printed with the journal that it left, and both with the work.
fn compared(
    dir: &Path,
    said: &[(u64, String)],
    reference: &mut Reference,
    verified: &mut u64,
    report: &mut CrashReport,
) -> Result<(), String> {
    let store = Store::open(file(dir), &identity()).map_err(|error| error.to_string())?;
    for (sequence, hash) in said {
        let there = store.at(*sequence);
        if !there.is_ok_and(|head| head.hash.to_string() == *hash) {
            report.lost += 1;
        }
    }
    let head = store.head();
    let expected = reference.reach(head.sequence)?;
    for record in store.read(*verified) {
        let record = record.map_err(|error| error.to_string())?;
        let known = reference.operator.door().journal().at(record.sequence + 1);
        let chain = store.at(record.sequence + 1).map_err(|error| error.to_string())?;
        if !known.is_ok_and(|known| known.hash == chain.hash) {
            report.invented += 1;
        }
        *verified = record.sequence + 1;
    }
    if head != expected {
        report.invented += u64::from(report.invented == 0);
        return Err(format!("the journal ends at {head:?}, the work at {expected:?}"));
    }
    let recovered = replay(&store, None, |_, _| {}).map_err(|error| error.to_string())?;
    let mut recovered = recovered.engine;
    let mut known = reference.operator.state().clone();
    if Hash(recovered.hash().0) != Hash(known.hash().0) {
        return Err("the state that is recovered is not the state that was".to_owned());
    }
    Ok(())
}

//! The door to an engine of which every step is checked: decided by the rules of the run, booked by the auditor,
//! committed, compared, and written to a disk that fails.
//!
//! Unlike other doors it adds no watch of its own: a run asks for one itself, also later than it should.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use audit::{Auditor, Finding};
use dice::Dice;
use engine::state::StateHash;
use engine::{AccountId, Command, Desk, Engine, Envelope, Event, Reject, Status};
use operator::Door;
use sequencer::Answer;

use crate::canary::Decider;
use crate::durable::Durable;
use crate::faults::Struck;
use crate::kinds;
use crate::report::Coverage;
use crate::run::Options;
use crate::world::genesis;

/// One command in this many is decided again by a newly built desk, to compare the answers.
const COLD_EVERY: u64 = 150;

/// An engine, the rules that decide in its place, and all that watches both.
pub struct Checked<'r> {
    /// The rules that decide: those of the engine, or broken ones.
    pub rules: &'r mut dyn Decider,
    /// Every command so far, also those that were refused.
    pub script: Vec<Envelope>,
    /// The states and commands that were reached.
    pub coverage: Coverage,
    /// Accounts that were below maintenance at some time.
    pub fallen: BTreeSet<AccountId>,
    engine: Engine,
    auditor: Auditor,
    durable: Option<Durable>,
    /// The dice of the checks, separate from those of the world: a check changes nothing.
    chance: Dice,
    /// Commands that were accepted since the last write.
    unwritten: Vec<(Envelope, Vec<Event>)>,
    /// Whether some commands are decided again by a newly built desk.
    cold: bool,
    /// Number of accepted commands.
    records: u64,
}

impl<'r> Checked<'r> {
    /// An engine at the genesis of every run, without a disk.
    pub fn new(options: &Options, rules: &'r mut dyn Decider) -> Self {
        let state = genesis().state();
        let auditor = Auditor::new(&state);
        let whole = options.thorough || options.script.is_some();
        let auditor = if whole { auditor } else { auditor.sampling(2, 2) };
        Self {
            rules,
            script: Vec::new(),
            coverage: Coverage::default(),
            fallen: BTreeSet::new(),
            engine: Engine::new(state).expect("the bundled parameters are read"),
            auditor,
            durable: None,
            chance: Dice::new(!options.seed),
            unwritten: Vec::new(),
            cold: options.script.is_none(),
            records: 0,
        }
    }

    /// From now on commands are written to a disk, by [`Self::write`].
    pub fn keep(&mut self) -> Result<(), Finding> {
        self.durable = Some(Durable::create(self.engine.hash(), self.rules.forgets())?);
        Ok(())
    }

    /// Writes the commands that were accepted since the last write; the power fails meanwhile when `crash`.
    pub fn write(&mut self, crash: bool, struck: &mut Struck) -> Result<(), Finding> {
        let Some(durable) = &mut self.durable else { return Ok(()) };
        let how = (crash, self.rules.forgets());
        let written = durable.write(&self.unwritten, &mut self.engine, how, &mut self.chance, struck);
        self.unwritten.clear();
        written
    }

    /// The journal and the state agree, and the cached hash of the state is the hash of the state.
    pub fn close(&mut self) -> Result<(), Finding> {
        let hash = self.engine.hash();
        if let Some(durable) = &self.durable {
            durable.verify(hash)?;
        }
        let bytes =
            postcard::to_stdvec(self.engine.state()).map_err(|error| Finding::new("I-69", error.to_string()))?;
        let mut again: engine::State =
            postcard::from_bytes(&bytes).map_err(|error| Finding::new("I-69", error.to_string()))?;
        if again.hash() != hash {
            return Err(Finding::new("I-70", "the hash that is kept is not the hash of the state"));
        }
        Ok(())
    }

    /// The hash of the state.
    pub fn hash(&mut self) -> StateHash {
        self.engine.hash()
    }

    /// What was reached, with the checks that the auditor has made.
    pub fn coverage(&self) -> Coverage {
        Coverage { checks: self.auditor.checks().clone(), ..self.coverage.clone() }
    }

    /// Decides, books, commits and compares the command that the script ends with.
    fn step(&mut self) -> Result<Answer, Finding> {
        let envelope = self.script.last().expect("just pushed");
        let (rules, engine) = (&mut self.rules, &self.engine);
        let answer = catch_unwind(AssertUnwindSafe(|| rules.decide(engine, envelope)))
            .map_err(|_| Finding::new("I-04", "the engine panicked"))?;
        if self.cold && self.chance.below(COLD_EVERY) == 0 {
            let cold = Desk::new(engine.state()).map_err(|invalid| Finding::new("I-70", invalid.to_string()))?;
            let again = engine::decide(engine.state(), &cold, envelope);
            let warm = engine.decide(envelope);
            if again != warm {
                let show = |answer: &Result<Vec<Event>, Reject>| format!("{:.600}", format!("{answer:?}"));
                let what = format!("a desk made anew decides {}, the warm one {}", show(&again), show(&warm));
                return Err(Finding::new("I-70", what));
            }
        }
        let kind = kinds::command(&envelope.command);
        let counts = self.coverage.commands.entry(kind).or_default();
        let events = match answer {
            Ok(events) => events,
            Err(reject) => {
                counts.1 += 1;
                *self.coverage.rejects.entry(reject.code()).or_default() += 1;
                self.auditor.refused(self.engine.state(), envelope, &reject)?;
                return Ok(Answer::Refused(reject));
            }
        };
        counts.0 += 1;
        for event in &events {
            *self.coverage.events.entry(kinds::event(event)).or_default() += 1;
        }
        for what in kinds::liquidation(&envelope.command, &events) {
            *self.coverage.liquidations.entry(what).or_default() += 1;
        }
        self.auditor.accepted(self.engine.state(), envelope, &events)?;
        let engine = &mut self.engine;
        catch_unwind(AssertUnwindSafe(|| engine.commit(&events)))
            .map_err(|_| Finding::new("I-04", "the engine panicked while it applied events"))?;
        self.auditor.committed(self.engine.state(), envelope)?;
        if envelope.command == Command::Watch {
            for (place, account) in self.engine.state().accounts.iter().enumerate() {
                *self.coverage.statuses.entry(account.status.to_string()).or_default() += 1;
                if account.status <= Status::Liquidation {
                    self.fallen.insert(AccountId(u32::try_from(place).expect("ids are u32")));
                }
            }
        }
        if self.durable.is_some() {
            self.unwritten.push((envelope.clone(), events.clone()));
        }
        let sequence = self.records;
        self.records += 1;
        Ok(Answer::Accepted { sequence, events })
    }
}

impl Door for Checked<'_> {
    type Stopped = Finding;

    fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Ends at the first command that breaks an invariant.
    fn submit(&mut self, batch: &[Envelope]) -> Result<Vec<Answer>, Finding> {
        let mut answers = Vec::with_capacity(batch.len());
        for envelope in batch {
            self.script.push(envelope.clone());
            answers.push(self.step()?);
        }
        Ok(answers)
    }
}

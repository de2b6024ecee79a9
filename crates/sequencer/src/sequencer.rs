//! The one writer of a journal.
//!
//! A failed assertion of the engine is caught here, before anything of its batch is written. That needs `panic = "unwind"`.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use engine::{Command, Engine, Envelope, Event, Principal, Reject};
use journal::{AppendError, Draft, Hash, Head, Journal, SnapshotError};

use crate::{ReplayError, codec, encode_state, replay};

/// One record in this many carries a state hash.
const HASH_EVERY: u64 = 1024;

/// The outcome of a command. The batch it came in is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The command is in the journal.
    Accepted {
        /// The sequence of its record.
        sequence: u64,
        /// The events that it caused, in order.
        events: Vec<Event>,
    },
    /// The command changed nothing.
    Refused(Reject),
}

/// The way in which an engine was recovered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The sequence of the snapshot it started from; none for the genesis.
    pub snapshot: Option<u64>,
    /// Number of records that were replayed after that.
    pub records: u64,
    /// Number of recorded state hashes that the replay met.
    pub met: u64,
    /// Number of recorded state hashes of another version of the state: they cannot be compared.
    pub uncompared: u64,
    /// Snapshots that were passed over, each with the reason.
    pub passed_over: Vec<String>,
}

/// The reason why a batch or a snapshot was not taken. None of it happened.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The journal did not take the batch. The engine is brought back to the end of the journal, or stopped for good.
    #[error(transparent)]
    Journal(#[from] AppendError),
    /// The journal did not take the batch, and the engine could not be brought back to the end of the journal.
    #[error("the journal failed ({failed}) and cannot be replayed: {why}")]
    Lost {
        /// The reason why the batch was not taken.
        failed: AppendError,
        /// The reason why the journal cannot be replayed.
        why: Box<ReplayError>,
    },
    /// The snapshot was not stored. The engine goes on without it.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// A rule of the engine does not hold. Nothing of the batch is in the journal, and no further batch is taken: the
    /// next start of the engine begins from the journal.
    #[error("quarantined: {0}")]
    Quarantined(String),
    /// An earlier batch stopped the sequencer for good.
    #[error("stopped earlier: {0}")]
    Earlier(String),
}

/// The function that decides a command.
type Decide = fn(&Engine, &Envelope) -> Result<Vec<Event>, Reject>;

/// An engine and its journal.
#[derive(Debug)]
pub struct Sequencer<J> {
    engine: Engine,
    journal: J,
    decide: Decide,
    stopped: Option<String>,
}

impl<J: Journal> Sequencer<J> {
    /// Opens a journal, and continues it where it ends.
    pub fn open(journal: J) -> Result<(Self, Recovery), ReplayError> {
        let replayed = replay(&journal, None, |_, _| {})?;
        let recovery = Recovery {
            snapshot: replayed.snapshot,
            records: replayed.records,
            met: replayed.met,
            uncompared: replayed.uncompared,
            passed_over: replayed.passed_over.iter().map(ToString::to_string).collect(),
        };
        Ok((Self { engine: replayed.engine, journal, decide: Engine::decide, stopped: None }, recovery))
    }

    /// The engine, for reading.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The journal, for reading.
    pub fn journal(&self) -> &J {
        &self.journal
    }

    /// The place of the next record.
    pub fn head(&self) -> Head {
        self.journal.head()
    }

    /// Checks that nothing has stopped the sequencer for good.
    fn going(&self) -> Result<(), Stopped> {
        self.stopped.as_ref().map_or(Ok(()), |why| Err(Stopped::Earlier(why.clone())))
    }

    /// Decides a batch in order and answers when it is durable.
    ///
    /// A command is decided on the state that the commands before it in the batch have left. When the batch moved
    /// prices or accounts, the engine's own [`Command::Watch`] follows in the same batch.
    ///
    /// A failed assertion of the engine quarantines it: nothing is written, and every later batch is refused
    /// ([`Stopped::Quarantined`]).
    pub fn submit(&mut self, batch: &[Envelope]) -> Result<Vec<Answer>, Stopped> {
        self.going()?;
        // A state that a failed assertion leaves half changed is thrown away with the engine.
        let worked_out = catch_unwind(AssertUnwindSafe(|| self.work_out(batch)));
        let (answers, drafts) = worked_out.map_err(|panic| self.quarantine(panic.as_ref()))?;
        if drafts.is_empty() {
            return Ok(answers);
        }
        match self.journal.append(&drafts) {
            Ok(_) => Ok(answers),
            Err(error) => Err(self.go_back(error)),
        }
    }

    /// Decides a batch and commits it in memory. Returns the answers and the records to write.
    fn work_out(&mut self, batch: &[Envelope]) -> (Vec<Answer>, Vec<Draft>) {
        let first = self.journal.head().sequence;
        let mut drafts = Vec::with_capacity(batch.len() + 1);
        let mut answers = Vec::with_capacity(batch.len());
        for envelope in batch {
            answers.push(match (self.decide)(&self.engine, envelope) {
                Ok(events) => {
                    let sequence = first + self.draft(envelope, &events, first, &mut drafts);
                    Answer::Accepted { sequence, events }
                }
                Err(reject) => Answer::Refused(reject),
            });
        }
        if self.engine.desk().is_owed(self.engine.state()) {
            let time = self.engine.state().clock;
            let watch = Envelope { time, principal: Principal::System, command: Command::Watch };
            let events = (self.decide)(&self.engine, &watch).expect("the engine may always watch");
            self.draft(&watch, &events, first, &mut drafts);
        }
        (answers, drafts)
    }

    /// Stops the sequencer for good. The engine is brought back to the end of the journal, for reading; where that
    /// fails too it stays as the failed batch left it, and nothing of that is ever written.
    fn quarantine(&mut self, panic: &(dyn Any + Send)) -> Stopped {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let why = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message").to_owned();
        let replayed = catch_unwind(AssertUnwindSafe(|| replay(&self.journal, None, |_, _| {})));
        if let Ok(Ok(replayed)) = replayed {
            self.engine = replayed.engine;
        }
        let stopped = Stopped::Quarantined(why);
        self.stopped = Some(stopped.to_string());
        stopped
    }

    /// Commits events in memory and drafts their record. Returns the record's place in the batch.
    fn draft(&mut self, envelope: &Envelope, events: &[Event], first: u64, drafts: &mut Vec<Draft>) -> u64 {
        self.engine.commit(events);
        let place = u64::try_from(drafts.len()).expect("a batch fits");
        let state = (first + place + 1).is_multiple_of(HASH_EVERY).then(|| Hash(self.engine.hash().0));
        drafts.push(codec::draft(envelope, events, state));
        place
    }

    /// Rebuilds the engine from the journal: a batch that is not durable has not happened.
    fn go_back(&mut self, failed: AppendError) -> Stopped {
        match replay(&self.journal, None, |_, _| {}) {
            Ok(replayed) if !matches!(failed, AppendError::Wounded { .. }) => {
                self.engine = replayed.engine;
                Stopped::Journal(failed)
            }
            Ok(_) => {
                self.stopped = Some(failed.to_string());
                Stopped::Journal(failed)
            }
            Err(why) => {
                self.stopped = Some(why.to_string());
                Stopped::Lost { failed, why: Box::new(why) }
            }
        }
    }

    /// Writes the state to the journal, so that recovery starts here. Returns its size in bytes.
    ///
    /// A sequencer that was stopped writes none: its state may not be the one that the journal leads to.
    pub fn snapshot(&mut self) -> Result<usize, Stopped> {
        self.going()?;
        let hash = Hash(self.engine.hash().0);
        let bytes = encode_state(self.engine.state());
        let head = self.journal.head();
        self.journal.snapshot(head, hash, &bytes)?;
        Ok(bytes.len())
    }

    /// Returns the journal.
    pub fn into_journal(self) -> J {
        self.journal
    }

    /// The journal, for snapshots and compaction.
    pub fn journal_mut(&mut self) -> &mut J {
        &mut self.journal
    }
}

#[cfg(test)]
mod tests {
    use journal::{Identity, Memory, verify};

    use super::*;
    use crate::Genesis;

    fn genesis() -> Genesis {
        Genesis::new("2026-11-22T00:00:00Z".parse().unwrap())
    }

    fn open(name: &str) -> Envelope {
        let command = Command::OpenAccount { name: name.to_owned(), owner: 1 };
        Envelope { time: genesis().time, principal: Principal::System, command }
    }

    /// Decides as the engine does, but fails an assertion for an account of this name.
    fn unsound(engine: &Engine, envelope: &Envelope) -> Result<Vec<Event>, Reject> {
        let wrong = matches!(&envelope.command, Command::OpenAccount { name, .. } if name == "mallory");
        assert!(!wrong, "I-08: asset {} adds up to {}", 1, -5);
        engine.decide(envelope)
    }

    /// Decides an event that cannot be applied.
    fn unfit(engine: &Engine, envelope: &Envelope) -> Result<Vec<Event>, Reject> {
        let events = engine.decide(envelope)?;
        Ok(events.into_iter().chain([Event::Activated { proposal: 7 }]).collect())
    }

    fn opened(decide: Decide) -> Sequencer<Memory> {
        let identity = Identity { shard: 3, genesis: genesis().text() };
        let (mut sequencer, _) = Sequencer::open(Memory::new(&identity)).unwrap();
        sequencer.submit(&[open("alice")]).unwrap();
        sequencer.decide = decide;
        sequencer
    }

    /// After a failed assertion the engine has the state of the journal: without the failed command and those before it
    /// in its batch.
    fn is_quarantined(sequencer: &mut Sequencer<Memory>, batch: &[Envelope], why: &str) {
        let (head, hash) = (sequencer.head(), sequencer.engine.hash());
        let stopped = sequencer.submit(batch).unwrap_err().to_string();
        assert!(stopped.starts_with("quarantined: ") && stopped.contains(why), "{stopped}");
        assert_eq!((sequencer.head(), sequencer.engine.hash()), (head, hash));
        assert_eq!(sequencer.engine().state().accounts.len(), 1);
        assert_eq!(verify(sequencer.journal()).unwrap().records, head.sequence);
        // No batch is taken afterwards, though it would do no harm.
        sequencer.decide = Engine::decide;
        let after = sequencer.submit(&[open("carol")]).unwrap_err().to_string();
        assert!(after.starts_with("stopped earlier: quarantined: ") && after.contains(why), "{after}");
        assert!(sequencer.snapshot().is_err() && sequencer.journal().latest_snapshot().unwrap().is_none());
        assert_eq!(sequencer.head(), head);
    }

    #[test]
    fn a_failed_assertion_of_a_decision_quarantines() {
        let mut sequencer = opened(unsound);
        is_quarantined(&mut sequencer, &[open("bob"), open("mallory")], "I-08: asset 1 adds up to -5");
        // The durable records can be opened again.
        let (mut again, _) = Sequencer::open(sequencer.into_journal()).unwrap();
        again.submit(&[open("bob")]).unwrap();
    }

    #[test]
    fn a_failed_assertion_of_a_commit_quarantines() {
        is_quarantined(&mut opened(unfit), &[open("bob")], "decide accepted it");
    }
}

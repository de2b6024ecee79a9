//! The one writer of a journal.

use engine::{Command, Engine, Envelope, Event, Principal, Reject};
use journal::{AppendError, Draft, Hash, Head, Journal, SnapshotError};

use crate::{ReplayError, replay};

/// A state hash is written with every so many records.
const HASH_EVERY: u64 = 1024;

/// What became of a command. The batch it came in is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is in the journal.
    Accepted {
        /// The sequence of its record.
        sequence: u64,
        /// The events that it caused, in order.
        events: Vec<Event>,
    },
    /// It changed nothing.
    Refused(Reject),
}

/// How an engine came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The sequence of the snapshot it started from; none for the genesis.
    pub snapshot: Option<u64>,
    /// Records replayed after that.
    pub records: u64,
    /// State hashes met on the way.
    pub met: u64,
    /// Snapshots that were passed over, and why.
    pub passed_over: Vec<String>,
}

/// Why a batch was not taken. None of it happened.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The journal did not take it; the engine is where the journal is.
    #[error(transparent)]
    Journal(#[from] AppendError),
    /// The journal did not take it, and the engine could not be brought back to where the journal is.
    #[error("the journal failed ({failed}) and cannot be replayed: {why}")]
    Lost {
        /// Why the batch was not taken.
        failed: AppendError,
        /// Why there is no engine any more.
        why: Box<ReplayError>,
    },
    /// An earlier batch stopped it for good.
    #[error("stopped earlier: {0}")]
    Earlier(String),
}

/// An engine and its journal.
#[derive(Debug)]
pub struct Sequencer<J> {
    engine: Engine,
    journal: J,
    stopped: Option<String>,
}

impl<J: Journal> Sequencer<J> {
    /// Takes up a journal where it ends.
    pub fn open(journal: J) -> Result<(Self, Recovery), ReplayError> {
        let replayed = replay(&journal, None, |_, _| {})?;
        let recovery = Recovery {
            snapshot: replayed.snapshot,
            records: replayed.records,
            met: replayed.met,
            passed_over: replayed.passed_over.iter().map(ToString::to_string).collect(),
        };
        Ok((Self { engine: replayed.engine, journal, stopped: None }, recovery))
    }

    /// The engine, for reading.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The journal, for reading.
    pub fn journal(&self) -> &J {
        &self.journal
    }

    /// Where the next record goes.
    pub fn head(&self) -> Head {
        self.journal.head()
    }

    /// Decides a batch in order and answers when it is durable.
    ///
    /// A command is decided on what those before it in the batch have done. When the batch moved prices or accounts, the
    /// engine's own [`Command::Watch`] follows in the same batch.
    pub fn submit(&mut self, batch: &[Envelope]) -> Result<Vec<Answer>, Stopped> {
        if let Some(why) = &self.stopped {
            return Err(Stopped::Earlier(why.clone()));
        }
        let first = self.journal.head().sequence;
        let mut drafts = Vec::with_capacity(batch.len() + 1);
        let mut answers = Vec::with_capacity(batch.len());
        for envelope in batch {
            answers.push(match self.engine.decide(envelope) {
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
            let events = self.engine.decide(&watch).expect("the engine may always watch");
            self.draft(&watch, &events, first, &mut drafts);
        }
        if drafts.is_empty() {
            return Ok(answers);
        }
        match self.journal.append(&drafts) {
            Ok(_) => Ok(answers),
            Err(error) => Err(self.go_back(error)),
        }
    }

    /// Commits in memory and drafts the record; returns its place in the batch.
    fn draft(&mut self, envelope: &Envelope, events: &[Event], first: u64, drafts: &mut Vec<Draft>) -> u64 {
        self.engine.commit(events);
        let place = u64::try_from(drafts.len()).expect("a batch fits");
        let state = (first + place + 1).is_multiple_of(HASH_EVERY).then(|| Hash(self.engine.hash().0));
        drafts.push(Draft {
            time: envelope.time,
            command: postcard::to_stdvec(envelope).expect("a command is plain data"),
            events: postcard::to_stdvec(events).expect("events are plain data"),
            state,
        });
        place
    }

    /// What is not durable has not happened: the engine is rebuilt from the journal.
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
    pub fn snapshot(&mut self) -> Result<usize, SnapshotError> {
        let hash = Hash(self.engine.hash().0);
        let bytes = postcard::to_stdvec(self.engine.state()).expect("the state is plain data");
        let head = self.journal.head();
        self.journal.snapshot(head, hash, &bytes)?;
        Ok(bytes.len())
    }

    /// Gives the journal back.
    pub fn into_journal(self) -> J {
        self.journal
    }

    /// The journal, for snapshots and compaction.
    pub fn journal_mut(&mut self) -> &mut J {
        &mut self.journal
    }
}

//! Doors to an engine: durable, through a journal, or in memory.

use std::convert::Infallible;

use engine::{Command, Engine, Envelope, Principal, State};
use journal::Journal;
use model::Invalid;
use sequencer::{Answer, Sequencer, Stopped};

/// A connection to an engine: commands go in in order, and answers come out.
pub trait Door {
    /// The reason why no command is taken any more.
    type Stopped: std::error::Error;

    /// The engine, for reading.
    fn engine(&self) -> &Engine;

    /// Takes a batch in order; returns an answer for each command. Accounts that prices or commands have moved are
    /// judged before it returns.
    fn submit(&mut self, batch: &[Envelope]) -> Result<Vec<Answer>, Self::Stopped>;
}

impl<J: Journal> Door for Sequencer<J> {
    type Stopped = Stopped;

    fn engine(&self) -> &Engine {
        self.engine()
    }

    fn submit(&mut self, batch: &[Envelope]) -> Result<Vec<Answer>, Stopped> {
        self.submit(batch)
    }
}

/// An engine without a journal: for tests and simulations. It answers as a [`Sequencer`] does, and nothing is durable.
#[derive(Debug)]
pub struct Memory {
    engine: Engine,
    /// Number of accepted commands, which are the records of a journal.
    records: u64,
}

impl Memory {
    /// An engine in `state`. Refuses a state whose parameters cannot be read.
    pub fn new(state: State) -> Result<Self, Invalid> {
        Ok(Self { engine: Engine::new(state)?, records: 0 })
    }

    /// The engine, for commands past this door. It watches nobody after them, and does not count them as records.
    pub fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Returns the engine.
    pub fn into_engine(self) -> Engine {
        self.engine
    }

    fn take(&mut self, envelope: &Envelope) -> Answer {
        match self.engine.handle(envelope) {
            Ok(events) => {
                let sequence = self.records;
                self.records += 1;
                Answer::Accepted { sequence, events }
            }
            Err(reject) => Answer::Refused(reject),
        }
    }
}

impl Door for Memory {
    type Stopped = Infallible;

    fn engine(&self) -> &Engine {
        &self.engine
    }

    fn submit(&mut self, batch: &[Envelope]) -> Result<Vec<Answer>, Infallible> {
        let answers = batch.iter().map(|envelope| self.take(envelope)).collect();
        if self.engine.desk().is_owed(self.engine.state()) {
            let time = self.engine.state().clock;
            self.take(&Envelope { time, principal: Principal::System, command: Command::Watch });
        }
        Ok(answers)
    }
}

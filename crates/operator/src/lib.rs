//! Runs a venue on the engine: a client with a method for every command, and the duties that nobody else sends.
//!
//! ```text
//! fills, deposits, reports ──▶ Operator ──▶ Door ──▶ Sequencer (durable) or Memory
//!                     beat(now) ──┘ ticks, funding, interest, settlement, expiry, proposals, liquidation
//! ```
//!
//! The engine decides only what it is asked. An [`Operator`] asks it: for what callers want done, and, in
//! [`Operator::beat`], for everything that is due at a moment. It has no clock: the caller says what time it is, so a test
//! runs a year in a second and a journal can be made again. It keeps nothing that the engine's state holds: after a restart
//! it goes on where the journal ends.
//!
//! What it never does is decide. Whether a command is allowed, who is liquidated and what a trade may cost is the engine's.

mod beat;
mod client;
mod door;
mod duty;
mod premium;
mod schedule;

pub use beat::{Beat, Done};
pub use client::{Failed, Ordered, Said, Taken, Trade};
pub use door::{Door, Memory};
pub use duty::Duty;
pub use schedule::Schedule;

use std::collections::BTreeMap;

use engine::state::{Offer, State};
use engine::{AccountId, Command, Engine, Envelope, Principal};
use model::InstrumentId;
use premium::Premiums;
use sequencer::Answer;
use units::Timestamp;

/// Who runs a venue: the way to its engine, what is to be done when, and what was done last.
#[derive(Debug)]
pub struct Operator<D> {
    door: D,
    schedule: Schedule,
    /// The time of the next command.
    now: Timestamp,
    /// When it began to run the engine.
    began: Timestamp,
    /// When each duty was last done, as far as the state of the engine does not say it.
    done: BTreeMap<Duty, Timestamp>,
    /// When each duty was last refused, until it is done.
    refused: BTreeMap<Duty, Timestamp>,
    premiums: Premiums,
}

impl<D: Door> Operator<D> {
    /// The operator of the engine behind `door`, at the time that the engine has reached.
    pub fn new(door: D, schedule: Schedule) -> Self {
        let now = door.engine().state().clock;
        Self {
            door,
            schedule,
            now,
            began: now,
            done: BTreeMap::new(),
            refused: BTreeMap::new(),
            premiums: Premiums::default(),
        }
    }

    /// The engine, for reading.
    pub fn engine(&self) -> &Engine {
        self.door.engine()
    }

    /// What the engine knows.
    pub fn state(&self) -> &State {
        self.door.engine().state()
    }

    /// The time of the next command.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The way to the engine.
    pub fn door(&self) -> &D {
        &self.door
    }

    /// The way to the engine, for snapshots and compaction.
    pub fn door_mut(&mut self) -> &mut D {
        &mut self.door
    }

    /// Gives the way to the engine back.
    pub fn into_door(self) -> D {
        self.door
    }

    /// The time of the commands that follow; it never goes back.
    pub fn at(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// Sends commands of callers, each with its own time and principal, as one batch: all of it is durable, or none of it
    /// happened. An answer for each, in order.
    pub fn submit(&mut self, batch: &[Envelope]) -> Result<Vec<Answer>, D::Stopped> {
        if let Some(last) = batch.last() {
            self.at(last.time);
        }
        self.door.submit(batch)
    }

    /// Sends one command of now.
    pub fn ask(&mut self, principal: Principal, command: Command) -> Result<Answer, D::Stopped> {
        let envelope = Envelope { time: self.now, principal, command };
        let answers = self.door.submit(std::slice::from_ref(&envelope))?;
        Ok(answers.into_iter().next().expect("a batch of one command has one answer"))
    }

    /// The trades that may be made for accounts in liquidation at the prices of now, in the order of the accounts.
    pub fn offers(&self) -> impl Iterator<Item = (AccountId, Offer)> {
        let state = self.state();
        let open = state.liquidations.cases.iter().filter_map(|(account, case)| Some((*account, case.offer?)));
        open.filter(|(_, offer)| offer.version == state.version)
    }

    /// The accounts whose portfolios are in auction, and since when, in the order of the accounts.
    pub fn auctions(&self) -> impl Iterator<Item = (AccountId, Timestamp)> {
        self.state().liquidations.cases.iter().filter_map(|(account, case)| Some((*account, case.auction?)))
    }

    /// The number of the next match of an instrument.
    fn next_match(&self, instrument: InstrumentId) -> u64 {
        self.state().contract(instrument).map_or(1, |contract| contract.last_match + 1)
    }
}

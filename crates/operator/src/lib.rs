//! Runs a venue on the engine: a client that writes and numbers every command, and the duties that no customer sends.
//!
//! ```text
//! fills, deposits, reports ──▶ Operator ──▶ Door ──▶ Sequencer (durable) or Memory
//!                     beat(now) ──┘ ticks, funding, interest, settlement, expiry, proposals, liquidation
//! ```
//!
//! | module | what a caller does |
//! |---|---|
//! | `client.rs` | sends one command |
//! | `batch.rs` | writes commands, by a method for each kind; those of a batch become durable together |
//! | `beat.rs`, `duty.rs`, `schedule.rs` | has everything done that is due, or single duties |
//! | `door.rs` | chooses between a journal, memory, or a door of its own |
//!
//! The engine decides only the commands it is sent. An [`Operator`] sends them: those of its callers and, in
//! [`Operator::beat`], everything that is due at a moment. It has no clock: the caller gives the time, so a test runs a
//! year in a second and a journal can be made again. It keeps nothing that the engine's state holds: after a restart it
//! goes on where the journal ends.
//!
//! The operator never decides. The engine decides whether a command is allowed, which accounts are liquidated and what
//! a trade may cost.

mod batch;
mod beat;
mod client;
mod door;
mod duty;
mod premium;
mod said;
mod schedule;

pub use batch::Batch;
pub use beat::{Beat, Done};
pub use client::{Failed, Sent};
pub use door::{Door, Memory};
pub use duty::Duty;
pub use said::{Ordered, Said, Taken, Trade};
pub use schedule::Schedule;

use std::collections::BTreeMap;

use engine::state::{Offer, State};
use engine::{AccountId, Command, Engine, Envelope, Principal};
use premium::Premiums;
use sequencer::Answer;
use units::Timestamp;

/// The operator of a venue: the door to its engine, the schedule of its duties, and the times at which they were done.
#[derive(Debug)]
pub struct Operator<D> {
    door: D,
    schedule: Schedule,
    /// The time of the next command.
    now: Timestamp,
    /// The time at which the operator began to run the engine.
    began: Timestamp,
    /// The time at which each duty was last done, where the state of the engine does not say it.
    done: BTreeMap<Duty, Timestamp>,
    /// The time at which each duty was last refused, until it is done.
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

    /// The state of the engine.
    pub fn state(&self) -> &State {
        self.door.engine().state()
    }

    /// The time of the next command.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The door to the engine.
    pub fn door(&self) -> &D {
        &self.door
    }

    /// The door to the engine, for snapshots and compaction.
    pub fn door_mut(&mut self) -> &mut D {
        &mut self.door
    }

    /// Returns the door to the engine.
    pub fn into_door(self) -> D {
        self.door
    }

    /// Sets the time of the commands that follow; it never goes back.
    pub fn at(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// Begins a batch of commands at the present time; [`Self::submit`] sends it.
    pub fn batch(&self) -> Batch<'_> {
        Batch::new(self.state(), self.now).with(&self.premiums)
    }

    /// Sends commands of callers, each with its own time and principal, as one batch: all of it is durable, or none of
    /// it happened. Returns an answer for each, in order.
    pub fn submit(&mut self, batch: &[Envelope]) -> Result<Vec<Answer>, D::Stopped> {
        let answers = self.door.submit(batch)?;
        // Not the time of a command that was refused: a wrong date moves no clock.
        self.at(self.door.engine().state().clock);
        Ok(answers)
    }

    /// Sends one command at the present time. Returns the answer of the engine.
    pub fn ask(&mut self, principal: Principal, command: Command) -> Result<Answer, D::Stopped> {
        let envelope = Envelope { time: self.now, principal, command };
        let answers = self.door.submit(std::slice::from_ref(&envelope))?;
        Ok(answers.into_iter().next().expect("a batch of one command has one answer"))
    }

    /// The trades that are offered for accounts in liquidation at present prices, in the order of the accounts.
    pub fn offers(&self) -> impl Iterator<Item = (AccountId, Offer)> {
        let state = self.state();
        let open = state.liquidations.cases.iter().filter_map(|(account, case)| Some((*account, case.offer?)));
        open.filter(|(_, offer)| offer.version == state.version)
    }

    /// The accounts whose portfolios are in auction, with the start of the auction, in the order of the accounts.
    pub fn auctions(&self) -> impl Iterator<Item = (AccountId, Timestamp)> {
        self.state().liquidations.cases.iter().filter_map(|(account, case)| Some((*account, case.auction?)))
    }
}

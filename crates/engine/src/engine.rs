//! The state together with its desk: the engine that a sequencer, a simulator or a verifier holds.

use model::Invalid;

use crate::state::StateHash;
use crate::{Desk, Envelope, Event, Reject, State, apply, decide};

/// An engine: its state, and a desk that follows it.
#[derive(Debug)]
pub struct Engine {
    state: State,
    desk: Desk,
    /// Decisions committed since all holders were last added up.
    unsummed: usize,
}

/// All holders are added up after this many decisions per account, so that the cost for each decision is the same small
/// part, however many accounts there are.
const SUMMED_AFTER: usize = if cfg!(debug_assertions) { 1 } else { 64 };

impl Engine {
    /// An engine in `state`. Refuses a state whose parameters cannot be read.
    pub fn new(state: State) -> Result<Self, Invalid> {
        let desk = Desk::new(&state)?;
        Ok(Self { state, desk, unsummed: 0 })
    }

    /// The state on which all decisions are made.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The desk: everything recomputed from the state.
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// The events that a command would cause. Changes nothing.
    pub fn decide(&self, envelope: &Envelope) -> Result<Vec<Event>, Reject> {
        decide(&self.state, &self.desk, envelope)
    }

    /// Applies events that were decided here or in another run.
    pub fn commit(&mut self, events: &[Event]) {
        for event in events {
            apply(&mut self.state, event);
        }
        self.desk.follow(&self.state, events).expect("parameters were read when they were proposed");
        self.unsummed += 1;
        if self.unsummed > SUMMED_AFTER.saturating_mul(self.state.accounts.len()) {
            self.unsummed = 0;
            if let Err(broken) = self.state.adds_up() {
                panic!("{broken}");
            }
        }
    }

    /// Decides a command and commits its events.
    pub fn handle(&mut self, envelope: &Envelope) -> Result<Vec<Event>, Reject> {
        let events = self.decide(envelope)?;
        self.commit(&events);
        Ok(events)
    }

    /// The hash of the state.
    pub fn hash(&mut self) -> StateHash {
        self.state.hash()
    }

    /// The state, without its desk.
    pub fn into_state(self) -> State {
        self.state
    }
}

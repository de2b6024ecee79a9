//! What a decision is made on.

use units::Timestamp;

use crate::{Desk, State};

/// What a decision is made on: the state, the desk that follows it, and the time of the command.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The state before the command.
    pub state: &'a State,
    /// The desk of that state.
    pub desk: &'a Desk,
    /// The time of the command: that of the state's clock, or after it.
    pub now: Timestamp,
}

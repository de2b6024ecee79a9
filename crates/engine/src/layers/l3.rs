//! Layer 3, after the trade: the check of layer 2 again, on the committed state.
//!
//! Layer 2 judged the account as it would become. The next [`crate::Command::Watch`] judges the account as it was
//! stored: an account that was touched and does not hold what layer 2 found is restricted at once.

use crate::layers::l4;
use crate::state::State;
use crate::{Desk, Event};
use units::Timestamp;

/// Judges every account that was touched or that prices can matter to, and returns the changes of status.
pub fn committed(state: &State, desk: &Desk, now: Timestamp) -> Vec<Event> {
    desk.for_each(&desk.concerned(state), |id| l4::standing(state, desk, now, id))
}

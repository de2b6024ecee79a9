//! Layer 3, after the trade: the same question again, of the committed state.
//!
//! Layer 2 asked it of an account as it would be. What became of it is judged here, from what was stored, in the next
//! [`crate::Command::Watch`]: an account that was touched and does not hold what layer 2 said is restricted at once.

use crate::layers::l4;
use crate::state::State;
use crate::{AccountId, Desk, Event};
use units::Timestamp;

/// Judges every account that was touched or that prices can matter to, and says whose standing has changed.
pub fn committed(state: &State, desk: &Desk, now: Timestamp) -> Vec<Event> {
    let changed = |id: AccountId| l4::standing(state, desk, now, id);
    desk.concerned(state).into_iter().filter_map(changed).collect()
}

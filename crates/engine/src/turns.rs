//! The order in which accounts whose prices have improved are told so: by turns, so that no tick has to tell all of them.

use crate::state::State;
use crate::{AccountId, Status};

/// The ticks in which every account that is not healthy has had a turn to recover.
const TURNS: u64 = 256;

/// Whether a better status of an account may be recorded now. Accounts that a command has touched or that are below
/// maintenance may recover at once; the others take turns.
pub fn may_recover(state: &State, id: AccountId) -> bool {
    let below = state.accounts[id.place()].status <= Status::Liquidation;
    below || state.touched.contains(id) || has_turn(state, id)
}

/// Whether it is the turn of an account: a recovery by prices alone is recorded within [`TURNS`] ticks.
pub fn has_turn(state: &State, id: AccountId) -> bool {
    // The account's turn may be one of the versions in which no account has been judged yet.
    let waited = state.version.saturating_sub(state.watched);
    let turn = (u64::from(id.0) + TURNS - (state.watched + 1) % TURNS) % TURNS;
    turn < waited
}

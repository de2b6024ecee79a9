//! Judging who was touched and whom prices can matter to.

use units::Timestamp;

use crate::layers::l3;
use crate::{Desk, Event, Reject, State};

/// Says whose standing has changed, and that all have been judged in this version of the market.
#[expect(clippy::unnecessary_wraps, reason = "every command is answered in one way")]
pub fn watch(state: &State, desk: &Desk, now: Timestamp) -> Result<Vec<Event>, Reject> {
    let mut events = l3::committed(state, desk, now);
    events.push(Event::Watched { version: state.version });
    Ok(events)
}

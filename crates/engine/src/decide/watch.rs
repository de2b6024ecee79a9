//! Judges the accounts that commands have touched and those that prices can matter to, and begins the liquidation of every account
//! that is below maintenance.

use units::Timestamp;

use super::liquidation;
use crate::layers::l3;
use crate::{Desk, Event, Reject, State};

/// The changes of status, the liquidations that begin, and the record that all accounts were judged in this version of
/// the market.
#[expect(clippy::unnecessary_wraps, reason = "every command is answered in one way")]
pub fn watch(state: &State, desk: &Desk, now: Timestamp) -> Result<Vec<Event>, Reject> {
    let mut events = l3::committed(state, desk, now);
    events.extend(liquidation::begun((state, desk, now), &events));
    events.push(Event::Watched { version: state.version });
    Ok(events)
}

//! Judges the accounts that commands have touched and those that prices can matter to, and begins the liquidation of every account
//! that is below maintenance.

use super::liquidation;
use crate::layers::l3;
use crate::{Context, Event, Reject};

/// The changes of status, the liquidations that begin, and the record that all accounts were judged in this version of
/// the market.
#[expect(clippy::unnecessary_wraps, reason = "every command is answered in one way")]
pub fn watch(context: Context<'_>) -> Result<Vec<Event>, Reject> {
    let Context { state, desk, now } = context;
    let mut events = l3::committed(state, desk, now);
    events.extend(liquidation::begun(context, &events));
    events.push(Event::Watched { version: state.version });
    Ok(events)
}

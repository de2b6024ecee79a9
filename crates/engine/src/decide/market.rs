//! Opening, restricting and halting a market.

use model::InstrumentId;

use crate::layers::l0;
use crate::state::{Mode, State};
use crate::{AccountId, Event, Reject};

/// Changes the mode of an instrument. When the instrument stops taking risk, orders that could add risk are cancelled
/// (I-68). Only expiry settles an instrument, and a settled instrument stays settled.
pub fn set_mode(state: &State, instrument: InstrumentId, mode: Mode) -> Result<Vec<Event>, Reject> {
    let contract = l0::contract(state, instrument)?;
    if contract.mode == Mode::Settled || mode == Mode::Settled {
        return Err(Reject::Mode { mode: Mode::Settled });
    }
    let mut events = vec![Event::ModeSet { instrument, mode }];
    if mode == Mode::Open {
        return Ok(events);
    }
    for (place, account) in state.accounts.iter().enumerate() {
        let id = AccountId(u32::try_from(place).expect("ids are u32"));
        let adding = account.orders.iter().filter(|order| order.instrument == instrument && !order.reduce_only);
        events.extend(adding.map(|order| Event::OrderClosed { account: id, order: order.id }));
    }
    Ok(events)
}

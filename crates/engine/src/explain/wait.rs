//! Explains why nothing is done for an account that is below its maintenance margin or has a case.

use model::{InstrumentId, UnderlyingId};
use units::{Money, Timestamp};

use super::Figures;
use crate::depth;
use crate::state::{Mode, Offer, State};
use crate::{AccountId, Command, Desk, Envelope, Event, Principal, Reject, Status, decide};

/// The reason why an account in liquidation waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Nobody has asked for its next step; nothing else is in the way.
    Due,
    /// A trade is offered, and no account has taken it.
    Taker {
        /// The trade that is offered.
        offer: Offer,
        /// USD of the underlying that liquidations may still trade now.
        room: Money,
    },
    /// The trade was offered in an earlier version of the market. The next step plans it anew.
    Plan {
        /// The trade that was offered.
        offer: Offer,
    },
    /// Liquidations have traded as much as the depth of these underlyings bears.
    Room {
        /// The underlyings of the account's positions, each with the USD that may still be traded of it.
        rooms: Vec<(UnderlyingId, Money)>,
    },
    /// The account is between its maintenance margin and the warning: the case stays open, and nothing is done for it.
    Recovery,
    /// Its portfolio is in auction, and nobody has bid.
    Bids {
        /// The end of the auction.
        until: Timestamp,
    },
    /// After an outage accounts have time for deposits.
    Cure {
        /// The end of that time.
        until: Timestamp,
    },
    /// The engine refuses the next step for this reason.
    Refused(Reject),
    /// No command reached the engine, so nothing could be asked for. Only a journal shows that.
    Silence,
}

impl Wait {
    /// Whether this wait has the same reason as another, whatever the figures.
    pub fn is_like(&self, other: &Self) -> bool {
        match self {
            Self::Refused(one) => matches!(other, Self::Refused(two) if one.code() == two.code()),
            Self::Taker { offer, .. } => matches!(other, Self::Taker { offer: after, .. } if offer == after),
            Self::Due
            | Self::Plan { .. }
            | Self::Room { .. }
            | Self::Recovery
            | Self::Bids { .. }
            | Self::Cure { .. }
            | Self::Silence => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

/// The reason why an account waits now; none when it has no case and is above its maintenance margin.
///
/// It is found by asking the engine for the next step.
pub fn wait(state: &State, desk: &Desk, id: AccountId) -> Option<Wait> {
    let case = state.liquidations.cases.get(&id);
    let account = state.account(id)?;
    if case.is_none() && account.status > Status::Liquidation {
        return None;
    }
    let offer = case.and_then(|case| case.offer);
    let current = offer.filter(|offer| offer.version == state.version);
    let command = Command::Liquidate { account: id };
    let next = decide(state, desk, &Envelope { time: state.clock, principal: Principal::System, command });
    Some(match (next, current) {
        (Err(Reject::Curing { until }), _) => Wait::Cure { until },
        (Err(reject @ Reject::NoPrice { .. }), _) => Wait::Refused(reject),
        (Err(Reject::NotInLiquidation { .. }), _) => Wait::Recovery,
        // An offer can be filled only while the account is below its maintenance margin.
        (_, Some(_)) if recovers(state, desk, id) => Wait::Recovery,
        (_, Some(offer)) => {
            let underlying = state.contracts[offer.instrument.0].terms.underlying;
            Wait::Taker { offer, room: depth::room(state, state.clock, underlying) }
        }
        (Err(Reject::Waiting { until, .. }), None) => Wait::Bids { until },
        (Err(reject), None) => Wait::Refused(reject),
        (Ok(events), None) if idle(&events) => idle_for(state, id, &events),
        (Ok(_), None) => offer.map_or(Wait::Due, |offer| Wait::Plan { offer }),
    })
}

/// Whether an account is above its maintenance margin.
fn recovers(state: &State, desk: &Desk, id: AccountId) -> bool {
    desk.judge(state, &state.accounts[id.place()]).is_ok_and(|judged| judged.status > Status::Liquidation)
}

/// Instruments of an account whose market is halted: no trade can be made in them, and plans leave them out.
pub fn halted(state: &State, id: AccountId) -> Vec<InstrumentId> {
    let held = state.account(id).into_iter().flat_map(|account| &account.positions).map(|held| held.instrument);
    held.filter(|instrument| state.contracts[instrument.0].mode == Mode::Halted).collect()
}

/// Whether a step only judges the account and records that nothing is offered for it.
fn idle(events: &[Event]) -> bool {
    let nothing = |event: &Event| {
        matches!(event, Event::Judged { .. } | Event::Offered { offer: None, .. } | Event::Clock { .. })
    };
    events.iter().all(nothing)
}

/// The reason why a step does nothing: the account is above its maintenance margin in the figures of the step, or
/// liquidations have no room left to trade.
fn idle_for(state: &State, id: AccountId, events: &[Event]) -> Wait {
    let account = &state.accounts[id.place()];
    if Figures::recorded(events, id).is_some_and(|figures| figures.status > Status::Liquidation) {
        return Wait::Recovery;
    }
    let held = account.positions.iter().map(|held| state.contracts[held.instrument.0].terms.underlying);
    let markets: std::collections::BTreeSet<UnderlyingId> = held.collect();
    let rooms = markets.into_iter().map(|underlying| (underlying, depth::room(state, state.clock, underlying)));
    Wait::Room { rooms: rooms.collect() }
}

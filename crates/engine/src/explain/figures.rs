//! The figures that the engine recorded when it judged an account.

use serde::Serialize;
use units::Money;

use crate::{AccountId, Event, Judged, Status};

/// The judgment of an account, as an event records it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Figures {
    /// The account's status.
    pub status: Status,
    /// Its equity, USD.
    pub equity: Money,
    /// Its initial margin, USD.
    pub initial_margin: Money,
    /// Its maintenance margin, USD.
    pub maintenance_margin: Money,
    /// The version of the market.
    pub market_version: u64,
}

impl Figures {
    /// The judgment of a desk in a version of the market.
    pub fn of(judged: &Judged, market_version: u64) -> Self {
        let Judged { equity, initial_margin, maintenance_margin, status, .. } = *judged;
        Self { status, equity, initial_margin, maintenance_margin, market_version }
    }

    /// The last judgment of an account among events; none when they do not judge it.
    pub fn recorded(events: &[Event], id: AccountId) -> Option<Self> {
        events.iter().rev().find_map(|event| {
            let Event::Judged { account, status, equity, initial_margin, maintenance_margin, version } = *event else {
                return None;
            };
            let figures = Self { status, equity, initial_margin, maintenance_margin, market_version: version };
            (account == id).then_some(figures)
        })
    }
}

//! Incidents of other venues, replayed: as they happened, and with our controls.
//!
//! ```text
//! Incident { facts, replay } ──▶ Replayed { without, with, assertion, figures, holds }
//!
//! without    a small model of the venue as it was, in the file of the incident; it must come near what was published
//! with       the same attack on the real engine (venue.rs), or on the rules of the liquidation crate
//! ```
//!
//! Each file tells one incident: the facts with their sources, both variants, and the condition that must hold. The
//! condition is a figure and its limit. Without our controls it must be broken, or the replay would show nothing.
//!
//! | number | file | incident |
//! |---|---|---|
//! | S-01 | `october_crash.rs` | leverage and empty order books on 10 October 2025 |
//! | S-02 | `binance_wrapped_collateral.rs` | a venue priced wrapped coins by its own thin books |
//! | S-03 | `hyperliquid_deleveraging.rs` | a queue closed whole positions of winners |
//! | S-04 | `dydx_halt.rs` | a chain halted, and went on with old prices |
//! | S-05 | `lighter_pool.rs` | a pool took over positions without a limit |
//! | S-10 | `mango_pumped_index.rs` | a pushed index, and a profit that no loser had paid |
//! | S-12 | `hyperliquid_jelly.rs` | a short that was opened to be taken over by the vault |
//! | S-16 | `synthetix_wrong_won.rs` | the average of two sources, one of them wrong by a factor of 1,000 |
//! | S-20 | `luna_price_floor.rs` | a feed that stopped at its floor and looked fresh |
//! | S-30 | `hyperliquid_eth_whale.rs` | margin withdrawn to the limit before a liquidation |
//! | S-31 | `drift_unpaid_profit.rs` | winners were paid before losers had paid |
//! | S-32 | `euler_self_liquidation.rs` | an attacker who liquidated their own account |
//! | S-39 | `drift_stolen_keys.rs` | stolen keys of governance, and a worthless token as collateral |
//! | S-42 | `okex_half_the_interest.rs` | one account with more than half of the open interest |
//! | S-50 | `oil_below_zero.rs` | a price below zero |

mod report;
mod venue;

mod binance_wrapped_collateral;
mod drift_stolen_keys;
mod drift_unpaid_profit;
mod dydx_halt;
mod euler_self_liquidation;
mod hyperliquid_deleveraging;
mod hyperliquid_eth_whale;
mod hyperliquid_jelly;
mod lighter_pool;
mod luna_price_floor;
mod mango_pumped_index;
mod october_crash;
mod oil_below_zero;
mod okex_half_the_interest;
mod synthetix_wrong_won;

pub use report::{Bound, Check, Facts, Figure, Near, Replayed, Told, dollars};

/// A replay that could not be run: a command of its script was refused, although it should never be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(pub String);

/// An incident and its replay.
#[derive(Clone, Copy, Debug)]
pub struct Incident {
    /// The known facts of the incident, with their sources.
    pub facts: &'static Facts,
    /// Runs both variants.
    pub replay: fn() -> Result<Replayed, Broken>,
}

/// Every incident, ordered by number.
pub const INCIDENTS: &[Incident] = &[
    Incident { facts: &october_crash::FACTS, replay: october_crash::replay },
    Incident { facts: &binance_wrapped_collateral::FACTS, replay: binance_wrapped_collateral::replay },
    Incident { facts: &hyperliquid_deleveraging::FACTS, replay: hyperliquid_deleveraging::replay },
    Incident { facts: &dydx_halt::FACTS, replay: dydx_halt::replay },
    Incident { facts: &lighter_pool::FACTS, replay: lighter_pool::replay },
    Incident { facts: &mango_pumped_index::FACTS, replay: mango_pumped_index::replay },
    Incident { facts: &hyperliquid_jelly::FACTS, replay: hyperliquid_jelly::replay },
    Incident { facts: &synthetix_wrong_won::FACTS, replay: synthetix_wrong_won::replay },
    Incident { facts: &luna_price_floor::FACTS, replay: luna_price_floor::replay },
    Incident { facts: &hyperliquid_eth_whale::FACTS, replay: hyperliquid_eth_whale::replay },
    Incident { facts: &drift_unpaid_profit::FACTS, replay: drift_unpaid_profit::replay },
    Incident { facts: &euler_self_liquidation::FACTS, replay: euler_self_liquidation::replay },
    Incident { facts: &drift_stolen_keys::FACTS, replay: drift_stolen_keys::replay },
    Incident { facts: &okex_half_the_interest::FACTS, replay: okex_half_the_interest::replay },
    Incident { facts: &oil_below_zero::FACTS, replay: oil_below_zero::replay },
];

/// The incident with a number such as S-10, in upper or lower case.
pub fn incident(id: &str) -> Option<&'static Incident> {
    INCIDENTS.iter().find(|incident| incident.facts.id.eq_ignore_ascii_case(id))
}

/// The attacks of a search, each with the amount that it took and its limit.
#[derive(Debug, Default)]
pub(crate) struct Rows(Vec<Row>);

/// A measured figure and its limit.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) found: f64,
    pub(crate) limit: f64,
}

impl Rows {
    pub(crate) fn add(&mut self, name: &str, found: f64, limit: f64) {
        self.0.push(Row { name: name.to_owned(), found, limit });
    }

    /// The row that comes nearest to its limit, or exceeds it most.
    pub(crate) fn worst(&self) -> Result<&Row, Broken> {
        let order = |one: &&Row, other: &&Row| (one.found - one.limit).total_cmp(&(other.found - other.limit));
        self.0.iter().max_by(order).ok_or_else(|| Broken("nothing was tried".to_owned()))
    }

    pub(crate) fn all_hold(&self) -> bool {
        self.0.iter().all(|row| row.found <= row.limit)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

/// The number of cases of a property test: 8, or the number in `UPM_CASES`.
#[cfg(test)]
pub(crate) fn cases() -> u32 {
    std::env::var("UPM_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(8)
}

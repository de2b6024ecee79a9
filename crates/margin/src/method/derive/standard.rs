//! The standard manager (SRM): every position separately, with options limited by the worst payoff of their expiry.
//!
//! ```text
//! margin = cash + Σ over markets of [perpetual + base + Σ over expiries of options]
//! ```

mod contract;
mod parameters;
mod report;

pub use contract::{Binding, Component, ExpiryMargin, MarketMargin, StandardMargin, assess};
pub use parameters::{
    BaseRules, DepegRules, MarketRules, OptionRules, OracleRules, PerpRules, StandardContractParameters,
};

use model::{Account, Market};
use serde::Deserialize;

use super::adapt::Adapted;
use super::manager::Manager;
use crate::book::{Listed, VenueParameters};
use crate::{About, Refusal, Workings};

/// The description of the method, and how far it is proven.
pub const ABOUT: About = About {
    name: "derive-standard",
    title: "Derive standard margin (SRM): isolated shorts, or the largest loss of their expiry",
    documents: "derivexyz/v2-core 7736900: src/risk-managers StandardManager, scripts/config-mainnet.sol",
    as_of: "2026-01-21",
    proof: "every margin and component of the contract run in an EVM, to 1e-6 dollars + 1e-12 of gross notional: \
            cargo xtask vectors derive",
    uncertain: &["parameters are those of the mainnet deployment script; governance may have changed them since"],
};

/// The parameter file that comes with the program.
pub const PARAMS: &str = include_str!("../../../params/derive-standard/2026-01-21.toml");

/// The parameters of the method.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StandardParameters {
    /// What the venue lists.
    pub listed: Listed,
    /// The underlyings and the cash of the manager.
    pub manager: Manager,
    /// The parameters of the contract.
    pub parameters: StandardContractParameters,
}

impl VenueParameters for StandardParameters {
    fn listed(&self) -> &Listed {
        &self.listed
    }
}

/// Computes the requirement of an account under this manager.
pub fn workings(
    account: &Account,
    market: &Market,
    parameters: &StandardParameters,
    strict: bool,
) -> Result<Workings, Refusal> {
    let mut adapted = Adapted::of(account, market, (&parameters.listed, &parameters.manager), strict)?;
    adapted.dollars_as_cash(account, market)?;
    adapted.coins_as_base(account, market)?;
    adapted.note_base_in_cash();
    let mut markets = Vec::with_capacity(adapted.subaccounts.len());
    for subaccount in &adapted.subaccounts {
        let rules = parameters.parameters.markets.get(&subaccount.rules).ok_or_else(|| Refusal::NotSupported {
            method: ABOUT.name,
            why: format!("the parameters have no market {}", subaccount.rules),
        })?;
        markets.push((&subaccount.held, rules));
    }
    let margin = assess(&markets, adapted.cash, &parameters.parameters.depeg)?;
    let said = (adapted.state, adapted.conversions.into_notes());
    Ok(report::workings_of(account, &adapted.subaccounts, &margin, said).scaled(adapted.cash.price))
}

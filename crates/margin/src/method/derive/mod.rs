//! Derive (formerly Lyra): three managers, each the sole judge of its own subaccounts.
//!
//! | method | manager | in a sentence |
//! |---|---|---|
//! | `derive` | `PMRM_2` | the worst of 33 moves of spot, volatility and skew, with any listed coin as collateral |
//! | `derive-pmrm` | PMRM | the worst of 23 moves of spot and volatility, with the base asset as collateral |
//! | `derive-standard` | SRM | every short option separately, limited by the worst payoff of its expiry |
//!
//! ```text
//! VenueAccount ──adapt──▶ Holdings, Cash ──assess──▶ PortfolioMargin, StandardMargin ──report──▶ Workings
//!                         the contract's inputs      the contract's answer
//! ```
//!
//! [`portfolio`] holds the inputs of the contracts. [`expiry`] revalues one expiry under a shock, and [`scan`] holds
//! the code that the portfolio managers share; [`pmrm`], [`pmrm2`] and [`standard`] are each the rest of one contract,
//! which its `assess` reproduces number for number (`cargo xtask vectors derive`). `adapt` translates our documents
//! into those inputs and `report` translates the answer into workings. Modules use each other in one direction:
//!
//! ```text
//! pmrm, pmrm2, standard ──▶ report ──▶ adapt ──▶ manager
//!                             └──▶ scan ──▶ expiry ──▶ portfolio ◀── adapt
//! ```
//!
//! Margins of the contracts are net: mark-to-market and cash less the requirement. They are in units of the cash
//! stablecoin, one unit for a dollar of the index; the workings convert the requirement at the stablecoin's price.

mod adapt;
pub mod expiry;
pub mod manager;
pub mod pmrm;
pub mod pmrm2;
pub mod portfolio;
mod report;
pub mod scan;
pub mod standard;

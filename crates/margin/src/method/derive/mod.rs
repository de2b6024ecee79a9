//! Derive (formerly Lyra): three managers, each the sole judge of the subaccounts it is in charge of.
//!
//! | method | manager | in a sentence |
//! |---|---|---|
//! | `derive` | `PMRM_2` | the worst of 33 moves of spot, volatility and skew, with any listed coin as collateral |
//! | `derive-pmrm` | PMRM | the worst of 23 moves of spot and volatility, with the base asset as collateral |
//! | `derive-standard` | SRM | every short by itself, options no worse than their expiry can pay |
//!
//! ```text
//! Book ──adapt──▶ Holdings, Cash ──assess──▶ Outcome ──workings──▶ Workings
//!                 the contract's inputs      the contract's answer
//! ```
//!
//! [`portfolio`] is what the contracts look at. [`expiry`] revalues one expiry under a shock and [`scan`] holds what the
//! portfolio managers share; [`pmrm`], [`pmrm2`] and [`standard`] are each the rest of one contract, which its `assess`
//! reproduces number for number (`cargo xtask vectors derive`). `adapt` translates our documents into those inputs and
//! `report` the answer into workings.
//!
//! Margins of the contracts are net: mark-to-market and cash less the requirement. They count in the stablecoin of their
//! cash, a unit for a dollar of the index; the workings convert what is required at its price.

mod adapt;
pub mod expiry;
pub mod pmrm;
pub mod pmrm2;
pub mod portfolio;
mod report;
pub mod scan;
pub mod standard;

pub use adapt::{LISTED, Venue};

//! Simulates the engine from a seed: all commands, all faults that can occur, and an auditor that checks every step.
//!
//! ```text
//! seed ──▶ swarm ──▶ world ──▶ workload ──▶ faults ──▶ rules (the engine, or a canary) ──▶ auditor
//!            │                                │                                              │
//!        what is drawn                 feeds, transport, disk                       books, margin, replay
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`swarm`] | the options that a seed draws: weights, faults, corners |
//! | [`world`] | the venue and its true prices |
//! | [`workload`] | commands, plausible and implausible |
//! | `liquidator.rs`, `bidder.rs` | the driver of liquidations, and the accounts that take the other side |
//! | [`scene`] | corners that take many steps to reach |
//! | `meddler.rs` | accounts that put dust and a little money into accounts that are liquidated |
//! | [`faults`] | feeds and transport that fail; `durable.rs`: the disk |
//! | [`mod@run`] | safety phase, then liveness phase; `checked.rs`: the engine, every step of which is checked |
//! | [`canary`] | rules broken on purpose, which must be caught |
//! | [`shrink`] | a failing run as a short script |
//! | [`keep`] | a run as a journal |
//! | [`crash`] | a real process, killed at random moments |
//! | [`report`] | the states and commands that were reached, and those that were not |
//!
//! The same seed gives the same run, to the last hash, on every machine and on any number of threads.

mod bidder;
pub mod canary;
mod checked;
pub mod crash;
mod durable;
pub mod faults;
pub mod keep;
pub mod kinds;
mod liquidator;
mod meddler;
pub mod report;
pub mod run;
pub mod scene;
pub mod shrink;
pub mod swarm;
pub mod threads;
pub mod workload;
pub mod world;

pub use canary::{Caught, canaries};
pub use crash::CrashReport;
pub use report::{Coverage, Unreached};
pub use run::{Failure, Options, Outcome, run};
pub use threads::{Summary, run_seeds};

//! Plans against closed forms, brute force, and the universal method.
//!
//! | module | subject |
//! |---|---|
//! | `world` | markets, accounts and two gauges simple enough to compute by hand |
//! | `size` | how much is traded: the closed form, brute force over lots, room, the frontier |
//! | `choice` | the choice of trades: hedges kept and made, debts repaid, escalation |
//! | `few` | how many trades: few, each once, none of dust, and no single one would have done |
//! | `reach` | a target that can be reached is reached: a slow search beside the plan |
//! | `bound` | how often an account is assessed, at most |
//! | `universal` | random portfolios under the universal method |

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod bound;
mod choice;
#[path = "../common/mod.rs"]
mod common;
mod few;
mod reach;
mod size;
mod universal;
mod world;

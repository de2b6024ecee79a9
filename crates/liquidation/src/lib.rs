//! What to do with an account that no longer holds its maintenance margin: the least harm that restores it.
//!
//! ```text
//! plan(account, market, gauge, books, rules)   cancel → hedge → collateral → reduce → auction → backstop → deleverage   plan.rs
//! gauge.rs       how an account stands, by whatever method: the only thing a plan asks of one
//! book.rs        what trading an instrument is expected to cost
//! rules.rs       targets, shares of depth, the auction's clock, budgets
//! auction.rs     what a Dutch auction pays at a moment, and how much of the portfolio it sells
//! waterfall.rs   who pays a loss: account, market fund, shared fund, winners
//! deleverage.rs  what winners give back: whole lots, by largest remainder
//! pace.rs        how much may be sold in an interval, and how near a cascade is
//! ```
//!
//! Everything here is a function of its arguments. The engine executes a plan one step at a time and asks again before each:
//! a plan is what would be done if prices stood still.

#![deny(clippy::wildcard_enum_match_arm)]

pub mod auction;
mod book;
pub mod deleverage;
mod gauge;
pub mod pace;
mod plan;
mod rules;
pub mod waterfall;

pub use book::Book;
pub use gauge::{Gauge, Standing};
pub use plan::{Plan, Planned, Purpose, Step, Stop, Why, plan};
pub use rules::Rules;

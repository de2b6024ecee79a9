//! Liquidation of an account that no longer holds its maintenance margin: the least harm that restores the margin.
//!
//! ```text
//! plan(account, market, gauge, books, rules)   cancel → hedge → collateral → reduce → auction → backstop → deleverage   plan.rs
//! gauge.rs       how an account stands, by any margin method: all that a plan asks of a method
//! book.rs        the expected cost of trading an instrument
//! rules.rs       targets, shares of depth, the auction's clock, budgets
//! auction.rs     the premium of a Dutch auction at a moment, and the share of the portfolio that it sells
//! waterfall.rs   who pays a loss: account, market fund, shared fund, winners
//! deleverage.rs  the profit that winners give back: whole lots, by largest remainder
//! planner.rs     plans from the depth, quotes and fees in a market document
//! price.rs       how far one underlying may move until an account is liquidated
//! pace.rs        how much may be sold in an interval, and how near a cascade is
//! ```
//!
//! Everything here is a function of its arguments. The engine executes a plan one step at a time and plans again before
//! each step: a plan says what would be done if prices stood still.
//!
//! ```
//! use liquidation::{Planner, LiquidationRules};
//! use margin::method::{Method, Options};
//! use model::{Account, Instrument, Market, Underlying};
//!
//! let market = Market::builder("2026-05-01T00:00:00Z")
//!     .underlying(Underlying::builder("BTC", 80_000).depth(100, 50_000_000))
//!     .instrument(Instrument::perpetual("BTC-PERPETUAL", "BTC").mark(80_000))
//!     .build()?;
//! let account = Account::builder("desk").balance("USD", 8_000).position("BTC-PERPETUAL", 1).build(&market)?;
//! let method = Method::named("universal").expect("our own method");
//! let rulebook = method.rulebook(method.params)?;
//! let judge = rulebook.judge(&market, &Options::default())?;
//!
//! let plan = Planner::new(&*judge, LiquidationRules::default(), "0.001".parse()?, None)?.plan(&account)?;
//! assert!(plan.before.equity < plan.before.maintenance && plan.after.equity >= plan.after.maintenance);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(clippy::wildcard_enum_match_arm)]

pub mod auction;
mod book;
pub mod deleverage;
mod gauge;
pub mod pace;
mod plan;
mod planner;
mod price;
mod rules;
pub mod waterfall;

pub use book::OrderBook;
pub use gauge::{ByMethod, Gauge, Near, Standing};
pub use plan::{Plan, Planned, Purpose, Step, Stop, Why, plan};
pub use planner::Planner;
pub use price::{LiquidationPrices, liquidation_prices};
pub use rules::LiquidationRules;

//! Portfolio margin for digital-asset derivatives: what one account must hold for the net risk of its spot, perpetuals,
//! futures and options together, by upm's own method and by those of Deribit, Derive and Paradex.
//!
//! From nothing to a margin:
//!
//! ```
//! use upm::{Account, Asset, Instrument, Market, Rulebook, Underlying};
//!
//! let market = Market::builder("2026-05-01T00:00:00Z")
//!     .asset(Asset::builder("USDC", 1))
//!     .underlying(Underlying::builder("BTC", 80_000).depth(100, 50_000_000).expiry("2026-05-29T08:00:00Z", 80_400))
//!     .instrument(Instrument::perpetual("BTC-PERPETUAL", "BTC").linear("USDC").mark("80012.5"))
//!     .instrument(Instrument::put("BTC-29MAY26-75000-P", "BTC", "2026-05-29T08:00:00Z", 75_000)
//!         .linear("USDC").mark(1_350).iv("0.48"))
//!     .build()?;
//! let account = Account::builder("desk")
//!     .balance("USDC", 150_000)
//!     .position("BTC-PERPETUAL", 5)
//!     .position("BTC-29MAY26-75000-P", 5)
//!     .build(&market)?;
//!
//! let margin = Rulebook::named("universal")?.judge(&market)?.margin(&account)?;
//! assert!(margin.equity > margin.initial_margin);
//! println!("{} must hold {} USD", margin.account, margin.initial_margin);
//! # Ok::<(), upm::Error>(())
//! ```
//!
//! | to | use |
//! |---|---|
//! | put a market and an account together | [`Market::builder`], [`Account::builder`] |
//! | read documents | [`Market::parse`], [`Portfolio::parse`]; from a reader [`read_market`], [`read_portfolio`] |
//! | take a method by its name | [`Rulebook::named`], [`Rulebook::names`] |
//! | ask what an account must hold, and why | [`Judge::margin`] gives an [`Assessment`] |
//! | try trades before they are made | [`Judge::what_if`] |
//! | see profit and loss over price and volatility | [`Judge::stress`], [`Judge::frontier`] |
//! | know at which price an account is liquidated | [`Judge::liquidation_prices`] |
//! | see what a liquidation would do | [`Judge::plan`] |
//! | compare all methods | [`compare`] |
//!
//! A [`Rulebook`] and a [`Judge`] are `Send` and `Sync`. Every answer has the same bits on every machine and thread. Money is
//! fixed point and rounds against the account. What is missing is refused with an [`Error`], never assumed.
//!
//! Below this crate lie `upm-model` (markets and accounts), `upm-margin` (methods), `upm-liquidation` (plans), `upm-pricing`
//! and `upm-units`; beside it `upm-engine`, which holds accounts and judges them on every fill and every price.

mod error;
mod judge;
mod planning;
mod read;
mod rulebook;
mod what_if;

pub use error::Error;
pub use judge::{Judge, compare, margin_by};
pub use liquidation::{LiquidationPrices, Plan, Planned, Step, Stop, Why};
pub use margin::scenario::ScenarioSet;
pub use margin::stress::{Frontier, Grid, Matrix, NotGrid};
pub use margin::{About, Assessment, Refusal, RequirementState, Standing, Status, Verdict};
pub use model::{
    Account, AccountBuilder, Asset, AssetBuilder, Basket, BasketBuilder, Instrument, InstrumentBuilder, InstrumentKind,
    Invalid, Market, MarketBuilder, NotTrade, Payoff, Portfolio, QuotePrice, Right, Side, Trade, Underlying,
    UnderlyingBuilder, UsdPrice,
};
pub use planning::Planning;
pub use read::{read_market, read_portfolio, read_scenarios};
pub use rulebook::Rulebook;
pub use units::{Money, Price, Quantity, Ratio, Round, Timestamp};
pub use what_if::WhatIf;

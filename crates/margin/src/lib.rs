//! Margin requirements: the amount that an account must hold, the amount it holds, and why.
//!
//! A *margin* is the equity that an account must have so that its positions can be closed before they cost more than
//! the account has. It is computed here in three steps, the same for every method:
//!
//! ```text
//!             what might happen            what it does to each contract      what it does to the account
//! Market ───▶ scenario (families) ───────▶ risk_array (one row a contract) ──▶ Σ quantity · row
//!                                                                                  │ aggregate (worst, shortfall, …)
//! Params ───▶ method/* (rules, charges) ──────────────────────────────────────▶ Workings: families + charges
//!                                                                                  │ assess (round once, explain)
//!                                                                                  ▼
//!                                                                              Assessment
//! ```
//!
//! * **equity** is the value of the account at index and mark: fixed point, rounded down ([`valuation`]).
//! * the **core** is the loss in the worst family of scenarios, everything revalued ([`risk_array`], [`scenario`]).
//! * **charges** cover risks that scenarios cannot see: liquidity, basis, expiry, borrow, haircuts, fees.
//! * **maintenance margin** = core + charges; **initial margin** adds a factor on the core and open orders.
//! * **health** = equity / maintenance margin.
//! * a requirement is **known**, known but with a part of the account's assets **not accepted**, or **unknown**
//!   ([`RequirementState`]): a position or asset that a method has no rule for is never given a margin of zero.
//!
//! A venue's method is its own rules composed of the same pieces: its scenarios, its volatility rule ([`vol`]), its way
//! to aggregate ([`aggregate`]), its charges. A contract that a venue does not list is converted, and the answer says
//! so ([`book`]). Parameters are data with evidence ([`params`]), never code. Risk numbers are `f64` in a fixed order;
//! a requirement becomes money once, rounded up. This crate opens no file, prints nothing, reads no clock and draws no
//! random number. Missing data is refused ([`Refusal`]), never assumed.
//!
//! ```
//! use margin::assess;
//! use margin::method::{METHODS, Options};
//! use model::{Account, Asset, Instrument, Market, Underlying};
//!
//! let market = Market::builder("2026-05-01T00:00:00Z")
//!     .asset(Asset::builder("USDC", 1))
//!     .underlying(Underlying::builder("BTC", 80_000).depth(100, 50_000_000))
//!     .instrument(Instrument::perpetual("BTC-PERPETUAL", "BTC").linear("USDC").mark(80_000))
//!     .build()?;
//! let account = Account::builder("desk").balance("USDC", 50_000).position("BTC-PERPETUAL", 2).build(&market)?;
//! for method in METHODS {
//!     let rulebook = method.rulebook(method.params)?;
//!     let assessment = assess(&account, &*rulebook.judge(&market, &Options::default())?)?;
//!     assert!(assessment.initial_margin >= assessment.maintenance_margin);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(clippy::wildcard_enum_match_arm)]

mod about;
pub mod aggregate;
mod assess;
mod assessment;
mod basket;
pub mod book;
pub mod cell;
pub mod exposure;
pub mod greeks;
mod holdings;
pub mod method;
pub mod params;
mod refusal;
pub mod risk_array;
pub mod scenario;
mod scenario_document;
mod standing;
pub mod stress;
mod summary;
pub mod valuation;
mod verdict;
pub mod vol;
mod words;
mod workings;

pub use about::About;
pub use assess::{Judge, assess};
pub use assessment::{
    Assessment, BalancePart, Charge, Core, Exposure, Family, PositionPart, ScenarioPnl, Status, UnderlyingGreeks,
    requirement, shares, status,
};
pub use holdings::{Held, Holdings};
pub use refusal::Refusal;
pub use scenario_document::{AggregationDocument, FamilyDocument, MoveDocument, SCENARIOS_FORMAT, ScenarioDocument};
pub use standing::{NotAccepted, RequirementState, Standing};
pub use summary::{Requirement, Summary, summarise};
pub use verdict::Verdict;
pub use words::Words;
pub use workings::{BOUNDED, Ceiling, ChargeLine, FamilyLine, Workings};

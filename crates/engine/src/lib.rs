//! The engine that keeps accounts and judges them: commands go in, events come out.
//!
//! ```text
//! Envelope ──▶ decide(&State, &Desk, &Envelope) ──▶ Ok(events) ──▶ journal ──▶ apply(&mut State, &Event)
//!                       │                     └────▶ Err(Reject), numbered
//!                       └─ layers: l0 form and right · l1 static limits · l2 before trade · l3 after trade ·
//!                          l4 on price · l5 withdrawal · l6 system
//! ```
//!
//! * [`decide`] works out the events of a command and changes nothing. [`apply`] changes the state by one event and
//!   decides nothing: it never prices, assesses or refuses. An event records the decision itself, so a journal replays
//!   to the same state under any later methodology.
//! * Events and states that are read from a file go through [`apply_read`] and [`whole`], which refuse whatever `apply`
//!   cannot take.
//! * [`State`] is the complete record: accounts, pots, listings, feeds, parameters. It has a hash ([`State::hash`]).
//! * [`Desk`] holds data recomputed from the state: the market revalued under every scenario, and certificates that
//!   tell which accounts a price can matter to. It makes decisions fast and never makes them different.
//! * Time and prices come with the commands. The engine never reads a clock, opens a file or draws a random number.
//!
//! Amounts are fixed point and conserved exactly: every amount that leaves one [`state::Holder`] arrives at another, and
//! the sum over all holders of an asset is 0.
//!
//! ```
//! use engine::state::Policy;
//! use engine::{AccountId, Command, Engine, Envelope, Principal, State};
//!
//! let time = "2026-11-01T00:00:00Z".parse()?;
//! let state = State::new(time, margin::method::universal::PARAMS.to_owned(), Policy::default());
//! let mut engine = Engine::new(state)?;
//! let (name, account, amount) = ("desk".to_owned(), AccountId(0), "1000".parse()?);
//! engine.handle(&Envelope { time, principal: Principal::System, command: Command::OpenAccount { name, owner: 7 } })?;
//!
//! // An owner may not say that money has arrived; the custodian may.
//! let command = Command::Deposit { account, asset: model::USD, location: None, amount, reference: 1 };
//! let from = |principal| Envelope { time, principal, command: command.clone() };
//! assert!(engine.handle(&from(Principal::Owner(7))).is_err());
//! assert!(!engine.handle(&from(Principal::Custody))?.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(clippy::wildcard_enum_match_arm)]

mod apply;
mod cause;
mod check;
mod command;
mod concern;
mod context;
mod decide;
mod depth;
mod desk;
mod engine;
mod event;
pub mod explain;
mod feeds;
mod form;
mod ids;
mod layers;
mod live;
pub mod preview;
mod principal;
mod reject;
mod rights;
pub mod state;
mod turns;

pub use apply::apply;
pub use cause::Cause;
pub use check::{apply_read, whole};
pub use command::{Command, Envelope, Party};
use context::Context;
pub use decide::decide;
pub use desk::{Desk, Judged, Metrics};
pub use engine::Engine;
pub use event::{Event, Marked};
pub use ids::{AccountId, FeedId, LocationId, OrderId, SURFACE_SOURCE};
use live::Live;
pub use margin::Status;
pub use principal::{Capability, Principal};
pub use reject::{Noun, Reject};
pub use rights::needed;
pub use state::State;

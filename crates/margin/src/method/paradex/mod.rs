//! Paradex: options and perpetuals on dollars, settled in USDC, under portfolio margin or cross margin.
//!
//! | method | mode | in a sentence |
//! |---|---|---|
//! | `paradex` | portfolio margin | the worst of 24 moves of spot and volatility, never less than a share of delta |
//! | `paradex-cross` | cross margin | every market by itself, each by its larger side |
//!
//! Both follow the venue's own engine (`paradex_py/margin`) operation by operation and use its names. The engine's
//! prices are in USD, and its contracts pay one USDC for each dollar. A contract here is converted into the number of
//! the venue's contracts with the same price sensitivity; their requirement is in USDC, and the workings convert it at
//! the price of USDC. On top of the core, each mode provides for fees. The engine charges the whole value of every
//! balance that is not USDC: here an asset counts as not accepted, and a debt as a charge.
//!
//! ```text
//! Account ──adapt──▶ UnderlyingAccount, haircuts ──requirement──▶ the engine's answer ──workings──▶ Workings
//!                    the engine's inputs
//! ```
//!
//! [`portfolio`] and [`cross`] each hold one mode; `adapt` holds the inputs that both share, and [`black_scholes`] prices
//! as the engine does. Modes use these two, and nothing points back.

mod adapt;
pub mod black_scholes;
pub mod cross;
pub mod portfolio;

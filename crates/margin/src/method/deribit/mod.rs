//! Deribit: inverse contracts settle in the coin, linear contracts in a stablecoin, and each currency is margined separately.
//!
//! | method | model | in a sentence |
//! |---|---|---|
//! | `deribit` | S:PM | the worst of a matrix of price and volatility moves, plus shocks for rolling and unwinding delta |
//! | `deribit-standard` | S:SM | every position separately: futures by size, options by moneyness |
//!
//! ```text
//! Account ──adapt──▶ PairAccount ──requirement──▶ PairRequirement ──workings──▶ Workings
//!                    one pair, one currency       in that currency              in USD
//! ```
//!
//! A [`PairAccount`](pair::PairAccount) holds the positions and orders of one currency pair in one settlement currency:
//! `btc_btc` is in BTC, `btc_usdc` in USDC. Both models answer in the settlement currency; the workings convert at its
//! price, and the notes keep the venue's own figures. `segregated.rs` applies the rule that currencies do not back each
//! other. [`portfolio`] and [`standard`] each hold one model; they use `adapt`, which uses `segregated` and [`pair`],
//! and nothing points back.

mod adapt;
pub mod pair;
pub mod portfolio;
mod segregated;
pub mod standard;

//! The value of one instrument in one state of the market: pure functions of `f64`, with the same bits everywhere.
//!
//! # In one page
//!
//! | module | contents |
//! |---|---|
//! | [`black76`] | the value of an option and its Greeks; reads like the formula |
//! | [`kernel`] | the value of every option of an expiry in every scenario, and of every account; a nanosecond a price |
//! | [`implied`] | the volatility that a price implies |
//! | [`payoff`] | the value of futures, perpetuals and coin-quoted options |
//! | [`math`] | `exp`, `ln`, `pow`, and the normal distribution |
//!
//! ```
//! use pricing::{
//!     Right,
//!     black76::{Black76, Inputs},
//!     kernel::{Column, Columns, Contract, Isa, Rows},
//! };
//!
//! // One option, now.
//! let inputs = Inputs { right: Right::Put, forward: 100.0, strike: 95.0, vol: 0.6, years: 0.25, discount: 1.0 };
//! let greeks = Black76::new(inputs)?.greeks();
//! assert!(greeks.delta < 0.0 && greeks.theta < 0.0 && greeks.vega > 0.0);
//!
//! // The same option after three moves of the forward.
//! let column = |forward| Column { forward, vol_multiplier: 1.0, vol_floor: 0.0, years: 0.25, discount: 1.0 };
//! let columns = Columns::new(&[column(90.0), column(100.0), column(110.0)])?;
//! let mut rows = Rows::zeros(1, columns.len());
//! columns.price(Isa::detect(), &[Contract::new(Right::Put, 95.0, 0.6)?], &mut rows, 0);
//!
//! // Nothing moved in the middle column: not nearly the same price, the same.
//! assert_eq!(rows.row(0)[1], greeks.price);
//! # Ok::<(), pricing::Refusal>(())
//! ```
//!
//! # The rules of this crate
//!
//! 1. **Same bits.** Only IEEE operations with one rounding each, in a written order; a fused multiply-add exactly where
//!    `mul_add` is written. Platform `exp` and `ln` differ between machines and are not used. AVX-512, AVX2, the baseline
//!    and 64-bit Arm give identical results, and the tests compare all instruction sets that the machine has.
//! 2. **Stated error.** Every function states its largest error, and a test against 60-digit arithmetic checks it.
//!    A price is within 2e-14 of `max(F, K)`: a few billionths of a dollar on bitcoin.
//! 3. **Checked on entry.** `new` refuses inputs from which no price can be computed ([`Refusal`]); after it nothing can fail.
//! 4. **No guesses.** Polynomials are fitted by `tests/reference/fit.py`, which an auditor can run again.
//!
//! Units: volatility 1.0 is 100 % a year, a year has 365 days, rates compound continuously, a put is worth a positive
//! number, and quantities are signed.

#![deny(clippy::wildcard_enum_match_arm)]

mod coefficients;
mod refusal;

pub mod black76;
pub mod implied;
pub mod kernel;
pub mod math;
pub mod payoff;

pub use model::Right;
pub use refusal::Refusal;

//! A market that reacts: the same shock, traders and makers under two ways in which venues liquidate, and under upm.
//!
//! | module | question |
//! |---|---|
//! | `calibration` | which numbers are used, and what are their sources? |
//! | `shock` | how does the price move without any reaction? |
//! | `market` | how does a trade move the price, and how do makers react to a move? |
//! | `population` | which positions do traders hold, and with how much margin? |
//! | `books` | which account holds which lots and which money? |
//! | `naive`, `isolated` | how do other venues liquidate accounts that hold too little margin? |
//! | `upm` | how does the engine of this project liquidate them, run by commands? |
//! | `winners` | which positions are closed when no fund can pay? |
//! | `run`, `compare` | what are the results, over many seeds? |
//!
//! This crate reads no file, writes none and asks no clock: a run is a function of calibration, shock, engine and seed,
//! to the last bit. The path and the traders depend on the seed alone, so engines differ only in their rules (except
//! that `Engine::Published` asks traders to bring more money). Money is exact: the sum of all cash and of all lots never
//! changes. Decisions are computed in `f64`, in a fixed order.
//!
//! ```
//! use cascade::{Calibration, Engine, run, synthetic};
//!
//! let quiet = &synthetic()[0];
//! assert_eq!(run(&Calibration::default().with_traders(40), quiet, Engine::Upm, 1).liquidated, 0);
//! ```

mod books;
mod calibration;
mod compare;
mod isolated;
mod market;
mod naive;
mod population;
mod run;
mod shock;
mod upm;
mod venue;
mod winners;

pub use books::{Account, Tally, World};
pub use calibration::{COINS, Calibration, Coin, Evidence, PerCoin};
pub use compare::{Comparison, Kind, MEASURES, Measure, Row, Spread, run_all};
pub use market::Market;
pub use population::population;
pub use run::{Outcome, run, run_with};
pub use shock::{Shock, synthetic};
pub use venue::{Engine, Venue};

//! A market that reacts: the same shock, traders and makers under three ways to liquidate, and under the engine itself.
//!
//! | module | question |
//! |---|---|
//! | `calibration` | which numbers, and where do they come from? |
//! | `shock` | what happens to the price without anyone's reaction? |
//! | `market` | what does a trade do to the price, and what do makers do when it moves? |
//! | `population` | who holds what, with how much behind it? |
//! | `books` | who has traded with whom, and where is the money? |
//! | `naive`, `isolated`, `ours` | what is done to those who hold too little? |
//! | `upm` | what does the engine itself do, by commands? |
//! | `winners` | whose positions are closed when nobody else can pay? |
//! | `run`, `compare` | what came of it, over many seeds? |
//!
//! Nothing is read or written here and no clock is asked: a run is a function of calibration, shock, engine and seed,
//! to the last bit. The path and the traders depend on the seed alone, so engines differ in nothing but their rules
//! (`Engine::Published` alone asks traders to bring more).
//! Money is exact: the sum of all cash and of all lots never changes. What drives decisions is `f64`, in a fixed
//! order.
//!
//! ```
//! use cascade::{Calibration, Engine, run, synthetic};
//!
//! let quiet = &synthetic()[0];
//! assert_eq!(run(&Calibration::default(), quiet, Engine::Ours, 1).liquidated, 0);
//! ```

mod books;
mod calibration;
mod compare;
mod dice;
mod isolated;
mod market;
mod naive;
mod ours;
mod population;
mod run;
mod shock;
mod upm;
mod venue;
mod winners;

pub use books::{Account, Tally, Who, World};
pub use calibration::{COINS, Calibration, Coin, Evidence, PerCoin};
pub use compare::{Comparison, Kind, MEASURES, Measure, Row, Spread, run_all};
pub use market::Market;
pub use ours::requirement;
pub use population::population;
pub use run::{Outcome, run, run_with};
pub use shock::{Shock, synthetic};
pub use venue::{Engine, Venue};

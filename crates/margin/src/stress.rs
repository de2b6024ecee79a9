//! What an account gains and loses when all prices and all volatilities move together, and where it would be liquidated.
//!
//! ```text
//! grid.rs        how many moves of price and of volatility
//! moves.rs       how far each of them is, by the scan of the universal method
//! matrix.rs      the profit of an account in every cell of a grid
//! estimate.rs    scan scenarios in full, and as delta, gamma, vega and theta have them
//! moved.rs       a market after a move, which any method can judge
//! frontier.rs    the line over the grid on which equity is the maintenance margin
//! ```

mod estimate;
mod frontier;
mod grid;
mod matrix;
mod moved;
mod moves;

pub use estimate::{Estimate, estimates, parts};
pub use frontier::{Frontier, Place, Question};
pub use grid::{Grid, NotGrid};
pub use matrix::{Matrix, VolStep};
pub use moved::{moved, with_prices};
pub use moves::{price_move, vol_change, vol_move};

//! The profit and loss of an account when all prices and all volatilities move together, and the moves that liquidate it.
//!
//! ```text
//! grid.rs        the number of moves of price and of volatility
//! moves.rs       the size of each move, by the scan of the universal method
//! matrix.rs      the profit of an account in every cell of a grid
//! estimate.rs    scan scenarios in full, and estimated by delta, gamma, vega and theta
//! moved.rs       a market after a move, which any method can judge
//! frontier.rs    the line over the grid on which equity equals the maintenance margin
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

//! The number of price moves and volatility moves of a stress grid.

use std::str::FromStr;

/// The fewest and the most moves of one kind.
const MOVES: std::ops::RangeInclusive<i32> = 3..=41;

/// The number of price moves and of volatility moves. Both are odd, so that "nothing moves" is in the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    pub(super) prices: i32,
    pub(super) vols: i32,
}

/// A text or a pair of counts that does not describe a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected two odd numbers from 3 to 41 such as 11x7: moves of price x moves of volatility")]
pub struct NotGrid;

impl Grid {
    /// The scan range of the universal method itself: 9 moves of price by 5 of volatility.
    pub const SCAN: Self = Self { prices: 9, vols: 5 };

    /// A grid with this many moves of price and of volatility, each an odd number from 3 to 41.
    pub fn new(prices: i32, vols: i32) -> Result<Self, NotGrid> {
        let counts = |count: i32| MOVES.contains(&count) && count % 2 == 1;
        if counts(prices) && counts(vols) { Ok(Self { prices, vols }) } else { Err(NotGrid) }
    }
}

impl Default for Grid {
    /// A grid from beyond one end of the scan range to beyond the other: 11 by 7.
    fn default() -> Self {
        Self { prices: 11, vols: 7 }
    }
}

impl FromStr for Grid {
    type Err = NotGrid;

    fn from_str(text: &str) -> Result<Self, NotGrid> {
        let (prices, vols) = text.split_once(['x', '×']).ok_or(NotGrid)?;
        let count = |text: &str| text.parse().map_err(|_| NotGrid);
        Self::new(count(prices)?, count(vols)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_is_two_odd_numbers() {
        assert_eq!("9x5".parse(), Ok(Grid::SCAN));
        assert_eq!("9×5".parse(), Ok(Grid::SCAN));
        assert_eq!("11x7".parse(), Ok(Grid::default()));
        for text in ["", "9", "8x5", "9x4", "1x3", "43x3", "9x5x3", "-9x5", "ax5"] {
            assert!(text.parse::<Grid>().is_err(), "{text}");
        }
    }
}

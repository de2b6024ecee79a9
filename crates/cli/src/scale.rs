//! The unit in which the cells of a stress grid are counted.

use crate::amount::profit;

/// The unit of the cells of a matrix, chosen so that each fits six characters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// The unit of the cells, such as "thousand USD".
    pub name: &'static str,
    divisor: f64,
    decimals: usize,
}

impl Scale {
    /// The unit that shows amounts up to `largest` with four digits.
    pub fn fitting(largest: f64) -> Self {
        let units =
            [("USD", 1.0), ("thousand USD", 1e3), ("million USD", 1e6), ("billion USD", 1e9), ("trillion USD", 1e12)];
        // Losses round down, so that 9.9991 may become 10.
        let fits = units.into_iter().find(|(_, divisor)| largest / divisor <= 9999.0);
        let (name, divisor) = fits.unwrap_or(("quintillion USD", 1e18));
        let decimals = match largest / divisor {
            size if size > 999.9 || size == 0.0 => 0,
            size if size > 99.99 => 1,
            size if size > 9.999 => 2,
            _ => 3,
        };
        Self { name, divisor, decimals }
    }

    /// A profit of `usd` in this unit, rounded as profits are.
    pub fn show(self, usd: f64) -> String {
        if usd == 0.0 { "0".to_owned() } else { profit(usd / self.divisor, self.decimals) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_leaves_at_most_six_characters() {
        for size in [0.0, 1e-6, 0.5, 9.9995, 99.996, 999.96, 9999.4, 9999.5, 123_456.0, 9.9995e6, 1e9, 1e15, 1e20] {
            let text = Scale::fitting(size).show(-size);
            assert!(text.len() <= 6, "{size} is {text}");
        }
        assert_eq!(Scale::fitting(443_797.2).show(-443_797.2), "-443.8");
    }
}

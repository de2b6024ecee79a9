//! An adverse day: what happens to prices, volatilities, pegs and expiring contracts.

use model::Market;

/// One day, as a change of a market. Vectors are in the order of the market.
#[derive(Clone, Debug, PartialEq)]
pub struct Day {
    /// The day in words.
    pub name: String,
    /// Relative move of the index of each underlying.
    pub moves: Vec<f64>,
    /// Moves of forwards and marks on top of the index.
    pub basis: Vec<Basis>,
    /// The move of all volatilities.
    pub vol: Vol,
    /// Relative move of each asset on top of the underlying that it follows.
    pub pegs: Vec<f64>,
    /// Hours that pass; what expires in them settles.
    pub hours: f64,
    /// The price at which expiring contracts settle.
    pub settles: Settles,
}

/// A relative move of forwards and marks on top of the index.
#[derive(Clone, Debug, PartialEq)]
pub struct Basis {
    /// The contracts that move.
    pub whose: Whose,
    /// The relative move.
    pub part: f64,
}

/// Contracts that share a move of the basis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Every contract of every underlying.
    All,
    /// Futures and options.
    Dated,
    /// Contracts without expiry.
    Perpetuals,
    /// Contracts that this venue lists; none: those of which the market names no venue.
    At(Option<String>),
}

/// A move of all volatilities.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Vol {
    /// Relative move at 30 days, larger for shorter expiries.
    pub level: f64,
    /// Relative move of short expiries, against the opposite of long ones.
    pub twist: f64,
    /// Relative move for each unit of log-moneyness.
    pub skew: f64,
    /// The largest relative move of one volatility by the skew.
    pub skew_cap: f64,
}

/// The price at which contracts that expire within the day settle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settles {
    /// The index before it moves.
    BeforeTheMove,
    /// The index after it has moved.
    AfterTheMove,
}

impl Day {
    /// A day of no length in which nothing moves.
    pub fn still(name: impl Into<String>, market: &Market) -> Self {
        Self {
            name: name.into(),
            moves: vec![0.0; market.underlyings.len()],
            basis: Vec::new(),
            vol: Vol::default(),
            pegs: vec![0.0; market.assets.len()],
            hours: 0.0,
            settles: Settles::AfterTheMove,
        }
    }

    /// The same day in which every underlying moves by `part` of its own range.
    #[must_use]
    pub fn moved(mut self, part: f64, ranges: &[f64]) -> Self {
        for (shift, range) in self.moves.iter_mut().zip(ranges) {
            *shift = part * range;
        }
        self
    }
}

/// A fraction in per cent, as the names of days show it: `-0.12` as `−12 %`, with one decimal where needed.
pub fn percent(fraction: f64) -> String {
    let points = (fraction * 1000.0).round() / 10.0;
    let sign = if points < 0.0 { "−" } else { "+" };
    format!("{sign}{} %", points.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn per_cent_have_signs_and_a_decimal_where_it_is_needed() {
        assert_eq!([-0.12, 0.0125, 0.0].map(percent), ["−12 %", "+1.3 %", "+0 %"]);
    }
}

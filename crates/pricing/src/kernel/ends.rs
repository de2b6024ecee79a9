//! Lines over an interval, stored as their values at its two ends: the numbers with which a cell of markets is certified.
//!
//! Every operation is written once and has one rounding, so the bits do not depend on the instruction set.

#![expect(clippy::inline_always, reason = "a task must be compiled inside the function that has the instruction set")]

use super::isa::{Isa, Task};
use super::rows::LANES;

/// One line for every column: the values at the lower end and at the upper end. Both vectors have whole cache lines and
/// the same length.
#[derive(Clone, Debug, Default)]
pub struct Ends {
    /// The value of each column at the lower end.
    pub low: Vec<f64>,
    /// The value of each column at the upper end.
    pub high: Vec<f64>,
}

impl Ends {
    /// Sets both ends to `columns` zeros.
    pub fn clear(&mut self, columns: usize) {
        for values in [&mut self.low, &mut self.high] {
            values.clear();
            values.resize(columns, 0.0);
        }
    }

    /// Sets the ends to `factor` times `low` and `high`.
    pub fn scale(&mut self, isa: Isa, low: &[f64], high: &[f64], factor: f64) {
        isa.run(Scale { low, high, factor, to: self });
    }

    /// Adds `row` times an amount at each end.
    pub fn add(&mut self, isa: Isa, row: &[f64], [low, high]: [f64; 2]) {
        super::accumulate(isa, row, low, &mut self.low);
        super::accumulate(isa, row, high, &mut self.high);
    }

    /// `sum += min(low, high)` and `other += min(factor·low − less[0], factor·high − less[1])`, column by column, for
    /// as many columns as the sums have. A sum is NaN where a term is NaN.
    pub fn add_lesser(&self, isa: Isa, sum: &mut [f64], other: &mut [f64], factor: f64, less: [f64; 2]) {
        isa.run(AddLesser { ends: self, sum, other, factor, less });
    }

    /// The least of `values + mask` at each end. A mask is 0 for the columns that count and infinite for the others.
    /// NaN if any value is.
    pub fn least_among(&self, isa: Isa, mask: &[f64]) -> [f64; 2] {
        let mut least = [f64::INFINITY; 2];
        isa.run(LeastAmong { ends: self, mask, least: &mut least });
        least
    }
}

struct Scale<'a> {
    low: &'a [f64],
    high: &'a [f64],
    factor: f64,
    to: &'a mut Ends,
}

impl Task for Scale<'_> {
    #[inline(always)]
    fn run(self) {
        for (to, from) in [(&mut self.to.low, self.low), (&mut self.to.high, self.high)] {
            for (to, from) in to.iter_mut().zip(from) {
                *to = from * self.factor;
            }
        }
    }
}

struct AddLesser<'a> {
    ends: &'a Ends,
    sum: &'a mut [f64],
    other: &'a mut [f64],
    factor: f64,
    less: [f64; 2],
}

impl Task for AddLesser<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { ends, sum, other, factor, less } = self;
        let ends = ends.low.iter().zip(&ends.high);
        for ((sum, other), (low, high)) in sum.iter_mut().zip(other).zip(ends) {
            *sum += lesser(*low, *high);
            *other += lesser(factor.mul_add(*low, -less[0]), factor.mul_add(*high, -less[1]));
        }
    }
}

struct LeastAmong<'a> {
    ends: &'a Ends,
    mask: &'a [f64],
    least: &'a mut [f64; 2],
}

impl Task for LeastAmong<'_> {
    #[inline(always)]
    fn run(self) {
        let (masks, _) = self.mask.as_chunks::<LANES>();
        for (values, found) in [&self.ends.low, &self.ends.high].into_iter().zip(self.least) {
            let (values, _) = values.as_chunks::<LANES>();
            let mut least = [f64::INFINITY; LANES];
            for (values, mask) in values.iter().zip(masks) {
                for lane in 0..LANES {
                    least[lane] = lesser(least[lane], values[lane] + mask[lane]);
                }
            }
            *found = least.into_iter().fold(f64::INFINITY, lesser);
        }
    }
}

/// The smaller number; NaN if either is NaN.
#[inline(always)]
fn lesser(one: f64, other: f64) -> f64 {
    if one < other || one.is_nan() { one } else { other }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn numbers() -> impl Strategy<Value = Vec<f64>> {
        vec(prop_oneof![20 => -1e6..1e6_f64, 1 => Just(f64::NAN), 1 => Just(-0.0)], 24)
    }

    proptest! {
        /// Every instruction set compared with plain loops.
        #[test]
        fn lines_have_the_same_bits_everywhere(
            low in numbers(), high in numbers(), row in vec(-2.0..2.0, 24), counts in vec(any::<bool>(), 24),
            at in [-9.0..9.0_f64, -9.0..9.0], factor in 1.0..2.0_f64,
        ) {
            let mask: Vec<f64> = counts.iter().map(|counts| if *counts { 0.0 } else { f64::INFINITY }).collect();
            for isa in Isa::available() {
                let mut ends = Ends::default();
                ends.clear(24);
                ends.scale(isa, &low, &high, 1e-6);
                ends.add(isa, &row, at);
                let (mut sum, mut other) = (vec![1.0; 20], vec![2.0; 20]);
                ends.add_lesser(isa, &mut sum, &mut other, factor, at);
                let mut least = [f64::INFINITY; 2];
                for column in 0..24 {
                    let one = row[column].mul_add(at[0], low[column] * 1e-6);
                    let two = row[column].mul_add(at[1], high[column] * 1e-6);
                    least = [lesser(least[0], one + mask[column]), lesser(least[1], two + mask[column])];
                    if column < 20 {
                        let (first, second) = (factor.mul_add(one, -at[0]), factor.mul_add(two, -at[1]));
                        prop_assert_eq!(ends.low[column].is_nan(), one.is_nan());
                        prop_assert!(one.is_nan() || ends.low[column].to_bits() == one.to_bits());
                        let same = |found: f64, expected: f64| found == expected || (found.is_nan() && expected.is_nan());
                        prop_assert!(same(sum[column], 1.0 + lesser(one, two)), "{isa}");
                        prop_assert!(same(other[column], 2.0 + lesser(first, second)), "{isa}");
                    }
                }
                let found = ends.least_among(isa, &mask);
                for end in 0..2 {
                    prop_assert!(found[end] == least[end] || (found[end].is_nan() && least[end].is_nan()), "{isa}");
                }
            }
        }
    }
}

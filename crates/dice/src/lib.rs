//! Random numbers for simulations, tests and benchmarks: one seed is one stream, with the same bits on every machine.
//!
//! The generator is O'Neill's PCG XSL RR 128/64, which [`rand_pcg`] calls `Pcg64`; its state is filled from the seed by
//! [`SeedableRng::seed_from_u64`]. Integers are drawn here, floating-point numbers in `distributions.rs`. Nothing else is
//! random in the laboratory: there is no other generator, and none asks the machine for a seed.
//!
//! ```
//! use dice::Dice;
//!
//! let mut dice = Dice::new(7);
//! assert!((1..=6).contains(&dice.between(1, 6)));
//! assert_eq!(Dice::new(7).any(), Dice::new(7).any());
//! ```

mod distributions;

use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// The odd number by which a seed is multiplied where it has several streams: 2⁶⁴ over the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A seeded generator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dice(Pcg64);

impl Dice {
    /// Creates the stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(Pcg64::seed_from_u64(seed))
    }

    /// Creates one of the streams of a seed. `salt` is the number of the stream, so that a change in the use of one leaves
    /// the others as they are.
    pub fn stream(seed: u64, salt: u64) -> Self {
        Self::new(seed.wrapping_mul(SPREAD).wrapping_add(salt))
    }

    /// Any number of 64 bits.
    pub fn any(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`; 0 when `bound` is 0. A bias is below one in 2⁶⁴ of `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.any()) * u128::from(bound.max(1));
        u64::try_from(wide >> 64).expect("the high half of a product")
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.abs_diff(low).saturating_add(1);
        low.saturating_add_unsigned(self.below(span))
    }

    /// True with the probability of `per_mille` in a thousand.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// A random place in a list of `length`; 0 when the list is empty.
    pub fn place(&mut self, length: usize) -> usize {
        let bound = u64::try_from(length.max(1)).expect("a length fits");
        usize::try_from(self.below(bound)).expect("below a length")
    }

    /// A random item of a list that is not empty.
    pub fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.place(list.len())]
    }

    /// A random item of a list that is not empty, by weight; the first when all weights are 0.
    pub fn weighted<T: Copy>(&mut self, list: &[(T, u32)]) -> T {
        let sum: u64 = list.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let mut left = self.below(sum.max(1));
        for (what, weight) in list {
            if left < u64::from(*weight) {
                return *what;
            }
            left -= u64::from(*weight);
        }
        list[0].0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_is_the_same_stream() {
        let (mut one, mut other) = (Dice::new(7), Dice::new(7));
        assert!((0..100).all(|_| one.any() == other.any()));
        assert_ne!(Dice::stream(7, 1).any(), Dice::stream(7, 2).any());
        assert!((0..1000).all(|_| (-3..=4).contains(&one.between(-3, 4))));
        assert_eq!(one.weighted(&[(1, 0), (2, 5), (3, 0)]), 2);
        assert_eq!((one.below(0), one.place(0)), (0, 0));
        assert!((0..100).all(|_| one.between(i64::MIN, i64::MAX) < i64::MAX));
    }

    /// The numbers of published runs: a change of the generator would make every seed another run.
    #[test]
    fn the_stream_of_a_seed_never_changes() {
        let mut dice = Dice::new(1);
        let first = [15_492_934_433_077_865_799, 319_104_231_195_455_319, 2_101_115_697_694_094_752];
        assert_eq!(first.map(|_| dice.any()), first);
        assert_eq!(Dice::stream(1, 2), Dice::new(0x9e37_79b9_7f4a_7c17));
    }
}

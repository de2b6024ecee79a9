//! One seed, one stream of random numbers: all chance in a run comes from here.

use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// A seeded generator.
#[derive(Clone, Debug)]
pub struct Dice(Pcg64);

impl Dice {
    /// Creates the stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(Pcg64::seed_from_u64(seed))
    }

    /// Any number of 64 bits.
    pub fn any(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`, which is above 0.
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

    /// A random place in a list of `length`.
    pub fn place(&mut self, length: usize) -> usize {
        let bound = u64::try_from(length.max(1)).expect("a length fits");
        usize::try_from(self.below(bound)).expect("below a length")
    }

    /// A random item of a list that is not empty.
    pub fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.place(list.len())]
    }

    /// A random item of a list, by weight; the first when all weights are 0.
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
        assert!((0..1000).all(|_| (-3..=4).contains(&one.between(-3, 4))));
        assert_eq!(one.weighted(&[(1, 0), (2, 5), (3, 0)]), 2);
    }
}

//! One seed, one stream of random numbers: all chance in a run comes from here.

use pricing::math;
use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// A seeded generator.
#[derive(Clone, Debug)]
pub struct Dice(Pcg64);

impl Dice {
    /// Creates the stream of a seed. `salt` separates the streams of one seed, so that a change in one leaves the others
    /// as they are.
    pub fn new(seed: u64, salt: u64) -> Self {
        Self(Pcg64::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(salt)))
    }

    /// A number strictly between 0 and 1.
    pub fn uniform(&mut self) -> f64 {
        let high = u32::try_from(self.0.next_u64() >> 32).expect("the high half");
        (f64::from(high) + 0.5) / 4_294_967_296.0
    }

    /// A standard normal number.
    pub fn normal(&mut self) -> f64 {
        math::quantile(self.uniform())
    }

    /// A lognormal number of a median and the standard deviation of its logarithm.
    pub fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * math::exp(sigma * self.normal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_is_the_same_stream_and_normal() {
        let (mut one, mut other) = (Dice::new(7, 1), Dice::new(7, 1));
        assert!((0..100).all(|_| one.uniform() == other.uniform()));
        let draws: Vec<f64> = (0..10_000).map(|_| one.normal()).collect();
        let mean = draws.iter().sum::<f64>() / 10_000.0;
        let variance = draws.iter().map(|x| x * x).sum::<f64>() / 10_000.0;
        assert!(mean.abs() < 0.04 && (variance - 1.0).abs() < 0.06, "{mean} {variance}");
    }
}

//! Random numbers from a seed, for scripts that try many cases.

use pricing::math::{ln, pow};

/// A stream of random numbers from a seed (Marsaglia's xorshift with a multiplication).
#[derive(Clone, Debug)]
pub(crate) struct Stream(u64);

impl Stream {
    /// Creates the stream of a seed, which is above 0.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    fn next(&mut self) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        u32::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32).unwrap_or_default()
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        self.next() % bound.max(1)
    }

    /// A number above 0 and below 1.
    pub(crate) fn part(&mut self) -> f64 {
        (f64::from(self.next()) + 0.5) / 4_294_967_296.0
    }

    /// A Pareto-distributed number, at least 1, with this tail exponent.
    pub(crate) fn pareto(&mut self, tail: f64) -> f64 {
        pow(self.part(), -1.0 / tail)
    }

    /// An exponentially distributed number with mean 1.
    pub(crate) fn exponential(&mut self) -> f64 {
        -ln(self.part())
    }
}

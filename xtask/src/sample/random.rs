//! Random numbers that are the same on every machine: O'Neill's PCG, and distributions drawn from it.

use pricing::math;

/// PCG-XSH-RR 64/32 (O'Neill, "PCG", 2014): 64 bits of state, 32 of output, the constants of its reference code.
pub struct Pcg(u64);

const MULTIPLIER: u64 = 6_364_136_223_846_793_005;
const INCREMENT: u64 = 1_442_695_040_888_963_407;

impl Pcg {
    /// The generator with this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(INCREMENT).wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT))
    }

    fn bits(&mut self) -> u32 {
        let state = self.0;
        self.0 = state.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT);
        let shifted = (((state >> 18) ^ state) >> 27) & u64::from(u32::MAX);
        let turn = u32::try_from(state >> 59).expect("five bits");
        u32::try_from(shifted).expect("32 bits").rotate_right(turn)
    }

    /// A uniform number between 0 and 1, never either.
    pub fn uniform(&mut self) -> f64 {
        (f64::from(self.bits()) + 0.5) / (f64::from(u32::MAX) + 1.0)
    }

    /// A standard normal number, by the inverse of its distribution.
    pub fn normal(&mut self) -> f64 {
        math::quantile(self.uniform())
    }

    /// A chi-square number with four degrees of freedom: twice the sum of two exponentials.
    pub fn chi_square_4(&mut self) -> f64 {
        -2.0 * math::ln(self.uniform() * self.uniform())
    }
}

#[cfg(test)]
mod tests {
    use super::Pcg;

    /// The first outputs of the reference implementation, `pcg32_srandom(42, 54)`.
    #[test]
    fn the_generator_is_the_published_one() {
        // The reference seeds with stream 54: increment (54 << 1) | 1. Our increment is fixed, so only the step itself
        // is compared.
        let mut state = 0_u64;
        let (increment, mut outputs) = ((54_u64 << 1) | 1, Vec::new());
        state = state.wrapping_mul(super::MULTIPLIER).wrapping_add(increment).wrapping_add(42);
        state = state.wrapping_mul(super::MULTIPLIER).wrapping_add(increment);
        for _ in 0..3 {
            outputs.push(Pcg(state).bits());
            state = state.wrapping_mul(super::MULTIPLIER).wrapping_add(increment);
        }
        assert_eq!(outputs, [0xa15c_02b7, 0x7b47_f409, 0xba1d_3330]);
    }

    #[test]
    fn the_draws_have_their_moments() {
        let mut random = Pcg::new(1);
        let count = 20_000;
        let (mut normal, mut square, mut chi) = (0.0, 0.0, 0.0);
        for _ in 0..count {
            let draw = random.normal();
            normal += draw;
            square += draw * draw;
            chi += random.chi_square_4();
        }
        let count = f64::from(count);
        assert!((normal / count).abs() < 0.03);
        assert!((square / count - 1.0).abs() < 0.03);
        assert!((chi / count - 4.0).abs() < 0.1);
    }
}

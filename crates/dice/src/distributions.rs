//! Floating-point numbers, by the inverse of each distribution. Every draw takes one number of the stream.

use pricing::math;

use crate::Dice;

impl Dice {
    /// A number strictly between 0 and 1, on a grid of 2⁻³².
    pub fn uniform(&mut self) -> f64 {
        let high = u32::try_from(self.any() >> 32).expect("the high half");
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

    /// A Pareto-distributed number, at least 1, with this tail exponent.
    pub fn pareto(&mut self, tail: f64) -> f64 {
        math::pow(self.uniform(), -1.0 / tail)
    }

    /// An exponentially distributed number with mean 1.
    pub fn exponential(&mut self) -> f64 {
        -math::ln(self.uniform())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(draws: &[f64]) -> f64 {
        draws.iter().sum::<f64>() / 10_000.0
    }

    #[test]
    fn draws_have_the_mean_and_the_spread_of_their_distribution() {
        let mut dice = Dice::new(7);
        let mut drawn = |draw: &dyn Fn(&mut Dice) -> f64| (0..10_000).map(|_| draw(&mut dice)).collect::<Vec<f64>>();
        let normal = drawn(&Dice::normal);
        let variance = normal.iter().map(|x| x * x).sum::<f64>() / 10_000.0;
        assert!(mean(&normal).abs() < 0.04 && (variance - 1.0).abs() < 0.06, "{} {variance}", mean(&normal));
        let uniform = drawn(&Dice::uniform);
        assert!(uniform.iter().all(|x| 0.0 < *x && *x < 1.0) && (mean(&uniform) - 0.5).abs() < 0.02);
        let exponential = drawn(&Dice::exponential);
        assert!(exponential.iter().all(|x| *x > 0.0) && (mean(&exponential) - 1.0).abs() < 0.05);
        // The mean of a Pareto with exponent 3 is 3/2.
        let pareto = drawn(&|dice: &mut Dice| dice.pareto(3.0));
        assert!(pareto.iter().all(|x| *x >= 1.0) && (mean(&pareto) - 1.5).abs() < 0.05);
        let mut logarithms: Vec<f64> = drawn(&|dice: &mut Dice| dice.lognormal(5.0, 0.5));
        logarithms.sort_by(f64::total_cmp);
        assert!((logarithms[5000] - 5.0).abs() < 0.1, "the median");
    }
}

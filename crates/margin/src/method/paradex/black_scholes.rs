//! Black–Scholes as the official engine computes it, with its approximation of the normal distribution.
//!
//! The approximation is off by up to 7e-8, which is visible in a margin. It is kept, so that margins agree with the venue's.

use model::Right;
use pricing::math::{exp, ln};

use crate::book::OptionTerms;

/// The inputs of an option's price besides spot and volatility.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BlackScholes {
    /// Whether it is a call or a put.
    pub right: Right,
    /// The strike, in USD.
    pub strike: f64,
    /// Years of 365 days to expiry.
    pub years: f64,
    /// Continuously compounded rate, per year.
    pub rate: f64,
}

/// The standard normal distribution function, through the error function of Abramowitz and Stegun, 7.1.26.
pub fn cdf(x: f64) -> f64 {
    const P: f64 = 0.327_591_1;
    const A: [f64; 5] = [0.254_829_592, -0.284_496_736, 1.421_413_741, -1.453_152_027, 1.061_405_429];
    let z = x.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + P * z);
    let polynomial = ((((A[4] * t + A[3]) * t + A[2]) * t) + A[1]) * t + A[0];
    let erf = 1.0 - polynomial * t * exp(-z * z);
    0.5 * (1.0 + if x < 0.0 { -erf } else { erf })
}

impl From<&OptionTerms> for BlackScholes {
    /// The years are counted as the engine does: seconds to days, days to years.
    fn from(option: &OptionTerms) -> Self {
        let years = option.seconds / 86_400.0 / 365.0;
        Self { right: option.right, strike: option.strike, years, rate: option.rate }
    }
}

impl BlackScholes {
    /// The price at this spot and volatility; the exercise value when time or volatility is 0.
    pub fn price(&self, spot: f64, vol: f64) -> f64 {
        let sign = self.sign();
        if self.years == 0.0 || vol == 0.0 {
            return (sign * (spot - self.strike)).max(0.0);
        }
        let d1 = self.d1(spot, vol);
        let d2 = d1 - vol * self.years.sqrt();
        sign * spot * cdf(sign * d1) - sign * self.strike * exp(-self.rate * self.years) * cdf(sign * d2)
    }

    /// The change of the price with the spot; a step at the strike when time or volatility is 0.
    pub fn delta(&self, spot: f64, vol: f64) -> f64 {
        let sign = self.sign();
        if self.years <= 1e-10 || vol == 0.0 {
            return if sign * (spot - self.strike) > 0.0 { sign } else { 0.0 };
        }
        let below = cdf(self.d1(spot, vol));
        if self.right == Right::Call { below } else { below - 1.0 }
    }

    fn d1(&self, spot: f64, vol: f64) -> f64 {
        (ln(spot / self.strike) + (self.rate + 0.5 * (vol * vol)) * self.years) / (vol * self.years.sqrt())
    }

    fn sign(&self) -> f64 {
        if self.right == Right::Call { 1.0 } else { -1.0 }
    }
}

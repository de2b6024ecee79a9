//! Implied volatility: the `vol` at which Black-76 gives a price.
//!
//! The calculation uses the time value over `low = min(F, K)`, a number `b` between 0 and 1 that rises with the
//! deviation `s = vol √T` (see `kernel/lane.rs`):
//!
//! ```text
//! x = |ln(F/K)|,   z1 = x/s − s/2,   z2 = x/s + s/2,   b(s) = N(−z1) − e^x N(−z2),   b'(s) = φ(z1)
//! ```
//!
//! `b` is convex until `z1 = 0`, at `s = √(2x)`, concave after it, and flat at both ends, so Newton's method on `b`
//! itself is slow or diverges. In each region another function of `b` is close to a straight line:
//!
//! | where | because | solve for |
//! |---|---|---|
//! | `z1 > 0` | `ln b ~ −x²/(2s²)` | `1/√(−ln b)` |
//! | `z1 <= 0`, `b <= 3/4` | `b` is concave | `b` |
//! | `z1 <= 0`, `b > 3/4` | `ln(1 − b) ~ −s²/8` | `ln(1 − b)` |
//!
//! Newton's steps are kept inside a shrinking bracket, with bisection when a step leaves it, so the search cannot fail.
//! The calculation uses logarithms, so a price of 1e-300 has a volatility like any other.

use std::{error, fmt};

use crate::{
    Refusal, Right,
    math::{exp, ln, tail_ratio},
    refusal::{non_negative, positive},
};

/// The density of the normal distribution at 0: 1/√(2π).
const DENSITY_AT_ZERO: f64 = 0.398_942_280_401_432_7;

/// More steps than bisection needs to reach the last digit of an `f64`; Newton's method takes about five.
const STEPS: usize = 200;

/// The reason why a price has no implied volatility.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unimplied {
    /// The forward, strike or time is not a valid input of any price.
    Refused(Refusal),
    /// The price is NaN or infinite.
    NotFinite(f64),
    /// The price is below intrinsic value, the least that an option is worth; this is the difference.
    BelowIntrinsic(f64),
    /// The price is not below the bound given here. At any volatility a call is worth less than the forward, a put less
    /// than the strike.
    NotBelowBound(f64),
    /// No time is left, and the price is not the intrinsic value.
    NoTime,
}

impl fmt::Display for Unimplied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::NotFinite(price) => write!(f, "price {price} is not finite"),
            Self::BelowIntrinsic(gap) => write!(f, "price is {gap} below intrinsic"),
            Self::NotBelowBound(bound) => write!(f, "price is not below {bound}, which no volatility reaches"),
            Self::NoTime => write!(f, "no time is left, and the price is not intrinsic"),
        }
    }
}

impl error::Error for Unimplied {}

impl From<Refusal> for Unimplied {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The volatility at which Black-76 gives the **undiscounted** `price`.
///
/// Accurate to 1e-12 relative wherever the price determines it that well. Digits are lost when intrinsic value is
/// subtracted from the price to get the time value, and when `low − time value` is computed near the upper bound. A
/// price equal to intrinsic value fits every small volatility, and 0 is returned.
pub fn vol(right: Right, forward: f64, strike: f64, years: f64, price: f64) -> Result<f64, Unimplied> {
    let forward = positive(forward, Refusal::Forward)?;
    let strike = positive(strike, Refusal::Strike)?;
    let years = non_negative(years, Refusal::Years)?;
    if !price.is_finite() {
        return Err(Unimplied::NotFinite(price));
    }
    let low = forward.min(strike);
    let time_value = price - (right.sign() * (forward - strike)).max(0.0);
    if time_value < 0.0 {
        return Err(Unimplied::BelowIntrinsic(-time_value));
    }
    if time_value >= low {
        return Err(Unimplied::NotBelowBound(match right {
            Right::Call => forward,
            Right::Put => strike,
        }));
    }
    if time_value == 0.0 {
        return Ok(0.0);
    }
    if years == 0.0 {
        return Err(Unimplied::NoTime);
    }
    Ok(stdev(log_moneyness(forward, strike), low, time_value) / years.sqrt())
}

/// |ln(F/K)|, exact to the last digits even when the two are close: the rounding error of the quotient is added back.
fn log_moneyness(forward: f64, strike: f64) -> f64 {
    let (low, high) = (forward.min(strike), forward.max(strike));
    let quotient = high / low;
    if quotient.is_infinite() {
        return ln(high) - ln(low);
    }
    ln(quotient) + (-quotient).mul_add(low, high) / high
}

/// A function of `s` that rises through 0 at the solution, and its slope.
struct Objective {
    value: f64,
    slope: f64,
}

/// The `s` with `low · b(s) = time_value`, for `0 < time_value < low`.
fn stdev(x: f64, low: f64, time_value: f64) -> f64 {
    let target = time_value / low;
    let inflection = (2.0 * x).sqrt();
    let at_inflection = Distances::new(x, inflection.max(f64::MIN_POSITIVE)).time_value();
    if target < at_inflection {
        let goal = 1.0 / (ln(low) - ln(time_value)).sqrt();
        search(0.0, inflection, inflection, |s| {
            let at = Distances::new(x, s);
            let tails = at.difference();
            let depth = 1.0 / (-at.ln_gauss(tails)).sqrt();
            // b'/b = φ(z1)/b: the exponentials cancel.
            Objective { value: depth - goal, slope: 0.5 * depth * depth * depth * DENSITY_AT_ZERO / tails }
        })
    } else if target <= 0.75 {
        // b rises by at most φ(0) per unit of s, so this first step cannot overshoot.
        let start = inflection + (target - at_inflection) / DENSITY_AT_ZERO;
        search(inflection, f64::MAX.sqrt(), start, |s| {
            let at = Distances::new(x, s);
            Objective { value: at.time_value() - target, slope: at.gauss() * DENSITY_AT_ZERO }
        })
    } else {
        let goal = ln((low - time_value) / low);
        // ln(1 − b) falls, so its sign is changed: every objective must rise.
        search(inflection, f64::MAX.sqrt(), inflection.max(1.0), |s| {
            let at = Distances::new(x, s);
            let tails = at.sum();
            Objective { value: goal - at.ln_gauss(tails), slope: DENSITY_AT_ZERO / tails }
        })
    }
}

/// Newton's method for a rising function with one root between `low` and `high`, safeguarded by bisection.
fn search(mut low: f64, mut high: f64, start: f64, objective: impl Fn(f64) -> Objective) -> f64 {
    let mut s = start;
    for _ in 0..STEPS {
        let at = objective(s);
        if at.value < 0.0 {
            low = s;
        } else {
            high = s;
        }
        let newton = s - at.value / at.slope;
        // A step that leaves the bracket, or is NaN, is replaced by halving.
        let next = if newton > 0.0 && newton >= low && newton <= high {
            newton
        } else {
            0.5 * low + 0.5 * high.min(4.0 * s + 1.0)
        };
        if (next - s).abs() <= f64::EPSILON * s {
            return next;
        }
        s = next;
    }
    s
}

/// z1 and z2 at a deviation `s`. With `R(z) = N(−z) e^(z²/2)`, both forms below are free of underflow:
///
/// ```text
/// b = e^(−z1²/2) (R(z1) − R(z2))           used where z1 > 0, and for small s
/// b = 1 − e^(−z1²/2) (R(−z1) + R(z2))      used elsewhere
/// ```
struct Distances {
    s: f64,
    z1: f64,
    z2: f64,
}

impl Distances {
    fn new(x: f64, s: f64) -> Self {
        Self { s, z1: x / s - 0.5 * s, z2: x / s + 0.5 * s }
    }

    fn gauss(&self) -> f64 {
        exp(-0.5 * self.z1 * self.z1)
    }

    /// ln(e^(−z1²/2) · tails).
    fn ln_gauss(&self, tails: f64) -> f64 {
        (-0.5 * self.z1).mul_add(self.z1, ln(tails))
    }

    /// R(z1) − R(z2), for z1 positive or, at small `s`, slightly negative.
    fn difference(&self) -> f64 {
        if self.s < 1.0 {
            tail_difference(self.z1, self.s)
        } else {
            far_tail_ratio(self.z1.max(0.0)) - far_tail_ratio(self.z2)
        }
    }

    /// R(−z1) + R(z2), for negative z1.
    fn sum(&self) -> f64 {
        far_tail_ratio((-self.z1).max(0.0)) + far_tail_ratio(self.z2)
    }

    /// The normalised price b, by the form that is accurate at this point.
    fn time_value(&self) -> f64 {
        if self.z1 > 0.0 || (self.s < 1.0 && self.z1 > -0.5) {
            self.gauss() * self.difference()
        } else {
            1.0 - self.gauss() * self.sum()
        }
    }
}

/// R(z); beyond the range of its fit by its asymptotic series.
fn far_tail_ratio(z: f64) -> f64 {
    if z < 38.0 {
        return tail_ratio(z);
    }
    let v = 1.0 / (z * z);
    let series = v.mul_add(v.mul_add(v.mul_add(v.mul_add(105.0, -15.0), 3.0), -1.0), 1.0);
    DENSITY_AT_ZERO / z * series
}

/// R(z1) − R(z1 + s) for `s < 1`, `z1 > −½`, accurate to the last digits even for tiny `s`: the integral of −R'(z) =
/// φ(0) − z R(z), by Gauss's rule with eight points, whose error here is 1e-16.
fn tail_difference(z1: f64, s: f64) -> f64 {
    /// Points in (0, 1) and weights, in pairs symmetric about the middle.
    const RULE: [(f64, f64); 4] = [
        (0.183_434_642_495_649_8, 0.362_683_783_378_362),
        (0.525_532_409_916_329, 0.313_706_645_877_887_3),
        (0.796_666_477_413_626_7, 0.222_381_034_453_374_48),
        (0.960_289_856_497_536_3, 0.101_228_536_290_376_26),
    ];
    let (middle, radius) = (0.5f64.mul_add(s, z1), 0.5 * s);
    RULE.iter()
        .map(|(point, weight)| weight * (slope(middle - radius * point) + slope(middle + radius * point)))
        .sum::<f64>()
        * radius
}

/// −R'(z) = φ(0) − z R(z), for `z > −½`.
fn slope(z: f64) -> f64 {
    if z < 0.0 {
        // R(z) + R(−z) = e^(z²/2).
        return z.mul_add(tail_ratio(-z) - exp(0.5 * z * z), DENSITY_AT_ZERO);
    }
    if z < 38.0 {
        return (-z).mul_add(tail_ratio(z), DENSITY_AT_ZERO);
    }
    let v = 1.0 / (z * z);
    DENSITY_AT_ZERO * v * v.mul_add(v.mul_add(v.mul_add(-105.0, 15.0), -3.0), 1.0)
}

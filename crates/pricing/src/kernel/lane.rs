//! The one sequence of operations behind every option price of the crate.
//!
//! # Formula
//!
//! Black-76, undiscounted, with `s = vol √T` and `d = ln(F/K)/s ± s/2`:
//!
//! ```text
//! call = F N(d1) − K N(d2),   put = K N(−d2) − F N(−d1)
//! ```
//!
//! A price is its intrinsic value plus a *time value*. The time value is the same for the call and the put, and does not
//! change when F and K are swapped. So the kernel prices the option that is out of the money, with
//! `low = min(F, K)`, `x = |ln(F/K)|`, and the two distances
//!
//! ```text
//! z1 = x/s − s/2,   z2 = x/s + s/2,   time value = low N(−z1) − high N(−z2)
//! ```
//!
//! The two normal densities are proportional, `low φ(z1) = high φ(z2)`, so **one exponential serves both tails**: with
//! `R(z) = N(−z) e^(z²/2)`, a smooth function that a ratio of polynomials fits to 5e-15,
//!
//! ```text
//! time value / low = e^(−z1²/2) (R(z1) − R(z2))        where z1 >= 0
//!                  = 1 − e^(−z1²/2) (R(−z1) + R(z2))   where z1 < 0
//! ```
//!
//! There is no harmful cancellation: both forms stay between 0 and 1, call − put is `F − K` for any error of `R`, and
//! an error in `ln F − ln K` enters only through `R(z2)`, with a factor of at most one half.
//!
//! # Arithmetic
//!
//! Distances are scaled by `SCALE = √(½ log2 e)`: in `w = SCALE z` the exponential is `2^(−w²)`. Adding [`MAGIC`] splits
//! `−w²` into an integer, which is added to the exponent field, and a fraction, whose power of two is a polynomial.
//! A fused multiply-add makes that fraction exact. The code uses selections, not branches, so the loop over lanes vectorises.
//!
//! # Error, in units of max(F, K)
//!
//! | source | bound |
//! |---|---|
//! | `R`, twice | 2 × 5.2e-15 |
//! | 2^fraction | 0.3e-15 |
//! | rounding of `ln F − ln K` (arguments up to 1e6) | 1e-15 |
//! | rounding of the rest | 1e-15 |
//! | **sum** | **1.3e-14** |

#![expect(clippy::inline_always, reason = "the kernel's loops vectorise only with everything inlined")]

use crate::{
    coefficients::{EXP2_P, KERNEL_P, KERNEL_Q},
    math::{MAGIC, max, min, polynomial},
};

/// √(½ log2 e): turns e^(−z²/2) into 2^(−w²).
const SCALE: f64 = 0.849_321_800_288_019_1;

/// `half_stdev · inverse_stdev` of any [`Stdev`]: SCALE²/2 = ¼ log2 e.
const HALF_SQUARE: f64 = 0.360_673_760_222_240_86;

/// Beyond this scaled distance (z = 37) the rest is below 1e-299. The limit keeps 2^(−w²) among the normal numbers.
const FARTHEST: f64 = 31.5;

/// The smallest standard deviation that is distinguished from zero: at it, an option has lost all time value.
pub(crate) const LEAST_STDEV: f64 = 1e-18;

/// A standard deviation `s = vol √T` in the form that the kernel uses: half of it and its inverse, both scaled, so that
/// `w = x · inverse ± half`. Both are kept, because a division per price would cost a tenth of the pricing time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stdev {
    pub(crate) half: f64,
    pub(crate) inverse: f64,
}

impl Stdev {
    /// From `s` itself, which may be 0: then the inverse is infinite, and only [`Stdev::at_least`] makes it usable.
    #[inline(always)]
    pub(crate) fn unfloored(s: f64) -> Self {
        let half = s * (0.5 * SCALE);
        Self { half, inverse: HALF_SQUARE / half }
    }

    /// From `s` itself. NaN stays NaN; a value below [`LEAST_STDEV`] is raised to it.
    #[inline(always)]
    pub(crate) fn new(s: f64) -> Self {
        Self::unfloored(max(s, LEAST_STDEV))
    }

    /// The deviation of an option with volatility `vol`, where `self` is the deviation at volatility 1.
    #[inline(always)]
    pub(crate) fn at_vol(self, vol: f64, inverse_vol: f64) -> Self {
        Self { half: vol * self.half, inverse: inverse_vol * self.inverse }
    }

    /// This deviation, or `floor` where that is larger.
    #[inline(always)]
    pub(crate) fn at_least(self, floor: Self) -> Self {
        Self { half: max(self.half, floor.half), inverse: min(self.inverse, floor.inverse) }
    }
}

/// R(z) = N(−z) e^(z²/2) at w = SCALE z, so that `2^(−w²) R` is N(−z) within 5.2e-15.
#[inline(always)]
fn tail_ratio(w: f64) -> f64 {
    polynomial(&KERNEL_P, w) / polynomial(&KERNEL_Q, w)
}

/// 2^(−w²) for 0 <= w <= [`FARTHEST`].
#[inline(always)]
fn exp2_minus_square(w: f64) -> f64 {
    let shifted = (-w).mul_add(w, MAGIC);
    let fraction = (-w).mul_add(w, MAGIC - shifted);
    let integer_in_exponent = shifted.to_bits() << 52;
    f64::from_bits(polynomial(&EXP2_P, fraction).to_bits().wrapping_add(integer_in_exponent))
}

/// The time value of an option over `low`, the smaller of forward and strike; `x` = |ln F − ln K|.
#[inline(always)]
fn time_value(x: f64, stdev: Stdev) -> f64 {
    let distance = x * stdev.inverse;
    let w1 = distance - stdev.half;
    let near = min(w1.abs(), FARTHEST);
    let far = min(distance + stdev.half, FARTHEST);
    let tails = tail_ratio(near).copysign(w1) - tail_ratio(far);
    exp2_minus_square(near).mul_add(tails, if w1 < 0.0 { 1.0 } else { 0.0 })
}

/// A forward or a strike with its logarithm, computed once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Level {
    pub(crate) value: f64,
    pub(crate) ln: f64,
}

/// The undiscounted price of a call (`PUT = false`) or a put.
#[inline(always)]
pub(crate) fn price<const PUT: bool>(forward: Level, strike: Level, stdev: Stdev) -> f64 {
    let low = min(forward.value, strike.value);
    // max(±(F − K), 0), with one operation fewer and exactly the same result.
    let exercise = if PUT { strike.value - low } else { forward.value - low };
    low.mul_add(time_value((forward.ln - strike.ln).abs(), stdev), exercise)
}

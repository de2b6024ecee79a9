//! `exp`, `ln`, `pow` and the normal distribution, with the same bits on every machine.
//!
//! The platform's versions differ between processors and C libraries, so a margin computed on one machine could not be
//! checked on another. These use IEEE operations with one rounding each, in a fixed order, and are total: every `f64`
//! has a result.
//!
//! Error bounds are stated in `EPSILON = 2^-52`, the spacing of numbers at 1, and checked against 60-digit arithmetic
//! in `tests/math.rs`:
//!
//! | function | bound on the relative error |
//! |---|---|
//! | [`exp`] | 1 ε, while the result is a normal number |
//! | [`ln`] | 1 ε |
//! | [`pow`] | (2 + \|y ln x\|) ε |
//! | [`pdf`] | 2 ε, while normal |
//! | [`cdf`] | 4 ε in both tails, while normal: the absolute error is below 2e-16 everywhere |
//! | [`quantile`] | 4 ε of the quantile, plus the effect of rounding `p` alone |

#![expect(clippy::inline_always, reason = "the kernel's loops vectorise only with everything inlined")]

use crate::coefficients::{EXP_P, LN_P, MILLS_P, MILLS_Q};

/// 1.5 · 2^52: adding it to a number below 2^51 rounds that to an integer, found in the low bits of the sum.
pub(crate) const MAGIC: f64 = 6_755_399_441_055_744.0;

/// The density of the normal distribution at 0: 1/√(2π).
const INV_SQRT_2PI: f64 = 0.398_942_280_401_432_7;

/// ln 2 in two parts; an exponent times the high part is exact, because it ends in twenty zero bits.
const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// The smaller number, written so that it compiles to one instruction. A NaN in `a` stays.
#[inline(always)]
pub(crate) fn min(a: f64, b: f64) -> f64 {
    if b < a { b } else { a }
}

/// The larger number, written so that it compiles to one instruction. A NaN in `a` stays.
#[inline(always)]
pub(crate) fn max(a: f64, b: f64) -> f64 {
    if b > a { b } else { a }
}

/// The polynomial with these coefficients, lowest power first, by Horner's rule.
#[inline(always)]
pub(crate) fn polynomial<const N: usize>(coefficients: &[f64; N], t: f64) -> f64 {
    let mut sum = coefficients[N - 1];
    let mut power = N - 1;
    while power > 0 {
        power -= 1;
        sum = sum.mul_add(t, coefficients[power]);
    }
    sum
}

/// 2^k for an integer `|k| <= 1022`.
fn power_of_two(k: i64) -> f64 {
    f64::from_bits((k + 1023).cast_unsigned() << 52)
}

/// e^x. Relative error at most 1 ε; 0 below −745.2, infinite above 709.8.
pub fn exp(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    // e^x = 2^n e^r with |r| <= ln 2 / 2.
    let x = x.clamp(-746.0, 710.0);
    let shifted = x.mul_add(std::f64::consts::LOG2_E, MAGIC);
    let n = shifted - MAGIC;
    let r = (-n).mul_add(LN2_LOW, (-n).mul_add(LN2_HIGH, x));
    let value = 1.0 + (r * r).mul_add(polynomial(&EXP_P, r), r);
    // Two steps, so that subnormal results round once and 2^1024 is never formed.
    let k = shifted.to_bits().wrapping_sub(MAGIC.to_bits()).cast_signed();
    value * power_of_two(k / 2) * power_of_two(k - k / 2)
}

/// The natural logarithm. Relative error at most 1 ε; −∞ at 0, NaN below.
pub fn ln(x: f64) -> f64 {
    if x.is_nan() || x < 0.0 {
        f64::NAN
    } else if x == 0.0 {
        f64::NEG_INFINITY
    } else if x == f64::INFINITY {
        x
    } else {
        ln_of_positive(x)
    }
}

/// [`ln`] of a positive, finite number, without branches: a loop over it vectorises.
#[inline(always)]
pub(crate) fn ln_of_positive(x: f64) -> f64 {
    const SQRT_HALF: u64 = 0x3FE6_A09E_667F_3BCD;
    // Scales subnormal numbers up: x · 2^54 is normal.
    let (scale, lifted) = if x < f64::MIN_POSITIVE { (18_014_398_509_481_984.0, 54.0) } else { (1.0, 0.0) };
    let x = x * scale;
    // x = 2^k m with √½ <= m < √2.
    let k = x.to_bits().wrapping_sub(SQRT_HALF).cast_signed() >> 52;
    let m = f64::from_bits(x.to_bits().wrapping_sub((k << 52).cast_unsigned()));
    let k = f64::from_bits(MAGIC.to_bits().wrapping_add(k.cast_unsigned())) - MAGIC - lifted;
    // ln(1 + f) = 2 atanh(s) with s = f / (2 + f), arranged so that f, the largest term, is added last and exactly.
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let v = s * s;
    let rest = v * polynomial(&LN_P, v);
    let half_square = 0.5 * f * f;
    let small = s.mul_add(half_square + rest, k * LN2_LOW) - half_square;
    k.mul_add(LN2_HIGH, small + f)
}

/// x^y for x >= 0 (NaN below 0). Relative error at most (2 + |y ln x|) ε; `pow(x, 0) = 1` and `pow(1, y) = 1` exactly.
pub fn pow(x: f64, y: f64) -> f64 {
    if y == 0.0 || x == 1.0 {
        return 1.0;
    }
    let l = ln(x);
    let exponent = y * l;
    let power = exp(exponent);
    // The rounding error of the product, applied as e^(exponent + lost) ~ power (1 + lost).
    let lost = y.mul_add(l, -exponent);
    if lost.is_finite() && power.is_finite() { lost.mul_add(power, power) } else { power }
}

/// e^(−z²/2), corrected for the rounding of z².
fn gauss(z: f64) -> f64 {
    let z = min(z.abs(), 40.0);
    let square = z * z;
    let lost = z.mul_add(z, -square);
    let value = exp(-0.5 * square);
    (-0.5 * lost).mul_add(value, value)
}

/// The density of the standard normal distribution. Relative error at most 2 ε.
pub fn pdf(z: f64) -> f64 {
    if z.is_nan() { z } else { INV_SQRT_2PI * gauss(z) }
}

/// N(−z) e^(z²/2) for z >= 0: a normal tail divided by its exponential (Mills' ratio over √(2π)).
///
/// Relative error at most 2 ε for z up to 38.6, where N(−z) reaches the end of the `f64` range.
pub(crate) fn tail_ratio(z: f64) -> f64 {
    polynomial(&MILLS_P, z) / polynomial(&MILLS_Q, z)
}

/// The standard normal distribution function N(z). Relative error at most 4 ε in both tails.
pub fn cdf(z: f64) -> f64 {
    if z.is_nan() {
        return z;
    }
    let tail = gauss(z) * tail_ratio(min(z.abs(), 40.0));
    if z > 0.0 { 1.0 - tail } else { tail }
}

/// The `z` with `cdf(z) = p`; −∞ at 0, ∞ at 1, NaN outside.
///
/// Starts from a guess good to 5e-4 and makes three steps of Halley's method, each of which cubes the error.
pub fn quantile(p: f64) -> f64 {
    // The upper half follows by symmetry: 1 − p is exact there.
    if p > 0.5 {
        return if p <= 1.0 { -quantile(1.0 - p) } else { f64::NAN };
    }
    if p == 0.0 {
        return f64::NEG_INFINITY;
    }
    if p == 0.5 {
        return 0.0;
    }
    // Abramowitz and Stegun, 26.2.23.
    let t = (-2.0 * ln(p)).sqrt();
    let guess =
        polynomial(&[2.515_517, 0.802_853, 0.010_328], t) / polynomial(&[1.0, 1.432_788, 0.189_269, 0.001_308], t);
    let mut z = guess - t;
    for _ in 0..3 {
        let newton = (cdf(z) - p) / pdf(z);
        z -= newton / (0.5 * z).mul_add(newton, 1.0);
    }
    z
}

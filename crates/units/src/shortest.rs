//! Converts a double to the shortest decimal that reads back to the same double.
//!
//! A double is `mantissa · 2^−places`, and every number nearer to it than to its neighbours reads back to it: up to
//! half a unit of the mantissa on either side, the ends included where the mantissa is even. Digits are produced one
//! after the other until the remainder is within that half (Steele and White, "How to print floating-point numbers
//! accurately", 1990, the free format of figure 3; the standard library uses it where its quick method cannot decide).
//! Here all numbers fit 128 bits, and the digits become a count of 10⁻¹⁸ without text in between.

use crate::fixed::POWERS;
use crate::text::{Beyond, NotDecimal, read};
use crate::wide::ONE;

/// The bits of a mantissa after its leading one.
const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;
/// The stored exponent of a double whose last mantissa bit is worth 2⁰.
const BIAS: u64 = 1075;
/// The most places for which the scaled numbers, doubled and times ten, still fit 128 bits.
const PLACES_MAX: u64 = 120;

/// The count of 10⁻¹⁸ of the shortest decimal that reads back to the double `x`; digits after the 18th decimal are cut
/// off.
pub fn of(x: f64) -> Result<i128, NotDecimal> {
    match in_range(x) {
        Some(raw) => Ok(raw),
        None => read(&format!("{x:e}"), 0, Beyond::Cut),
    }
}

/// The quick method, for most risk numbers: from about 10⁻²⁰ to 10¹⁵ in size, and not a power of two, whose neighbour
/// below is nearer than the one above. None for other numbers.
fn in_range(x: f64) -> Option<i128> {
    let bits = x.to_bits();
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    let places = BIAS.checked_sub((bits >> FRACTION_BITS) & 0x7ff)?;
    if fraction == 0 || !(1..=PLACES_MAX).contains(&places) {
        return None;
    }
    let mantissa = fraction | (1 << FRACTION_BITS);
    let (whole, decimals) = shortest(mantissa, places)?;
    let raw = i128::try_from(u128::from(whole) * ONE.unsigned_abs() + u128::from(decimals)).ok()?;
    Some(if x < 0.0 { -raw } else { raw })
}

/// The whole part of `mantissa · 2^−places`, and the count of 10⁻¹⁸ of its shortest decimals.
fn shortest(mantissa: u64, places: u64) -> Option<(u64, u64)> {
    // All numbers are doubled, so that half a unit of the mantissa is 1.
    let one = 1_u128 << (places + 1);
    let doubled = u128::from(mantissa) << 1;
    let whole = u64::try_from(doubled >> (places + 1)).ok()?;
    let includes_ends = mantissa.is_multiple_of(2);
    let (mut left, mut half) = (doubled & (one - 1), 1_u128);
    let (mut digits, mut count) = (0_u64, 0_usize);
    loop {
        let to_next = one - left;
        let (down, up) = if includes_ends { (left <= half, to_next <= half) } else { (left < half, to_next < half) };
        if down || up {
            // Where both decimals are near enough, the nearer one is taken.
            digits += u64::from(up && (!down || to_next <= left));
            break;
        }
        left *= 10;
        half *= 10;
        digits = digits * 10 + u64::try_from(left >> (places + 1)).ok()?;
        left &= one - 1;
        count += 1;
    }
    let decimals = match count.checked_sub(18) {
        Some(beyond) => POWERS.get(beyond).map_or(0, |power| digits / power),
        None => digits * POWERS[18 - count],
    };
    Some((whole, decimals))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The count from the text that the standard library prints, which is the shortest decimal.
    fn printed(x: f64) -> Result<i128, NotDecimal> {
        read(&format!("{x:e}"), 0, Beyond::Cut)
    }

    proptest! {
        #[test]
        fn any_double_is_what_the_standard_library_prints(bits: u64) {
            let x = f64::from_bits(bits);
            prop_assert_eq!(of(x), printed(x), "{:e}", x);
        }

        /// The same in the range of the quick method, and next to numbers that end early: decimals of few digits and
        /// powers of two.
        #[test]
        fn a_double_in_range_is_what_the_standard_library_prints(bits: u64, exponent in 940..1085_u64, digits in 1..1_000_000_u32, power in 0..24_i32, ulps in -2..=2_i64) {
            let sign_and_fraction = bits & !(0x7ff << FRACTION_BITS);
            let decimal: f64 = format!("{digits}e-{power}").parse().unwrap();
            let two = f64::from_bits(exponent << FRACTION_BITS);
            for x in [f64::from_bits(sign_and_fraction | (exponent << FRACTION_BITS)), decimal, two] {
                let near = f64::from_bits(x.to_bits().wrapping_add_signed(ulps));
                prop_assert_eq!(of(near), printed(near), "{:e}", near);
            }
        }
    }

    #[test]
    fn the_ends_of_the_range_are_what_the_standard_library_prints() {
        let cases =
            [0.0, -0.0, 1.0, 0.1, 9.999_999_999_999_998, 1e-5, 0.000_009_999_999_999_999_999, 9_007_199_254_740_991.0];
        let places = (900..1080).map(|exponent| f64::from_bits((exponent << FRACTION_BITS) + 1));
        for x in cases.into_iter().chain(places).flat_map(|x| [x, -x, f64::from_bits(x.to_bits() + 1)]) {
            assert_eq!(of(x), printed(x), "{x:e}");
        }
    }
}

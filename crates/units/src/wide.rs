//! `a · b / d` with a 256-bit product, so that only the result can overflow, not the product.

use crate::Round;

/// One unit, 10¹⁸.
pub const ONE: i128 = 1_000_000_000_000_000_000;
/// [`ONE`] shifted so that its leading bit is 2⁶³.
pub const DIVISOR: u64 = 1_000_000_000_000_000_000 << SHIFT;
const SHIFT: u32 = 4;
/// `⌊(2¹²⁸ − 1) / DIVISOR⌋ − 2⁶⁴`.
const RECIPROCAL: u64 = 2_820_903_858_849_102_350;

/// `a · b / divisor`, rounded once; `None` when the result does not fit `i128`.
///
/// # Panics
/// When `divisor` is zero: callers divide by a constant or by a value they have checked.
pub fn mul_div(a: i128, b: i128, divisor: i128, round: Round) -> Option<i128> {
    assert!(divisor != 0, "the divisor is checked before it gets here");
    let (high, low) = multiply(a.unsigned_abs(), b.unsigned_abs());
    let quotient = divide(high, low, divisor.unsigned_abs())?;
    rounded(quotient, (a < 0) ^ (b < 0) ^ (divisor < 0), round)
}

/// `a · b / 10¹⁸`, rounded once; `None` when the result does not fit `i128`. Equals [`mul_div`] with that divisor, but
/// needs no division.
pub fn mul_units(a: i128, b: i128, round: Round) -> Option<i128> {
    // Most contracts are of one unit.
    if b == ONE {
        return Some(a);
    }
    let (high, low) = multiply(a.unsigned_abs(), b.unsigned_abs());
    rounded(divide_by_unit(high, low)?, (a < 0) ^ (b < 0), round)
}

/// The signed result of a magnitude, rounded in the named direction; the flag says whether the magnitude is exact.
fn rounded((magnitude, exact): (u128, bool), negative: bool, round: Round) -> Option<i128> {
    let away_from_zero = !exact && matches!((round, negative), (Round::Up, false) | (Round::Down, true));
    let magnitude = if away_from_zero { magnitude.checked_add(1)? } else { magnitude };
    if negative { 0_i128.checked_sub_unsigned(magnitude) } else { i128::try_from(magnitude).ok() }
}

const LOW_HALF: u128 = (1 << 64) - 1;

/// The 256-bit product of two 128-bit numbers as `(high, low)`, computed from 64-bit halves. Nothing wraps: the largest
/// product of two halves leaves room for two more halves, as `(2⁶⁴ − 1)² + 2·(2⁶⁴ − 1) = 2¹²⁸ − 1`.
fn multiply(a: u128, b: u128) -> (u128, u128) {
    let (a1, a0) = (a >> 64, a & LOW_HALF);
    let (b1, b0) = (b >> 64, b & LOW_HALF);
    let low = a0.wrapping_mul(b0);
    let middle = a1.wrapping_mul(b0).wrapping_add(low >> 64);
    let middle_low = a0.wrapping_mul(b1).wrapping_add(middle & LOW_HALF);
    let high = a1.wrapping_mul(b1).wrapping_add(middle >> 64).wrapping_add(middle_low >> 64);
    (high, (middle_low << 64) | (low & LOW_HALF))
}

/// `(high·2¹²⁸ + low) / divisor`, and whether it is exact; `None` when the quotient needs more than 128 bits.
///
/// Two digits of 64 bits, the higher first. For a divisor of more than 64 bits: Knuth, "The Art of Computer
/// Programming", volume 2, 4.3.1, algorithm D.
fn divide(high: u128, low: u128, divisor: u128) -> Option<(u128, bool)> {
    if high >= divisor {
        return None;
    }
    if high == 0 {
        let quotient = low / divisor;
        return Some((quotient, quotient.wrapping_mul(divisor) == low));
    }
    if divisor <= LOW_HALF {
        let (upper, rest) = short_digit(high, low >> 64, divisor);
        let (lower, rest) = short_digit(rest, low & LOW_HALF, divisor);
        return Some(((upper << 64) | lower, rest == 0));
    }
    let shift = divisor.leading_zeros();
    // The bits shifted out of `low` go to `high`; `high < divisor`, so no bit is shifted out of `high`.
    let high = if shift == 0 { high } else { (high << shift) | (low >> (128 - shift)) };
    let (divisor, low) = (divisor << shift, low << shift);
    let (upper, rest) = digit(high, low >> 64, divisor);
    let (lower, rest) = digit(rest, low & LOW_HALF, divisor);
    Some(((upper << 64) | lower, rest == 0))
}

/// `⌊(rest·2⁶⁴ + next) / divisor⌋` and the remainder, for a rest below a divisor that fits in 64 bits. Such a quotient
/// fits too, so this is one instruction of most processors. Prices of most assets are such divisors.
fn short_digit(rest: u128, next: u128, divisor: u128) -> (u128, u128) {
    let numerator = (rest << 64) | next;
    let digit = numerator / divisor;
    (digit, numerator.wrapping_sub(digit.wrapping_mul(divisor)))
}

/// `⌊(rest·2⁶⁴ + next) / divisor⌋` and the remainder, for a rest below a divisor whose leading bit is 2¹²⁷.
fn digit(rest: u128, next: u128, divisor: u128) -> (u128, u128) {
    let (d1, d0) = (divisor >> 64, divisor & LOW_HALF);
    let mut digit = (rest / d1).min(LOW_HALF);
    let mut left = rest - digit * d1;
    // The estimate is at most two too large.
    while left <= LOW_HALF && digit * d0 > ((left << 64) | next) {
        digit -= 1;
        left += d1;
    }
    (digit, ((rest << 64) | next).wrapping_sub(digit.wrapping_mul(divisor)))
}

/// `(high·2¹²⁸ + low) / 10¹⁸`, and whether it is exact; `None` when the quotient needs more than 128 bits.
fn divide_by_unit(high: u128, low: u128) -> Option<(u128, bool)> {
    if high >= ONE.unsigned_abs() {
        return None;
    }
    let (upper, rest) = by_unit((high << (64 + SHIFT)) | (low >> (64 - SHIFT)));
    let (lower, rest) = by_unit((u128::from(rest) << 64) | ((low << SHIFT) & LOW_HALF));
    Some(((u128::from(upper) << 64) | u128::from(lower), rest == 0))
}

/// Splits a count of 10⁻¹⁸ into whole units and the remaining count: `count / 10¹⁸` and its remainder.
pub fn units(count: u128) -> (u128, u64) {
    let (upper, rest) = by_unit(count >> (64 - SHIFT));
    let (lower, rest) = by_unit((u128::from(rest) << 64) | ((count << SHIFT) & LOW_HALF));
    ((u128::from(upper) << 64) | u128::from(lower), rest >> SHIFT)
}

/// `⌊numerator / DIVISOR⌋` and the remainder, for a numerator below 2⁶⁴ divisors.
///
/// Multiplies by the reciprocal instead of dividing: Möller and Granlund, "Improved division by invariant integers",
/// 2011, algorithm 4. By their theorem the candidate is at most one too large or too small.
#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "the two halves of a product")]
pub fn by_unit(numerator: u128) -> (u64, u64) {
    let product = u128::from(RECIPROCAL).wrapping_mul(numerator >> 64).wrapping_add(numerator);
    let candidate = ((product >> 64) as u64).wrapping_add(1);
    let rest = (numerator as u64).wrapping_sub(candidate.wrapping_mul(DIVISOR));
    let (candidate, rest) =
        if rest > product as u64 { (candidate.wrapping_sub(1), rest.wrapping_add(DIVISOR)) } else { (candidate, rest) };
    if rest < DIVISOR { (candidate, rest) } else { (candidate.wrapping_add(1), rest - DIVISOR) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rounds_toward_the_named_infinity_for_every_sign() {
        let cases = [
            (7, 1, 2, 3, 4),
            (-7, 1, 2, -4, -3),
            (7, -1, 2, -4, -3),
            (7, 1, -2, -4, -3),
            (-7, -1, 2, 3, 4),
            (6, 1, 2, 3, 3),
        ];
        for (a, b, d, down, up) in cases {
            assert_eq!(mul_div(a, b, d, Round::Down), Some(down), "{a}·{b}/{d} down");
            assert_eq!(mul_div(a, b, d, Round::Up), Some(up), "{a}·{b}/{d} up");
        }
    }

    #[test]
    fn the_reciprocal_is_that_of_the_divisor() {
        let divisor = u128::from(DIVISOR);
        assert_eq!(divisor, ONE.unsigned_abs() << DIVISOR.leading_zeros() << SHIFT);
        assert_eq!(u128::from(RECIPROCAL) + (1 << 64), u128::MAX / divisor);
        for (numerator, expected) in [(0, (0, 0)), (divisor, (1, 0)), (divisor - 1, (0, DIVISOR - 1))] {
            assert_eq!(by_unit(numerator), expected);
        }
        let largest = (divisor << 64) - 1;
        assert_eq!(by_unit(largest), (u64::MAX, DIVISOR - 1));
        assert_eq!(by_unit(largest - (divisor - 1)), (u64::MAX, 0));
    }

    #[test]
    fn overflow_is_none_and_the_extremes_survive() {
        assert_eq!(mul_div(i128::MAX, 2, 1, Round::Down), None);
        assert_eq!(mul_div(i128::MIN, 1, 1, Round::Down), Some(i128::MIN));
        assert_eq!(mul_div(i128::MIN, -1, 1, Round::Down), None);
        assert_eq!(mul_div(i128::MAX, i128::MAX, i128::MAX, Round::Up), Some(i128::MAX));
    }

    proptest! {
        /// quotient·divisor + remainder rebuilds the product, and the remainder is smaller than the divisor.
        #[test]
        fn dividing_is_the_inverse_of_multiplying(a: u128, b: u128, divisor in 1_u128..) {
            let (high, low) = multiply(a, b);
            if let Some((quotient, exact)) = divide(high, low, divisor) {
                let (back_high, back_low) = multiply(quotient, divisor);
                let (remainder, borrow) = low.overflowing_sub(back_low);
                prop_assert_eq!(high - back_high, u128::from(borrow));
                prop_assert!(remainder < divisor);
                prop_assert_eq!(remainder == 0, exact);
            } else {
                prop_assert!(high >= divisor);
            }
        }

        /// The same for divisors of every length, and near wrong estimates of a digit: numbers whose leading digits are
        /// almost alike.
        #[test]
        fn dividing_is_the_inverse_of_multiplying_at_every_length(high: u128, low: u128, divisor in 1_u128.., bits in 0..128_u32, near in 0..4_u128) {
            let divisor = (divisor >> bits).max(1);
            for high in [high % divisor, divisor.saturating_sub(near + 1)] {
                let (quotient, exact) = divide(high, low, divisor).unwrap();
                let (back_high, back_low) = multiply(quotient, divisor);
                let (remainder, borrow) = low.overflowing_sub(back_low);
                prop_assert_eq!(high - back_high, u128::from(borrow));
                prop_assert!(remainder < divisor);
                prop_assert_eq!(remainder == 0, exact);
            }
        }

        /// Units and remaining count equal quotient and remainder.
        #[test]
        fn a_count_is_its_units_and_what_is_left(count: u128, bits in 0..128_u32) {
            let one = ONE.unsigned_abs();
            for count in [count >> bits, u128::MAX >> bits, (count >> bits) / one * one] {
                let (units, left) = units(count);
                prop_assert_eq!((units, u128::from(left)), (count / one, count % one));
            }
        }

        /// The quick division by 10¹⁸ gives the same result as the general one.
        #[test]
        fn a_product_of_units_is_the_product_divided(a: i128, b: i128, of_a in 0..127_u32, of_b in 0..127_u32) {
            for (a, b) in [(a >> of_a, b >> of_b), (a >> of_a << (of_a / 2), ONE)] {
                for round in [Round::Down, Round::Up] {
                    prop_assert_eq!(mul_units(a, b, round), mul_div(a, b, ONE, round));
                }
            }
        }

        #[test]
        fn the_product_agrees_with_native_arithmetic_where_that_fits(a in 0..=u128::from(u64::MAX), b in 0..=u128::from(u64::MAX)) {
            prop_assert_eq!(multiply(a, b), (0, a * b));
        }
    }
}

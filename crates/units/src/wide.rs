//! `a · b / d` with a 256-bit product, so that no intermediate overflows before the result does.

use crate::Round;

/// `a · b / divisor`, rounded once; `None` when the result does not fit `i128`.
///
/// # Panics
/// When `divisor` is zero: callers divide by a constant or by a value they have checked.
pub fn mul_div(a: i128, b: i128, divisor: i128, round: Round) -> Option<i128> {
    assert!(divisor != 0, "the divisor is checked before it gets here");
    let negative = (a < 0) ^ (b < 0) ^ (divisor < 0);
    let (high, low) = multiply(a.unsigned_abs(), b.unsigned_abs());
    let (quotient, exact) = divide(high, low, divisor.unsigned_abs())?;
    let away_from_zero = !exact && matches!((round, negative), (Round::Up, false) | (Round::Down, true));
    let magnitude = if away_from_zero { quotient.checked_add(1)? } else { quotient };
    if negative { 0_i128.checked_sub_unsigned(magnitude) } else { i128::try_from(magnitude).ok() }
}

const LOW_HALF: u128 = (1 << 64) - 1;

/// The 256-bit product of two 128-bit numbers as `(high, low)`, by 64-bit halves.
fn multiply(a: u128, b: u128) -> (u128, u128) {
    let (a1, a0) = (a >> 64, a & LOW_HALF);
    let (b1, b0) = (b >> 64, b & LOW_HALF);
    let low = a0 * b0;
    let middle = a1 * b0 + (low >> 64);
    let middle_low = a0 * b1 + (middle & LOW_HALF);
    let high = a1 * b1 + (middle >> 64) + (middle_low >> 64);
    (high, (middle_low << 64) | (low & LOW_HALF))
}

/// `(high·2¹²⁸ + low) / divisor` and whether it was exact; `None` when the quotient needs more than 128 bits.
fn divide(high: u128, low: u128, divisor: u128) -> Option<(u128, bool)> {
    if high >= divisor {
        return None;
    }
    if high == 0 {
        return Some((low / divisor, low.is_multiple_of(divisor)));
    }
    if divisor <= LOW_HALF {
        // The usual case, a division by 10¹⁸: two short divisions by a 64-bit number.
        let upper = (high << 64) | (low >> 64);
        let lower = ((upper % divisor) << 64) | (low & LOW_HALF);
        return Some((((upper / divisor) << 64) | (lower / divisor), lower.is_multiple_of(divisor)));
    }
    // Schoolbook binary division; the remainder may reach 129 bits, hence the carry.
    let (mut remainder, mut quotient) = (high, 0_u128);
    for bit in (0..128).rev() {
        let carry = remainder >> 127 == 1;
        remainder = (remainder << 1) | ((low >> bit) & 1);
        if carry || remainder >= divisor {
            remainder = remainder.wrapping_sub(divisor);
            quotient |= 1 << bit;
        }
    }
    Some((quotient, remainder == 0))
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

        #[test]
        fn the_product_agrees_with_native_arithmetic_where_that_fits(a in 0..=u128::from(u64::MAX), b in 0..=u128::from(u64::MAX)) {
            prop_assert_eq!(multiply(a, b), (0, a * b));
        }
    }
}

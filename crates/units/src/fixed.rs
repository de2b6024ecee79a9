//! The one representation behind every quantity: an `i128` count of 10⁻¹⁸.

use crate::Round;

/// Decimals kept.
pub const DECIMALS: u32 = 18;
/// One unit.
pub const ONE: i128 = 1_000_000_000_000_000_000;
const ONE_F64: f64 = 1e18;
/// The bits of a mantissa, the leading one included.
const MANTISSA: u32 = f64::MANTISSA_DIGITS;

/// The nearest `f64`, ties to even: the same double that parsing the decimal text gives.
pub fn to_f64(raw: i128) -> f64 {
    let digits = raw.unsigned_abs();
    let magnitude = if digits < 1 << MANTISSA {
        // Numerator and denominator are exact, so one division rounds once.
        #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "below 2^53 the conversion is exact")]
        let magnitude = digits as f64 / ONE_F64;
        magnitude
    } else {
        divided(digits)
    };
    if raw < 0 { -magnitude } else { magnitude }
}

/// `digits · 10⁻¹⁸` to the nearest `f64`, ties to even, for digits of 2⁵³ and more.
///
/// With the leading bit of the numerator at 2¹²⁷ and 2⁵⁹ < 10¹⁸ < 2⁶⁰, the quotient has 68 or 69 bits. The mantissa is the
/// first 53 of them. The 15 or 16 after it, and the remainder of the division after those, say whether it rounds up: when
/// they come to more than a half, or to a half exactly and the mantissa is odd. The result is at least 2⁻⁷: never subnormal.
fn divided(digits: u128) -> f64 {
    let shift = digits.leading_zeros();
    let numerator = digits << shift;
    let quotient = numerator / ONE.unsigned_abs();
    let exact = quotient * ONE.unsigned_abs() == numerator;
    let spare = u128::BITS - quotient.leading_zeros() - MANTISSA;
    let (kept, dropped, half) = (quotient >> spare, quotient & ((1 << spare) - 1), 1 << (spare - 1));
    let up = dropped > half || (dropped == half && (!exact || kept & 1 == 1));
    let mantissa = u64::try_from(kept).expect("53 bits") + u64::from(up);
    // The value is mantissa · 2^(spare − shift). The leading one of the mantissa adds one to the exponent field it falls
    // into, and so does the carry of a mantissa that rounded up to 2⁵³.
    let exponent = u64::from(1074 + spare - shift);
    f64::from_bits((exponent << (MANTISSA - 1)) + mantissa)
}

/// The fixed-point value next to `x` in the named direction; `None` when `x` is not finite or does not fit.
pub fn from_f64(x: f64, round: Round) -> Option<i128> {
    if !x.is_finite() {
        return None;
    }
    let bits = x.to_bits();
    let biased = i32::try_from((bits >> 52) & 0x7ff).expect("eleven bits");
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, exponent) = if biased == 0 { (fraction, -1074) } else { (fraction | (1 << 52), biased - 1075) };
    // x = ±mantissa·2^exponent, and mantissa·10¹⁸ < 2¹¹³ leaves room to spare.
    let scaled = u128::from(mantissa) * ONE.unsigned_abs();
    let magnitude = if exponent >= 0 {
        let shift = exponent.unsigned_abs();
        if scaled != 0 && shift >= scaled.leading_zeros() {
            return None;
        }
        if scaled == 0 { 0 } else { scaled << shift }
    } else {
        let shift = exponent.unsigned_abs();
        let (floor, exact) =
            if shift >= 128 { (0, scaled == 0) } else { (scaled >> shift, scaled & ((1_u128 << shift) - 1) == 0) };
        let away = !exact && matches!((round, x < 0.0), (Round::Up, false) | (Round::Down, true));
        if away { floor + 1 } else { floor }
    };
    if x < 0.0 { 0_i128.checked_sub_unsigned(magnitude) } else { i128::try_from(magnitude).ok() }
}

/// `raw` with at most `decimals` decimals; `None` when rounding up leaves the range.
pub fn to_decimals(raw: i128, decimals: u32, round: Round) -> Option<i128> {
    let step = 10_i128.pow(DECIMALS.saturating_sub(decimals));
    let floor = raw.div_euclid(step);
    let up = matches!(round, Round::Up) && raw.rem_euclid(step) != 0;
    floor.checked_add(i128::from(up))?.checked_mul(step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The decimal text, read by the standard library, is the reference.
        #[test]
        fn to_f64_is_the_nearest_double(raw: i128) {
            let text: f64 = crate::text::print(raw).parse().unwrap();
            prop_assert_eq!(to_f64(raw).to_bits(), text.to_bits());
        }

        /// The same for numbers of every length, where most of `i128` is out of reach of money, and next to what ties.
        #[test]
        fn to_f64_is_the_nearest_double_at_every_length(raw: i128, bits in 0..127_u32, near in -2..=2_i128, halves in 1_u64..1 << 54) {
            // Half-way between two doubles, where 10¹⁸ can still be divided into it: multiples of 5¹⁸ in few bits.
            let tie = i128::from(halves) * 5_i128.pow(18);
            for raw in [raw >> bits, tie.saturating_mul(1 << (bits % 32)).saturating_add(near)] {
                let text: f64 = crate::text::print(raw).parse().unwrap();
                prop_assert_eq!(to_f64(raw).to_bits(), text.to_bits(), "{}", raw);
            }
        }

        #[test]
        fn a_double_lies_between_its_two_roundings(x in -1e19..1e19_f64) {
            let (down, up) = (from_f64(x, Round::Down).unwrap(), from_f64(x, Round::Up).unwrap());
            prop_assert!(down == up || up - down == 1);
            prop_assert!(to_f64(down) <= x && x <= to_f64(up));
        }
    }

    #[test]
    fn the_ends_and_the_powers_of_two_and_ten_are_the_nearest_doubles() {
        let powers = (0..127).map(|bit| 1_i128 << bit).chain((0..39).map(|power| 10_i128.pow(power)));
        let near = powers.flat_map(|power| [power - 1, power, power.saturating_add(1)]);
        for raw in near.flat_map(|raw| [raw, -raw]).chain([i128::MIN, i128::MAX]) {
            let text: f64 = crate::text::print(raw).parse().unwrap();
            assert_eq!(to_f64(raw).to_bits(), text.to_bits(), "{raw}");
        }
    }

    #[test]
    fn what_is_not_finite_or_too_large_does_not_fit() {
        for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.8e20, -1.8e20, f64::MAX] {
            assert_eq!(from_f64(x, Round::Up), None, "{x}");
        }
        assert_eq!(from_f64(f64::MIN_POSITIVE, Round::Up), Some(1));
        assert_eq!(from_f64(f64::MIN_POSITIVE, Round::Down), Some(0));
        assert_eq!(from_f64(-0.0, Round::Down), Some(0));
    }

    #[test]
    fn fewer_decimals_round_by_name() {
        assert_eq!(to_decimals(1_999_999_999_999_999_999, 6, Round::Down), Some(1_999_999_000_000_000_000));
        assert_eq!(to_decimals(1_999_999_999_999_999_999, 6, Round::Up), Some(2_000_000_000_000_000_000));
        assert_eq!(to_decimals(-1, 6, Round::Down), Some(-1_000_000_000_000));
        assert_eq!(to_decimals(-1, 6, Round::Up), Some(0));
    }
}

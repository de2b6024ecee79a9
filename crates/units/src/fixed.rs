//! The one representation behind every quantity: an `i128` count of 10⁻¹⁸.

use crate::Round;
use crate::wide::{ONE, by_unit, units};

/// The number of decimals of every quantity.
pub const DECIMALS: u32 = 18;
/// The powers of ten up to one unit.
pub const POWERS: [u64; 19] = {
    let mut powers = [1; 19];
    let mut power = 1;
    while power < powers.len() {
        powers[power] = 10 * powers[power - 1];
        power += 1;
    }
    powers
};
const ONE_F64: f64 = 1e18;
/// Every integer below this is an exact `f64`.
const EXACT: u64 = 1 << f64::MANTISSA_DIGITS;
/// The nearest `f64`, ties to even: the same double that parsing the decimal text gives.
pub fn to_f64(raw: i128) -> f64 {
    let digits = raw.unsigned_abs();
    let magnitude = match u64::try_from(digits) {
        // Numerator and denominator are exact, so one division rounds once.
        #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "below 2^53 the conversion is exact")]
        Ok(digits) if digits < EXACT => digits as f64 / ONE_F64,
        _ => divided(digits),
    };
    if raw < 0 { -magnitude } else { magnitude }
}

/// A count of lots or accounts as the nearest `f64`, ties to even.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "the one rounding")]
pub const fn count(number: i64) -> f64 {
    number as f64
}

/// `digits · 10⁻¹⁸` to the nearest `f64`, ties to even, for digits that are not 0.
///
/// The numerator is shifted so that its leading bit is 2¹²⁶; the leading bit of the divisor is 2⁶³. So the quotient has
/// 63 or 64 bits. Rounding it to 53 bits needs to know only whether the remainder is 0: an odd last bit marks a
/// remainder that is not 0, and is too far behind to mean anything else. The power of two is exact, and the result is
/// at least 2⁻⁶⁰, so never subnormal.
fn divided(digits: u128) -> f64 {
    let shift = digits.leading_zeros();
    // i128::MIN has the leading bit 2¹²⁷; the shift back by one loses nothing, because its other bits are 0.
    let (quotient, rest) = by_unit(digits << shift >> 1);
    #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "the one rounding")]
    let rounded = (quotient | u64::from(rest != 0)) as f64;
    let power = u64::from(f64::MAX_EXP.unsigned_abs() - 1 + 5 - shift);
    rounded * f64::from_bits(power << (f64::MANTISSA_DIGITS - 1))
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
    let zeros = usize::try_from(DECIMALS.saturating_sub(decimals)).expect("at most 18");
    let step = POWERS[zeros];
    // A step divides one unit, so only the decimals matter, not the whole units.
    let (_, left) = units(raw.unsigned_abs());
    let beyond = left % step;
    let above = i128::from(if raw < 0 && beyond > 0 { step - beyond } else { beyond });
    if above > 0 && matches!(round, Round::Up) {
        raw.checked_add(i128::from(step) - above)
    } else {
        raw.checked_sub(above)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The reference is the standard library reading the decimal text.
        #[test]
        fn to_f64_is_the_nearest_double(raw: i128) {
            let text: f64 = crate::text::Text::of(raw).as_str().parse().unwrap();
            prop_assert_eq!(to_f64(raw).to_bits(), text.to_bits());
        }

        /// The same for numbers of every length, since most of `i128` is beyond sums of money, and for neighbours of
        /// ties.
        #[test]
        fn to_f64_is_the_nearest_double_at_every_length(raw: i128, bits in 0..127_u32, near in -2..=2_i128, halves in 1_u64..1 << 54) {
            // Half-way between two doubles where 10¹⁸ still divides: multiples of 5¹⁸ with few bits.
            let tie = i128::from(halves) * 5_i128.pow(18);
            for raw in [raw >> bits, tie.saturating_mul(1 << (bits % 32)).saturating_add(near)] {
                let text: f64 = crate::text::Text::of(raw).as_str().parse().unwrap();
                prop_assert_eq!(to_f64(raw).to_bits(), text.to_bits(), "{}", raw);
            }
        }

        /// Fewer decimals give the next multiple of the step, above or below.
        #[test]
        fn fewer_decimals_are_the_nearest_multiples(raw: i128, bits in 0..127_u32, decimals in 0..20_u32) {
            let (raw, step) = (raw >> bits, 10_i128.pow(18_u32.saturating_sub(decimals)));
            let down = raw.checked_sub(raw.rem_euclid(step));
            let up = if raw.rem_euclid(step) == 0 { Some(raw) } else { down.and_then(|down| down.checked_add(step)) };
            prop_assert_eq!(to_decimals(raw, decimals, Round::Down), down);
            prop_assert!(down.is_none() || to_decimals(raw, decimals, Round::Up) == up);
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
            let text: f64 = crate::text::Text::of(raw).as_str().parse().unwrap();
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

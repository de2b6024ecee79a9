//! Converts a double to the shortest decimal that reads back to the same double.

use crate::text::{Beyond, NotDecimal, read};

/// The count of 10⁻¹⁸ of the shortest decimal that reads back to the double `x`, the nearest of those; digits after the
/// 18th decimal are cut off.
pub fn of(x: f64) -> Result<i128, NotDecimal> {
    read(zmij::Buffer::new().format(x), 0, Beyond::Cut)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The count from the texts that the standard library prints: as many digits as its shortest decimal has, rounded from
    /// the exact number. Of two such decimals that are equally near it takes the even one.
    fn printed(x: f64) -> Result<i128, NotDecimal> {
        let shortest = format!("{x:e}");
        let decimals = shortest.split('e').next().and_then(|digits| digits.split_once('.')).map_or(0, |of| of.1.len());
        read(&format!("{x:.decimals$e}"), 0, Beyond::Cut)
    }

    proptest! {
        #[test]
        fn any_double_is_what_the_standard_library_prints(bits: u64) {
            let x = f64::from_bits(bits);
            prop_assert_eq!(of(x), printed(x), "{:e}", x);
        }

        /// The same for most risk numbers, and next to numbers that end early: decimals of few digits and powers of two.
        #[test]
        fn a_double_of_usual_size_is_what_the_standard_library_prints(bits: u64, exponent in 940..1085_u64, digits in 1..1_000_000_u32, power in 0..24_i32, ulps in -2..=2_i64) {
            const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;
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
    fn the_least_of_each_exponent_is_what_the_standard_library_prints() {
        const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;
        let cases =
            [0.0, -0.0, 1.0, 0.1, 9.999_999_999_999_998, 1e-5, 0.000_009_999_999_999_999_999, 9_007_199_254_740_991.0];
        let places = (900..1080).map(|exponent| f64::from_bits((exponent << FRACTION_BITS) + 1));
        for x in cases.into_iter().chain(places).flat_map(|x| [x, -x, f64::from_bits(x.to_bits() + 1)]) {
            assert_eq!(of(x), printed(x), "{x:e}");
        }
    }
}

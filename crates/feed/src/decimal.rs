//! Numbers of JSON and of `f64` as exact decimal text.
//!
//! JSON numbers are read from the characters the venue sent (`serde_json`'s `RawValue`), never through `f64`: `42.74`
//! per cent is exactly `0.4274`. A `f64` from a parquet file is written as the shortest decimal that reads back to the
//! same double, which is what was recorded. The quantities of `units` keep 18 decimals; digits beyond are cut.

use std::str::FromStr;

use units::NotDecimal;

/// More digits before the point than any quantity of `units` can hold.
const WHOLE_MAX: i64 = 40;
const DECIMALS: i64 = 18;

/// The quantity that a JSON number stands for, times ten to the power of `shift`.
pub fn parse<T: FromStr<Err = NotDecimal>>(text: &str, shift: i64) -> Result<T, NotDecimal> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let digits = [whole, fraction].concat();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NotDecimal::Malformed);
    }
    // The value is digits · 10^(point − number of digits): `point` digits stand before the decimal point.
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return "0".parse();
    }
    let length = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
    let exponent_digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if exponent_digits.is_empty() || !exponent_digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NotDecimal::Malformed);
    }
    let beyond = if exponent.starts_with('-') { i64::MIN } else { i64::MAX };
    let exponent = exponent.parse().unwrap_or(beyond);
    let point = exponent.saturating_add(shift).saturating_add(length(significant)).saturating_sub(length(fraction));
    if point > WHOLE_MAX {
        return Err(NotDecimal::TooLarge);
    }
    if point <= -DECIMALS {
        return "0".parse();
    }
    let leading = usize::try_from(-point).unwrap_or(0);
    let padded = format!("{}{significant:0<40}", "0".repeat(leading));
    let (whole, fraction) = padded.split_at(usize::try_from(point).unwrap_or(0));
    let fraction = &fraction[..fraction.len().min(18)];
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = if fraction.is_empty() { "0" } else { fraction };
    format!("{sign}{whole}.{fraction}").parse()
}

/// The quantity nearest to what a double was written as: its shortest decimal. Not for NaN and infinities.
pub fn from_f64<T: FromStr<Err = NotDecimal>>(x: f64) -> Result<T, NotDecimal> {
    if !x.is_finite() {
        return Err(NotDecimal::Malformed);
    }
    // `Display` of a double is its shortest decimal, without exponent.
    parse(&x.to_string(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use units::{Price, Ratio};

    #[test]
    fn reads_json_numbers_exactly() {
        let cases = [
            ("0", 0, "0"),
            ("-0.0", 0, "0"),
            ("12", 0, "12"),
            ("12.50", 0, "12.5"),
            ("8.477e-05", 0, "0.00008477"),
            ("-8.477E-5", 0, "-0.00008477"),
            ("1e3", 0, "1000"),
            ("1.5e+1", 0, "15"),
            ("42.746687", -2, "0.42746687"),
            ("5", -2, "0.05"),
            ("0.1", 1, "1"),
            ("2.2737367544323206e-13", 0, "0.000000000000227373"),
            ("1e-19", 0, "0"),
            ("1e-99999999999999999999", 0, "0"),
            ("1.9e-18", 0, "0.000000000000000001"),
            ("0e99999999999999999999", 0, "0"),
            ("170141183460469231731", 0, "170141183460469231731"),
        ];
        for (text, shift, expected) in cases {
            assert_eq!(parse::<Price>(text, shift).unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        for text in ["1e21", "1e999", "1e99999999999999999999", &"9".repeat(10_000)] {
            assert_eq!(parse::<Price>(text, 0), Err(NotDecimal::TooLarge), "{}", &text[..4]);
        }
        for text in ["", "-", "NaN", "e5", "1.2.3", "1e", "1e-+5", "\"1\"", "+1", "１"] {
            assert_eq!(parse::<Price>(text, 0), Err(NotDecimal::Malformed), "{text}");
        }
        assert_eq!(from_f64::<Price>(f64::NAN), Err(NotDecimal::Malformed));
        assert_eq!(from_f64::<Price>(f64::MAX), Err(NotDecimal::TooLarge));
        assert_eq!(from_f64::<Price>(f64::MIN_POSITIVE).unwrap(), Price::ZERO);
    }

    proptest! {
        #[test]
        fn doubles_keep_their_value(x in -1e15..1e15_f64) {
            // A double of this size has at most 17 digits; those behind the 18th decimal are below 1e-18.
            prop_assert!((from_f64::<Ratio>(x).unwrap().to_f64() - x).abs() <= 1e-18);
        }

        #[test]
        fn never_panics(text in "[-+0-9.eE]{0,40}", shift in -3..3_i64) {
            let _ = parse::<Price>(&text, shift);
        }
    }
}

//! Reads and writes decimal text exactly: a number that a person wrote is never rounded.

use arrayvec::ArrayString;

use crate::fixed::{DECIMALS, POWERS};
use crate::wide::units;

/// The limit on digits; more than any `i128` has.
const DIGITS_MAX: usize = 40;

/// The reason why a text is not a decimal number that fixed point can hold exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDecimal {
    /// Not a number: empty, a stray sign, a separator, `NaN`…
    #[error("a decimal number such as \"-12.5\"")]
    Malformed,
    /// More than 18 digits after the point, once it is written without an exponent: reading it would have to round.
    #[error("a decimal number with at most 18 decimals")]
    TooManyDecimals,
    /// Above about 1.7·10²⁰ in size.
    #[error("a decimal number smaller than 170141183460469231731 in size")]
    TooLarge,
}

/// How to treat digits after the 18th decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// The number is refused: a number that a person wrote is never rounded.
    Refuse,
    /// The digits are cut off, toward zero: the number is a printed double, and they are noise.
    Cut,
}

/// Reads `-?digits[.digits][e[+-]digits]`, exactly.
pub fn parse(text: &str) -> Result<i128, NotDecimal> {
    read(text, 0, Beyond::Refuse)
}

/// Reads the same format, and multiplies by ten to the power of `shift`.
pub fn read(text: &str, shift: i64, beyond: Beyond) -> Result<i128, NotDecimal> {
    match short(text.as_bytes()) {
        Some(raw) if shift == 0 => Ok(raw),
        Some(_) | None => any(text, shift, beyond),
    }
}

/// Reads the short form that almost every document uses: digits that fit 64 bits, at most a point, no exponent.
/// None for any other text.
fn short(text: &[u8]) -> Option<i128> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        all => (false, all),
    };
    let (mut digits, mut behind) = (0_u64, None);
    for byte in text {
        match byte {
            b'0'..=b'9' => digits = digits.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?,
            b'.' if behind.is_none() => {
                behind = Some(0);
                continue;
            }
            _ => return None,
        }
        behind = behind.map(|decimals| decimals + 1);
    }
    let decimals: usize = behind.unwrap_or_default();
    let before = text.len() - decimals - usize::from(behind.is_some());
    if before == 0 || behind == Some(0) {
        return None;
    }
    let units = POWERS[18_usize.checked_sub(decimals)?];
    let raw = i128::try_from(u128::from(digits) * u128::from(units)).ok()?;
    Some(if negative { -raw } else { raw })
}

/// Reads any number of digits with any exponent.
fn any(text: &str, shift: i64, beyond: Beyond) -> Result<i128, NotDecimal> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || !is_number(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)) {
        return Err(NotDecimal::Malformed);
    }
    // Counts of digits: the value is digits · 10^(power − 18), where the digits have no zeros at either end.
    let digits = || whole.bytes().chain(fraction.bytes());
    let leading = digits().take_while(|byte| *byte == b'0').count();
    let all = whole.len() + fraction.len();
    if leading == all {
        return Ok(0);
    }
    let trailing = match fraction.trim_end_matches('0').len() {
        0 => fraction.len() + whole.len() - whole.trim_end_matches('0').len(),
        kept => fraction.len() - kept,
    };
    // An exponent beyond 64 bits gives the same result as the largest one.
    let beyond_all = if exponent.starts_with('-') { i64::MIN } else { i64::MAX };
    let length = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let power = exponent.parse().unwrap_or(beyond_all).saturating_add(shift).saturating_add(i64::from(DECIMALS));
    let power = power.saturating_sub(length(fraction.len())).saturating_add(length(trailing));
    let lost = usize::try_from(power.saturating_neg()).unwrap_or(0);
    if lost > 0 && beyond == Beyond::Refuse {
        return Err(NotDecimal::TooManyDecimals);
    }
    let zeros = usize::try_from(power).unwrap_or(0).min(DIGITS_MAX);
    let kept = digits().skip(leading).take((all - leading - trailing).saturating_sub(lost));
    let mut raw = 0_i128;
    for byte in kept.chain(std::iter::repeat_n(b'0', zeros)) {
        let digit = i128::from(byte - b'0');
        // The digits are subtracted, so that the most negative value can be read.
        raw = raw.checked_mul(10).and_then(|raw| raw.checked_sub(digit)).ok_or(NotDecimal::TooLarge)?;
    }
    if negative { Ok(raw) } else { raw.checked_neg().ok_or(NotDecimal::TooLarge) }
}

/// The shortest decimal text that [`parse`] reads back to the same value. It needs no heap memory, since documents of
/// many accounts are mostly numbers.
pub struct Text(ArrayString<LENGTH_MAX>);

/// A sign, 21 digits of `i128::MAX` in units, a point, 18 decimals.
const LENGTH_MAX: usize = 41;

impl Text {
    /// The text of this many units of 10⁻¹⁸.
    pub fn of(raw: i128) -> Self {
        let (whole, decimals) = units(raw.unsigned_abs());
        let mut text = ArrayString::new();
        if raw < 0 {
            text.push('-');
        }
        let mut digits = itoa::Buffer::new();
        text.push_str(match u64::try_from(whole) {
            Ok(whole) => digits.format(whole),
            Err(_) => digits.format(whole),
        });
        if decimals > 0 {
            text.push('.');
            let (decimals, one) = without_zeros(decimals);
            // A one before the decimals keeps their leading zeros.
            let decimals = &digits.format(decimals + one)[1..];
            let last = decimals.bytes().rposition(|digit| digit != b'0').expect("decimals above zero have a digit");
            text.push_str(&decimals[..=last]);
        }
        Self(text)
    }

    /// The decimal as a string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A count of 10⁻¹⁸ below one without most of the zeros at its end, and the count that makes one: few digits are written
/// for cents and for prices.
fn without_zeros(decimals: u64) -> (u64, u64) {
    const fn cut<const ZEROS: usize>(decimals: u64) -> Option<(u64, u64)> {
        if decimals.is_multiple_of(POWERS[ZEROS]) { Some((decimals / POWERS[ZEROS], POWERS[18 - ZEROS])) } else { None }
    }
    cut::<14>(decimals).or_else(|| cut::<10>(decimals)).or_else(|| cut::<6>(decimals)).unwrap_or((decimals, POWERS[18]))
}

/// Deserializes a value that documents write as text; for a wrong type or a wrong text the error says what was
/// expected.
pub struct Reader<T> {
    expected: &'static str,
    value: std::marker::PhantomData<T>,
}

impl<T> Reader<T> {
    pub fn new(expected: &'static str) -> Self {
        Self { expected, value: std::marker::PhantomData }
    }
}

impl<T: std::str::FromStr<Err: std::fmt::Display>> serde::de::Visitor<'_> for Reader<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.expected)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        let refused = |why: T::Err| E::custom(format_args!("invalid value: \"{}\", expected {why}", shortened(text)));
        text.parse().map_err(refused)
    }
}

/// The first forty characters of `text` at most: enough to recognise it in a message.
fn shortened(text: &str) -> String {
    let mut characters = text.chars();
    let head: String = characters.by_ref().take(40).collect();
    if characters.next().is_some() { head + "…" } else { head }
}

#[cfg(test)]
mod tests {
    use super::any;
    use super::*;
    use crate::wide::ONE;
    use proptest::prelude::*;

    #[test]
    fn reads_what_people_write() {
        let cases = [
            ("0", 0),
            ("-0", 0),
            ("1", ONE),
            ("-1.5", -ONE * 3 / 2),
            ("0.000000000000000001", 1),
            ("007.50", ONE * 15 / 2),
            ("1.0000000000000000000000", ONE),
            ("6.8e-07", 680_000_000_000),
            ("-8.477E-5", -84_770_000_000_000),
            ("1E+3", 1000 * ONE),
            ("1.50e1", 15 * ONE),
            ("0.00015e+4", ONE * 3 / 2),
            ("1000e-3", ONE),
            ("1e-18", 1),
            ("100e-20", 1),
            ("9999999999999999999", 9_999_999_999_999_999_999 * ONE),
            ("0.00000000000000001", 10),
            ("-9.99999999999999999", -9_999_999_999_999_999_990),
            ("0e99999999999999999999", 0),
            ("-0.0e-99999999999999999999", 0),
            ("-170141183460469231731687303715884105728e-18", i128::MIN),
        ];
        for (text, raw) in cases {
            assert_eq!(parse(text), Ok(raw), "{text}");
        }
    }

    #[test]
    fn refuses_what_it_cannot_hold_exactly() {
        let malformed = [
            "", "-", ".", "1.", ".5", "+1", "NaN", "inf", "1_000", "1,000", " 1", "--1", "0x10", "１", "e5", "1e",
            "1e+", "1e-+5", "1e5.0", "1.e5", "1e5e5", "1e 5", "1e１",
        ];
        for text in malformed {
            assert_eq!(parse(text), Err(NotDecimal::Malformed), "{text}");
        }
        for text in ["0.0000000000000000001", "1e-19", "6.8e-99999999999999999999", "1.5e-18"] {
            assert_eq!(parse(text), Err(NotDecimal::TooManyDecimals), "{text}");
        }
        for text in ["170141183460469231732", &"9".repeat(1000), "1e21", "1e999", "1e99999999999999999999"] {
            assert_eq!(parse(text), Err(NotDecimal::TooLarge), "{text}");
        }
    }

    #[test]
    fn cuts_the_noise_of_doubles_where_asked() {
        let cases = [
            ("2.2737367544323206e-13", 0, 227_373),
            ("-2.2737367544323206e-13", 0, -227_373),
            ("1e-19", 0, 0),
            ("1e-99999999999999999999", 0, 0),
            ("1.9e-18", 0, 1),
            ("42.746687", -2, 427_466_870_000_000_000),
            ("5", -2, ONE / 20),
            ("0.1", 1, ONE),
        ];
        for (text, shift, raw) in cases {
            assert_eq!(read(text, shift, Beyond::Cut), Ok(raw), "{text}");
        }
        assert_eq!(read(&"9".repeat(10_000), 0, Beyond::Cut), Err(NotDecimal::TooLarge));
        assert_eq!(read("1e20", 1, Beyond::Cut), Err(NotDecimal::TooLarge));
    }

    proptest! {
        #[test]
        fn printing_and_reading_are_inverse(raw: i128) {
            prop_assert_eq!(parse(Text::of(raw).as_str()), Ok(raw));
        }

        /// Moving the point and moving it back with the exponent gives the same number.
        #[test]
        fn an_exponent_moves_the_point(raw: i128, shift in -60..60_i64) {
            let digits = raw.unsigned_abs().to_string();
            let sign = if raw < 0 { "-" } else { "" };
            let padded = format!("{}{digits}{}", "0".repeat(60), "0".repeat(60));
            let (whole, fraction) = padded.split_at(usize::try_from(60 + i64::try_from(digits.len()).unwrap() + shift).unwrap());
            prop_assert_eq!(parse(&format!("{sign}{whole}.{fraction}0e{}", -18 - shift)), Ok(raw));
        }

        /// The quick way to read gives the same result as the general way.
        #[test]
        fn what_is_short_is_read_like_anything_else(text in "-?[0-9]{0,25}(\\.[0-9]{0,25})?[-.e]?") {
            prop_assert_eq!(read(&text, 0, Beyond::Cut), any(&text, 0, Beyond::Cut), "{}", &text);
            prop_assert_eq!(parse(&text), any(&text, 0, Beyond::Refuse), "{}", text);
        }

        /// Numbers of every length, also with zeros at the end.
        #[test]
        fn printing_and_reading_are_inverse_at_every_length(raw: i128, bits in 0..127_u32, zeros in 0..38_u32) {
            let raw = raw >> bits;
            let round = raw - raw % 10_i128.pow(zeros);
            for raw in [raw, round] {
                let text = Text::of(raw);
                prop_assert_eq!(any(text.as_str(), 0, Beyond::Refuse), Ok(raw));
                let shortest = text.as_str().trim_start_matches('-');
                prop_assert!(!shortest.starts_with("00"), "{}", shortest);
                prop_assert!(!shortest.contains('.') || !shortest.ends_with(['0', '.']), "{}", shortest);
                prop_assert_eq!(text.as_str().starts_with('-'), raw < 0);
            }
        }

        #[test]
        fn never_panics(text in "[-+0-9.eE]{0,40}", shift in -3..3_i64) {
            let _ = read(&text, shift, Beyond::Cut);
            let _ = parse(&text);
        }
    }
}

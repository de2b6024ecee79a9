//! Decimal text in and out, exactly: what a person wrote is never rounded.

use crate::fixed::DECIMALS;
use crate::wide::ONE;

/// Why a text is not a decimal number this crate can hold exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDecimal {
    /// Empty, a stray sign, an exponent, a separator, `NaN`…
    #[error("a decimal number such as \"-12.5\"")]
    Malformed,
    /// More than 18 digits behind the point: reading it would have to round.
    #[error("a decimal number with at most 18 decimals")]
    TooManyDecimals,
    /// Above about 1.7·10²⁰ in size.
    #[error("a decimal number smaller than 170141183460469231731 in size")]
    TooLarge,
}

/// Reads `-?digits[.digits]`.
pub fn parse(text: &str) -> Result<i128, NotDecimal> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return Err(NotDecimal::Malformed);
    }
    let fraction = fraction.trim_end_matches('0');
    let missing =
        usize::try_from(DECIMALS).expect("18 fits").checked_sub(fraction.len()).ok_or(NotDecimal::TooManyDecimals)?;
    let zeros = std::iter::repeat_n(b'0', missing);
    let mut raw = 0_i128;
    for byte in whole.bytes().chain(fraction.bytes()).chain(zeros) {
        let digit = i128::from(byte - b'0');
        // Counted downwards, so that the most negative value can be read.
        raw = raw.checked_mul(10).and_then(|raw| raw.checked_sub(digit)).ok_or(NotDecimal::TooLarge)?;
    }
    if negative { Ok(raw) } else { raw.checked_neg().ok_or(NotDecimal::TooLarge) }
}

/// The shortest decimal text that [`parse`] reads back to the same value.
pub fn print(raw: i128) -> String {
    let one = ONE.unsigned_abs();
    let (whole, fraction) = (raw.unsigned_abs() / one, raw.unsigned_abs() % one);
    let sign = if raw < 0 { "-" } else { "" };
    if fraction == 0 {
        return format!("{sign}{whole}");
    }
    let fraction = format!("{fraction:018}");
    format!("{sign}{whole}.{}", fraction.trim_end_matches('0'))
}

/// Reads a value that documents write as text: the error of a wrong type or a wrong text says what was expected.
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

/// At most forty characters of `text`: enough to recognise it in a message.
fn shortened(text: &str) -> String {
    let mut characters = text.chars();
    let head: String = characters.by_ref().take(40).collect();
    if characters.next().is_some() { head + "…" } else { head }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        ];
        for (text, raw) in cases {
            assert_eq!(parse(text), Ok(raw), "{text}");
        }
    }

    #[test]
    fn refuses_what_it_cannot_hold_exactly() {
        for text in ["", "-", ".", "1.", ".5", "+1", "1e5", "NaN", "inf", "1_000", "1,000", " 1", "--1", "0x10", "１"]
        {
            assert_eq!(parse(text), Err(NotDecimal::Malformed), "{text}");
        }
        assert_eq!(parse("0.0000000000000000001"), Err(NotDecimal::TooManyDecimals));
        assert_eq!(parse("170141183460469231732"), Err(NotDecimal::TooLarge));
        assert_eq!(parse(&"9".repeat(1000)), Err(NotDecimal::TooLarge));
    }

    proptest! {
        #[test]
        fn printing_and_reading_are_inverse(raw: i128) {
            prop_assert_eq!(parse(&print(raw)), Ok(raw));
        }
    }
}

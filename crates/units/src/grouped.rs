//! Numbers as people read them: decimal, with a comma between thousands.

/// A number that is not an amount of money, such as a sensitivity, with `decimals` decimals, rounded to the nearest.
/// From 10¹² on it is written with an exponent; a number that rounds to zero has no sign.
pub fn number(value: f64, decimals: usize) -> String {
    if value.abs() >= 1e12 {
        return format!("{value:.4e}");
    }
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.bytes().all(|byte| matches!(byte, b'0' | b'.')) => digits.to_owned(),
        _ => exact(text),
    }
}

/// A decimal number, whole or not, with all of its decimals.
pub fn exact(value: impl std::fmt::Display) -> String {
    let text = value.to_string();
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    match digits.split_once('.') {
        Some((whole, fraction)) => format!("{sign}{}.{fraction}", thousands(whole)),
        None => format!("{sign}{}", thousands(digits)),
    }
}

/// Digits with a comma before every group of three, counted from the last.
pub fn thousands(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_thousands_separated() {
        assert_eq!(number(-1_234_567.891, 2), "-1,234,567.89");
        assert_eq!(number(-0.001, 2), "0.00");
        assert_eq!(number(123.4, 0), "123");
        assert_eq!(exact("-1234567.000100"), "-1,234,567.000100");
    }
}

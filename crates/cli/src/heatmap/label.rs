//! Formats numbers for a picture: signs as wide as a plus, fractions, and few digits.

use crate::amount::{number, profit};

/// A profit in whole dollars, small amounts to the cent, large ones abbreviated.
pub fn usd(value: f64) -> String {
    let text = if value.abs() < 100.0 && value != 0.0 {
        profit(value, 2)
    } else if value.abs() < 1e10 {
        profit(value, 0)
    } else if value.abs() < 1e13 {
        format!("{} million", profit(value / 1e6, 0))
    } else {
        format!("{} billion", profit(value / 1e9, 0))
    };
    minus(&text)
}

/// A price in USD, with enough decimals to distinguish neighbouring prices.
pub fn price(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 1000.0 => 0,
        size if size >= 10.0 => 2,
        size if size >= 0.1 => 4,
        _ => 8,
    };
    minus(&number(value, decimals))
}

/// A fraction as a percentage: `-0.12` as `−12 %`, with at most one decimal.
pub fn percent(fraction: f64) -> String {
    format!("{} %", signed(100.0 * fraction, 1))
}

/// The number with a sign unless it is zero, and without a last decimal of 0.
fn signed(value: f64, decimals: usize) -> String {
    let text = number(value, decimals);
    signed_text(text.strip_suffix(".0").unwrap_or(&text))
}

/// A printed number with a plus sign when it is above zero.
pub fn signed_text(text: &str) -> String {
    let nothing = text.chars().all(|digit| matches!(digit, '0' | '.' | ','));
    if nothing || text.starts_with('-') { minus(text) } else { format!("+{text}") }
}

/// The text with the minus sign that is as wide as a plus.
pub fn minus(text: &str) -> String {
    text.replace('-', "−")
}

/// A part in quarters, such as `−1¼`.
pub fn quarters(part: f64) -> String {
    let whole = part.abs().trunc();
    let fraction = match (part.abs() - whole) * 4.0 {
        1.0 => "¼",
        2.0 => "½",
        3.0 => "¾",
        _ => "",
    };
    let sign = if part > 0.0 {
        "+"
    } else if part < 0.0 {
        "−"
    } else {
        ""
    };
    if whole == 0.0 && !fraction.is_empty() { format!("{sign}{fraction}") } else { format!("{sign}{whole}{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_written_as_people_write_them() {
        assert_eq!([-1.25, -1.0, -0.5, 0.0, 0.75, 1.0, 2.5].map(quarters), ["−1¼", "−1", "−½", "0", "+¾", "+1", "+2½"]);
        assert_eq!([-0.125, 0.0, 0.12].map(percent), ["−12.5 %", "0 %", "+12 %"]);
        assert_eq!([-1_234_567.0, 0.0, 0.5, -2.5e10].map(usd), ["−1,234,567", "0", "0.50", "−25,000 million"]);
    }
}

//! The reasons why an input is not accepted.

use std::{error, fmt};

/// An input from which no price can be computed, with its value.
///
/// Everything is checked once, on entry (`new`), so that the hot paths have no failure to report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Refusal {
    /// A forward must be positive and finite.
    Forward(f64),
    /// A strike must be positive and finite.
    Strike(f64),
    /// A volatility must be at least 0 and finite (1.0 = 100 % a year).
    Vol(f64),
    /// A volatility multiplier must be at least 0 and finite.
    VolMultiplier(f64),
    /// A volatility floor must be at least 0 and finite.
    VolFloor(f64),
    /// A time must be at least 0 and finite, in years.
    Years(f64),
    /// A discount factor must be positive and finite (it may exceed 1: rates can be negative).
    Discount(f64),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, value, rule) = match *self {
            Self::Forward(value) => ("forward", value, "must be positive and finite"),
            Self::Strike(value) => ("strike", value, "must be positive and finite"),
            Self::Vol(value) => ("vol", value, "must be at least 0 and finite"),
            Self::VolMultiplier(value) => ("vol multiplier", value, "must be at least 0 and finite"),
            Self::VolFloor(value) => ("vol floor", value, "must be at least 0 and finite"),
            Self::Years(value) => ("years", value, "must be at least 0 and finite"),
            Self::Discount(value) => ("discount", value, "must be positive and finite"),
        };
        write!(f, "{name} {value} {rule}")
    }
}

impl error::Error for Refusal {}

/// Whether `value` is positive and finite. Written as a range, because classifying the number takes five times as long.
#[inline]
pub(crate) fn is_positive(value: f64) -> bool {
    value > 0.0 && value <= f64::MAX
}

/// Whether `value` is at least 0 and finite.
#[inline]
pub(crate) fn is_non_negative(value: f64) -> bool {
    (0.0..=f64::MAX).contains(&value)
}

/// `value` when it is positive and finite, else the refusal.
pub(crate) fn positive(value: f64, refusal: fn(f64) -> Refusal) -> Result<f64, Refusal> {
    if is_positive(value) { Ok(value) } else { Err(refusal(value)) }
}

/// `value` when it is at least 0 and finite, else the refusal. Negative zero becomes zero.
pub(crate) fn non_negative(value: f64, refusal: fn(f64) -> Refusal) -> Result<f64, Refusal> {
    if is_non_negative(value) { Ok(value.abs()) } else { Err(refusal(value)) }
}

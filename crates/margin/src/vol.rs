//! The size of a volatility move: one rule for every method (SCN-2).

use pricing::math;

/// A relative move of volatility that is larger for short expiries: `±range · (30 / max(days, floor))^power`.
///
/// Deribit, Paradex, Derive and the universal method share the form and differ in the numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TermRule {
    /// Power for expiries nearer than 30 days.
    pub short_power: f64,
    /// Power for expiries from 30 days on.
    pub long_power: f64,
    /// The minimum of days to expiry: a nearer expiry counts as this many days.
    pub floor_days: f64,
    /// Whether exactly 30 days uses the short power (Derive) or the long one (the others).
    pub short_at_30: bool,
}

impl TermRule {
    /// `(30 / max(days, floor))^power`.
    pub fn multiplier(&self, days: f64) -> f64 {
        let short = days < 30.0 || (self.short_at_30 && days == 30.0);
        let power = if short { self.short_power } else { self.long_power };
        math::pow(30.0 / days.max(self.floor_days), power)
    }
}

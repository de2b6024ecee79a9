//! The sizes of price and volatility moves, as parts of the scan of the universal method (SCN-1, SCN-2).

use model::{Instrument, Market};

use crate::Refusal;
use crate::greeks::option_inputs;
use crate::method::universal::rules::Rules;
use crate::risk_array::VolRules;

/// The largest fall of a price, as a relative move.
pub const PRICE_FALL_MAX: f64 = -0.99;

/// The relative move of a price by a part of its scan range; a price never falls to zero.
pub fn price_move(part: f64, range: f64) -> f64 {
    (part * range).max(PRICE_FALL_MAX)
}

/// A part of the scan's move of volatility, at 30 days.
pub fn vol_move(part: f64, rules: &Rules) -> f64 {
    part * if part > 0.0 { rules.scan.vol_up } else { rules.scan.vol_down }
}

/// The change of an option's volatility when the level moves (SCN-2).
pub fn vol_change(listing: &Instrument, market: &Market, vol: &VolRules, level: f64) -> Result<f64, Refusal> {
    let inputs = option_inputs(listing, market)?;
    let days = listing.expiry().map_or(0.0, |expiry| expiry.days_since(market.time));
    let moved = inputs.vol * level.mul_add(vol.term.multiplier(days), 1.0).max(0.0);
    let floor = if level > 0.0 { vol.floor_up } else { 0.0 };
    Ok(moved.max(floor) - inputs.vol)
}

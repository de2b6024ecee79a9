//! The value of linear and inverse contracts, coin-quoted options, and instruments that average into settlement.
//!
//! Every function returns an amount of the settlement asset, or dollars where a price of that asset is an argument.
//! Quantities are signed: negative is short.

/// Value in dollars of a linear perpetual or future (VAL-2): `q·c·(m − e)·P_settle`.
///
/// `quantity` contracts of `size` units each, entered at `entry` and marked at `mark`, settled in an asset worth
/// `settle_price` dollars.
#[inline]
pub fn linear_value(quantity: f64, size: f64, entry: f64, mark: f64, settle_price: f64) -> f64 {
    quantity * size * (mark - entry) * settle_price
}

/// Value in dollars of an inverse perpetual or future (VAL-2): `q·c·(1/e − 1/m)·P_settle`.
///
/// `size` is in quote units (a contract is 10 dollars of bitcoin, say); profit is in the base coin, worth `settle_price`.
/// Written as `(m − e)/(e·m)`, which is exact to rounding where mark and entry are close.
#[inline]
pub fn inverse_value(quantity: f64, size: f64, entry: f64, mark: f64, settle_price: f64) -> f64 {
    quantity * size * ((mark - entry) / (entry * mark)) * settle_price
}

/// Value in dollars of an option (VAL-2): `q·c·m·P_settle`.
///
/// `settle_price` is the value of one unit of the asset in which the option settles: about 1 for a dollar-quoted
/// option, the coin's own price for a coin-quoted one.
#[inline]
pub fn option_value(quantity: f64, size: f64, mark: f64, settle_price: f64) -> f64 {
    quantity * size * mark * settle_price
}

/// A dollar option price in units of the coin: the mark of a coin-quoted option under a model.
///
/// `price` is the Black-76 price on the same `forward`; venues convert at the forward of the expiry.
#[inline]
pub fn coin_quoted(price: f64, forward: f64) -> f64 {
    price / forward
}

/// The part of a settlement average that is not yet fixed (VAL-4): 1 before the window, 0 at expiry.
///
/// `seconds_left` is the time to expiry. The average runs over the last `window_seconds`; if that is 0, it is a single price.
#[inline]
pub fn remaining_fraction(seconds_left: f64, window_seconds: f64) -> f64 {
    if seconds_left <= 0.0 {
        0.0
    } else if seconds_left >= window_seconds {
        1.0
    } else {
        seconds_left / window_seconds
    }
}

/// The shocked forward of an instrument that settles on an average (VAL-4): only the part not yet averaged moves.
///
/// `fixed` is the part that the average has accumulated, already weighted (`fraction fixed · mean so far`); `variable`
/// is the forward of the rest, weighted likewise; `shock` multiplies prices (0.9 = −10 %).
#[inline]
pub fn settlement_forward(fixed: f64, variable: f64, shock: f64) -> f64 {
    variable.mul_add(shock, fixed)
}

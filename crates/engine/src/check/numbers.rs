//! Checks that numbers and times are in a range in which sums do not overflow.

use model::UsdPrice;
use units::{Money, Price, Quantity, Ratio, Timestamp};

use super::{Checked, expect};

/// The largest number that is accepted from a file: 16 of them can be added, and no amount, price or rate of a market
/// comes near.
pub const LARGEST: i128 = i128::MAX >> 4;

/// The largest version, epoch or proposal number that is accepted from a file: no engine counts so far, and later
/// numbers still fit.
const LARGEST_COUNT: u64 = u64::MAX >> 1;

/// The end of the year 9999: no time that is accepted from a file is further from 1970 than this.
const LAST: i64 = 253_402_300_799_999_999;

fn within(path: &str, raw: i128, found: impl std::fmt::Display) -> Checked {
    let largest = Price::from_raw(LARGEST);
    expect(raw.unsigned_abs() <= LARGEST.unsigned_abs(), path, found, format_args!("at most {largest} in size"))
}

/// Checks an amount of an asset.
pub fn quantity(path: &str, amount: Quantity) -> Checked {
    within(path, amount.raw(), amount)
}

/// Checks an amount of USD.
pub fn money(path: &str, amount: Money) -> Checked {
    within(path, amount.raw(), amount)
}

/// Checks a price of either sign.
pub fn price(path: &str, price: Price) -> Checked {
    within(path, price.raw(), price)
}

/// Refuses a ratio that is outside the range of an engine's numbers.
pub fn ratio(path: &str, ratio: Ratio) -> Checked {
    within(path, ratio.raw(), ratio)
}

/// Refuses a time that is outside the range of an engine's clock.
pub fn time(path: &str, time: Timestamp) -> Checked {
    let micros = time.micros();
    let found = format_args!("{micros} microseconds after 1970");
    expect(micros.unsigned_abs() <= LAST.unsigned_abs(), path, found, "a time until the year 9999")
}

/// Checks a counter: later numbers must still fit.
pub fn counter(path: &str, number: u64) -> Checked {
    expect(number <= LARGEST_COUNT, path, number, format_args!("at most {LARGEST_COUNT}"))
}

/// Checks the price of an underlying: above 0 unless its feed is signed.
pub fn index(path: &str, found: UsdPrice, is_signed: bool) -> Checked {
    signed(path, found.usd(), is_signed, Price::from_raw(1))
}

/// Checks a price: at least `least`, unless the price of its underlying may be negative.
pub fn signed(path: &str, found: Price, signed: bool, least: Price) -> Checked {
    price(path, found)?;
    let expected = format_args!("at least {least}, as its price is never negative");
    expect(signed || found >= least, path, found, expected)
}

/// Checks that a volatility is above 0.
pub fn volatility(path: &str, vol: Ratio) -> Checked {
    ratio(path, vol)?;
    expect(vol > Ratio::ZERO, path, vol, "above 0")
}

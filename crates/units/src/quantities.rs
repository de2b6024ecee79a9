//! One type per dimension, with only the arithmetic that makes sense between them.

use crate::wide::{self, ONE};
use crate::{NotDecimal, Round, fixed, shortest, text};

/// The error for a result outside the range of its quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{quantity} out of range (about ±1.7e20)")]
pub struct Overflow {
    /// The name of the quantity that did not fit.
    pub quantity: &'static str,
}

/// Reads fixed-point numbers with 18 decimals from text that other programs print, and from doubles.
///
/// For text that a person writes, `FromStr` refuses more than 18 decimals.
pub trait Decimal: Sized {
    /// The number in `text` times ten to the power of `shift`. Digits after the 18th decimal are cut off.
    fn cut(text: &str, shift: i64) -> Result<Self, NotDecimal>;

    /// The shortest decimal that reads back to the double `x`; digits after the 18th decimal are cut off. Fails when
    /// `x` is not finite or too large.
    fn shortest(x: f64) -> Result<Self, NotDecimal>;
}

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $word:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i128);

        impl $name {
            /// The value 0.
            pub const ZERO: Self = Self(0);
            /// The value 1: one unit.
            pub const ONE: Self = Self(ONE);

            const OVERFLOW: Overflow = Overflow { quantity: $word };

            /// A value from its count of 10⁻¹⁸, the form in which on-chain contracts keep it.
            pub const fn from_raw(raw: i128) -> Self {
                Self(raw)
            }

            /// The value as a count of 10⁻¹⁸.
            pub const fn raw(self) -> i128 {
                self.0
            }

            /// The exact sum; fails when it leaves the range.
            pub fn plus(self, other: Self) -> Result<Self, Overflow> {
                self.0.checked_add(other.0).map(Self).ok_or(Self::OVERFLOW)
            }

            /// The exact difference; fails when it leaves the range.
            pub fn minus(self, other: Self) -> Result<Self, Overflow> {
                self.0.checked_sub(other.0).map(Self).ok_or(Self::OVERFLOW)
            }

            /// The value with the opposite sign; fails when it leaves the range.
            pub fn negated(self) -> Result<Self, Overflow> {
                self.0.checked_neg().map(Self).ok_or(Self::OVERFLOW)
            }

            /// `self · ratio`.
            pub fn scaled(self, ratio: Ratio, round: Round) -> Result<Self, Overflow> {
                wide::mul_units(self.0, ratio.0, round).map(Self).ok_or(Self::OVERFLOW)
            }

            /// The nearest `f64`: the same double that parsing the decimal text gives.
            pub fn to_f64(self) -> f64 {
                fixed::to_f64(self.0)
            }

            /// The nearest representable value on the named side of `x`. Fails when `x` is not finite or too large.
            pub fn from_f64(x: f64, round: Round) -> Result<Self, Overflow> {
                fixed::from_f64(x, round).map(Self).ok_or(Self::OVERFLOW)
            }

            /// The value rounded to at most `decimals` decimals, in the named direction.
            pub fn to_decimals(self, decimals: u32, round: Round) -> Result<Self, Overflow> {
                fixed::to_decimals(self.0, decimals, round).map(Self).ok_or(Self::OVERFLOW)
            }

            /// Whether this is below zero.
            pub const fn is_negative(self) -> bool {
                self.0 < 0
            }
        }

        impl std::str::FromStr for $name {
            type Err = NotDecimal;

            fn from_str(text: &str) -> Result<Self, NotDecimal> {
                text::parse(text).map(Self)
            }
        }

        impl Decimal for $name {
            fn cut(text: &str, shift: i64) -> Result<Self, NotDecimal> {
                text::read(text, shift, text::Beyond::Cut).map(Self)
            }

            fn shortest(x: f64) -> Result<Self, NotDecimal> {
                shortest::of(x).map(Self)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.serialize_str(text::Text::of(self.0).as_str())
                } else {
                    serializer.serialize_i128(self.0)
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    deserializer.deserialize_str(text::Reader::new("a decimal number as text, such as \"12.5\""))
                } else {
                    serde::Deserialize::deserialize(deserializer).map(Self)
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.pad_integral(self.0 >= 0, "", text::Text::of(self.0).as_str().trim_start_matches('-'))
            }
        }
    };
}

quantity! {
    /// An amount of a valuation currency or of an asset, signed.
    Money, "money"
}
quantity! {
    /// The cost of one unit of something, in units of something else.
    Price, "price"
}
quantity! {
    /// A number of contracts, coins or lots, signed: positive is held, negative is owed.
    Quantity, "quantity"
}
quantity! {
    /// A pure number: a rate, a haircut, a volatility, a confidence. 1 is 100 %.
    Ratio, "ratio"
}

impl Quantity {
    /// The value of this many units at `price`.
    pub fn at(self, price: Price, round: Round) -> Result<Money, Overflow> {
        wide::mul_units(self.0, price.0, round).map(Money).ok_or(Money::OVERFLOW)
    }
}

impl Quantity {
    /// The units in this many contracts of `size` units each.
    pub fn times(self, size: Self, round: Round) -> Result<Self, Overflow> {
        wide::mul_units(self.0, size.0, round).map(Self).ok_or(Self::OVERFLOW)
    }

    /// `part` of `whole` equal parts of this quantity; all of it when `part` equals `whole`. `whole` is above zero.
    pub fn part(self, part: u64, whole: u64, round: Round) -> Result<Self, Overflow> {
        if part == whole {
            return Ok(self);
        }
        let (part, whole) = (i128::from(part), i128::from(whole));
        (whole != 0).then(|| wide::mul_div(self.0, part, whole, round)).flatten().map(Self).ok_or(Self::OVERFLOW)
    }

    /// The units of the base that this many units of the quote buy at `price`; `price` is above zero.
    pub fn over(self, price: Price, round: Round) -> Result<Self, Overflow> {
        (price.0 != 0).then(|| wide::mul_div(self.0, ONE, price.0, round)).flatten().map(Self).ok_or(Self::OVERFLOW)
    }
}

impl Price {
    /// The same price in units of an asset: `asset` is the price of one unit of the asset, in the same currency, above
    /// zero.
    pub fn in_units_of(self, asset: Self, round: Round) -> Result<Self, Overflow> {
        (asset.0 > 0).then(|| wide::mul_div(self.0, ONE, asset.0, round)).flatten().map(Self).ok_or(Self::OVERFLOW)
    }
}

impl Money {
    /// The same amount in another currency; `price` is the cost of one unit of the present currency in the other.
    pub fn converted(self, price: Price, round: Round) -> Result<Self, Overflow> {
        wide::mul_units(self.0, price.0, round).map(Self).ok_or(Self::OVERFLOW)
    }

    /// This amount divided by `other`; `None` when `other` is zero or the ratio does not fit.
    pub fn per(self, other: Self, round: Round) -> Option<Ratio> {
        (other.0 != 0).then(|| wide::mul_div(self.0, ONE, other.0, round)).flatten().map(Ratio)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    #[test]
    fn values_round_by_name() {
        let third: Price = "0.333333333333333333".parse().unwrap();
        let debt: Quantity = "-0.1".parse().unwrap();
        assert_eq!(debt.at(third, Round::Down).unwrap(), money("-0.033333333333333334"));
        assert_eq!(debt.at(third, Round::Up).unwrap(), money("-0.033333333333333333"));
    }

    #[test]
    fn overflow_says_which_quantity() {
        let huge: Quantity = "170000000000000000000".parse().unwrap();
        assert_eq!(
            huge.at("2".parse().unwrap(), Round::Up).unwrap_err().to_string(),
            "money out of range (about ±1.7e20)"
        );
        assert_eq!(huge.plus(huge).unwrap_err().quantity, "quantity");
        assert_eq!(Money::from_raw(i128::MIN).negated().unwrap_err().quantity, "money");
        assert_eq!(Ratio::from_f64(f64::NAN, Round::Up).unwrap_err().quantity, "ratio");
    }

    #[test]
    fn a_large_price_times_a_large_quantity_needs_the_wide_intermediate() {
        let price: Price = "123456789.123456789".parse().unwrap();
        let quantity: Quantity = "1000000000.000000001".parse().unwrap();
        assert_eq!(quantity.at(price, Round::Down).unwrap(), money("123456789123456789.123456789123456789"));
    }

    #[test]
    fn health_is_a_ratio_of_two_amounts() {
        assert_eq!(money("1").per(money("3"), Round::Down), Some("0.333333333333333333".parse().unwrap()));
        assert_eq!(money("1").per(Money::ZERO, Round::Down), None);
    }

    #[test]
    fn doubles_become_decimals_that_can_be_read_back() {
        let cases = [
            (0.1, "0.1"),
            (-0.0, "0"),
            (1e20, "100000000000000000000"),
            (-2.273_736_754_432_320_6e-13, "-0.000000000000227373"),
            (f64::MIN_POSITIVE, "0"),
        ];
        for (x, text) in cases {
            let ratio = Ratio::shortest(x).unwrap();
            assert_eq!(ratio.to_string(), text);
            assert_eq!(text.parse(), Ok(ratio));
        }
        for x in [f64::NAN, f64::INFINITY, f64::MAX, -1e21] {
            assert!(Ratio::shortest(x).is_err(), "{x}");
        }
    }

    #[test]
    fn columns_of_numbers_align() {
        assert_eq!(format!("{:>8}|{:<8}|", money("-1.5"), money("2")), "    -1.5|2       |");
    }
}

//! Formats amounts for people: few decimals, thousands separated, columns that add up.
//!
//! # How printed numbers are rounded
//!
//! Against the account, in every table and picture, with any number of decimals:
//!
//! | number | rounds | by |
//! |---|---|---|
//! | an asset of the account: equity, value | down | [`Unit::owned`] |
//! | a need of the account or the size of a position: margin, charge, loss, notional | up | [`Unit::needed`] |
//! | a gain of the account or, below zero, a loss | down | [`profit`], [`down`] |
//! | a remainder: excess, savings | the difference of two amounts as printed | [`Shown::minus`] |
//! | health and shares of savings | down | [`down`] |
//! | sensitivities, moves, times | to the nearest | [`number`] |
//!
//! So a requirement of 347,572.16 is printed as 347,573 wherever whole dollars are printed. Less than a billionth of a
//! dollar is the error of doubles: 13,600.000000000003 is 13,600.00. Documents for programs have every decimal.
//!
//! # Columns that add up
//!
//! If every number were rounded alone, columns would miss their totals by a cent. Here a total is rounded first,
//! against the account (assets down, needs up). Then each part is rounded down, and the missing units go to the parts
//! that lost most by it. No part is off by a whole unit.

use units::grouped::thousands;
pub use units::grouped::{exact, number};
use units::{Money, Round};

/// The number of units above which a table counts in thousands, then in millions, then in billions.
const LARGE: u128 = 10_000_000_000;

/// A remainder below this is the error of doubles and does not round up: a billionth of a dollar.
const NOISE: i128 = Money::ONE.raw() / 1_000_000_000;

/// The size from which cents do not matter in an overview: a thousand dollars.
const ROUGH: u128 = 1000 * Money::ONE.raw().unsigned_abs();

/// The unit in which the amounts of a table are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The name, such as "USD" or "million USD".
    pub name: &'static str,
    /// Its smallest printed part, in 10⁻¹⁸ USD.
    step: i128,
    decimals: u32,
}

/// An amount as printed: a whole number of the smallest printed parts of its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shown {
    steps: i128,
    decimals: u32,
}

impl Unit {
    /// Whole dollars, for lists whose largest amount is not known beforehand.
    pub const DOLLARS: Self = Self { name: "USD", step: Money::ONE.raw(), decimals: 0 };

    /// The unit that shows amounts of a size up to `largest` in at most sixteen characters; amounts below a dollar get
    /// more decimals.
    pub fn fitting(largest: Money) -> Self {
        let size = largest.raw().unsigned_abs();
        let one = Money::ONE.raw().unsigned_abs();
        let cent = Money::ONE.raw() / 100;
        match size / one {
            0 => Self { name: "USD", step: cent / 10_000, decimals: 6 },
            dollars if dollars < LARGE => Self { name: "USD", step: cent, decimals: 2 },
            dollars if dollars < LARGE * 1000 => Self { name: "thousand USD", step: cent * 1000, decimals: 2 },
            dollars if dollars < LARGE * 1_000_000 => Self { name: "million USD", step: cent * 1_000_000, decimals: 2 },
            _ => Self { name: "billion USD", step: cent * 1_000_000_000, decimals: 2 },
        }
    }

    /// The unit for an overview with narrower columns: whole dollars, thousands and so on, where these are precise
    /// enough.
    pub fn rough(largest: Money) -> Self {
        if largest.raw().unsigned_abs() < ROUGH {
            return Self::fitting(largest);
        }
        let fine = Self::fitting(Money::from_raw(largest.raw().saturating_mul(10)));
        Self { step: 100 * fine.step, decimals: 0, ..fine }
    }

    /// An asset of an account, in this unit: rounded down.
    pub fn owned(self, amount: Money) -> Shown {
        self.shown(amount, Round::Down)
    }

    /// A need of an account, in this unit: rounded up.
    pub fn needed(self, amount: Money) -> Shown {
        self.shown(amount, Round::Up)
    }

    fn shown(self, amount: Money, round: Round) -> Shown {
        let up = round == Round::Up && amount.raw().rem_euclid(self.step) > NOISE;
        self.steps(amount.raw().div_euclid(self.step) + i128::from(up))
    }

    /// Rounds parts so that they sum to `total`, which is their sum rounded either way, or near it.
    pub fn parts(self, parts: &[Money], total: Shown) -> Vec<Shown> {
        let mut shown: Vec<Shown> = parts.iter().map(|part| self.shown(*part, Round::Down)).collect();
        let mut missing = total.steps - shown.iter().map(|part| part.steps).sum::<i128>();
        let mut order: Vec<usize> = (0..parts.len()).collect();
        order.sort_by_key(|index| std::cmp::Reverse(parts[*index].raw().rem_euclid(self.step)));
        for index in order {
            if missing > 0 && parts[index].raw().rem_euclid(self.step) != 0 {
                shown[index].steps += 1;
                missing -= 1;
            }
        }
        if let Some(largest) = shown.iter_mut().max_by_key(|part| part.steps.abs()) {
            largest.steps += missing;
        }
        shown
    }

    fn steps(self, steps: i128) -> Shown {
        Shown { steps, decimals: self.decimals }
    }
}

impl Shown {
    /// The difference of the amounts as printed.
    pub fn minus(self, other: Self) -> Self {
        Self { steps: self.steps - other.steps, ..self }
    }

    /// The sum of the amounts as printed.
    pub fn plus(self, other: Self) -> Self {
        Self { steps: self.steps + other.steps, ..self }
    }

    /// The amount with the opposite sign.
    pub fn negated(self) -> Self {
        Self { steps: -self.steps, ..self }
    }

    /// Whether only zeros are printed.
    pub fn is_zero(self) -> bool {
        self.steps == 0
    }

    /// The amount as a change: with a plus sign when above zero.
    pub fn signed(self) -> String {
        if self.steps > 0 { format!("+{self}") } else { self.to_string() }
    }
}

impl std::fmt::Display for Shown {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let one = 10_u128.pow(self.decimals);
        let size = self.steps.unsigned_abs();
        let sign = if self.steps < 0 { "-" } else { "" };
        let decimals = usize::try_from(self.decimals).expect("a handful of decimals");
        let whole = thousands(&(size / one).to_string());
        if decimals == 0 {
            return write!(formatter, "{sign}{whole}");
        }
        write!(formatter, "{sign}{whole}.{:0decimals$}", size % one)
    }
}

/// A profit or, below zero, a loss with `decimals` decimals: rounded down.
pub fn profit(value: f64, decimals: usize) -> String {
    number(down(value, decimals), decimals)
}

/// `value` rounded down to `decimals`, so that numbers computed from it agree with the printed one. Less than a
/// millionth of the last digit is an error of floating point, not money: −10⁻¹² is 0.
pub fn down(value: f64, decimals: usize) -> f64 {
    let near = rounded(value, decimals);
    let digit = last_digit(decimals);
    if near - value > digit * 1e-6 { rounded(near - digit, decimals) } else { near }
}

fn rounded(value: f64, decimals: usize) -> f64 {
    format!("{value:.decimals$}").parse().expect("a printed number is a number")
}

/// The value of the last digit of this many decimals.
fn last_digit(decimals: usize) -> f64 {
    (0..decimals).fold(1.0, |digit, _| digit / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    fn check(parts: &[&str], round: Round, expected: &[&str], total: &str) {
        let parts: Vec<Money> = parts.iter().map(|part| money(part)).collect();
        let sum = parts.iter().try_fold(Money::ZERO, |sum, part| sum.plus(*part)).unwrap();
        let unit = Unit::fitting(money("1000"));
        let whole = unit.shown(sum, round);
        let shown: Vec<String> = unit.parts(&parts, whole).iter().map(ToString::to_string).collect();
        assert_eq!(
            (shown.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), whole.to_string().as_str()),
            (expected, total)
        );
    }

    #[test]
    fn what_is_needed_rounds_up_and_its_parts_add_up() {
        check(&["0.333", "0.333", "0.333"], Round::Up, &["0.34", "0.33", "0.33"], "1.00");
        check(&["10", "0.001", "-0.0001"], Round::Up, &["10.00", "0.01", "0.00"], "10.01");
    }

    #[test]
    fn what_is_owned_rounds_down_and_its_parts_add_up() {
        check(&["0.339", "0.339", "0.339"], Round::Down, &["0.34", "0.34", "0.33"], "1.01");
        check(&["1234567.891", "-0.009"], Round::Down, &["1,234,567.89", "-0.01"], "1,234,567.88");
    }

    #[test]
    fn large_amounts_are_counted_in_larger_units() {
        let amount = money("123456789012345678901.5");
        let unit = Unit::fitting(amount);
        assert_eq!(
            (unit.name, unit.shown(amount, Round::Up).to_string().as_str()),
            ("billion USD", "123,456,789,012.35")
        );
        assert_eq!(Unit::fitting(money("0.1")).shown(money("0.1234567"), Round::Down).to_string(), "0.123456");
    }

    #[test]
    fn an_overview_has_whole_dollars() {
        let shown = |text| Unit::rough(money(text)).shown(money(text), Round::Up).to_string();
        assert_eq!([shown("12345.01"), shown("999.991"), shown("0.1")], ["12,346", "1,000.00", "0.100000"]);
        assert_eq!([shown("999999998.5"), shown("12345678901234.5")], ["999,999,999", "12,345,679"]);
    }

    #[test]
    fn one_requirement_is_the_same_in_cents_and_in_dollars() {
        let amount = money("347572.16");
        let [fine, rough] = [Unit::fitting(amount), Unit::rough(amount)];
        assert_eq!([fine.needed(amount).to_string(), rough.needed(amount).to_string()], ["347,572.16", "347,573"]);
        assert_eq!([fine.owned(amount).to_string(), rough.owned(amount).to_string()], ["347,572.16", "347,572"]);
        assert_eq!([profit(-347_572.16, 2), profit(-347_572.16, 0)], ["-347,572.16", "-347,573"]);
        assert_eq!([profit(347_572.96, 2), profit(347_572.96, 0)], ["347,572.96", "347,572"]);
    }

    #[test]
    fn noise_of_floating_point_is_no_loss() {
        assert_eq!([profit(-1e-12, 2), profit(0.1 + 0.2 - 0.3, 2), profit(-0.3 + 0.1 + 0.2, 2)], ["0.00"; 3]);
        assert_eq!([profit(-0.001, 2), profit(0.009, 2), profit(-100.0, 0)], ["-0.01", "0.00", "-100"]);
        assert_eq!([profit(99.999_999_999_999, 2), profit(1e15, 0)], ["100.00", "1.0000e15"]);
    }

    #[test]
    fn noise_of_floating_point_is_no_cent_that_is_needed() {
        let needed = |text| Unit::fitting(money(text)).needed(money(text)).to_string();
        assert_eq!([needed("13600.000000000003"), needed("13600.00000001")], ["13,600.00", "13,600.01"]);
    }
}

//! Whole lots in proportion to weights, within limits, by largest remainder.

use std::cmp::{Ordering, Reverse};
use units::Money;

/// The highest leverage that still adds to a weight.
pub const HIGHEST: u8 = 100;

/// A profit is counted in units of 2⁻³⁰ of the largest profit.
const PROFIT_BITS: u32 = 30;
/// Leverage is counted in hundredths.
const HUNDREDTHS: u64 = 100;
/// Numbers of this many bits can be multiplied by either of the two constants above without overflow.
const ROOM_BITS: u32 = 127 - PROFIT_BITS;

/// The weights of claims (profit above 0, equity, notional): profit · (1 + leverage), as whole numbers from 1 to less
/// than 2⁴⁴. For amounts below 10¹¹ USD, where no digit is cut off, the weights do not change when all amounts are
/// multiplied by the same number.
pub fn weights(claims: &[(Money, Money, Money)]) -> Vec<u64> {
    let largest = largest(claims.iter().map(|(profit, ..)| *profit));
    claims.iter().map(|(profit, equity, notional)| weight(*profit, *equity, *notional, largest)).collect()
}

/// The largest of some profits, in the form that [`weight`] expects.
pub fn largest(profits: impl Iterator<Item = Money>) -> Money {
    profits.max().unwrap_or(Money::ONE).max(Money::from_raw(1))
}

/// The weight of one claim, where `largest` is the largest profit of all claims.
pub fn weight(profit: Money, equity: Money, notional: Money, largest: Money) -> u64 {
    let (profit, largest) = (profit.raw().unsigned_abs(), largest.raw().unsigned_abs());
    let shift = cut(largest);
    debug_assert!(profit <= largest, "the largest profit is the largest: {profit} > {largest}");
    let part = quotient(profit >> shift, 1 << PROFIT_BITS, largest >> shift);
    part.max(1) * (HUNDREDTHS + leverage(equity, notional))
}

/// Notional over equity in hundredths, rounded down, at most the highest.
fn leverage(equity: Money, notional: Money) -> u64 {
    let highest = u64::from(HIGHEST);
    if equity <= Money::ZERO {
        return highest * HUNDREDTHS;
    }
    let (equity, notional) = (equity.raw().unsigned_abs(), notional.raw().unsigned_abs());
    let shift = cut(equity.max(notional));
    let (equity, notional) = (equity >> shift, notional >> shift);
    if notional >= u128::from(highest) * equity { highest * HUNDREDTHS } else { quotient(notional, HUNDREDTHS, equity) }
}

/// The number of bits by which a number is too long to be multiplied.
fn cut(number: u128) -> u32 {
    (u128::BITS - number.leading_zeros()).saturating_sub(ROOM_BITS)
}

/// ⌊number · factor / whole⌋, for results up to 2³⁰ and numbers of up to [`ROOM_BITS`] bits.
///
/// A division of 128 bits is slow. The leading 34 bits of `whole`, and the bits of `number` at the same places, give
/// the result to within twice 2³⁰ · 2⁻³³. The guess is therefore at most one too high or one too low, and one product decides.
fn quotient(number: u128, factor: u64, whole: u128) -> u64 {
    let shift = (u128::BITS - whole.leading_zeros()).saturating_sub(34);
    let short = |long: u128| u64::try_from(long >> shift).expect("a result up to 2³⁰ times 34 bits");
    let guess = short(number) * factor / short(whole);
    let exact = number * u128::from(factor);
    match exact.checked_sub(u128::from(guess) * whole) {
        None => guess - 1,
        Some(rest) => guess + u64::from(rest >= whole),
    }
}

/// One claim that may still receive lots.
#[derive(Clone, Copy)]
struct Open {
    limit: u64,
    weight: u64,
}

impl Open {
    fn new(limit: i64, weight: u64) -> Self {
        Self { limit: limit.unsigned_abs(), weight }
    }

    /// Whether the claim's part of `lots`, shared among claims of weight `total`, reaches its limit.
    fn reaches(&self, lots: i128, total: i128) -> bool {
        i128::from(self.limit) * total <= lots * i128::from(self.weight)
    }

    /// Orders claims by how early they reach their limit as lots are shared out.
    fn order(&self, other: &Self) -> Ordering {
        let product = |limit: u64, weight: u64| u128::from(limit) * u128::from(weight);
        product(self.limit, other.weight).cmp(&product(other.limit, self.weight))
    }
}

/// Shares `lots` in proportion to `weights` (above 0), each within its limit. Also returns the lots that are left when
/// all claims have reached their limits. Lots that do not divide evenly go to the largest remainders, and among equal
/// ones to the first. For fewer than 2⁵⁰ lots there is room for 2³² claims.
pub fn apportion(lots: i64, weights: &[u64], limits: &[i64]) -> (Vec<i64>, i64) {
    assert_eq!(weights.len(), limits.len(), "each claim has a weight and a limit");
    debug_assert!(weights.iter().all(|weight| *weight > 0), "a weight is above 0");
    let lots = lots.max(0);
    let limits: Vec<i64> = limits.iter().map(|limit| (*limit).clamp(0, lots)).collect();
    let capacity: i128 = limits.iter().copied().map(i128::from).sum();
    if capacity <= lots.into() {
        let left = i128::from(lots) - capacity;
        return (limits, i64::try_from(left).expect("at most the lots"));
    }
    let (shared, total) = level(lots.into(), weights, &limits);
    assert!(shared > 0 && total > 0, "more was asked for than the claims at their limits have: {shared} lots, {total}");
    let mut taken = Vec::with_capacity(limits.len());
    let mut remainders = Vec::new();
    let mut rest = shared;
    for (place, (limit, weight)) in limits.into_iter().zip(weights).enumerate() {
        if Open::new(limit, *weight).reaches(shared, total) {
            taken.push(limit);
            continue;
        }
        let product = shared * i128::from(*weight);
        let part = product / total;
        rest -= part;
        remainders.push((Reverse(product - part * total), place));
        // This claim is below its limit, so one more lot is still within it.
        taken.push(i64::try_from(part).expect("below a limit"));
    }
    let rest = usize::try_from(rest).expect("remainders are less than a lot each");
    if rest > 0 {
        remainders.select_nth_unstable(rest - 1);
        for (_, place) in &remainders[..rest] {
            taken[*place] += 1;
        }
    }
    debug_assert_eq!(taken.iter().copied().map(i128::from).sum::<i128>(), i128::from(lots), "all lots are shared out");
    (taken, 0)
}

/// The lots and the total weight that are left to share once all claims that reach their limit have received it.
///
/// Sorted by limit per weight, the claims that reach their limit come first. Giving a claim its limit leaves the others
/// no less per weight as long as it comes before the last claim that reaches its limit, and no more after that. So that
/// last claim is found by halving, each time with the median of the claims in question, in linear time.
fn level(lots: i128, weights: &[u64], limits: &[i64]) -> (i128, i128) {
    let mut open: Vec<Open> = limits.iter().zip(weights).map(|(limit, weight)| Open::new(*limit, *weight)).collect();
    let mut open = open.as_mut_slice();
    let (mut lots, mut total) = (lots, open.iter().map(|one| i128::from(one.weight)).sum::<i128>());
    while !open.is_empty() {
        let (before, middle, after) = open.select_nth_unstable_by(open.len() / 2, Open::order);
        let spent = before.iter().map(|one| i128::from(one.limit)).sum::<i128>();
        let used = before.iter().map(|one| i128::from(one.weight)).sum::<i128>();
        if middle.reaches(lots - spent, total - used) {
            lots -= spent + i128::from(middle.limit);
            total -= used + i128::from(middle.weight);
            open = after;
        } else {
            open = before;
        }
    }
    (lots, total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

        #[test]
        fn the_quick_quotient_is_the_quotient(whole in 1..1_u128 << ROOM_BITS, short in 0..ROOM_BITS, number: u128) {
            let whole = (whole >> short).max(1);
            let number = number % (whole + 1);
            let half = whole / 2;
            for near in [number, number.saturating_sub(1), whole, whole - 1, half, half + whole % 2, whole / 3] {
                let expected = near * (1 << PROFIT_BITS) / whole;
                prop_assert_eq!(u128::from(quotient(near, 1 << PROFIT_BITS, whole)), expected);
                if near > 0 && whole < near * u128::from(HIGHEST) {
                    let expected = whole * u128::from(HUNDREDTHS) / near;
                    prop_assert_eq!(u128::from(quotient(whole, HUNDREDTHS, near)), expected);
                }
            }
        }
    }
}

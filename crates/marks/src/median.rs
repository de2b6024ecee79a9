//! The weighted median, and weights that no minority can abuse (I-15).
//!
//! Depth is a claim of the source, so it is not trusted: a liar can claim any depth. Two limits make a false claim
//! useless.
//!
//! *A claim above the median claim counts as the median claim.* Thin sources count less; none counts more for a larger
//! claim.
//!
//! *Weights are kept within a factor.* Let `n` sources be live and let `m` of them be arbitrary, `2m < n`. Every weight
//! lies between `m·G` and `(n − m)·G − 1`, where `G` is a grain that only sets the resolution. Then any `m` sources
//! weigh at most `m·(n − m)·G − m`, the others at least `(n − m)·m·G`, which is more:
//!
//! ```text
//!   any m of n sources weigh less than the other n − m      (strictly, in whole numbers)
//! ```
//!
//! **Bound.** Less than half of the weight is arbitrary, so less than half lies below the lowest honest price and less
//! than half above the highest. Both medians lie within the range of the honest sources, whatever the others say about
//! price, confidence and depth. So `m` liars move the index by at most the distance between the lowest and the highest
//! honest price. The same holds for the half-width. No single source holds half of the weight when three or more are
//! live, also where `m` is 0.
//!
//! The price of the bound: the larger the share of liars tolerated, the nearer the weights are to equal. Three sources
//! that tolerate one liar weigh between 1 and 2; five that tolerate two between 1 and 1.5; nine that tolerate two
//! between 1 and 3.5.

use units::{Money, Price, Ratio, Round};

/// The resolution of weights.
const GRAIN: i128 = 1_000_000;

/// A value and its weight.
#[derive(Clone, Copy, Debug)]
pub struct Weighted {
    /// The value of this entry.
    pub value: Price,
    /// The weight of this entry, above zero.
    pub weight: i128,
}

/// The weights of sources with these claims of depth, in the same order, when `minority` of them may be arbitrary.
///
/// When there are so few sources that only equal weights are safe, all weights are equal.
pub fn weights(claims: &[Money], minority: usize) -> Vec<i128> {
    let arbitrary = minority.max(1);
    let others = claims.len().saturating_sub(arbitrary);
    if others <= arbitrary {
        return vec![1; claims.len()];
    }
    let (least, most) = (count(arbitrary) * GRAIN, count(others) * GRAIN - 1);
    let typical = middle(claims);
    let weight = |claim: &Money| {
        let share = (*claim).clamp(Money::ZERO, typical).per(typical, Round::Down).unwrap_or(Ratio::ZERO);
        least + (most - least) * share.raw() / Ratio::ONE.raw()
    };
    claims.iter().map(weight).collect()
}

/// The lower and the upper weighted median: half of the weight is at or below the lower one, half at or above the upper
/// one. They differ only when the weight splits into exact halves. `None` when there are no values.
pub fn medians(mut values: Vec<Weighted>) -> Option<(Price, Price)> {
    values.sort_by_key(|weighted| weighted.value);
    let total: i128 = values.iter().map(|weighted| weighted.weight).sum();
    let mut below = 0;
    let mut lower = None;
    for weighted in values {
        below += weighted.weight;
        if lower.is_none() && 2 * below >= total {
            lower = Some(weighted.value);
        }
        if 2 * below > total {
            return lower.map(|lower| (lower, weighted.value));
        }
    }
    None
}

/// The upper median claim, never negative.
fn middle(claims: &[Money]) -> Money {
    let mut sorted = claims.to_vec();
    sorted.sort();
    sorted.get(sorted.len() / 2).copied().unwrap_or(Money::ZERO).max(Money::ZERO)
}

fn count(sources: usize) -> i128 {
    i128::try_from(sources).expect("a number of sources fits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[(i128, i128)]) -> Option<(i128, i128)> {
        let weighted = |&(value, weight): &(i128, i128)| Weighted { value: Price::from_raw(value), weight };
        medians(values.iter().map(weighted).collect()).map(|(lower, upper)| (lower.raw(), upper.raw()))
    }

    #[test]
    fn the_median_is_where_half_of_the_weight_is_passed() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[(5, 1)]), Some((5, 5)));
        assert_eq!(of(&[(9, 1), (5, 1)]), Some((5, 9)));
        assert_eq!(of(&[(9, 1), (-5, 1), (0, 1)]), Some((0, 0)));
        assert_eq!(of(&[(1, 1), (2, 1), (9, 3)]), Some((9, 9)));
        assert_eq!(of(&[(1, 2), (2, 1), (9, 1)]), Some((1, 2)));
    }

    /// I-15: depth is only claimed; a claim above the median claim adds no weight.
    #[test]
    fn boasting_buys_no_weight_and_no_depth_still_counts() {
        let claims = ["0", "5", "10", "10", "170000000000000000000"].map(|depth| depth.parse().unwrap());
        assert_eq!(weights(&claims, 2), [2_000_000, 2_499_999, 2_999_999, 2_999_999, 2_999_999]);
        assert_eq!(weights(&claims[..2], 0), [1, 1], "two sources are equal");
        assert_eq!(weights(&[Money::ZERO; 3], 1), [1_000_000; 3]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

        /// I-15, the lemma of the proof: any minority weighs less than the other sources.
        #[test]
        fn any_minority_weighs_less_than_the_others(
            claims in prop::collection::vec(any::<i128>(), 1..12),
            minority in 0_usize..6,
        ) {
            let claims: Vec<Money> = claims.into_iter().map(Money::from_raw).collect();
            let mut weights = weights(&claims, minority);
            weights.sort_unstable();
            prop_assert!(weights.iter().all(|weight| *weight > 0));
            let liars = if claims.len() >= 3 { minority.max(1) } else { minority };
            if 2 * liars < claims.len() {
                let (honest, heaviest) = weights.split_at(claims.len() - liars);
                prop_assert!(heaviest.iter().sum::<i128>() < honest.iter().sum::<i128>());
            }
        }
    }
}

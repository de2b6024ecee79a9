//! Deleveraging compared with a second computation, and its promises (I-48 to I-50).

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod common;

use liquidation::deleverage::{Candidate, Closed, Deleveraging, HIGHEST, deleverage, give_back, price, queue};
use proptest::prelude::*;
use std::collections::BTreeMap;
use units::{Money, Price, Quantity};

use common::cases;

fn usd(whole: i128) -> Money {
    Money::from_raw(whole * Money::ONE.raw())
}

fn candidate(key: u64, lots: i64, profit: i128, equity: i128, notional: i128) -> Candidate {
    Candidate { key, lots, hedged: 0, profit: usd(profit), equity: usd(equity), notional: usd(notional) }
}

fn lots(outcome: &Deleveraging) -> Vec<(u64, i64)> {
    outcome.closed.iter().map(|closed| (closed.key, closed.lots)).collect()
}

fn of(outcome: &Deleveraging, key: u64) -> i64 {
    outcome.closed.iter().find(|closed| closed.key == key).map_or(0, |closed| closed.lots)
}

/// Profit in 2⁻³⁰ of the largest times 1 + leverage in hundredths, as the module says.
fn weight(one: &Candidate, largest: i128) -> i128 {
    let profit = one.profit.raw() * (1 << 30) / largest;
    let highest = 100 * i128::from(HIGHEST);
    let leverage =
        if one.equity > Money::ZERO { (100 * one.notional.raw() / one.equity.raw()).min(highest) } else { highest };
    profit.max(1) * (100 + leverage)
}

/// The rule in rounds: share, give the claims that reach their limit just that, and share the rest again.
fn in_rounds(mut lots: i128, mut open: Vec<(u64, i128, i128)>) -> BTreeMap<u64, i128> {
    let mut taken = BTreeMap::new();
    loop {
        let total: i128 = open.iter().map(|(_, weight, _)| weight).sum();
        let (full, rest): (Vec<_>, Vec<_>) =
            open.iter().copied().partition(|(_, weight, limit)| limit * total <= lots * weight);
        if full.is_empty() {
            let mut parts: Vec<(i128, u64)> = Vec::new();
            for (key, weight, _) in &open {
                taken.insert(*key, lots * weight / total);
                parts.push((-(lots * weight % total), *key));
            }
            let given: i128 = open.iter().map(|(key, ..)| taken[key]).sum();
            parts.sort_unstable();
            for (_, key) in parts.iter().take(usize::try_from(lots - given).unwrap()) {
                *taken.get_mut(key).unwrap() += 1;
            }
            return taken;
        }
        for (key, _, limit) in full {
            taken.insert(key, limit);
            lots -= limit;
        }
        open = rest;
    }
}

fn naive(lots: i64, give_back: Money, candidates: &[Candidate]) -> BTreeMap<u64, i128> {
    let all: Vec<&Candidate> = candidates.iter().filter(|one| one.lots > 0 && one.profit > Money::ZERO).collect();
    let largest = all.iter().map(|one| one.profit.raw()).max().unwrap_or(1);
    let limit = |one: &Candidate| {
        let paid = if give_back > Money::ZERO { one.profit.raw() / give_back.raw() } else { i128::MAX };
        paid.min(one.lots.into())
    };
    let free: Vec<_> =
        all.iter().map(|one| (one.key, weight(one, largest), limit(one).min((one.lots - one.hedged).into()))).collect();
    let capacity: i128 = free.iter().map(|(.., limit)| limit).sum();
    if capacity > lots.into() {
        return in_rounds(lots.into(), free);
    }
    let rest: Vec<_> = all.iter().zip(&free).map(|(one, free)| (free.0, free.1, limit(one) - free.2)).collect();
    let left = i128::from(lots) - capacity;
    let more = if rest.iter().map(|(.., limit)| limit).sum::<i128>() > left {
        in_rounds(left, rest)
    } else {
        rest.iter().map(|(key, _, limit)| (*key, *limit)).collect()
    };
    free.iter().map(|(key, _, limit)| (*key, limit + more[key])).collect()
}

fn any_candidates(most: usize) -> impl Strategy<Value = Vec<Candidate>> {
    let one = (any::<u64>(), -3..200_i64, 0..=100_i64, -200..100_000_i128, -100..100_000_i128, 0..1_000_000_i128);
    prop::collection::vec(one, 0..most).prop_map(|drawn| {
        let unique: BTreeMap<u64, Candidate> = drawn
            .into_iter()
            .map(|(key, lots, percent, profit, equity, notional)| {
                let hedged = lots.max(0) * (percent - 50).max(0) / 50;
                (key, Candidate { hedged, ..candidate(key, lots, profit, equity, notional) })
            })
            .collect();
        unique.into_values().collect()
    })
}

#[test]
fn in_proportion_to_profit_and_leverage() {
    // Weights 300·(1+2), 100·(1+2), 100·(1+8): 900, 300, 900 of 2100.
    let candidates =
        [candidate(1, 99, 300, 100, 200), candidate(2, 99, 100, 100, 200), candidate(3, 99, 100, 100, 800)];
    assert_eq!(lots(&deleverage(21, Money::ZERO, &candidates)), [(1, 9), (2, 3), (3, 9)]);
    // 22·900/2100 = 9.43 twice and 3.14: the lot that is left goes to the smaller key of the two.
    assert_eq!(lots(&deleverage(22, Money::ZERO, &candidates)), [(1, 10), (2, 3), (3, 9)]);
    assert_eq!(lots(&deleverage(0, Money::ZERO, &candidates)), []);
    assert_eq!(deleverage(400, Money::ZERO, &candidates).left, 103);
    assert_eq!(deleverage(5, Money::ZERO, &[]), Deleveraging { closed: vec![], left: 5 });
}

#[test]
fn no_principal_is_cut() {
    // At 30 USD a lot a profit of 100 pays for three lots.
    let candidates = [candidate(1, 50, 100, 1, 1), candidate(2, 50, 1_000_000, 1_000, 10)];
    let outcome = deleverage(60, usd(30), &candidates);
    assert_eq!(outcome.closed[0], Closed { key: 1, lots: 3, give_back: usd(90) });
    assert_eq!((outcome.closed[1].lots, outcome.left), (50, 7));
}

#[test]
fn hedges_are_taken_last() {
    let hedged = Candidate { hedged: 80, ..candidate(1, 100, 1_000, 100, 1_000) };
    let free = candidate(2, 50, 1, 100, 10);
    assert_eq!(lots(&deleverage(70, Money::ZERO, &[hedged, free])), [(1, 20), (2, 50)]);
    assert_eq!(lots(&deleverage(71, Money::ZERO, &[hedged, free])), [(1, 21), (2, 50)]);
}

/// A long of 3 with a loss of 1 beyond its equity sells a third above the mark, a short buys a third below it.
#[test]
fn the_price_brings_the_loss_to_zero() {
    let mark: Price = "100".parse().unwrap();
    let of = |quantity: &str| price(mark, usd(1), quantity.parse().unwrap()).unwrap().to_string();
    assert_eq!(of("3"), "100.333333333333333333");
    assert_eq!(of("-3"), "99.666666666666666667");
    assert_eq!(price(mark, usd(-1), "3".parse().unwrap()), Ok(mark));
    assert_eq!(price(mark, usd(1), Quantity::ZERO).unwrap_err().quantity, "price");
    assert_eq!(give_back(usd(1), 3).to_string(), "0.333333333333333333");
    assert_eq!((give_back(usd(1), 0), give_back(usd(-1), 3)), (Money::ZERO, Money::ZERO));
}

/// The rule closes the lots asked for; the queue closes whole positions and takes only from its top.
#[test]
fn the_queue_overshoots_and_the_rule_does_not() {
    let candidates: Vec<Candidate> = (1..=10).map(|key| candidate(key, 100, 1_000, 100, 1_000)).collect();
    let each = give_back(usd(1_010), 101);
    let (ours, theirs) = (deleverage(101, each, &candidates), queue(101, each, &candidates));
    assert_eq!((ours.closed.len(), ours.left, ours.give_back()), (10, 0, Ok(usd(1_010))));
    assert_eq!((theirs.closed.len(), theirs.left, theirs.give_back()), (2, -99, Ok(usd(2_000))));
    let most = |outcome: &Deleveraging| outcome.closed.iter().map(|closed| closed.give_back).max();
    assert_eq!((most(&ours), most(&theirs)), (Some(usd(110)), Some(usd(1_000))));
    let ranked = [candidate(1, 5, 10, 100, 9), candidate(2, 5, 10, 50, 9), candidate(3, 5, 10, 0, 9)];
    assert_eq!(lots(&queue(11, Money::ZERO, &ranked)), [(3, 5), (2, 5), (1, 5)]);
    assert_eq!(queue(20, Money::ZERO, &ranked).left, 5);
}

#[test]
fn the_ends_of_the_range_do_not_overflow() {
    let most = Money::from_raw(i128::MAX);
    let ends = [Money::from_raw(i128::MIN), Money::ZERO, Money::from_raw(1), most];
    let mut candidates = Vec::new();
    for (key, (profit, equity)) in (0..).zip(ends.iter().flat_map(|profit| ends.map(|equity| (*profit, equity)))) {
        candidates.push(Candidate { key, lots: i64::MAX, hedged: i64::MIN, profit, equity, notional: most });
    }
    for asked in [i64::MIN, 0, 1, i64::MAX] {
        for each in ends {
            let outcome = deleverage(asked, each, &candidates);
            let sum: i128 = outcome.closed.iter().map(|closed| i128::from(closed.lots)).sum();
            assert_eq!(sum + i128::from(outcome.left), i128::from(asked.max(0)));
        }
    }
}

#[test]
fn half_a_million_candidates() {
    let mut state = 7_u64;
    let mut draw = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 40
    };
    let candidates: Vec<Candidate> = (0..500_000)
        .map(|key| {
            let lots = i64::try_from(1 + draw() % 50).unwrap();
            candidate(key, lots, i128::from(draw()), 1 + i128::from(draw()), i128::from(draw()))
        })
        .collect();
    let outcome = deleverage(5_000_000, usd(1), &candidates);
    let sum: i64 = outcome.closed.iter().map(|closed| closed.lots).sum();
    assert_eq!((sum, outcome.left), (5_000_000, 0));
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn it_is_the_rule_in_rounds(asked in 1..3000_i64, each in 0..500_i128, candidates in any_candidates(25)) {
        let outcome = deleverage(asked, usd(each), &candidates);
        let expected: Vec<(u64, i64)> = naive(asked, usd(each), &candidates)
            .into_iter()
            .filter(|(_, lots)| *lots > 0)
            .map(|(key, lots)| (key, i64::try_from(lots).unwrap()))
            .collect();
        prop_assert_eq!(lots(&outcome), expected);
    }

    /// I-48, I-49: only accounts with a profit close, no more than their profit and lots allow; all lots asked for, or
    /// all there are.
    #[test]
    fn only_winners_and_only_profit(asked in 1..3000_i64, each in 0..500_i128, candidates in any_candidates(25)) {
        let outcome = deleverage(asked, usd(each), &candidates);
        let by_key: BTreeMap<u64, &Candidate> = candidates.iter().map(|one| (one.key, one)).collect();
        let mut sum = 0;
        for closed in &outcome.closed {
            let one = by_key[&closed.key];
            prop_assert!(one.profit > Money::ZERO && closed.lots > 0 && closed.lots <= one.lots);
            prop_assert!(closed.give_back <= one.profit);
            prop_assert_eq!(closed.give_back, usd(each * i128::from(closed.lots)));
            sum += closed.lots;
        }
        prop_assert_eq!(sum + outcome.left, asked);
        prop_assert!(outcome.left >= 0);
        if outcome.left > 0 {
            for one in candidates.iter().filter(|one| one.profit > Money::ZERO && one.lots > 0) {
                let more = i128::from(of(&outcome, one.key) + 1);
                prop_assert!(more > one.lots.into() || usd(each * more) > one.profit);
            }
        }
    }

    /// I-50: at the price of the deficit winners give back the deficit, to less than 10⁻¹⁸ USD a lot, and never more.
    #[test]
    fn the_deficit_and_nothing_beyond_it(
        asked in 1..500_i64, deficit in 1..1_000_000_000_i128, candidates in any_candidates(25),
    ) {
        let deficit = Money::from_raw(deficit);
        let outcome = deleverage(asked, give_back(deficit, asked), &candidates);
        let given = outcome.give_back().unwrap();
        prop_assert!(given <= deficit);
        if outcome.left == 0 {
            prop_assert!(deficit.raw() - given.raw() < asked.into());
        }
    }

    #[test]
    fn the_price_is_the_give_back(deficit in 0..1_000_000_000_000_i128, lots in 1..10_000_i64, long: bool) {
        let mark: Price = "5".parse().unwrap();
        let raw = i128::from(lots) * Quantity::ONE.raw();
        let at = price(mark, usd(deficit), Quantity::from_raw(if long { raw } else { -raw })).unwrap();
        let moved = if long { at.minus(mark) } else { mark.minus(at) }.unwrap();
        prop_assert_eq!(moved.raw(), give_back(usd(deficit), lots).raw());
    }

    #[test]
    fn the_order_of_the_candidates_does_not_matter(
        asked in 1..3000_i64, each in 0..500_i128, candidates in any_candidates(25), seed: u64,
    ) {
        let mut other = candidates.clone();
        other.sort_by_key(|one| one.key.wrapping_mul(seed | 1));
        prop_assert_eq!(deleverage(asked, usd(each), &candidates), deleverage(asked, usd(each), &other));
        prop_assert_eq!(queue(asked, usd(each), &candidates), queue(asked, usd(each), &other));
    }

    #[test]
    fn the_unit_of_money_does_not_matter(
        asked in 1..3000_i64, each in 0..500_i128, candidates in any_candidates(25), factor in 1..1000_i128,
    ) {
        let times = |money: Money| Money::from_raw(money.raw() * factor);
        let scaled: Vec<Candidate> = candidates
            .iter()
            .map(|one| Candidate {
                profit: times(one.profit), equity: times(one.equity), notional: times(one.notional), ..*one
            })
            .collect();
        let (one, other) = (deleverage(asked, usd(each), &candidates), deleverage(asked, times(usd(each)), &scaled));
        prop_assert_eq!(lots(&one), lots(&other));
    }

    #[test]
    fn equals_are_treated_alike_and_more_profit_or_leverage_never_closes_less(
        asked in 1..3000_i64, candidates in any_candidates(25), profit in 1..10_000_i128, more in 0..10_000_i128,
        notional in 0..10_000_i128, dearer in 0..10_000_i128, keys in (any::<u64>(), any::<u64>()),
    ) {
        let (first, second) = keys;
        prop_assume!(first != second && candidates.iter().all(|one| one.key != first && one.key != second));
        let mut candidates = candidates;
        candidates.push(candidate(first, 100, profit, 1_000, notional));
        candidates.push(candidate(second, 100, profit, 1_000, notional));
        let outcome = deleverage(asked, Money::ZERO, &candidates);
        prop_assert!((of(&outcome, first) - of(&outcome, second)).abs() <= 1);
        candidates.pop();
        candidates.push(candidate(second, 100, profit + more, 1_000, notional + dearer));
        let outcome = deleverage(asked, Money::ZERO, &candidates);
        prop_assert!(of(&outcome, second) >= of(&outcome, first) - 1);
    }

    /// An account split into two of half its size closes the same lots as the whole, up to rounding: within a lot for
    /// each of the two.
    #[test]
    fn being_two_does_not_pay(
        asked in 1..1000_i64, others in any_candidates(20), profit in 1..5_000_i128, notional in 0..5_000_i128,
    ) {
        prop_assume!(others.iter().all(|one| one.key > 2));
        let with = |more: &[Candidate]| {
            let all: Vec<Candidate> = others.iter().chain(more).copied().collect();
            deleverage(asked, Money::ZERO, &all)
        };
        let one = with(&[candidate(1, 200, 2 * profit, 2_000, 2 * notional)]);
        let two = with(&[candidate(1, 100, profit, 1_000, notional), candidate(2, 100, profit, 1_000, notional)]);
        prop_assert!((of(&one, 1) - of(&two, 1) - of(&two, 2)).abs() <= 2);
    }

    /// Hedged lots are touched only when nobody has free lots that a profit pays for.
    #[test]
    fn hedges_only_when_nothing_is_free(asked in 1..3000_i64, each in 0..500_i128, candidates in any_candidates(25)) {
        let outcome = deleverage(asked, usd(each), &candidates);
        let touched = candidates.iter().any(|one| of(&outcome, one.key) > one.lots.max(0) - one.hedged);
        for one in candidates.iter().filter(|one| touched && one.profit > Money::ZERO && one.lots > 0) {
            let next = i128::from(of(&outcome, one.key) + 1);
            prop_assert!(next > (one.lots - one.hedged).into() || usd(each * next) > one.profit);
        }
    }
}

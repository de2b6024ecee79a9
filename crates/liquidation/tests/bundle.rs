//! Several legs closed together: bundles first, and no account's hedge is broken up while others can pay.

mod common;

use liquidation::deleverage::{BankruptLeg, Candidate, Holder, WinnerHolding, deleverage, portfolio, spread};
use proptest::prelude::*;
use units::Money;

use common::cases;

fn usd(whole: i128) -> Money {
    Money::from_raw(whole * Money::ONE.raw())
}

fn holder(key: u64, holdings: &[(i64, i128)]) -> Holder {
    let holdings: Vec<WinnerHolding> =
        holdings.iter().map(|(lots, profit)| WinnerHolding { lots: *lots, hedged: 0, profit: usd(*profit) }).collect();
    Holder { key, equity: usd(100), notional: usd(1_000), holdings }
}

/// A bankrupt holder of 100 perpetuals against 50 options: its mirror image closes both at 2 to 1, before any account's
/// single leg.
#[test]
fn a_mirror_closes_both_legs() {
    let legs = [BankruptLeg { lots: 100, give_back: usd(1) }, BankruptLeg { lots: 50, give_back: usd(2) }];
    let holders = [holder(1, &[(80, 500), (40, -100)]), holder(2, &[(100, 9_000)]), holder(3, &[(0, 0), (100, 9_000)])];
    let outcome = portfolio(&legs, &holders);
    assert_eq!(outcome.left, [0, 0]);
    let of = |place: usize| (outcome.taken[place].bundled.clone(), outcome.taken[place].lots.clone());
    assert_eq!(of(0), (vec![80, 40], vec![80, 40]));
    assert_eq!(of(1), (vec![0, 0], vec![20, 0]));
    assert_eq!(of(2), (vec![0, 0], vec![0, 10]));
    assert_eq!(outcome.taken[0].give_back, usd(160));
    // With half the profit it closes half the bundles, and its legs are not broken up for the rest.
    let poor = [holder(1, &[(80, 180), (40, -100)]), holders[1].clone(), holders[2].clone()];
    let outcome = portfolio(&legs, &poor);
    assert_eq!((outcome.taken[0].lots.clone(), outcome.taken[0].give_back), (vec![40, 20], usd(80)));
    assert_eq!(outcome.left, [0, 0]);
}

/// A leg of several is closed alone only when no other account has any lots.
#[test]
fn a_leg_of_several_is_given_last() {
    let legs = [BankruptLeg { lots: 30, give_back: Money::ZERO }, BankruptLeg { lots: 0, give_back: Money::ZERO }];
    let holders = [holder(1, &[(80, 500), (40, 100)]), holder(2, &[(20, 1)])];
    let outcome = portfolio(&legs, &holders);
    assert_eq!(outcome.taken.iter().map(|taken| taken.lots[0]).collect::<Vec<_>>(), [10, 20]);
}

fn any_holders() -> impl Strategy<Value = Vec<Holder>> {
    let holding = (0..60_i64, 0..60_i64, -300..1_000_i128);
    let one = (prop::collection::vec(holding, 0..4), -10..1_000_i128, 0..10_000_i128);
    prop::collection::vec(one, 0..15).prop_map(|drawn| {
        (0_u64..)
            .zip(drawn)
            .map(|(place, (holdings, equity, notional))| Holder {
                key: place.wrapping_mul(11_400_714_819_323_198_485),
                equity: usd(equity),
                notional: usd(notional),
                holdings: holdings
                    .into_iter()
                    .map(|(lots, hedged, profit)| WinnerHolding { lots, hedged: hedged - 40, profit: usd(profit) })
                    .collect(),
            })
            .collect()
    })
}

#[test]
fn the_ends_of_the_range_do_not_overflow() {
    let ends = [Money::from_raw(i128::MIN), Money::ZERO, Money::from_raw(1), Money::from_raw(i128::MAX)];
    let mut holders = Vec::new();
    for (key, (profit, other)) in (0..).zip(ends.iter().flat_map(|profit| ends.map(|other| (*profit, other)))) {
        let holding = |profit| WinnerHolding { lots: i64::MAX, hedged: i64::MIN, profit };
        holders.push(Holder { key, equity: other, notional: ends[3], holdings: vec![holding(profit), holding(other)] });
    }
    for (first, second) in [(i64::MAX, i64::MAX), (i64::MAX, 1), (i64::MIN, 3), (0, 0)] {
        for give_back in ends {
            let legs = [first, second].map(|lots| BankruptLeg { lots, give_back });
            let outcome = portfolio(&legs, &holders);
            for (leg, asked) in [first, second].into_iter().enumerate() {
                let sum: i128 = outcome.taken.iter().map(|taken| i128::from(taken.lots[leg])).sum();
                assert_eq!(sum + i128::from(outcome.left[leg]), i128::from(asked.max(0)));
            }
        }
    }
    assert_eq!(portfolio(&[], &holders).taken, []);
}

#[test]
fn a_deficit_is_spread_by_notional() {
    assert_eq!(
        spread(usd(10), &[usd(300), usd(0), usd(100)]),
        [usd(15).raw() / 2, 0, usd(5).raw() / 2].map(Money::from_raw)
    );
    assert_eq!(spread(usd(10), &[usd(0), usd(-5)]), [usd(10), usd(0)]);
    assert_eq!(spread(usd(-10), &[usd(1), usd(1)]), [usd(0), usd(0)]);
    assert_eq!(spread(usd(10), &[]), []);
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn what_is_spread_adds_up(deficit in 0..1_000_000_i128, notionals in prop::collection::vec(0..1_000_i128, 1..6)) {
        let worth: Vec<Money> = notionals.iter().map(|raw| Money::from_raw(*raw)).collect();
        let parts = spread(Money::from_raw(deficit), &worth);
        let total: i128 = notionals.iter().sum();
        prop_assert_eq!(parts.iter().map(|part| part.raw()).sum::<i128>(), deficit);
        for (part, notional) in parts.iter().zip(&notionals).filter(|_| total > 0) {
            prop_assert!((part.raw() * total - deficit * notional).abs() <= 2 * total);
            prop_assert!(*notional > 0 || part.raw() == 0);
        }
    }

    #[test]
    fn legs_add_up_bundles_are_in_proportion_and_no_principal_is_cut(
        legs in prop::collection::vec((0..200_i64, 0..20_i128), 3), holders in any_holders(),
    ) {
        let asked: Vec<i64> = legs.iter().map(|(lots, _)| *lots).collect();
        let largest = asked.iter().copied().max().unwrap();
        let legs: Vec<BankruptLeg> = legs.into_iter().map(|(lots, each)| BankruptLeg { lots, give_back: usd(each) }).collect();
        let outcome = portfolio(&legs, &holders);
        for (leg, asked) in asked.iter().enumerate() {
            let sum: i64 = outcome.taken.iter().map(|taken| taken.lots[leg]).sum();
            prop_assert_eq!(sum + outcome.left[leg], *asked);
            prop_assert!(outcome.left[leg] >= 0);
        }
        for taken in &outcome.taken {
            let holder = holders.iter().find(|holder| holder.key == taken.key).unwrap();
            let profit: i128 = holder.holdings.iter().map(|holding| holding.profit.raw()).sum();
            prop_assert!(profit > 0 && taken.give_back.raw() <= profit);
            let mut given = 0;
            for (leg, lots) in taken.lots.iter().enumerate() {
                let held = holder.holdings.get(leg).copied().unwrap_or_default();
                prop_assert!(*lots >= taken.bundled[leg] && *lots <= held.lots);
                prop_assert!(taken.bundled[leg] <= held.lots - held.hedged.clamp(0, held.lots));
                prop_assert!(*lots == taken.bundled[leg] || held.profit > Money::ZERO);
                given += legs[leg].give_back.raw() * i128::from(*lots);
                // Within a lot of its slices: |bundled·K − a·slices| < K, for slices as the largest leg has them.
                let place = asked.iter().position(|lots| *lots == largest).unwrap();
                let exact = i128::from(asked[leg]) * i128::from(taken.bundled[place]);
                let closed = i128::from(taken.bundled[leg]) * i128::from(largest);
                prop_assert!((closed - exact).abs() < i128::from(largest.max(1)));
            }
            prop_assert_eq!(given, taken.give_back.raw());
        }
        let mut other = holders.clone();
        other.reverse();
        prop_assert_eq!(portfolio(&legs, &other), outcome);
    }

    /// One leg is the rule for one instrument.
    #[test]
    fn one_leg_is_one_instrument(asked in 1..500_i64, each in 0..50_i128, holders in any_holders()) {
        let first = |holder: &Holder| holder.holdings.first().copied().unwrap_or_default();
        let holders: Vec<Holder> =
            holders.into_iter().map(|holder| Holder { holdings: vec![first(&holder)], ..holder }).collect();
        let candidates: Vec<Candidate> = holders
            .iter()
            .map(|one| {
                let WinnerHolding { lots, hedged, profit } = first(one);
                Candidate { key: one.key, lots, hedged, profit, equity: one.equity, notional: one.notional }
            })
            .collect();
        let outcome = portfolio(&[BankruptLeg { lots: asked, give_back: usd(each) }], &holders);
        let expected = deleverage(asked, usd(each), &candidates);
        prop_assert_eq!(&outcome.left, &vec![expected.left]);
        let found: Vec<(u64, i64)> = outcome.taken.iter().map(|taken| (taken.key, taken.lots[0])).collect();
        let expected: Vec<(u64, i64)> = expected.closed.iter().map(|closed| (closed.key, closed.lots)).collect();
        prop_assert_eq!(found, expected);
    }
}

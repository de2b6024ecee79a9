//! The leaky bucket of an underlying, and cascades compared with a simulated one.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod common;

use liquidation::{
    LiquidationRules,
    pace::{Cascade, Exposure, Flow, SLOWEST, amplification, cascade, room, slow, spend, surcharge},
};
use proptest::prelude::*;
use units::{Money, Timestamp};

use common::cases;

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

#[test]
fn a_tenth_of_the_depth_in_ten_seconds() {
    let rules = LiquidationRules::default();
    let empty = Flow::new(at(0));
    assert_eq!(room(&empty, 1e6, at(0), &rules), money("100000"));
    let flow = spend(&empty, money("60000"), 1e6, at(0), &rules);
    assert_eq!(room(&flow, 1e6, at(0), &rules), money("40000"));
    assert_eq!(room(&flow, 1e6, at(2_000_000), &rules), money("60000"));
    assert_eq!(room(&flow, 1e6, at(6_000_000), &rules), money("100000"));
    assert_eq!(room(&flow, 1e6, at(i64::MAX), &rules), money("100000"), "nothing is saved up");
    assert_eq!(room(&flow, 1e6, at(-5_000_000), &rules), money("40000"), "time does not run back");
    assert_eq!(spend(&flow, money("1"), 1e6, at(-5), &rules), Flow { spent: money("60001"), since: at(0) });
}

#[test]
fn without_depth_there_is_no_room() {
    let rules = LiquidationRules::default();
    let flow = Flow::new(at(0));
    for depth in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(room(&flow, depth, at(0), &rules), Money::ZERO, "{depth}");
    }
    let thin = spend(&flow, money("50000"), 1e6, at(0), &rules);
    assert_eq!(room(&thin, 1e5, at(1_000_000), &rules), Money::ZERO, "the depth has gone, what was sold has not");
}

#[test]
fn slices_shrink_and_new_risk_gets_dearer_as_r_nears_one() {
    for (r, part, factor) in [
        (-1.0, 1.0, 1.0),
        (0.0, 1.0, 1.0),
        (0.5, 0.5, 1.0),
        (0.75, 0.25, 1.5),
        (1.0, SLOWEST, 2.0),
        (f64::INFINITY, SLOWEST, 2.0),
        (f64::NAN, SLOWEST, 2.0),
    ] {
        assert_eq!((slow(r), surcharge(r)), (part, factor), "{r}");
    }
    // A slice and the liquidations that it sets off add up to the full slice, until the pace is at its slowest.
    for hundredths in 0..90 {
        let r = f64::from(hundredths) / 100.0;
        assert!((slow(r) * amplification(r) - 1.0).abs() < 1e-12, "{r}");
    }
    assert_eq!(amplification(1.0), f64::INFINITY);
    assert_eq!(amplification(f64::NAN), f64::INFINITY);
    assert_eq!(amplification(-3.0), 1.0);
}

#[test]
fn longs_feed_a_fall_and_shorts_a_rise() {
    let of = |distance, notional, long| Exposure { distance, notional, long };
    let exposures = [of(0.01, 1e6, true), of(0.05, 3e6, true), of(0.2, 9e9, true), of(0.1, 2e6, false)];
    let expected = Cascade { down: 1e-8 * 4e7, up: 1e-8 * 2e7 };
    let found = cascade(&exposures, 1e-8, 0.1);
    assert!((found.down - expected.down).abs() < 1e-15 && (found.up - expected.up).abs() < 1e-15, "{found:?}");
    assert_eq!(found.worst(), found.down);
    assert_eq!(cascade(&[], 1e-8, 0.1), Cascade { down: 0.0, up: 0.0 });
    let broken = cascade(&[of(f64::NAN, 1e6, true), of(-1.0, 1e6, true)], 1e-8, 0.1);
    assert!((broken.down - 0.2).abs() < 1e-15, "what is not known is near");
}

/// Simulates a cascade: shocks the price, liquidates the accounts that the move has reached, and moves the price by
/// their sales, until nothing more happens.
fn played_out(exposures: &[Exposure], impact: f64, shock: f64) -> f64 {
    let mut moved = shock;
    loop {
        let sold: f64 = exposures.iter().filter(|one| one.long && one.distance <= moved).map(|one| one.notional).sum();
        let next = shock + impact * sold;
        if next <= moved {
            return moved;
        }
        moved = next;
    }
}

/// An even ladder of longs, whose amplification is the formula's as long as the move stays within reach.
#[test]
fn the_amplification_is_that_of_a_cascade_that_is_played_out() {
    let (rungs, reach) = (20_000, 0.2);
    let ladder: Vec<Exposure> = (0..rungs)
        .map(|rung| Exposure {
            distance: reach * (f64::from(rung) + 0.5) / f64::from(rungs),
            notional: 1e4,
            long: true,
        })
        .collect();
    for tenths in 0..10 {
        let wanted = f64::from(tenths) / 10.0;
        // R = λ · (20,000 · 10⁴ USD / 0.2).
        let impact = wanted / (f64::from(rungs) * 1e4 / reach);
        let r = cascade(&ladder, impact, reach).down;
        assert!((r - wanted).abs() < 1e-9, "{r}");
        let shock = 0.01;
        let moved = played_out(&ladder, impact, shock);
        assert!((moved / shock - amplification(r)).abs() < 0.02 * amplification(r), "{r}: {}", moved / shock);
    }
    // Beyond 1 any shock runs through the whole ladder.
    let impact = 1.1 / (f64::from(rungs) * 1e4 / reach);
    assert!(played_out(&ladder, impact, 0.001) > reach);
}

proptest! {
    #![proptest_config(cases(256))]

    /// An account that always sells as much as there is room for sells at most one bucket at once, two in any interval,
    /// and one per interval in the long run.
    #[test]
    fn the_bucket_bounds_every_window(steps in prop::collection::vec((0..3_000_000_i64, 0..=100_i128), 1..60)) {
        let rules = LiquidationRules::default();
        let (depth, bucket) = (1e6, money("100000").raw());
        let (mut flow, mut now, mut trades) = (Flow::new(at(0)), 0, Vec::new());
        for (wait, percent) in steps {
            now += wait;
            let sold = room(&flow, depth, at(now), &rules).raw() * percent / 100;
            prop_assert!((0..=bucket).contains(&sold));
            flow = spend(&flow, Money::from_raw(sold), depth, at(now), &rules);
            trades.push((now, sold));
        }
        for (start, _) in &trades {
            for (end, _) in &trades {
                let window: i128 =
                    trades.iter().filter(|(time, _)| start <= time && time <= end).map(|(_, sold)| sold).sum();
                let leaked = bucket * i128::from((end - start).max(0)) / i128::from(rules.interval);
                prop_assert!(window <= bucket + leaked + 1);
            }
        }
    }

    #[test]
    fn selling_in_parts_takes_what_selling_at_once_takes(
        first in 0..50_000_i128, second in 0..50_000_i128, wait in 0..20_000_000_i64,
    ) {
        let rules = LiquidationRules::default();
        let sold = |amount: i128| Money::from_raw(amount * Money::ONE.raw());
        let start = Flow::new(at(0));
        let parts = spend(&spend(&start, sold(first), 1e6, at(0), &rules), sold(second), 1e6, at(0), &rules);
        let once = spend(&start, sold(first + second), 1e6, at(0), &rules);
        prop_assert_eq!(room(&parts, 1e6, at(wait), &rules), room(&once, 1e6, at(wait), &rules));
    }

    #[test]
    fn factors_are_monotone(left in -1.0..3.0_f64, right in -1.0..3.0_f64) {
        let (low, high) = (left.min(right), left.max(right));
        prop_assert!(slow(low) >= slow(high) && slow(high) >= SLOWEST);
        prop_assert!(surcharge(low) <= surcharge(high) && surcharge(low) >= 1.0);
    }
}

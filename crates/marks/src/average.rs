//! Moves an average toward a price: the first-order filter, one backward Euler step at a time, without `exp`.
//!
//! A step of `d` microseconds with time constant `τ` closes the share `α = d / (τ + d)` of the gap to the price. Its
//! properties, for a time `T` in any number of steps toward a constant price:
//!
//! * It stays between the old average and the price. A constant price is a fixed point. Without time there is no move.
//! * One step closes `T/(τ + T)` of the gap. More steps close no less, and never more than `1 − exp(−T/τ)`, which is
//!   below `T/τ`. So the average depends on the number of steps, within these limits: more steps bring it nearer to the
//!   exponential, never beyond it.
//! * `d` counts up to `τ`: after a silence one price closes at most half of the gap, however long the silence was.

use units::{Overflow, Price, Ratio, Round};

/// `average` after one step toward `price`, rounded down.
pub fn stepped(average: Price, price: Price, elapsed_micros: i64, window_micros: i64) -> Result<Price, Overflow> {
    let window = i128::from(window_micros.max(1));
    let elapsed = i128::from(elapsed_micros).clamp(0, window);
    // Below 2⁶³·10¹⁸, which is below 2¹²³.
    let share = Ratio::from_raw(elapsed * Ratio::ONE.raw() / (window + elapsed));
    average.plus(price.minus(average)?.scaled(share, Round::Down)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UNIT: i128 = 1_000_000_000_000_000_000;

    fn price(raw: i128) -> Price {
        Price::from_raw(raw)
    }

    #[test]
    fn a_step_of_the_window_closes_half_of_the_gap_and_a_longer_one_no_more() {
        let after = |elapsed| stepped(price(100 * UNIT), price(200 * UNIT), elapsed, 60).unwrap().to_string();
        assert_eq!([after(0), after(20), after(60), after(6_000)], ["100", "125", "150", "150"]);
        assert_eq!(after(-1), "100", "time that runs backwards does not count");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

        /// I-20: an average stays within the range of its inputs, and never moves by more than its share of the gap.
        #[test]
        fn an_average_stays_between_itself_and_the_price(
            average in -1_000_000 * UNIT..1_000_000 * UNIT,
            target in -1_000_000 * UNIT..1_000_000 * UNIT,
            elapsed in 0..i64::MAX,
            window in 1..i64::MAX,
        ) {
            let after = stepped(price(average), price(target), elapsed, window).unwrap().raw();
            prop_assert!(average.min(target) <= after && after <= average.max(target));
            prop_assert!((after - average).abs() <= (target - average).abs() / 2 + 1);
            prop_assert_eq!(stepped(price(target), price(target), elapsed, window), Ok(price(target)));
        }

        /// I-20: a higher price never gives a lower average.
        #[test]
        fn an_average_is_monotone_in_the_price(
            average in -1_000 * UNIT..1_000 * UNIT,
            target in -1_000 * UNIT..1_000 * UNIT,
            more in 0..UNIT,
            elapsed in 0_i64..1_000_000,
            window in 1_i64..1_000_000,
        ) {
            let after = |target| stepped(price(average), price(target), elapsed, window).unwrap();
            prop_assert!(after(target) <= after(target + more));
        }

        /// I-20: more frequent steps close no less of the gap than one step, and never more than elapsed / window.
        #[test]
        fn asking_more_often_moves_it_no_less_and_at_most_by_the_share_of_time(
            steps in prop::collection::vec(1_i64..1_000, 1..20),
            slack in 0_i64..100_000,
            gap in 1_000 * UNIT..1_000_000 * UNIT,
            negative: bool,
        ) {
            let total: i64 = steps.iter().sum();
            let window = total + slack;
            let target = price(if negative { -gap } else { gap });
            let once = stepped(Price::ZERO, target, total, window).unwrap().raw().abs();
            let often = steps.iter().try_fold(Price::ZERO, |average, step| stepped(average, target, *step, window));
            let often = often.unwrap().raw().abs();
            // Every step rounds once, and so does the share of each step.
            let rounding = 20 * (gap / UNIT + 2);
            prop_assert!(often + rounding >= once);
            prop_assert!(often <= gap / i128::from(window) * i128::from(total) + rounding + i128::from(total));
        }
    }
}

//! The Dutch auction: its clock, the share it sells, and its payments.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod common;

use liquidation::{
    LiquidationRules,
    auction::{discount, premium, sale, share, subsidy},
};
use proptest::prelude::*;
use units::{Money, Ratio, Round};

use common::cases;

const SECOND: i64 = 1_000_000;

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn ratio(text: &str) -> Ratio {
    text.parse().unwrap()
}

/// The clock of Derive v2 as published: 98 % to 80 % of the value in 20 minutes, 80 % to nothing in 12 hours.
fn derive() -> LiquidationRules {
    LiquidationRules {
        first_discount: ratio("0.02"),
        fast_discount: ratio("0.2"),
        fast: 1200 * SECOND,
        slow: 43_200 * SECOND,
        ..LiquidationRules::default()
    }
}

#[test]
fn the_clock_of_derive() {
    let rules = derive();
    for (seconds, expected) in
        [(-1, "0.02"), (0, "0.02"), (600, "0.11"), (1200, "0.2"), (1200 + 21_600, "0.6"), (1200 + 32_400, "0.8")]
    {
        assert_eq!(discount(seconds * SECOND, &rules), Some(ratio(expected)), "{seconds}");
    }
    assert_eq!(discount(44_400 * SECOND, &rules), None);
    assert!(discount(44_400 * SECOND - 1, &rules).unwrap() < Ratio::ONE);
    assert_eq!(discount(i64::MAX, &rules), None);
}

/// S-43: nobody bids, nothing is sold, and the last moment does not sell for nothing either.
#[test]
fn without_bids_nothing_is_sold_and_it_ends() {
    let rules = LiquidationRules::default();
    let end = rules.fast + rules.slow;
    let ask = |wanted, elapsed| sale(wanted, money("-10"), money("100"), Money::ZERO, elapsed, &rules);
    for elapsed in [0, rules.fast, end - 1, end, i64::MAX] {
        assert_eq!(ask(Ratio::ZERO, elapsed), None, "{elapsed}");
    }
    assert_eq!(ask(Ratio::ONE, end), None);
    let last = ask(Ratio::ONE, end - 1).unwrap();
    assert!(last.premium < money("100") && last.premium > money("99.99"), "{last:?}");
    assert!(ask(Ratio::ONE, 0).unwrap().share < last.share, "started again it is dear again");
}

/// A discount that rounds to everything in a slow phase of centuries is still not everything.
#[test]
fn the_whole_value_is_never_offered() {
    let rules = LiquidationRules {
        fast: 0,
        slow: i64::MAX,
        fast_discount: ratio("0.999999999999999999"),
        ..LiquidationRules::default()
    };
    assert!(discount(i64::MAX - 1, &rules).unwrap() < Ratio::ONE);
    let none = LiquidationRules { fast: 0, slow: 0, ..rules };
    assert_eq!(discount(0, &none), None);
}

/// 20 below its target and worth 100, at 98 %: 20 / 118.
#[test]
fn the_share_of_derive() {
    assert_eq!(share(money("-20"), money("100"), Money::ZERO, ratio("0.02")), ratio("0.169491525423728814"));
    assert_eq!(share(money("-20"), money("100"), money("10"), ratio("0.5")), ratio("0.266666666666666667"));
    assert_eq!(share(Money::ZERO, money("100"), Money::ZERO, ratio("0.02")), Ratio::ZERO);
    assert_eq!(share(money("1"), money("100"), Money::ZERO, ratio("0.02")), Ratio::ZERO);
    for value in ["0", "-1", "-20", "-1000"] {
        assert_eq!(share(money("-20"), money(value), Money::ZERO, ratio("0.02")), Ratio::ONE, "{value}");
    }
}

#[test]
fn a_premium_rounds_against_the_account_and_stays_within_the_value() {
    assert_eq!(premium(Money::from_raw(1), ratio("0.02")), Money::from_raw(1));
    assert_eq!(premium(money("50"), ratio("0.02")), money("1"));
    assert_eq!(premium(money("-50"), ratio("0.02")), Money::ZERO);
    assert_eq!(premium(Money::from_raw(i128::MAX), Ratio::from_raw(i128::MAX)), Money::from_raw(i128::MAX));
}

#[test]
fn the_funds_pay_from_nothing_to_the_shortfall() {
    let rules = derive();
    for (part, expected) in [(0, "0"), (4, "25"), (2, "50")] {
        let elapsed = if part == 0 { 0 } else { rules.slow / part };
        assert_eq!(subsidy(elapsed, money("100"), &rules), Some(money(expected)));
    }
    assert!(subsidy(rules.slow - 1, money("100"), &rules).unwrap() < money("100"));
    assert_eq!(subsidy(rules.slow, money("100"), &rules), None);
    assert_eq!(subsidy(1, money("-100"), &rules), Some(Money::ZERO));
}

fn any_rules() -> impl Strategy<Value = LiquidationRules> {
    (0..=100_i128, 0..=100_i128, 0..5000_i64, 0..5000_i64).prop_map(|(first, second, fast, slow)| {
        let percent = |whole: i128| Ratio::from_raw(whole * (Ratio::ONE.raw() / 100));
        LiquidationRules {
            first_discount: percent(first),
            fast_discount: percent(second),
            fast,
            slow,
            ..LiquidationRules::default()
        }
    })
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn it_only_gets_cheaper(rules in any_rules(), shortfall in 0..i128::MAX / 2) {
        let mut before = (Ratio::ZERO, Money::ZERO);
        for elapsed in 0..rules.fast + rules.slow {
            let now = discount(elapsed, &rules).unwrap();
            prop_assert!(now >= before.0 && now < Ratio::ONE);
            before.0 = now;
        }
        for elapsed in 0..rules.slow {
            let paid = subsidy(elapsed, Money::from_raw(shortfall), &rules).unwrap();
            prop_assert!(paid >= before.1 && paid <= Money::from_raw(shortfall));
            before.1 = paid;
        }
        prop_assert_eq!(discount(rules.fast + rules.slow, &rules), None);
    }

    /// The account after the sale, written out: cash, the kept part, and the requirement of the kept part.
    #[test]
    fn after_the_sale_the_rest_reaches_its_target_and_with_less_it_would_not(
        value in 1..1_000_000_i128, over in 1..1_000_000_i128, reserved in 0..1000_i128, percent in 0..99_i128,
    ) {
        let whole = Money::ONE.raw();
        let (value, reserved) = (value * whole, reserved * whole);
        prop_assume!(reserved < value);
        let target = value + over * whole;
        let discount = Ratio::from_raw(percent * (Ratio::ONE.raw() / 100));
        let share = share(Money::from_raw(value - target), Money::from_raw(value), Money::from_raw(reserved), discount);
        prop_assert!(share > Ratio::ZERO && share <= Ratio::ONE);
        let excess = |share: Ratio| {
            let sold = Money::from_raw(value - reserved).scaled(share, Round::Down).unwrap();
            let freed = Money::from_raw(target).scaled(share, Round::Down).unwrap();
            // The account's excess after the sale: equity less target. The premium is gone, and so is the requirement
            // of the share that was sold.
            value - premium(sold, discount).raw() - (target - freed.raw())
        };
        // Equal within a share of 10⁻¹⁸ of everything, and rounding.
        let unit = 4 + (value + target) / Ratio::ONE.raw();
        prop_assert!(excess(share) >= -unit, "{} {}", share, excess(share));
        if share < Ratio::ONE {
            let less = Ratio::from_raw(share.raw() - Ratio::ONE.raw() / 1_000_000_000);
            prop_assert!(excess(less) < 0);
        }
    }

    #[test]
    fn no_bid_gets_more_than_is_for_sale(
        wanted in -1..2_000_i128, over in -100..100_i128, value in -10..1000_i128, elapsed in 0..2_000_000_000_i64,
    ) {
        let rules = LiquidationRules::default();
        let whole = Money::ONE.raw();
        let wanted = Ratio::from_raw(wanted * (Ratio::ONE.raw() / 1000));
        let (excess, value) = (Money::from_raw(over * whole), Money::from_raw(value * whole));
        if let Some(sale) = sale(wanted, excess, value, Money::ZERO, elapsed, &rules) {
            prop_assert!(sale.share <= wanted && sale.share <= Ratio::ONE && sale.share > Ratio::ZERO);
            prop_assert!(excess.is_negative());
            prop_assert!(sale.premium <= value.scaled(sale.share, Round::Up).unwrap());
            prop_assert!(!sale.premium.is_negative());
        }
    }
}

//! The payers of a loss (I-47), compared with a count of single units.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod common;

use liquidation::waterfall::{Layers, Split, waterfall};
use proptest::prelude::*;
use units::{Money, Ratio};

use common::cases;

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn layers(account: i128, market_fund: i128, shared_fund: i128, percent: i128) -> Layers {
    Layers {
        account: Money::from_raw(account),
        market_fund: Money::from_raw(market_fund),
        shared_fund: Money::from_raw(shared_fund),
        shared_share: Ratio::from_raw(percent * (Ratio::ONE.raw() / 100)),
    }
}

/// Every unit is paid by the first layer that has one left.
fn unit_by_unit(loss: i128, layers: &Layers, percent: i128) -> [i128; 4] {
    let cap = layers.shared_fund.raw() * percent / 100;
    let mut has = [layers.account.raw(), layers.market_fund.raw(), cap, i128::MAX];
    let mut paid = [0; 4];
    for _ in 0..loss {
        let first = has.iter().position(|has| *has > 0).unwrap();
        has[first] -= 1;
        paid[first] += 1;
    }
    paid
}

fn parts(split: &Split) -> [i128; 4] {
    [split.account, split.market_fund, split.shared_fund, split.winners].map(Money::raw)
}

#[test]
fn a_loss_goes_down_the_layers() {
    let layers = Layers {
        account: money("100"),
        market_fund: money("50"),
        shared_fund: money("1000"),
        shared_share: "0.25".parse().unwrap(),
    };
    for (loss, account, market_fund, shared_fund, winners) in [
        ("-5", "0", "0", "0", "0"),
        ("0", "0", "0", "0", "0"),
        ("99.5", "99.5", "0", "0", "0"),
        ("120", "100", "20", "0", "0"),
        ("151", "100", "50", "1", "0"),
        ("400.000000000000000001", "100", "50", "250", "0.000000000000000001"),
    ] {
        let expected = Split {
            account: money(account),
            market_fund: money(market_fund),
            shared_fund: money(shared_fund),
            winners: money(winners),
        };
        assert_eq!(waterfall(money(loss), &layers), expected, "{loss}");
    }
}

#[test]
fn the_ends_of_the_range_do_not_overflow() {
    for loss in [i128::MIN, -1, 0, 1, i128::MAX] {
        for amount in [i128::MIN, -1, 0, 1, i128::MAX] {
            for share in [i128::MIN, 0, 1, Ratio::ONE.raw(), i128::MAX] {
                let mut layers = layers(amount, amount, amount, 0);
                layers.shared_share = Ratio::from_raw(share);
                let paid = parts(&waterfall(Money::from_raw(loss), &layers));
                assert!(paid.iter().all(|paid| *paid >= 0));
                assert_eq!(paid.iter().try_fold(0_i128, |sum, paid| sum.checked_add(*paid)), Some(loss.max(0)));
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn it_is_what_counting_units_gives(
        loss in 0..1500_i128, account in 0..400_i128, market in 0..400_i128, shared in 0..800_i128,
        percent in 0..=100_i128,
    ) {
        let layers = layers(account, market, shared, percent);
        let split = waterfall(Money::from_raw(loss), &layers);
        prop_assert_eq!(parts(&split), unit_by_unit(loss, &layers, percent));
    }

    #[test]
    fn parts_add_up_in_order_and_leave_nothing_below_zero(
        loss in 0..i128::MAX, account in 0..i128::MAX / 4, market in 0..i128::MAX / 4, shared in 0..i128::MAX / 4,
        percent in 0..=100_i128,
    ) {
        let layers = layers(account, market, shared, percent);
        let split = waterfall(Money::from_raw(loss), &layers);
        let paid = parts(&split);
        prop_assert_eq!(paid.iter().sum::<i128>(), loss);
        prop_assert!(paid.iter().all(|paid| *paid >= 0));
        let after = layers.after(&split);
        for left in [after.account, after.market_fund, after.shared_fund] {
            prop_assert!(!left.is_negative());
        }
        prop_assert!(split.market_fund == Money::ZERO || after.account == Money::ZERO);
        prop_assert!(split.shared_fund == Money::ZERO || after.market_fund == Money::ZERO);
        let cap = layers.shared_fund.scaled(layers.shared_share, units::Round::Down).unwrap();
        prop_assert!(split.shared_fund <= cap);
        prop_assert!(split.winners == Money::ZERO || split.shared_fund == cap);
        prop_assert!(split.winners == Money::ZERO || after.market_fund == Money::ZERO);
    }
}

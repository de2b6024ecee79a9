//! Payoffs computed by hand.

use pricing::payoff::{coin_quoted, inverse_value, linear_value, option_value, remaining_fraction, settlement_forward};

#[test]
fn a_linear_future_gains_its_move_and_a_short_loses_it() {
    // 3 contracts of 0.1 bitcoin, up 500 dollars, settled in a coin worth 0.99.
    assert_eq!(linear_value(3.0, 0.1, 60_000.0, 60_500.0, 0.99), 3.0 * 0.1 * 500.0 * 0.99);
    assert_eq!(linear_value(-3.0, 0.1, 60_000.0, 60_500.0, 1.0), -linear_value(3.0, 0.1, 60_000.0, 60_500.0, 1.0));
}

#[test]
fn an_inverse_future_pays_coin_by_the_difference_of_inverse_prices() {
    // 100 contracts of 10 dollars, from 50 000 to 40 000: 1000 · (1/50 000 − 1/40 000) = −0.005 coins of 40 000.
    assert!((inverse_value(100.0, 10.0, 50_000.0, 40_000.0, 40_000.0) + 200.0).abs() < 1e-10);
}

/// P-11: a coin and a short inverse perpetual of its size are together worth the same dollars at every price.
#[test]
fn a_coin_and_its_short_inverse_perpetual_keep_their_value() {
    let (coins, entry) = (2.0, 50_000.0);
    for mark in [1_000.0, 49_999.5, 50_000.0, 200_000.0] {
        let value = coins * mark + inverse_value(-coins * entry, 1.0, entry, mark, mark);
        assert!((value - coins * entry).abs() < 1e-9, "{value}");
    }
}

#[test]
fn a_coin_quoted_option_is_worth_dollars_at_the_price_of_the_coin() {
    let mark = coin_quoted(1_500.0, 60_000.0);
    assert_eq!(mark, 0.025);
    assert_eq!(option_value(-4.0, 1.0, mark, 60_000.0), -6_000.0);
}

#[test]
fn a_settlement_average_fixes_itself_over_its_window() {
    let fractions = [3_600.0, 1_800.0, 900.0, 0.0, -5.0].map(|left| remaining_fraction(left, 1_800.0));
    assert_eq!(fractions, [1.0, 1.0, 0.5, 0.0, 0.0]);
    // A single price: all of it is open until the moment it is taken.
    assert_eq!([1.0, 0.0].map(|left| remaining_fraction(left, 0.0)), [1.0, 0.0]);
    // Half averaged at 100, half open at 110, which falls by 10 %.
    assert_eq!(settlement_forward(50.0, 55.0, 0.9), 99.5);
}

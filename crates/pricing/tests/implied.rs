//! Implied volatility: round trips, an independent implementation, and every reason to refuse.

use implied_vol::{DefaultSpecialFn, ImpliedBlackVolatility};
use pricing::{
    Refusal, Right,
    black76::{Black76, Inputs},
    implied::{Unimplied, vol},
    math::{exp, ln, pdf},
};
use proptest::prelude::*;

/// An independent answer (Jäckel's algorithm).
fn oracle(right: Right, forward: f64, strike: f64, years: f64, price: f64) -> Option<f64> {
    ImpliedBlackVolatility::builder()
        .option_price(price)
        .forward(forward)
        .strike(strike)
        .expiry(years)
        .is_call(right == Right::Call)
        .build()
        .and_then(|implied| implied.calculate::<DefaultSpecialFn>())
}

/// The relative change of the deviation from one rounding of the price: the digits that the price does not determine.
fn indeterminacy(right: Right, forward: f64, strike: f64, s: f64, price: f64) -> f64 {
    let x = ln(forward / strike);
    let d1 = x / s + 0.5 * s;
    let time_value = price - (right.sign() * (forward - strike)).max(0.0);
    let low = forward.min(strike);
    // Subtracting intrinsic value, and subtracting from the upper bound, each cost one rounding of the number they start from.
    let lost = f64::EPSILON * price.max(time_value).max(low * f64::from(u8::from(time_value > 0.5 * low)));
    lost / (forward * pdf(d1) * s)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

    #[test]
    fn the_volatility_that_made_a_price_is_found_again(
        forward in 0.01..1e5, moneyness in -1.0..1.0, log_s in -7.0..1.5, years in 0.001..3.0, call in any::<bool>(),
    ) {
        let (forward, years): (f64, f64) = (forward, years);
        let s = exp(log_s);
        let strike = forward * exp(moneyness * s.min(3.0) * 6.0);
        let right = if call { Right::Call } else { Right::Put };
        // A price that is right in relative terms, from the oracle's own evaluation.
        let price = implied_vol::PriceBlackScholes::builder()
            .forward(forward).strike(strike).volatility(s / years.sqrt()).expiry(years).is_call(call)
            .build().expect("valid").calculate::<DefaultSpecialFn>();
        let intrinsic = (right.sign() * (forward - strike)).max(0.0);
        prop_assume!(price > intrinsic && price - intrinsic < forward.min(strike));
        let theirs = oracle(right, forward, strike, years, price).expect("valid");
        let ours = vol(right, forward, strike, years, price).expect("valid");
        let allowed = 1e-12 + 4.0 * indeterminacy(right, forward, strike, s, price);
        prop_assert!((ours / theirs - 1.0).abs() <= allowed, "{ours} {theirs} {allowed:e} s {s}");
        prop_assert!((ours * years.sqrt() / s - 1.0).abs() <= allowed, "{ours} {s} {allowed:e}");
    }

    #[test]
    fn it_inverts_the_price_of_this_crate(
        forward in 1.0..1e5, moneyness in -2.0..2.0, sigma in 0.05..2.0, years in 0.003..3.0, call in any::<bool>(),
    ) {
        let (forward, years, sigma): (f64, f64, f64) = (forward, years, sigma);
        let strike = forward * exp(moneyness * sigma * years.sqrt());
        let right = if call { Right::Call } else { Right::Put };
        let option = Black76::new(Inputs { right, forward, strike, vol: sigma, years, discount: 1.0 }).expect("valid");
        let implied = vol(right, forward, strike, years, option.undiscounted()).expect("valid");
        // The price is good to 2e-14 of max(F, K), which the vega turns into this much volatility.
        let allowed = 1e-12 * sigma + 2e-14 * forward.max(strike) / option.greeks().vega;
        prop_assert!((implied - sigma).abs() <= allowed, "{implied} {sigma} {allowed:e}");
    }

    #[test]
    fn it_is_total(bits in prop::array::uniform4(any::<u64>()), call in any::<bool>()) {
        let [forward, strike, years, price] = bits.map(f64::from_bits);
        let right = if call { Right::Call } else { Right::Put };
        if let Ok(vol) = vol(right, forward.abs(), strike.abs(), years.abs(), price.abs()) {
            prop_assert!(vol >= 0.0);
        }
    }
}

/// Prices far below the absolute error of a price: a price of 1e-290 has a volatility like any other. The prices come
/// from 60-digit arithmetic (`tests/reference/generate.py`).
#[test]
fn a_price_of_almost_nothing_has_a_volatility() {
    let mut smallest = 1.0f64;
    for line in include_str!("reference/values.txt").lines().filter(|line| line.starts_with("implied")) {
        let numbers: Vec<f64> = line.split(' ').skip(1).map(|text| text.parse().expect("a number")).collect();
        let &[forward, strike, sigma, years, price, _] = &numbers[..] else { unreachable!("six numbers") };
        let right = if strike > forward { Right::Call } else { Right::Put };
        let implied = vol(right, forward, strike, years, price).expect("valid");
        assert!((implied / sigma - 1.0).abs() <= 1e-12, "{line}: {implied}");
        smallest = smallest.min(price / forward);
    }
    assert!(smallest < 1e-200);
}

/// Where the method changes: at s = √(2x), the inflection point of the price.
#[test]
fn nothing_breaks_where_the_regions_meet() {
    for step in -400..400 {
        let s = exp(0.005 * f64::from(step));
        for nudge in [-1e-9, -1e-15, 0.0, 1e-15, 1e-9] {
            let strike = exp(0.5 * s * s * (1.0 + nudge));
            let inputs = Inputs { right: Right::Call, forward: 1.0, strike, vol: s, years: 1.0, discount: 1.0 };
            let option = Black76::new(inputs).expect("valid");
            let implied = vol(Right::Call, 1.0, strike, 1.0, option.price()).expect("valid");
            let allowed = 1e-12 * s + 2e-14 * strike / option.greeks().vega;
            assert!((implied - s).abs() <= allowed, "{implied} {s} {nudge}");
        }
    }
}

#[test]
fn at_the_money_a_tiny_price_has_a_tiny_volatility() {
    for exponent in 1..300 {
        let price = pricing::math::pow(10.0, -f64::from(exponent));
        let implied = vol(Right::Call, 1.0, 1.0, 1.0, price).expect("valid");
        // price = 2 N(s/2) − 1 ~ s φ(0) for small s.
        let inverse = if price > 1e-6 { 2.0 * pricing::math::quantile(0.5 * price + 0.5) } else { price / pdf(0.0) };
        assert!((implied / inverse - 1.0).abs() < 1e-9, "{price:e} {implied:e} {inverse:e}");
    }
}

#[test]
fn prices_that_no_volatility_gives_are_refused_with_the_reason() {
    let implied = |price| vol(Right::Call, 100.0, 90.0, 0.5, price);
    assert_eq!(implied(10.0), Ok(0.0));
    assert_eq!(implied(9.5), Err(Unimplied::BelowIntrinsic(0.5)));
    assert_eq!(implied(100.0), Err(Unimplied::NotBelowBound(100.0)));
    assert_eq!(vol(Right::Put, 100.0, 90.0, 0.5, 90.0), Err(Unimplied::NotBelowBound(90.0)));
    assert_eq!(implied(f64::INFINITY), Err(Unimplied::NotFinite(f64::INFINITY)));
    assert!(matches!(implied(f64::NAN), Err(Unimplied::NotFinite(_))));
    assert_eq!(vol(Right::Call, 100.0, 90.0, 0.0, 11.0), Err(Unimplied::NoTime));
    assert_eq!(vol(Right::Call, 0.0, 90.0, 0.5, 11.0), Err(Unimplied::Refused(Refusal::Forward(0.0))));
    assert_eq!(implied(9.5).expect_err("refused").to_string(), "price is 0.5 below intrinsic");
}

//! `pricing::math` and Black-76 against 60-digit arithmetic: the stated error bounds, checked.
//!
//! `tests/reference/values.txt` is printed by `tests/reference/generate.py`.
#![expect(clippy::print_stdout, reason = "the errors reached are worth reading")]

use pricing::{
    Right,
    black76::{Black76, Inputs},
    math::{cdf, exp, ln, pdf, pow, quantile},
};

const EPSILON: f64 = f64::EPSILON;

/// The numbers of every line of one function.
fn lines(function: &str) -> Vec<Vec<f64>> {
    let numbers = |line: &str| line.split(' ').skip(1).map(|text| text.parse().expect("a number")).collect();
    let lines: Vec<_> = include_str!("reference/values.txt")
        .lines()
        .filter(|line| line.split(' ').next() == Some(function))
        .map(numbers)
        .collect();
    assert!(lines.len() >= 200, "{function}: {} lines", lines.len());
    lines
}

/// |ours − exact|, where `exact` is the sum of two numbers.
fn distance(ours: f64, exact: &[f64]) -> f64 {
    ((ours - exact[0]) - exact[1]).abs()
}

/// Checks that the worst error is within the bound. `error` is in units of the bound.
fn check(name: &str, errors: impl Iterator<Item = (Vec<f64>, f64)>) {
    let worst = errors.max_by(|a, b| a.1.total_cmp(&b.1)).expect("at least one line");
    println!("{name}: {:.3} of the bound, at {:?}", worst.1, worst.0);
    assert!(worst.1 <= 1.0, "{name}: {} times the bound at {:?}", worst.1, worst.0);
}

#[test]
fn exp_is_within_its_bound() {
    check("exp", lines("exp").into_iter().map(|v| (vec![v[0]], distance(exp(v[0]), &v[1..]) / (v[1].abs() * EPSILON))));
}

#[test]
fn ln_is_within_its_bound() {
    check("ln", lines("ln").into_iter().map(|v| (vec![v[0]], distance(ln(v[0]), &v[1..]) / (v[1].abs() * EPSILON))));
}

#[test]
fn pow_is_within_its_bound() {
    check(
        "pow",
        lines("pow").into_iter().map(|v| {
            let bound = (2.0 + (v[1] * ln(v[0])).abs()) * EPSILON;
            (v[..2].to_vec(), distance(pow(v[0], v[1]), &v[2..]) / (v[2].abs() * bound))
        }),
    );
}

#[test]
fn cdf_is_within_its_bound() {
    check(
        "cdf, relative",
        lines("normal").into_iter().map(|v| (vec![v[0]], distance(cdf(v[0]), &v[1..]) / (v[1] * 4.0 * EPSILON))),
    );
    check("cdf, absolute", lines("normal").into_iter().map(|v| (vec![v[0]], distance(cdf(v[0]), &v[1..]) / 2e-16)));
}

#[test]
fn pdf_is_within_its_bound() {
    check(
        "pdf",
        lines("normal").into_iter().map(|v| (vec![v[0]], distance(pdf(v[0]), &v[3..]) / (v[3] * 2.0 * EPSILON))),
    );
}

#[test]
fn quantile_is_within_its_bound() {
    check(
        "quantile",
        lines("quantile").into_iter().map(|v| {
            // The effect on the quantile of half a rounding of p is added.
            let from_p = 0.5 * EPSILON * v[0] / pdf(v[1]);
            (vec![v[0]], distance(quantile(v[0]), &v[1..]) / 4.0f64.mul_add(EPSILON * v[1].abs(), 2.0 * from_p))
        }),
    );
}

#[test]
fn functions_are_total() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    assert_eq!([exp(0.0), exp(1000.0), exp(-1000.0), exp(inf), exp(-inf)], [1.0, inf, 0.0, inf, 0.0]);
    assert_eq!([ln(1.0), ln(0.0), ln(inf)], [0.0, -inf, inf]);
    assert_eq!(exp(-745.0).to_bits(), 1, "the least subnormal number");
    assert!((ln(f64::from_bits(1)) + 744.440_071_921_381_2).abs() < 1e-12);
    assert_eq!([pow(0.0, 0.0), pow(0.0, 2.0), pow(0.0, -2.0), pow(1.0, inf), pow(7.0, 0.0)], [1.0, 0.0, inf, 1.0, 1.0]);
    assert_eq!([pow(2.0, inf), pow(2.0, -inf), pow(0.5, inf), pow(inf, 0.5)], [inf, 0.0, 0.0, inf]);
    assert_eq!([cdf(0.0), cdf(inf), cdf(-inf), cdf(50.0), cdf(-50.0)], [0.5, 1.0, 0.0, 1.0, 0.0]);
    assert_eq!([pdf(inf), pdf(-inf)], [0.0, 0.0]);
    assert_eq!([quantile(0.0), quantile(0.5), quantile(1.0)], [-inf, 0.0, inf]);
    for value in [
        exp(nan),
        ln(nan),
        ln(-1.0),
        pow(nan, 1.0),
        pow(-2.0, 0.5),
        cdf(nan),
        pdf(nan),
        quantile(nan),
        quantile(1.5),
        quantile(-0.5),
    ] {
        assert!(value.is_nan());
    }
}

/// Call and put of a line of `option`: forward, strike, vol, years; then call and put, two numbers each; then the Greeks.
fn options(line: &[f64]) -> [Black76; 2] {
    let &[forward, strike, vol, years] = &line[..4] else { unreachable!("four arguments") };
    [Right::Call, Right::Put]
        .map(|right| Black76::new(Inputs { right, forward, strike, vol, years, discount: 1.0 }).expect("valid inputs"))
}

#[test]
fn prices_are_within_2e_14_of_the_larger_of_forward_and_strike() {
    for (name, put) in [("call", 0), ("put", 1)] {
        check(
            name,
            lines("option").into_iter().map(|v| {
                let price = options(&v)[put].price();
                (v[..4].to_vec(), distance(price, &v[4 + 2 * put..]) / (2e-14 * v[0].max(v[1])))
            }),
        );
    }
}

/// Checks relative errors also of Greeks a hundred orders of magnitude below the price. They are amplified where the
/// density is steep: a rounding of ln(F/K) moves d by (|ln F| + |ln K|)/s, and the density by d times that.
#[test]
fn greeks_are_right_to_the_last_digits_that_the_inputs_determine() {
    for (name, index) in [("delta", 0), ("gamma", 1), ("vega", 2), ("theta", 3), ("vanna", 4), ("volga", 5)] {
        check(
            name,
            lines("option").into_iter().map(|v| {
                let g = options(&v)[0].greeks();
                let ours = [g.delta, g.gamma, g.vega, g.theta, g.vanna, g.volga][index];
                let s = v[2] * v[3].sqrt();
                let d = ln(v[0] / v[1]).abs() / s + 0.5 * s;
                let moved = EPSILON * (ln(v[0]).abs() + ln(v[1]).abs() + 1.0) / s + EPSILON * d;
                let exact = v[8 + index];
                // vanna and volga pass through zero with d, so their scale is that of the neighbouring slope.
                let scale = match index {
                    4 => exact.abs() + v[9] * v[0] * s / v[2],
                    5 => exact.abs() + v[10] * (d + 1.0) / v[2],
                    _ => exact.abs(),
                };
                (
                    v[..4].to_vec(),
                    (ours - exact).abs() / (scale * 20.0f64.mul_add(EPSILON, 2.0 * (d + 1.0) * moved)).max(1e-300),
                )
            }),
        );
    }
}

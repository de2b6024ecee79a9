//! Every fitted coefficient of the crate, as printed by `tests/reference/fit.py`, lowest power first.
//!
//! The comment above a pair states its largest error before and after rounding to `f64`, and the smallest error
//! possible for any fit of the same degrees.
#![expect(clippy::unreadable_literal, reason = "printed by the fit script, compared by eye with its output")]

// KERNEL: degrees 5/6 on [0.0, 8.0], error 5.21e-15, best possible 5.07e-15, with coefficients rounded to f64 5.2e-15
pub(crate) const KERNEL_P: [f64; 6] =
    [0.5, 0.5171964995916345, 0.26926161813285054, 0.07954344201667055, 0.013226806721518306, 0.0009860984556687386];
pub(crate) const KERNEL_Q: [f64; 7] = [
    1.0,
    1.973830277881412,
    1.6996658006415666,
    0.8217736061170572,
    0.23697712291493644,
    0.03902801280206839,
    0.002910609664616326,
];
// EXP2: degrees 10/0 on [-0.5, 0.5], error 2.12e-16, best possible 2.11e-16, with coefficients rounded to f64 2.77e-16
pub(crate) const EXP2_P: [f64; 11] = [
    1.0,
    0.6931471805599497,
    0.24022650695908768,
    0.05550410866445886,
    0.009618129108034421,
    0.001333355822856285,
    0.0001540352996146432,
    1.5252658113794042e-05,
    1.3215662651651194e-06,
    1.0208538700702957e-07,
    7.037310555343599e-09,
];
// MILLS: degrees 9/10 on [0.0, 38.6], error 5.18e-17, best possible 5.13e-17, with coefficients rounded to f64 1.16e-16
pub(crate) const MILLS_P: [f64; 10] = [
    0.5,
    0.7743676953247248,
    0.5933062073224536,
    0.2887996841276673,
    0.09745811930687416,
    0.023548050348557475,
    0.004073353710701146,
    0.00048808165086800415,
    3.7038915877082223e-05,
    1.375927645490163e-06,
];
pub(crate) const MILLS_Q: [f64; 11] = [
    1.0,
    2.3466199514523085,
    2.558944243980927,
    1.71199301702114,
    0.7805275229086082,
    0.2543159634321187,
    0.06024275064213517,
    0.010303226366048662,
    0.001226888205741435,
    9.284279379694291e-05,
    3.448939140042939e-06,
];
// EXP: degrees 9/0 on [-0.34660825, 0.34660825], error 1.02e-16, best possible 1.02e-16, with coefficients rounded to f64 1.12e-16
pub(crate) const EXP_P: [f64; 10] = [
    0.5000000000000001,
    0.16666666666666674,
    0.04166666666662413,
    0.008333333333322276,
    0.001388888891721688,
    0.00019841269886502512,
    2.4801521288198404e-05,
    2.7557242364765297e-06,
    2.762009283864938e-07,
    2.5110054921947534e-08,
];
// LN: degrees 6/0 on [0.0, 0.029443139], error 3.07e-16, best possible 3.05e-16, with coefficients rounded to f64 3.17e-16
pub(crate) const LN_P: [f64; 7] = [
    0.666666666666667,
    0.39999999999898456,
    0.28571428626413764,
    0.2222221106928908,
    0.18182893515902865,
    0.15331586384160795,
    0.14618009011336974,
];

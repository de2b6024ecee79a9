//! The steps of a scan, which FAM-1 and FAM-2 share.

use crate::method::universal::rules::Rules;

/// The parts of the scan range that are scanned, in the order in which ties are decided.
pub(super) const STEPS: [(f64, &str); 9] = [
    (0.0, "unchanged"),
    (-1.0, "−1"),
    (-0.75, "−¾"),
    (-0.5, "−½"),
    (-0.25, "−¼"),
    (0.25, "+¼"),
    (0.5, "+½"),
    (0.75, "+¾"),
    (1.0, "+1"),
];

/// The three moves of volatility that are combined with every scan step.
pub(super) fn vol_moves(rules: &Rules) -> [(f64, &'static str); 3] {
    [(rules.scan.vol_up, "vol up"), (0.0, "vol same"), (-rules.scan.vol_down, "vol down")]
}

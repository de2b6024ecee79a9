//! The moves of a scan, which FAM-1 and FAM-2 share.

use crate::method::universal::rules::Rules;
use crate::method::universal::scan::ScanRules;

/// The three moves of volatility that are combined with every step.
pub(super) fn vol_moves(rules: &Rules) -> [(f64, &'static str); 3] {
    [(rules.scan.vol_up, "vol up"), (0.0, "vol same"), (-rules.scan.vol_down, "vol down")]
}

/// The parts of a range between the steps of the scan, each with the move of volatility that it is tried with. No two
/// neighbours with the same one are farther apart than the spacing. Those with volatility the same lie in the middle
/// between those with volatility down: what has settled has none, and sees the moves of both.
pub(super) fn between(scan: &ScanRules, range: f64) -> Vec<(f64, f64, &'static str)> {
    let mut steps = scan.steps.clone();
    steps.sort_by(f64::total_cmp);
    let mut parts = Vec::new();
    for pair in steps.windows(2) {
        let mut gaps = 1.0;
        while (pair[1] - pair[0]) * range > gaps * scan.spacing * (1.0 + 1e-9) {
            gaps += 1.0;
        }
        let at = |gap: f64| (pair[0] * (gaps - gap) + pair[1] * gap) / gaps;
        let mut gap = 1.0;
        while gaps > 1.0 && gap <= gaps {
            parts.push((at(gap - 0.5), 0.0, "vol same"));
            if gap < gaps {
                parts.push((at(gap), -scan.vol_down, "vol down"));
            }
            gap += 1.0;
        }
    }
    parts
}

/// A step as a part of the range in words: `−¾`, `+1`, or with two decimals where it is no quarter.
pub(super) fn words(part: f64) -> String {
    let sign = if part < 0.0 { "−" } else { "+" };
    let size = part.abs();
    let quarter = [(0.25, "¼"), (0.5, "½"), (0.75, "¾")].into_iter().find(|(quarter, _)| *quarter == size);
    let rounded = (100.0 * size).round() / 100.0;
    quarter.map_or_else(|| format!("{sign}{rounded}"), |(_, words)| format!("{sign}{words}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_moves_are_farther_apart_than_the_spacing() {
        let mut scan = crate::method::universal::parse(crate::method::universal::PARAMS).unwrap().rules.scan;
        (scan.steps, scan.spacing) = (vec![0.0, -1.0, 1.0], 0.01);
        let parts = |range: f64, word: &str| -> Vec<f64> {
            between(&scan, range).into_iter().filter(|part| part.2 == word).map(|part| part.0).collect()
        };
        assert_eq!(parts(0.02, "vol down"), [-0.5, 0.5]);
        assert_eq!(parts(0.02, "vol same"), [-0.75, -0.25, 0.25, 0.75]);
        assert_eq!(parts(0.031, "vol down").len(), 6);
        assert!(between(&scan, 0.01).is_empty());
    }

    #[test]
    fn quarters_have_signs_of_their_own() {
        assert_eq!([-1.0, -0.75, 0.25, 0.5, 0.6, 0.433].map(words), ["−1", "−¾", "+¼", "+½", "+0.6", "+0.43"]);
    }
}

//! The moves of a scan, which FAM-1 and FAM-2 share.

use crate::method::universal::rules::Rules;

/// The three moves of volatility that are combined with every step.
pub(super) fn vol_moves(rules: &Rules) -> [(f64, &'static str); 3] {
    [(rules.scan.vol_up, "vol up"), (0.0, "vol same"), (-rules.scan.vol_down, "vol down")]
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
    fn quarters_have_signs_of_their_own() {
        assert_eq!([-1.0, -0.75, 0.25, 0.5, 0.6, 0.433].map(words), ["−1", "−¾", "+¼", "+½", "+0.6", "+0.43"]);
    }
}

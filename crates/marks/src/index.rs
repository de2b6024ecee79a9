//! Computes the index: the price on which the live sources agree, if they do (I-15).
//!
//! 1. The weighted median of all live sources.
//! 2. Sources farther from it than the band are left out. Where the weight splits into halves there are two medians, and
//!    a source must be near both: two camps that disagree make no price, and are not averaged.
//! 3. Fewer sources left than the quorum: no index.
//! 4. The median again, of the sources that are left. Two medians give the point between them, rounded down.
//!
//! The bound of `median.rs` survives step 2: at most ⌊(quorum − 1)/2⌋ liars are among the sources left, which are a
//! quorum or more, so the second median also lies within the range of the honest sources. While a quorum of honest
//! sources is closer together than the band, all of them are near the first median too: no minority can get them left
//! out.
//!
//! **Spread.** It is the width of the narrowest range that holds all but a minority of the sources left. A minority
//! cannot widen it beyond the range of the honest sources, so it cannot make a good price suspect. And because the
//! range holds all but a minority, it holds more than half of the weight, and so the index: a price that is not suspect
//! is within the allowed dispersion of at least one honest source.

use units::{Money, Overflow, Price, Ratio, Round};

use crate::median::{Weighted, medians, weights};
use crate::report::Report;
use crate::rules::FeedRules;

/// The ratio 0.5.
const HALF: Ratio = Ratio::from_raw(500_000_000_000_000_000);

/// The agreement of a quorum.
#[derive(Clone, Debug)]
pub struct Agreement {
    /// The price on which the quorum agrees.
    pub index: Price,
    /// The weighted median of the half-widths, the upper one.
    pub confidence: Price,
    /// Whether the sources, without a minority, are farther apart than the rules allow.
    pub dispersed: bool,
    /// The reports that the index is made of, in the order given.
    pub used: Vec<Report>,
}

/// The agreement among `live`; `None` when fewer than the quorum are near their median.
pub fn agree(live: &[Report], rules: &FeedRules) -> Result<Option<Agreement>, Overflow> {
    let Some((lower, upper)) = both(live, rules, |report| report.price)? else { return Ok(None) };
    let mut used = Vec::with_capacity(live.len());
    for report in live {
        if rules.near(report.price, lower, rules.band)? && rules.near(report.price, upper, rules.band)? {
            used.push(*report);
        }
    }
    if !is_quorum(&used, rules) {
        return Ok(None);
    }
    let (Some(index), Some((_, confidence))) = (middle(&used, rules)?, both(&used, rules, |report| report.confidence)?)
    else {
        return Ok(None);
    };
    let dispersed = spread(&used, rules.minority())? > rules.share(rules.dispersion, index)?;
    Ok(Some(Agreement { index, confidence, dispersed, used }))
}

/// The weighted median of `reports`, without a band; `None` when there are fewer reports than the quorum.
pub fn median(reports: &[Report], rules: &FeedRules) -> Result<Option<Price>, Overflow> {
    if is_quorum(reports, rules) { middle(reports, rules) } else { Ok(None) }
}

/// Whether these reports are enough for a price.
pub fn is_quorum(reports: &[Report], rules: &FeedRules) -> bool {
    u32::try_from(reports.len()).is_ok_and(|number| number >= rules.quorum)
}

/// The point between the two medians, rounded down.
fn middle(reports: &[Report], rules: &FeedRules) -> Result<Option<Price>, Overflow> {
    let Some((lower, upper)) = both(reports, rules, |report| report.price)? else { return Ok(None) };
    lower.plus(upper.minus(lower)?.scaled(HALF, Round::Down)?).map(Some)
}

/// The lower and the upper weighted median of one column of the reports.
fn both(
    reports: &[Report],
    rules: &FeedRules,
    column: fn(&Report) -> Price,
) -> Result<Option<(Price, Price)>, Overflow> {
    let claims: Vec<Money> = reports.iter().map(|report| report.claim(rules)).collect::<Result<_, _>>()?;
    let weights = weights(&claims, rules.minority());
    let weighted = |(report, weight): (&Report, i128)| Weighted { value: column(report), weight };
    Ok(medians(reports.iter().zip(weights).map(weighted).collect()))
}

/// The width of the narrowest range that holds all but `minority` of the prices.
fn spread(reports: &[Report], minority: usize) -> Result<Price, Overflow> {
    let mut prices: Vec<Price> = reports.iter().map(|report| report.price).collect();
    prices.sort();
    let kept = prices.len().saturating_sub(minority).max(1);
    let widths: Vec<Price> =
        prices.windows(kept).map(|window| window[kept - 1].minus(window[0])).collect::<Result<_, _>>()?;
    Ok(widths.into_iter().min().unwrap_or(Price::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;
    use crate::rules::tests::rules;

    fn of(prices: &[&str], quorum: u32) -> Option<(String, usize, bool)> {
        let number = |place: usize| u32::try_from(place).unwrap() + 1;
        let live: Vec<Report> =
            prices.iter().enumerate().map(|(place, price)| report(number(place), 1, price)).collect();
        let agreement = agree(&live, &rules(9, quorum)).unwrap()?;
        Some((agreement.index.to_string(), agreement.used.len(), agreement.dispersed))
    }

    /// I-15: an outlier is left out; when fewer than a quorum remain, there is no price.
    #[test]
    fn an_outlier_is_left_out_and_a_lost_quorum_is_no_price() {
        assert_eq!(of(&["100", "100.1", "100.2"], 3), Some(("100.1".into(), 3, false)));
        assert_eq!(of(&["100", "100.1", "100.2", "100000"], 3), Some(("100.1".into(), 3, false)));
        assert_eq!(of(&["100", "100.1", "100000"], 3), None);
    }

    /// I-15, S-16: two sources that disagree beyond the band are not averaged, and neither are two camps.
    #[test]
    fn camps_that_disagree_make_no_price() {
        assert_eq!(of(&["100", "104"], 2), Some(("102".into(), 2, true)));
        assert_eq!(of(&["100", "106"], 2), None);
        assert_eq!(of(&["100", "100", "106", "106"], 2), None);
    }

    /// I-15: one liar within the band cannot make the price of honest sources suspect.
    #[test]
    fn a_minority_cannot_make_a_good_price_suspect() {
        assert_eq!(of(&["100", "100.1", "104.9"], 3), Some(("100.1".into(), 3, false)));
        assert_eq!(of(&["100", "102.5", "104.9"], 3), Some(("102.5".into(), 3, true)));
    }

    /// I-15, I-18: the half-width is that of the sources in the middle, not the widest.
    #[test]
    fn a_minority_does_not_widen_the_half_width() {
        let live = [(1, "0.1"), (2, "0.2"), (3, "2")]
            .map(|(source, half)| Report { confidence: half.parse().unwrap(), ..report(source, 1, "100") });
        assert_eq!(agree(&live, &rules(3, 3)).unwrap().unwrap().confidence.to_string(), "0.2");
    }

    /// I-14: near zero the scale sets the distance allowed, and prices of both signs agree.
    #[test]
    fn prices_around_zero_agree_by_the_scale() {
        assert_eq!(of(&["-0.01", "0", "0.01"], 3), Some(("0".into(), 3, false)));
        assert_eq!(of(&["-37.6", "-37.63", "-37.7"], 3), Some(("-37.63".into(), 3, false)));
    }
}

//! The numbers that an operator chooses for one feed, and the check that they make sense.

use std::fmt::Display;

use serde::{Deserialize, Serialize};
use units::{Overflow, Price, Ratio, Round};

use crate::report::LARGEST;

/// The largest ratio that a rule may have: 10 is 1000 %.
const LARGEST_RATIO: Ratio = Ratio::from_raw(10_000_000_000_000_000_000);

/// The rules by which the reports of one feed become a price.
///
/// A ratio here is a share of `max(|price|, scale)`: near zero, where a share of the price means nothing, it is a share
/// of `scale`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FeedRules {
    /// The sources that may report, ordered by number.
    pub sources: Vec<Source>,
    /// How many sources must be live and agree. Fewer make no price. At least 1; a quorum of 3 tolerates one liar, 5
    /// tolerates two.
    pub quorum: u32,
    /// The farthest that a source may lie from the median before it is left out.
    pub band: Ratio,
    /// The farthest that all but a minority of the sources may lie apart before the price is suspect.
    pub dispersion: Ratio,
    /// The smallest denominator of a ratio, in the unit of the price, above zero.
    pub scale: Price,
    /// The widest half-width that a report may have and still be used.
    pub max_confidence: Ratio,
    /// The farthest ahead of the clock that a report may be published, in microseconds.
    pub max_future_micros: i64,
    /// The farthest that the price may lie from the slow average. Wide for outside sources, so that a crash that a
    /// quorum sees is a valid price; narrow for one's own book.
    pub collar: Ratio,
    /// The most by which a change of the set of sources may move the price in one quote.
    pub handover: Ratio,
    /// Time constant of the fast average, in microseconds.
    pub fast_micros: i64,
    /// Time constant of the slow average, in microseconds: the window of the collar.
    pub slow_micros: i64,
    /// Whether zero and negative prices are legal.
    pub signed: bool,
}

/// A source that may report, with its limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The number by which the source reports.
    pub source: u32,
    /// The age up to which its report counts, in microseconds. Each source has its own heartbeat (I-11).
    pub max_age_micros: i64,
    /// The prices at which it stops following the market, if it does.
    #[serde(default)]
    pub bounds: Option<Bounds>,
}

/// The prices at which a source stops following the market. A price at a bound or beyond carries no information (I-13).
///
/// A source may stop short of the bound it was built with. Choose the bounds here inside its own by that distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// The lowest price it reports.
    pub low: Price,
    /// The highest price it reports.
    pub high: Price,
}

/// A rule that makes no sense: the field, its value, and the value expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: found {found}, expected {expected}")]
pub struct BadRule {
    /// The path of the field, such as `sources[1].max_age_micros`.
    pub field: String,
    /// The value of the field.
    pub found: String,
    /// The values that the field may have, in words.
    pub expected: &'static str,
}

impl Bounds {
    /// Whether `price` is at a bound or beyond it.
    pub fn holds_back(self, price: Price) -> bool {
        price <= self.low || price >= self.high
    }
}

impl FeedRules {
    /// Checks whether these rules make sense; the error names the first field that does not.
    ///
    /// With rules that pass, no report that [`crate::Feed::accept`] accepts makes [`crate::Feed::quote`] overflow.
    pub fn check(&self) -> Result<(), BadRule> {
        self.check_sources()?;
        let all = u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
        expect((1..=all).contains(&self.quorum), "quorum", self.quorum, "from 1 to the number of sources")?;
        expect(
            self.scale > Price::ZERO && self.scale <= LARGEST,
            "scale",
            self.scale,
            "above 0 and at most 1000000000000000000",
        )?;
        let ratios = [
            ("band", self.band),
            ("dispersion", self.dispersion),
            ("max_confidence", self.max_confidence),
            ("collar", self.collar),
            ("handover", self.handover),
        ];
        for (field, ratio) in ratios {
            let sane = ratio > Ratio::ZERO && ratio <= LARGEST_RATIO;
            expect(sane, field, ratio, "above 0 and at most 10")?;
            let smallest = self.scale.scaled(ratio, Round::Down).unwrap_or(Price::ZERO);
            expect(smallest > Price::ZERO, field, ratio, "at least 0.000000000000000001 of the scale")?;
        }
        expect(self.max_future_micros >= 0, "max_future_micros", self.max_future_micros, "0 or more")?;
        expect(self.fast_micros > 0, "fast_micros", self.fast_micros, "above 0")?;
        expect(self.slow_micros >= self.fast_micros, "slow_micros", self.slow_micros, "at least fast_micros")
    }

    fn check_sources(&self) -> Result<(), BadRule> {
        expect(!self.sources.is_empty(), "sources", "none", "one source or more")?;
        for (place, source) in self.sources.iter().enumerate() {
            let field = |name| format!("sources[{place}].{name}");
            let ordered = place.checked_sub(1).is_none_or(|before| self.sources[before].source < source.source);
            expect(ordered, field("source"), source.source, "a number above the one before")?;
            expect(source.max_age_micros > 0, field("max_age_micros"), source.max_age_micros, "above 0")?;
            if let Some(bounds) = source.bounds {
                expect(bounds.low < bounds.high, field("bounds.low"), bounds.low, "below bounds.high")?;
            }
        }
        Ok(())
    }

    /// The number of arbitrary sources that the index tolerates: ⌊(quorum − 1) / 2⌋ (I-15).
    pub fn minority(&self) -> usize {
        usize::try_from(self.quorum.saturating_sub(1) / 2).unwrap_or(usize::MAX)
    }

    /// The rules of one source; `None` when it may not report.
    pub fn source(&self, number: u32) -> Option<&Source> {
        self.sources.iter().find(|source| source.source == number)
    }

    /// `ratio` of `max(|at|, scale)`, rounded down.
    pub(crate) fn share(&self, ratio: Ratio, at: Price) -> Result<Price, Overflow> {
        size(at)?.max(self.scale).scaled(ratio, Round::Down)
    }

    /// Whether `price` is at most `ratio` of `max(|at|, scale)` away from `at`.
    pub(crate) fn near(&self, price: Price, at: Price, ratio: Ratio) -> Result<bool, Overflow> {
        Ok(size(price.minus(at)?)? <= self.share(ratio, at)?)
    }
}

/// The absolute value of a price.
pub(crate) fn size(price: Price) -> Result<Price, Overflow> {
    if price.is_negative() { price.negated() } else { Ok(price) }
}

fn expect(sane: bool, field: impl Into<String>, found: impl Display, expected: &'static str) -> Result<(), BadRule> {
    if sane { Ok(()) } else { Err(BadRule { field: field.into(), found: found.to_string(), expected }) }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Rules with `sources` sources, numbered from 1, for the tests of this crate.
    pub fn rules(sources: u32, quorum: u32) -> FeedRules {
        let source = |source| Source { source, max_age_micros: 10_000_000, bounds: None };
        FeedRules {
            sources: (1..=sources).map(source).collect(),
            quorum,
            band: "0.05".parse().unwrap(),
            dispersion: "0.02".parse().unwrap(),
            scale: "1".parse().unwrap(),
            max_confidence: "0.02".parse().unwrap(),
            max_future_micros: 1_000_000,
            collar: "0.1".parse().unwrap(),
            handover: "0.01".parse().unwrap(),
            fast_micros: 60_000_000,
            slow_micros: 600_000_000,
            signed: false,
        }
    }

    fn refusal(change: impl FnOnce(&mut FeedRules)) -> String {
        let mut changed = rules(3, 2);
        changed.check().unwrap();
        change(&mut changed);
        changed.check().unwrap_err().to_string()
    }

    /// I-06: every parameter has a hard range, and the refusal names the parameter.
    #[test]
    fn a_rule_outside_its_range_is_named() {
        let cases = [
            (refusal(|rules| rules.sources.clear()), "sources: found none, expected one source or more"),
            (
                refusal(|rules| rules.sources[2].source = 2),
                "sources[2].source: found 2, expected a number above the one before",
            ),
            (
                refusal(|rules| rules.sources[1].max_age_micros = 0),
                "sources[1].max_age_micros: found 0, expected above 0",
            ),
            (
                refusal(|rules| rules.sources[0].bounds = Some(Bounds { low: Price::ONE, high: Price::ONE })),
                "sources[0].bounds.low: found 1, expected below bounds.high",
            ),
            (refusal(|rules| rules.quorum = 0), "quorum: found 0, expected from 1 to the number of sources"),
            (refusal(|rules| rules.quorum = 4), "quorum: found 4, expected from 1 to the number of sources"),
            (
                refusal(|rules| rules.scale = Price::ZERO),
                "scale: found 0, expected above 0 and at most 1000000000000000000",
            ),
            (refusal(|rules| rules.band = Ratio::ZERO), "band: found 0, expected above 0 and at most 10"),
            (
                refusal(|rules| rules.collar = "10.1".parse().unwrap()),
                "collar: found 10.1, expected above 0 and at most 10",
            ),
            (
                refusal(|rules| rules.scale = Price::from_raw(1)),
                "band: found 0.05, expected at least 0.000000000000000001 of the scale",
            ),
            (refusal(|rules| rules.max_future_micros = -1), "max_future_micros: found -1, expected 0 or more"),
            (refusal(|rules| rules.fast_micros = 0), "fast_micros: found 0, expected above 0"),
            (refusal(|rules| rules.slow_micros = 1), "slow_micros: found 1, expected at least fast_micros"),
        ];
        for (found, expected) in cases {
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_quorum_of_three_bears_one_liar_and_five_bear_two() {
        let minorities: Vec<usize> = (1..=7).map(|quorum| rules(9, quorum).minority()).collect();
        assert_eq!(minorities, [0, 0, 1, 1, 2, 2, 3]);
    }
}

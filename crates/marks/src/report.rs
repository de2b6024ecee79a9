//! The report of one source: when it is accepted, and when it counts.

use serde::{Deserialize, Serialize};
use units::{Money, Overflow, Price, Ratio, Round, Timestamp};

use crate::rules::{FeedRules, Source};
use crate::validity::Cause;

/// The largest price and half-width that are accepted: 10¹⁸ units. Later sums cannot overflow.
pub const LARGEST: Price = Price::from_raw(1_000_000_000_000_000_000_000_000_000_000_000_000);

/// The price of a unit according to one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The number of the source that reports.
    pub source: u32,
    /// The source's own count of its reports.
    pub sequence: u64,
    /// When the source published it, by the source's clock.
    pub published: Timestamp,
    /// The price, signed.
    pub price: Price,
    /// Half the width of the range that the source is sure of, in the unit of the price, 0 or more.
    pub confidence: Price,
    /// The amount that can be traded near the price, in USD, 0 or more: it sets the weight of the report.
    pub depth: Money,
}

/// The reasons why a report is refused, in the order in which they are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The rules do not list the source.
    #[error("source {source_number}: not among the sources of this feed")]
    Unknown {
        /// The number of the source that reported.
        source_number: u32,
    },
    /// A report of this source with this number or a later one was accepted before.
    #[error("source {source_number}: sequence {sequence}, expected above {last}")]
    Sequence {
        /// The number of the source that reported.
        source_number: u32,
        /// The number that the report has.
        sequence: u64,
        /// The number of the last accepted report.
        last: u64,
    },
    /// A report of this source published then or later was accepted before.
    #[error(
        "source {source_number}: published at {} microseconds, expected after {}", published.micros(), last.micros()
    )]
    Published {
        /// The number of the source that reported.
        source_number: u32,
        /// The time that the report has.
        published: Timestamp,
        /// The time of the last accepted report.
        last: Timestamp,
    },
    /// Published too far ahead of the clock.
    #[error("source {source_number}: published {ahead_micros} microseconds ahead, expected at most {most_micros}")]
    Future {
        /// The number of the source that reported.
        source_number: u32,
        /// How far ahead of the clock the report is, in microseconds.
        ahead_micros: i64,
        /// The most that is allowed, in microseconds.
        most_micros: i64,
    },
    /// The report is older on arrival than reports of this source may become.
    #[error("source {source_number}: published {age_micros} microseconds ago, expected at most {most_micros}")]
    Stale {
        /// The number of the source that reported.
        source_number: u32,
        /// The age of the report, in microseconds.
        age_micros: i64,
        /// The largest age allowed, in microseconds.
        most_micros: i64,
    },
    /// The price is zero or negative, and the rules do not allow it.
    #[error("source {source_number}: price {price}, expected above 0")]
    NotPositive {
        /// The number of the source that reported.
        source_number: u32,
        /// The price that the report has.
        price: Price,
    },
    /// The price is beyond [`LARGEST`].
    #[error("source {source_number}: price {price}, expected at most {LARGEST} in size")]
    TooLarge {
        /// The number of the source that reported.
        source_number: u32,
        /// The price that the report has.
        price: Price,
    },
    /// The half-width is negative or beyond [`LARGEST`].
    #[error("source {source_number}: confidence {confidence}, expected from 0 to {LARGEST}")]
    Confidence {
        /// The number of the source that reported.
        source_number: u32,
        /// The half-width that the report has.
        confidence: Price,
    },
    /// The depth is negative.
    #[error("source {source_number}: depth {depth}, expected 0 or more")]
    Depth {
        /// The number of the source that reported.
        source_number: u32,
        /// The depth that the report has, in USD.
        depth: Money,
    },
}

impl Report {
    /// Checks whether this report may follow `last`, the last accepted report of the same source.
    ///
    /// Sequence and time of publication strictly increase (I-16).
    pub(crate) fn check(&self, rules: &FeedRules, last: Option<&Self>, now: Timestamp) -> Result<(), Refusal> {
        let source_number = self.source;
        let source = rules.source(source_number).ok_or(Refusal::Unknown { source_number })?;
        if let Some(last) = last {
            if self.sequence <= last.sequence {
                return Err(Refusal::Sequence { source_number, sequence: self.sequence, last: last.sequence });
            }
            if self.published <= last.published {
                return Err(Refusal::Published { source_number, published: self.published, last: last.published });
            }
        }
        let age_micros = self.age_micros(now);
        let (ahead_micros, most_micros) = (age_micros.saturating_neg(), rules.max_future_micros);
        if ahead_micros > most_micros {
            return Err(Refusal::Future { source_number, ahead_micros, most_micros });
        }
        if age_micros > source.max_age_micros {
            return Err(Refusal::Stale { source_number, age_micros, most_micros: source.max_age_micros });
        }
        if !rules.signed && self.price <= Price::ZERO {
            return Err(Refusal::NotPositive { source_number, price: self.price });
        }
        if self.price.raw().unsigned_abs() > LARGEST.raw().unsigned_abs() {
            return Err(Refusal::TooLarge { source_number, price: self.price });
        }
        if self.confidence.is_negative() || self.confidence > LARGEST {
            return Err(Refusal::Confidence { source_number, confidence: self.confidence });
        }
        if self.depth.is_negative() {
            return Err(Refusal::Depth { source_number, depth: self.depth });
        }
        Ok(())
    }

    /// The reason why this report does not count at `now`; `None` when it counts.
    ///
    /// It is evaluated for every quote anew: an accepted report grows old, and rules change.
    pub(crate) fn obstacle(
        &self,
        rules: &FeedRules,
        source: &Source,
        now: Timestamp,
    ) -> Result<Option<Cause>, Overflow> {
        let age_micros = self.age_micros(now);
        let obstacle = if source.bounds.is_some_and(|bounds| bounds.holds_back(self.price)) {
            Some(Cause::Clamped)
        } else if self.confidence > rules.share(rules.max_confidence, self.price)? {
            Some(Cause::Imprecise)
        } else if age_micros > source.max_age_micros || age_micros.saturating_neg() > rules.max_future_micros {
            Some(Cause::Stale)
        } else if !rules.signed && self.price <= Price::ZERO {
            // The rules were changed since the report was accepted, and its source may no longer report.
            Some(Cause::Quorum)
        } else {
            None
        };
        Ok(obstacle)
    }

    /// The depth that this report may claim: all of it when the source is sure, nothing when the half-width is at the
    /// widest allowed or beyond, and linear between (I-18).
    pub(crate) fn claim(&self, rules: &FeedRules) -> Result<Money, Overflow> {
        let widest = rules.share(rules.max_confidence, self.price)?;
        let left = widest.minus(self.confidence)?.max(Price::ZERO);
        let sureness = Money::from_raw(left.raw()).per(Money::from_raw(widest.raw()), Round::Down);
        self.depth.scaled(sureness.unwrap_or(Ratio::ZERO), Round::Down)
    }

    fn age_micros(&self, now: Timestamp) -> i64 {
        now.micros().saturating_sub(self.published.micros())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::rules::tests::rules;

    /// A report of `source` at second `second`, which is also its sequence, for the tests of this crate.
    pub fn report(source: u32, second: u32, price: &str) -> Report {
        Report {
            source,
            sequence: u64::from(second),
            published: Timestamp::from_micros(i64::from(second) * 1_000_000),
            price: price.parse().unwrap(),
            confidence: Price::ZERO,
            depth: "1000000".parse().unwrap(),
        }
    }

    fn refusal(change: impl FnOnce(&mut Report)) -> String {
        let (now, last) = (Timestamp::from_micros(100_000_000), report(2, 95, "100"));
        let mut next = report(2, 100, "101");
        next.check(&rules(3, 2), Some(&last), now).unwrap();
        change(&mut next);
        next.check(&rules(3, 2), Some(&last), now).unwrap_err().to_string()
    }

    /// I-16 time goes forward, I-11 no stale report is accepted, I-14 an illegal price is refused.
    #[test]
    fn a_report_that_may_not_be_said_is_refused_with_what_was_expected() {
        let late = Timestamp::from_micros(101_000_001);
        let cases = [
            (refusal(|report| report.source = 4), "source 4: not among the sources of this feed"),
            (refusal(|report| report.sequence = 95), "source 2: sequence 95, expected above 95"),
            (
                refusal(|report| report.published = Timestamp::from_micros(95_000_000)),
                "source 2: published at 95000000 microseconds, expected after 95000000",
            ),
            (
                refusal(|report| report.published = late),
                "source 2: published 1000001 microseconds ahead, expected at most 1000000",
            ),
            (refusal(|report| report.price = Price::ZERO), "source 2: price 0, expected above 0"),
            (refusal(|report| report.price = "-37.63".parse().unwrap()), "source 2: price -37.63, expected above 0"),
            (
                refusal(|report| report.price = "1000000000000000000.1".parse().unwrap()),
                "source 2: price 1000000000000000000.1, expected at most 1000000000000000000 in size",
            ),
            (
                refusal(|report| report.confidence = "-0.1".parse().unwrap()),
                "source 2: confidence -0.1, expected from 0 to 1000000000000000000",
            ),
            (refusal(|report| report.depth = "-1".parse().unwrap()), "source 2: depth -1, expected 0 or more"),
        ];
        for (found, expected) in cases {
            assert_eq!(found, expected);
        }
    }

    /// I-11: a report that is too old on arrival is refused, even when it is the first.
    #[test]
    fn a_first_word_that_is_too_old_is_refused() {
        let now = Timestamp::from_micros(110_000_001);
        let refusal = report(1, 100, "1").check(&rules(1, 1), None, now).unwrap_err();
        assert_eq!(refusal.to_string(), "source 1: published 10000001 microseconds ago, expected at most 10000000");
        let ancient = Report { published: Timestamp::from_micros(i64::MIN), ..report(1, 100, "1") };
        assert!(matches!(ancient.check(&rules(1, 1), None, now), Err(Refusal::Stale { .. })));
        let far = Report { published: Timestamp::from_micros(i64::MAX), ..report(1, 100, "1") };
        assert!(matches!(far.check(&rules(1, 1), None, now), Err(Refusal::Future { .. })));
    }

    /// I-14: where the rules allow it, zero and negative prices are prices like any other.
    #[test]
    fn zero_and_negative_are_prices_where_the_rules_say_so() {
        let mut rules = rules(1, 1);
        rules.signed = true;
        for price in ["0", "-37.63"] {
            assert_eq!(report(1, 1, price).check(&rules, None, Timestamp::from_micros(1_000_000)), Ok(()));
        }
    }

    /// I-18: the wider the half-width of a source, the less it weighs, down to nothing.
    #[test]
    fn an_unsure_source_claims_less_depth() {
        let claim = |confidence: &str| {
            let report = Report { confidence: confidence.parse().unwrap(), ..report(1, 1, "100") };
            report.claim(&rules(1, 1)).unwrap().to_string()
        };
        assert_eq!([claim("0"), claim("0.5"), claim("2"), claim("3")], ["1000000", "750000", "0", "0"]);
    }
}

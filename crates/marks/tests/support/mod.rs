//! A feed, its rules and a clock in whole seconds, for the tests of this crate.

use marks::{Feed, FeedRules, Quote, Refusal, Report, Source};
use units::{Price, Timestamp};

/// One unit as a count of 10⁻¹⁸.
pub const UNIT: i128 = 1_000_000_000_000_000_000;

/// Second `second` of the test.
pub fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000)
}

/// A price from its text.
pub fn price(text: &str) -> Price {
    text.parse().unwrap()
}

/// Rules for sources 1 to `sources`; a report counts for 10 seconds at most.
///
/// Band 5 %, dispersion 2 %, collar 10 %, handover 1 %, windows of 1 and 10 minutes.
pub fn rules(sources: u32, quorum: u32) -> FeedRules {
    let source = |source| Source { source, max_age_micros: 10_000_000, bounds: None };
    let rules = FeedRules {
        sources: (1..=sources).map(source).collect(),
        quorum,
        band: "0.05".parse().unwrap(),
        dispersion: "0.02".parse().unwrap(),
        scale: price("1"),
        max_confidence: "0.02".parse().unwrap(),
        max_future_micros: 1_000_000,
        collar: "0.1".parse().unwrap(),
        handover: "0.01".parse().unwrap(),
        fast_micros: 60_000_000,
        slow_micros: 600_000_000,
        signed: false,
    };
    rules.check().unwrap();
    rules
}

/// A report of `source` published at `second`.
pub fn report(source: u32, second: i64, price: Price) -> Report {
    Report {
        source,
        sequence: u64::try_from(second).unwrap() + 1,
        published: at(second),
        price,
        confidence: Price::ZERO,
        depth: "1000000".parse().unwrap(),
    }
}

/// A feed under rules.
pub struct Bench {
    /// The rules that the feed is read with.
    pub rules: FeedRules,
    /// The feed under test.
    pub feed: Feed,
}

impl Bench {
    /// A feed without any reports.
    pub fn new(rules: FeedRules) -> Self {
        Self { rules, feed: Feed::default() }
    }

    /// Accepts and records a report, as the engine does.
    pub fn say(&mut self, report: Report, second: i64) -> Result<(), Refusal> {
        self.feed.accept(&self.rules, &report, at(second))?;
        self.feed.record(report);
        Ok(())
    }

    /// Records reports of sources at `second`, then quotes the tick and publishes the quote.
    pub fn tick(&mut self, second: i64, said: &[(u32, &str)]) -> Quote {
        for (source, text) in said {
            self.say(report(*source, second, price(text)), second).unwrap();
        }
        self.quote(second)
    }

    /// Quotes the tick and publishes the quote.
    pub fn quote(&mut self, second: i64) -> Quote {
        let quote = self.feed.quote(&self.rules, at(second)).unwrap();
        self.feed.publish(quote.clone());
        quote
    }
}

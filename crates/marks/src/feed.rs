//! One feed: the last report of each source, the last quote, and the decision on the next quote.
//!
//! Three steps may keep the price from being the index, in this order:
//!
//! * **No index.** The last quote stays as it is, marked invalid. Its averages do not move.
//! * **Handover** (I-17). A change of the set of sources may move the price by at most [`FeedRules::handover`], measured
//!   from the index of the former set by its last reports, including those of dead sources: the market may move a price,
//!   a change of the set may not. After an invalid quote the move is measured from the last price. The rest of the way is
//!   walked in steps of the same length, one per quote, and the price is suspect until it arrives. A minority that comes
//!   and goes cannot start this while the last reports of the honest sources are closer together than one step: with the
//!   minority and without it, the median is in their range.
//! * **Collar** (I-20). The price is at most [`FeedRules::collar`] from the slow average, which follows the collared
//!   price. Let a time `T` of arbitrary reports begin when `max(|slow|, scale)` is `M`, and let
//!   `S = collar · T / slow_micros` be below 1. Then the slow average moves by at most `M·S/(1 − S)`, and the price is
//!   at most `M·(S + collar)/(1 − S)` from where the slow average was.

use serde::{Deserialize, Serialize};
use units::{Overflow, Price, Timestamp};

use crate::average::stepped;
use crate::index::{Agreement, agree, is_quorum, median};
use crate::quote::Quote;
use crate::report::{Refusal, Report};
use crate::rules::{FeedRules, size};
use crate::validity::{Cause, Validity};

/// The state of one price: the last reports of its sources and its last quote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// The last accepted report of each source, ordered by source.
    reports: Vec<Report>,
    /// The last published quote.
    last: Option<Quote>,
}

/// The reasons why there is no quote at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoQuote {
    /// There is no quorum, and there never was one, so there is no last price to keep.
    #[error("no price yet: {live} sources live, expected {quorum} that agree")]
    NoPrice {
        /// The obstacle to a price.
        cause: Cause,
        /// The number of live sources.
        live: usize,
        /// The number of sources that must be live and agree.
        quorum: u32,
    },
    /// A number left its range. Rules that pass [`FeedRules::check`] and reports that were accepted exclude it.
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

impl Feed {
    /// Checks whether `report` may be recorded at `now` (I-16). Changes nothing.
    pub fn accept(&self, rules: &FeedRules, report: &Report, now: Timestamp) -> Result<(), Refusal> {
        report.check(rules, self.report(report.source), now)
    }

    /// Stores an accepted report in place of the former report of its source.
    pub fn record(&mut self, report: Report) {
        match self.reports.binary_search_by_key(&report.source, |known| known.source) {
            Ok(place) => self.reports[place] = report,
            Err(place) => self.reports.insert(place, report),
        }
    }

    /// The quote of the tick `now`. Changes nothing.
    ///
    /// A tick that has a quote keeps it, whatever is reported later (I-12); a tick before the last quote gets that
    /// quote too.
    pub fn quote(&self, rules: &FeedRules, now: Timestamp) -> Result<Quote, NoQuote> {
        if let Some(last) = self.last.as_ref().filter(|last| last.at >= now) {
            return Ok(last.clone());
        }
        let (live, obstacle) = self.live(rules, now)?;
        let agreement = if is_quorum(&live, rules) { agree(&live, rules)? } else { None };
        let cause = if is_quorum(&live, rules) { Cause::Disagreed } else { obstacle };
        match (agreement, &self.last) {
            (Some(agreement), Some(last)) => Ok(self.next(&agreement, last, rules, now)?),
            (Some(agreement), None) => Ok(first(&agreement, now)),
            (None, Some(last)) => Ok(Quote { cause, live: numbers(&live), at: now, ..last.clone() }),
            (None, None) => Err(NoQuote::NoPrice { cause, live: live.len(), quorum: rules.quorum }),
        }
    }

    /// Stores a quote that was decided.
    pub fn publish(&mut self, quote: Quote) {
        self.last = Some(quote);
    }

    /// The last published quote.
    pub fn last(&self) -> Option<&Quote> {
        self.last.as_ref()
    }

    /// The last accepted report of each source, ordered by source.
    pub fn reports(&self) -> &[Report] {
        &self.reports
    }

    /// The last moment, from `now` on, until which the same reports count as at `now`. After it a report becomes too
    /// old, or a report from too far ahead of the clock begins to count. The answer of [`Self::quote`] about a quorum
    /// is the same until then.
    pub fn steady_until(&self, rules: &FeedRules, now: Timestamp) -> Timestamp {
        let changes = rules.sources.iter().filter_map(|source| {
            let published = self.report(source.source)?.published.micros();
            let (begins, ends) =
                (published.saturating_sub(rules.max_future_micros), published.saturating_add(source.max_age_micros));
            if now.micros() < begins { Some(begins - 1) } else { Some(ends).filter(|ends| now.micros() <= *ends) }
        });
        Timestamp::from_micros(changes.min().unwrap_or(i64::MAX))
    }

    fn report(&self, source: u32) -> Option<&Report> {
        let place = self.reports.binary_search_by_key(&source, |known| known.source).ok()?;
        self.reports.get(place)
    }

    /// The reports that count at `now`, ordered by source, and the cause to name when they are too few.
    fn live(&self, rules: &FeedRules, now: Timestamp) -> Result<(Vec<Report>, Cause), Overflow> {
        let mut live = Vec::with_capacity(rules.sources.len());
        let mut obstacles = Vec::new();
        for source in &rules.sources {
            let Some(report) = self.report(source.source) else { continue };
            match report.obstacle(rules, source, now)? {
                None => live.push(*report),
                Some(obstacle) => obstacles.push(obstacle),
            }
        }
        let by_weight = [Cause::Clamped, Cause::Imprecise, Cause::Stale];
        let named = by_weight.into_iter().find(|cause| obstacles.contains(cause));
        Ok((live, named.unwrap_or(Cause::Quorum)))
    }

    /// The quote that follows `last`.
    fn next(&self, agreement: &Agreement, last: &Quote, rules: &FeedRules, now: Timestamp) -> Result<Quote, Overflow> {
        let (staged, handover) = self.handed_over(agreement, last, rules)?;
        let collar = rules.share(rules.collar, last.slow)?;
        let price = staged.clamp(last.slow.minus(collar)?, last.slow.plus(collar)?);
        let cause = if price != staged {
            Cause::Collared
        } else if handover {
            Cause::Handover
        } else {
            heard(agreement)
        };
        let elapsed_micros = now.micros().saturating_sub(last.at.micros());
        let fast = stepped(last.fast, price, elapsed_micros, rules.fast_micros)?;
        let slow = stepped(last.slow, price, elapsed_micros, rules.slow_micros)?;
        Ok(Quote { price, fast, slow, cause, handover, ..first(agreement, now) })
    }

    /// The index, or the point toward it that the handover allows; and whether part of the way remains.
    fn handed_over(&self, agreement: &Agreement, last: &Quote, rules: &FeedRules) -> Result<(Price, bool), Overflow> {
        let index = agreement.index;
        let from = if last.handover || last.validity() == Validity::Invalid {
            last.price
        } else {
            let before: Vec<Report> = last.live.iter().filter_map(|source| self.report(*source)).copied().collect();
            median(&before, rules)?.unwrap_or(last.price)
        };
        let step = rules.share(rules.handover, from)?;
        if size(index.minus(from)?)? <= step {
            return Ok((index, false));
        }
        let staged = if index > from { from.plus(step)? } else { from.minus(step)? };
        Ok((staged, true))
    }
}

/// The first quote of a feed: there is no handover, and both averages begin at the price.
fn first(agreement: &Agreement, now: Timestamp) -> Quote {
    let price = agreement.index;
    Quote {
        price,
        index: price,
        confidence: agreement.confidence,
        fast: price,
        slow: price,
        cause: heard(agreement),
        handover: false,
        live: numbers(&agreement.used),
        published: oldest(&agreement.used, now),
        at: now,
    }
}

/// The cause to name when nothing holds the index back.
fn heard(agreement: &Agreement) -> Cause {
    if agreement.dispersed { Cause::Dispersed } else { Cause::Agreed }
}

fn numbers(reports: &[Report]) -> Vec<u32> {
    reports.iter().map(|report| report.source).collect()
}

fn oldest(reports: &[Report], now: Timestamp) -> Timestamp {
    reports.iter().map(|report| report.published).min().unwrap_or(now)
}

//! Coverage: how often reference books lost more than their margin from one recorded snapshot to the next.

use std::collections::BTreeMap;

use model::{Market, UnderlyingId};
use serde::Serialize;
use units::Timestamp;

use crate::books::BOOKS;
use crate::history::History;
use crate::interval::{Interval, NoValue};
use crate::product::{Methods, Verdict};
use crate::shelf::build;
use crate::snapshots::{NoMarket, Pair, Recording, Span};

/// The coins for which books are built.
const COINS: [&str; 2] = ["BTC", "ETH"];

/// The name of the coin of a book that names its coins itself.
const BOTH: &str = "both";

/// A margin below this, in USD, makes no ratio.
const LEAST_MARGIN: f64 = 0.01;

/// The coverage of every method over a recording.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Report {
    /// The snapshot at which the first interval starts; none without intervals.
    pub from: Option<Timestamp>,
    /// The snapshot at which the last interval ends; none without intervals.
    pub to: Option<Timestamp>,
    /// Number of intervals.
    pub intervals: u64,
    /// Books that were not built, because a contract was not listed.
    pub not_listed: u64,
    /// Books that had no value at the end of the interval.
    pub no_value: u64,
    /// A row for each method.
    pub methods: Vec<MethodRow>,
    /// A row for each book and coin, under the universal method.
    pub books: Vec<BookRow>,
}

/// Losses against margins, counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tally {
    /// Book-intervals that were judged.
    pub judged: u64,
    /// Book-intervals whose loss was above the maintenance margin.
    pub above: u64,
    /// The largest loss over the maintenance margin; none where no margin was asked.
    pub worst_ratio: Option<f64>,
    /// The book with that ratio, its coin, and the start of the interval.
    pub worst: Option<String>,
    /// Mean of the maintenance margin as a part of the notional.
    pub margin_part: f64,
}

/// The coverage of one method.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MethodRow {
    /// The name of the method.
    pub method: String,
    /// The losses of all books against their margins.
    pub tally: Tally,
    /// Book-intervals whose requirement the method does not know.
    pub unknown: u64,
    /// Accounts that hold exactly what they paid for, and can owe nothing.
    pub buyers: u64,
    /// Those of them that are below healthy at the start.
    pub buyers_below: u64,
}

/// The coverage of one book under the universal method.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BookRow {
    /// The name of the book.
    pub book: String,
    /// Its coin, or both.
    pub coin: String,
    /// Its losses over all intervals against its margins.
    pub tally: Tally,
}

/// One book over one interval.
struct Outcome {
    book: &'static str,
    coin: &'static str,
    start: Timestamp,
    loss: f64,
    notional: f64,
    verdicts: Vec<Option<Verdict>>,
    /// The verdicts on who paid for the book and has nothing else; none for books that can lose more.
    buyers: Option<Vec<Option<Verdict>>>,
}

/// All books over one interval.
#[derive(Default)]
struct Walked {
    outcomes: Vec<Outcome>,
    not_listed: u64,
    no_value: u64,
}

/// Walks over a recording. `progress` is called after each interval.
pub fn cover(
    recording: &Recording,
    history: &History,
    span: Span,
    threads: usize,
    mut progress: impl FnMut(),
) -> Result<Report, NoMarket> {
    let methods = Methods::all();
    let pairs = recording.pairs(span);
    let mut report = Report {
        from: pairs.first().map(|pair| pair.start),
        to: pairs.last().map(|pair| pair.end),
        intervals: u64::try_from(pairs.len()).unwrap_or(u64::MAX),
        not_listed: 0,
        no_value: 0,
        methods: methods.names().map(|name| MethodRow { method: name.to_owned(), ..MethodRow::default() }).collect(),
        books: Vec::new(),
    };
    let mut rows: BTreeMap<(usize, &str), Tally> = BTreeMap::new();
    let work = |pair: Pair| walk(recording, history, &methods, pair);
    for walked in pool::map(threads, pairs, work, |_| progress()) {
        let walked = walked?;
        report.not_listed += walked.not_listed;
        report.no_value += walked.no_value;
        for outcome in &walked.outcomes {
            for (row, verdict) in report.methods.iter_mut().zip(&outcome.verdicts) {
                match verdict {
                    Some(verdict) => row.tally.add(outcome, verdict.maintenance),
                    None => row.unknown += 1,
                }
            }
            for (row, verdict) in report.methods.iter_mut().zip(outcome.buyers.iter().flatten()) {
                if let Some(verdict) = verdict {
                    row.buyers += 1;
                    row.buyers_below += u64::from(!verdict.healthy);
                }
            }
            let place = BOOKS.iter().position(|rule| rule.name == outcome.book).unwrap_or(BOOKS.len());
            let universal = outcome.verdicts.first().copied().flatten();
            if let Some(verdict) = universal {
                rows.entry((place, outcome.coin)).or_default().add(outcome, verdict.maintenance);
            }
        }
    }
    let row = |((place, coin), mut tally): ((usize, &str), Tally)| {
        tally.close();
        BookRow { book: BOOKS[place].name.to_owned(), coin: coin.to_owned(), tally }
    };
    report.books = rows.into_iter().map(row).collect();
    report.methods.iter_mut().for_each(|row| row.tally.close());
    Ok(report)
}

impl Tally {
    fn add(&mut self, outcome: &Outcome, margin: f64) {
        self.judged += 1;
        self.above += u64::from(outcome.loss > margin);
        self.margin_part += margin / outcome.notional;
        let ratio = outcome.loss / margin;
        if margin >= LEAST_MARGIN && self.worst_ratio.is_none_or(|worst| ratio > worst) {
            self.worst_ratio = Some(ratio);
            self.worst = Some(format!("{} {} {}", outcome.coin, outcome.book, outcome.start));
        }
    }

    /// Turns the sum of margins into their mean.
    #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "a number of intervals is far below 2^53")]
    fn close(&mut self) {
        if self.judged > 0 {
            self.margin_part /= self.judged as f64;
        }
    }
}

/// Builds, judges and values every book over one interval.
fn walk(recording: &Recording, history: &History, methods: &Methods, pair: Pair) -> Result<Walked, NoMarket> {
    let (start, end) = (recording.market(pair.start)?, recording.market(pair.end)?);
    let judges = methods.judge(&start);
    let interval = Interval { start: &start, end: &end, history };
    let mut walked = Walked::default();
    for rule in &BOOKS {
        for (coin, underlying) in coins(rule.of_each_coin(), &start) {
            let Some(book) = underlying.and_then(|underlying| build(rule, underlying, &start)) else {
                walked.not_listed += 1;
                continue;
            };
            match interval.profit(&book.account) {
                Ok(profit) => walked.outcomes.push(Outcome {
                    book: rule.name,
                    coin,
                    start: pair.start,
                    loss: -profit,
                    notional: book.notional,
                    verdicts: judges.verdicts(&book.account),
                    buyers: (rule.bought && !book.can_owe(&start)).then(|| judges.verdicts(&book.fully_paid())),
                }),
                Err(NoValue::NoClose { .. } | NoValue::NoQuote { .. } | NoValue::NoPrice { .. }) => {
                    walked.no_value += 1;
                }
            }
        }
    }
    Ok(walked)
}

/// The coins for which a book is built: each, or the first for a book that names its coins.
fn coins(each: bool, market: &Market) -> Vec<(&'static str, Option<UnderlyingId>)> {
    if each {
        COINS.iter().map(|coin| (*coin, market.underlying(coin))).collect()
    } else {
        vec![(BOTH, market.underlying(COINS[0]))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_counts_losses_above_the_margin_and_keeps_the_worst() {
        let outcome = |loss: f64| Outcome {
            book: "long perpetual",
            coin: "BTC",
            start: Timestamp::from_micros(0),
            loss,
            notional: 1000.0,
            verdicts: Vec::new(),
            buyers: None,
        };
        let mut tally = Tally::default();
        for (loss, margin) in [(50.0, 100.0), (150.0, 100.0), (-20.0, 100.0), (1.0, 0.0)] {
            tally.add(&outcome(loss), margin);
        }
        tally.close();
        assert_eq!((tally.judged, tally.above, tally.worst_ratio), (4, 2, Some(1.5)));
        assert!((tally.margin_part - 0.075).abs() < 1e-12);
        assert_eq!(tally.worst.as_deref(), Some("BTC long perpetual 1970-01-01T00:00:00Z"));
    }
}

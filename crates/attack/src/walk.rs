//! The adversary in advance, over a recorded chain: at each snapshot the worst books of a few kinds are built, and what
//! they lost until the next snapshot is compared with their margin.

use std::collections::BTreeMap;

use model::{Account, Position, UnderlyingId};
use serde::Serialize;
use units::Timestamp;

use crate::books::BOOKS;
use crate::field::Extent;
use crate::history::History;
use crate::hunt::{Ground, Solved};
use crate::interval::Interval;
use crate::kind::{Kind, Setting};
use crate::legs::account;
use crate::product::{Product, Refusal};
use crate::shelf::build;
use crate::snapshots::{NoMarket, Pair, Recording, Span};

/// The coins whose contracts are held.
const COINS: [&str; 2] = ["BTC", "ETH"];

/// The name under which the books of a perpetual and the option that expires next are counted.
const NEXT: &str = "perpetual and next option";

/// What a walk looks for.
#[derive(Clone, Debug)]
pub struct Options {
    /// The kinds of days for which books are built.
    pub kinds: Vec<Kind>,
    /// At most so many days of a kind, evenly spread over all of them.
    pub days: usize,
    /// How large a book may be.
    pub extent: Extent,
    /// Threads that work at the same time.
    pub threads: usize,
}

/// Books of one kind over all intervals.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Walked {
    /// The kind of days that the books were built for, or the rule of a fixed book.
    pub kind: String,
    /// Books that were valued at the end of their interval.
    pub books: u64,
    /// Books without a value at the end.
    pub no_value: u64,
    /// Days whose programme the solver gave up.
    pub unsolved: u64,
    /// Books that lost more than their maintenance margin.
    pub above: u64,
    /// The largest loss over the maintenance margin; none without books.
    pub worst_ratio: Option<f64>,
    /// The coin, the start of the interval and the day of the book with that ratio.
    pub worst: Option<String>,
}

/// One book over one interval.
struct Outcome {
    kind: String,
    coin: &'static str,
    start: Timestamp,
    day: String,
    result: Valued,
}

/// What became of a book.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Valued {
    /// Its loss over its maintenance margin.
    Ratio(f64),
    /// It has no value at the end, or no margin at the start.
    Nothing,
    /// The solver gave it up.
    NotSolved,
}

/// The reason why a walk ends.
#[derive(Debug, thiserror::Error)]
pub enum NoWalk {
    /// A snapshot is no market.
    #[error(transparent)]
    Market(#[from] NoMarket),
    /// The method refuses a market or a book.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Walks over a recording. `progress` is called after each interval.
pub fn walk(
    product: &Product,
    recording: &Recording,
    history: &History,
    span: Span,
    options: &Options,
    mut progress: impl FnMut(),
) -> Result<Vec<Walked>, NoWalk> {
    let work = |pair: Pair| interval(product, recording, history, pair, options);
    let mut rows: BTreeMap<String, Walked> = BTreeMap::new();
    for outcomes in pool::map(options.threads, recording.pairs(span), work, |_| progress()) {
        for outcome in outcomes? {
            let row = rows.entry(outcome.kind.clone()).or_default();
            row.kind.clone_from(&outcome.kind);
            row.add(&outcome);
        }
    }
    let mut rows: Vec<Walked> = rows.into_values().collect();
    // The kinds in their order, then the fixed books.
    rows.sort_by_key(|row| Kind::ALL.iter().position(|kind| kind.name() == row.kind).unwrap_or(Kind::ALL.len()));
    Ok(rows)
}

impl Walked {
    fn add(&mut self, outcome: &Outcome) {
        let ratio = match outcome.result {
            Valued::Ratio(ratio) => ratio,
            Valued::Nothing => {
                self.no_value += 1;
                return;
            }
            Valued::NotSolved => {
                self.unsolved += 1;
                return;
            }
        };
        self.books += 1;
        self.above += u64::from(ratio > 1.0);
        if self.worst_ratio.is_none_or(|worst| ratio > worst) {
            self.worst_ratio = Some(ratio);
            self.worst = Some(format!("{} {} {}", outcome.coin, outcome.start, outcome.day));
        }
    }
}

/// The books of one interval.
fn interval(
    product: &Product,
    recording: &Recording,
    history: &History,
    pair: Pair,
    options: &Options,
) -> Result<Vec<Outcome>, NoWalk> {
    let (start, end) = (recording.market(pair.start)?, recording.market(pair.end)?);
    let interval = Interval { start: &start, end: &end, history };
    let mut outcomes = Vec::new();
    for coin in COINS {
        let Some(underlying) = start.underlying(coin) else { continue };
        let ground = Ground::new(product, &start, underlying, options.extent)?;
        let valued = |account: &Account| -> Result<Valued, Refusal> {
            let margin = ground.defence.maintenance(account)?;
            let profit = interval.profit(account).ok().filter(|_| margin > 0.0);
            Ok(profit.map_or(Valued::Nothing, |profit| Valued::Ratio(-profit / margin)))
        };
        let mut aimed = books(&ground, underlying, options)?;
        aimed.extend(with_the_next_option(&ground, underlying));
        for Aimed { kind, day, account } in aimed {
            let result = account.as_ref().map_or(Ok(Valued::NotSolved), valued)?;
            outcomes.push(Outcome { kind, coin, start: pair.start, day, result });
        }
    }
    Ok(outcomes)
}

/// A book that was built at a snapshot.
struct Aimed {
    /// The kind of days, or the rule.
    kind: String,
    /// The day that it is aimed at, or the book in words.
    day: String,
    /// The book; none where the solver gave up.
    account: Option<Account>,
}

/// The programme's books at a snapshot.
fn books(ground: &Ground, underlying: UnderlyingId, options: &Options) -> Result<Vec<Aimed>, Refusal> {
    let market = ground.market();
    let setting = Setting { market, underlying, sizes: &ground.sizes, history: None, multiple: 1.0 };
    let mut found = Vec::new();
    for kind in &options.kinds {
        let Ok(days) = kind.days(&setting) else { continue };
        let step = days.len().div_ceil(options.days.max(1)).max(1);
        for (place, day) in days.iter().enumerate().step_by(step) {
            let account = match ground.programme_book(place, day)? {
                Solved::Book(candidate) => Some(account(market, &ground.field.legs, &candidate.sizes)?),
                Solved::NotSolved => None,
                Solved::NothingLoses => continue,
            };
            found.push(Aimed { kind: kind.name().to_owned(), day: day.name.clone(), account });
        }
    }
    Ok(found)
}

/// A perpetual with the option at the money that expires next, each way of both.
fn with_the_next_option(ground: &Ground, underlying: UnderlyingId) -> Vec<Aimed> {
    let market = ground.market();
    let rules = BOOKS.iter().filter(|rule| rule.name.contains("next "));
    let built = rules.filter_map(|rule| Some((rule.name, build(rule, underlying, market)?)));
    built
        .flat_map(|(name, book)| {
            let straight = Account { balances: Vec::new(), ..book.account };
            let turned = turned(&straight);
            let aimed = |day, account| Aimed { kind: NEXT.into(), day, account: Some(account) };
            [aimed(name.to_owned(), straight), aimed(format!("the other side of: {name}"), turned)]
        })
        .collect()
}

/// The account with every position on the other side.
fn turned(account: &Account) -> Account {
    let other = |position: &Position| {
        let quantity = position.quantity.negated().unwrap_or(position.quantity);
        Position { quantity, ..*position }
    };
    Account { positions: account.positions.iter().map(other).collect(), ..account.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn books_are_counted_by_what_became_of_them() {
        let outcome = |result| Outcome {
            kind: "expiry".into(),
            coin: "BTC",
            start: Timestamp::from_micros(0),
            day: "settles, then −3 %".into(),
            result,
        };
        let mut row = Walked::default();
        for result in [0.5, 1.5, -0.2].map(Valued::Ratio).into_iter().chain([Valued::Nothing, Valued::NotSolved]) {
            row.add(&outcome(result));
        }
        assert_eq!((row.books, row.above, row.no_value, row.unsolved, row.worst_ratio), (3, 1, 1, 1, Some(1.5)));
        assert_eq!(row.worst.as_deref(), Some("BTC 1970-01-01T00:00:00Z settles, then −3 %"));
    }
}

//! The ways in which the margin period passes while prices move, which FAM-1 to FAM-3 and FAM-7 share (SCN-8).
//!
//! A move comes at once; or at the end of the period; or after the contracts that expire early in the period have settled
//! at today's prices. The last way has a scenario for each part of the period in which something expires.

use model::Market;
use units::Timestamp;

use crate::method::universal::rules::Rules;
use crate::scenario::Move;

/// One way in which the margin period passes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Passage {
    /// The time that passes, in years.
    years: f64,
    /// Contracts that expire within this many years settle before the move.
    settled: f64,
    /// The factor on moves of price: the root of the part of the period that is left when the first of them has settled.
    pub part: f64,
    /// The words that end the name of a scenario; empty where no time passes.
    pub words: String,
}

impl Passage {
    /// A move of price and volatility that comes in this way.
    pub fn of(&self, shift: Move) -> Move {
        Move { price: self.part * shift.price, years: self.years, settled: self.settled, ..shift }
    }

    /// Whether contracts settle before the move. Where prices do not move, it makes no difference.
    pub fn settles_first(&self) -> bool {
        self.settled > 0.0
    }
}

/// The move comes at the end of the period.
pub(super) fn at_the_end(rules: &Rules) -> Passage {
    let days = rules.scan.days;
    let passes = if days == 1.0 { "1 day passes".to_owned() } else { format!("{days} days pass") };
    Passage { years: days / 365.0, settled: 0.0, part: 1.0, words: format!(", {passes}") }
}

/// Every way in which the period passes in `market`, or in any market of the same listings up to the moment `until`:
/// at once first.
pub(super) fn passages(market: &Market, rules: &Rules, until: Timestamp) -> Vec<Passage> {
    let days = rules.scan.days;
    let years = days / 365.0;
    let mut passages = vec![Passage { years: 0.0, settled: 0.0, part: 1.0, words: String::new() }, at_the_end(rules)];
    let mut from = 0.0;
    for part in &rules.scan.settle_within {
        if expires_within(market, until, [from * years, part * years]) {
            let words = format!(", after expiries within {} h", hours(part * days));
            passages.push(Passage { years, settled: part * years, part: (1.0 - from).sqrt(), words });
        }
        from = *part;
    }
    passages
}

/// Whether a contract expires between two times from now, at any moment from the time of the market up to `until`.
fn expires_within(market: &Market, until: Timestamp, [after, within]: [f64; 2]) -> bool {
    market.instruments.iter().filter_map(model::Instrument::expiry).any(|expiry| {
        let (most, least) = (expiry.years_since(market.time), expiry.years_since(until));
        most > 0.0 && least <= within && most > after
    })
}

/// Hours in words, with one decimal where needed.
fn hours(days: f64) -> f64 {
    (240.0 * days).round() / 10.0
}

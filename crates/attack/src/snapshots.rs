//! The snapshots of a recorded chain between two moments, paired into intervals.

use feed::chain::{Asked, ChainError, ChainFile, FuturesFile};
use model::{Invalid, Market};
use std::time::Duration;
use units::Timestamp;

/// Microseconds in an hour.
const HOUR: f64 = 3_600_000_000.0;

/// The part of an interval's length by which a snapshot may be away from the end that was asked for.
const SLACK: f64 = 0.25;

/// A recorded chain with the prices that go with it.
#[derive(Clone, Copy, Debug)]
pub struct Recording<'a> {
    /// Options, snapshot by snapshot.
    pub chain: &'a ChainFile,
    /// Futures and perpetuals at the snapshots.
    pub futures: Option<&'a FuturesFile>,
}

/// The part of a recording that is walked over.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    /// The first moment; the beginning where none is given.
    pub from: Option<Timestamp>,
    /// The last moment; the end where none is given.
    pub to: Option<Timestamp>,
    /// Hours from the start of an interval to its end; to the next snapshot where none are given.
    pub hours: Option<f64>,
}

/// The moments of two snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The snapshot at the start.
    pub start: Timestamp,
    /// The snapshot at the end.
    pub end: Timestamp,
}

/// The reason why a snapshot is no market.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoMarket {
    /// The recording does not make one.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The document of the snapshot is refused.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

impl Recording<'_> {
    /// The market of the snapshot at a moment.
    pub fn market(&self, at: Timestamp) -> Result<Market, NoMarket> {
        let asked = Asked { at, within: Duration::ZERO };
        let (document, _) = self.chain.market(asked, &[], self.futures)?;
        Ok(Market::new(&document)?)
    }

    /// The intervals of a span, each from one snapshot to the next; with hours, to the snapshot nearest to so many hours
    /// later, unless that is a quarter of them away.
    pub fn pairs(&self, span: Span) -> Vec<Pair> {
        let within =
            |time: &Timestamp| span.from.is_none_or(|from| *time >= from) && span.to.is_none_or(|to| *time <= to);
        let times: Vec<Timestamp> = self.chain.snapshots().filter(within).collect();
        pairs(&times, span.hours)
    }
}

fn pairs(times: &[Timestamp], hours: Option<f64>) -> Vec<Pair> {
    let Some(hours) = hours else {
        return times.windows(2).map(|pair| Pair { start: pair[0], end: pair[1] }).collect();
    };
    let of = |(place, start): (usize, &Timestamp)| {
        let later = times[place + 1..].iter();
        let off = |end: &Timestamp| (end.seconds_since(*start) * 1e6 / HOUR - hours).abs();
        let end = *later.min_by(|one, other| off(one).total_cmp(&off(other)))?;
        (off(&end) <= SLACK * hours).then_some(Pair { start: *start, end })
    };
    times.iter().enumerate().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_end_at_the_next_snapshot_or_after_the_hours_asked_for() {
        let at = |hour: i64| Timestamp::from_micros(hour * 3_600_000_000);
        let times = [at(0), at(6), at(12), at(24), at(60)];
        let ends = |hours| pairs(&times, hours).iter().map(|pair| (pair.start, pair.end)).collect::<Vec<_>>();
        assert_eq!(ends(None), [(at(0), at(6)), (at(6), at(12)), (at(12), at(24)), (at(24), at(60))]);
        assert_eq!(ends(Some(24.0)), [(at(0), at(24)), (at(6), at(24))]);
    }
}

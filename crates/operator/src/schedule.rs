//! The schedule of duties.

use units::Timestamp;

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;

/// How often each duty is done, in microseconds. A period begins whenever the time is a multiple of it: funding every
/// eight hours is due at 00:00, 08:00 and 16:00 UTC. A duty that was missed is done once, not once for each period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Time from tick to tick, at which prices are formed and accounts judged.
    pub tick: i64,
    /// Time from one funding payment of a perpetual to the next.
    pub funding: i64,
    /// Time from one charge of interest on debts to the next.
    pub interest: i64,
    /// Time from one settlement of variation to the next; none where profit stays unsettled until a position is closed.
    pub settlement: Option<i64>,
    /// Time after which a refused duty is tried again.
    pub retry: i64,
}

impl Default for Schedule {
    /// A tick every second, funding every eight hours, interest every hour, settlement every day, a minute until a retry.
    fn default() -> Self {
        Self { tick: SECOND, funding: 8 * HOUR, interest: HOUR, settlement: Some(24 * HOUR), retry: 60 * SECOND }
    }
}

/// Whether a period of this many microseconds has begun after `last` and until `now`.
pub(crate) fn is_due(period: i64, last: Timestamp, now: Timestamp) -> bool {
    period > 0 && now.micros().div_euclid(period) > last.micros().div_euclid(period)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_begins_at_its_multiples() {
        let at = Timestamp::from_micros;
        assert!(!is_due(10, at(10), at(19)), "the period of 10 goes on");
        assert!(is_due(10, at(19), at(20)) && is_due(10, at(10), at(95)));
        assert!(!is_due(10, at(20), at(20)) && !is_due(10, at(30), at(20)), "nothing is due before now");
        assert!(
            is_due(10, at(-1), at(0)) && !is_due(0, at(0), at(100)),
            "also before 1970; a period of nothing never begins"
        );
    }
}

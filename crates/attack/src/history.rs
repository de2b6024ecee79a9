//! Recorded joint moves of coins over 24 hours.

use std::collections::BTreeMap;

use feed::closes::Closes;
use units::Timestamp;

/// Microseconds in a day.
const DAY: i64 = 86_400_000_000;

/// Hourly closes by underlying.
#[derive(Clone, Debug, Default)]
pub struct History {
    closes: BTreeMap<String, Closes>,
}

/// The moves of all underlyings in 24 hours that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// The end of the 24 hours.
    pub until: Timestamp,
    /// The relative move of each underlying; 0 where none was recorded.
    pub moves: Vec<f64>,
}

impl History {
    /// A history of these closes, by the name of the underlying.
    pub fn new(closes: BTreeMap<String, Closes>) -> Self {
        Self { closes }
    }

    /// The closes of an underlying.
    pub fn closes(&self, underlying: &str) -> Option<&Closes> {
        self.closes.get(underlying)
    }

    /// Whether prices of the underlying were recorded.
    pub fn knows(&self, underlying: &str) -> bool {
        self.closes.contains_key(underlying)
    }

    /// At most `count` joint moves, none above `multiple` times the range of an underlying, each as far as possible from
    /// those before it in units of the ranges. Candidates are, for each underlying, the worst window of each day each way.
    pub fn moves(&self, underlyings: &[&str], ranges: &[f64], multiple: f64, count: usize) -> Vec<Moved> {
        let mut candidates = Vec::new();
        for name in underlyings.iter().filter(|name| self.knows(name)) {
            for until in self.worst_windows(name) {
                let of = |name: &&str| self.closes(name).and_then(|closes| window(closes, until)).unwrap_or(0.0);
                let moves: Vec<f64> = underlyings.iter().map(of).collect();
                let within = moves.iter().zip(ranges).all(|(shift, range)| shift.abs() <= multiple * range);
                if within {
                    candidates.push(Moved { until, moves });
                }
            }
        }
        farthest(&candidates, ranges, count)
    }

    /// The ends of the windows with the largest fall and the largest rise of each day.
    fn worst_windows(&self, underlying: &str) -> Vec<Timestamp> {
        let mut days: BTreeMap<i64, [(f64, Timestamp); 2]> = BTreeMap::new();
        let closes = &self.closes[underlying];
        for (until, _) in closes.iter() {
            let Some(shift) = window(closes, until) else { continue };
            let day = days.entry(until.micros().div_euclid(DAY)).or_insert([(shift, until); 2]);
            if shift < day[0].0 {
                day[0] = (shift, until);
            }
            if shift > day[1].0 {
                day[1] = (shift, until);
            }
        }
        days.into_values().flat_map(|day| day.map(|(_, until)| until)).collect()
    }
}

/// The relative move in the 24 hours that end at a moment; none where an end was not recorded.
fn window(closes: &Closes, until: Timestamp) -> Option<f64> {
    let before = closes.at(Timestamp::from_micros(until.micros() - DAY))?;
    Some(closes.at(until)? / before - 1.0)
}

/// Candidates one after another, each the farthest from the nearest of those taken before; the first is the farthest from
/// no move at all.
fn farthest(candidates: &[Moved], ranges: &[f64], count: usize) -> Vec<Moved> {
    let apart = |one: &[f64], other: &[f64]| {
        one.iter()
            .zip(other)
            .zip(ranges)
            .map(|((one, other), range)| ((one - other) / range) * ((one - other) / range))
            .sum::<f64>()
    };
    let still = vec![0.0; ranges.len()];
    let mut nearest: Vec<f64> = candidates.iter().map(|found| apart(&found.moves, &still)).collect();
    let mut taken: Vec<Moved> = Vec::new();
    while taken.len() < count {
        let far = nearest.iter().enumerate().fold(None, |best: Option<(usize, f64)>, (place, distance)| {
            if *distance > best.map_or(0.0, |best| best.1) { Some((place, *distance)) } else { best }
        });
        let Some((place, _)) = far else { break };
        let next = candidates[place].clone();
        for (distance, found) in nearest.iter_mut().zip(candidates) {
            *distance = distance.min(apart(&found.moves, &next.moves));
        }
        taken.push(next);
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> History {
        let at = |hour: i64| Timestamp::from_micros(hour * DAY / 24);
        // A day at 100, a day at 90, a day at 98: windows of −10 % and +8.9 %.
        let price = |hour: i64| {
            if hour < 24 {
                100.0
            } else if hour < 48 {
                90.0
            } else {
                98.0
            }
        };
        let closes = Closes::of((0..72).map(|hour| (at(hour), price(hour))));
        History::new(BTreeMap::from([("BTC".to_owned(), closes)]))
    }

    #[test]
    fn the_worst_windows_of_each_day_are_found_and_far_ones_come_first() {
        let moves = history().moves(&["BTC", "ETH"], &[0.12, 0.14], 1.0, 5);
        let found: Vec<f64> = moves.iter().map(|found| (1000.0 * found.moves[0]).round()).collect();
        assert_eq!(found, [-100.0, 89.0]);
        assert!(moves.iter().all(|found| found.moves[1] == 0.0));
    }

    #[test]
    fn moves_beyond_the_multiple_are_not_taken() {
        assert_eq!(history().moves(&["BTC"], &[0.05], 1.0, 5), []);
        assert_eq!(history().moves(&["BTC"], &[0.05], 2.0, 1).len(), 1);
    }
}

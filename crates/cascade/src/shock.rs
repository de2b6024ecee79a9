//! The path of the price without any reaction of traders, makers or engines.

use dice::Dice;
use serde::Serialize;

use crate::calibration::{COINS, Calibration, PerCoin};

/// Seconds of a year of 365 days.
const YEAR: f64 = 31_536_000.0;
/// The salt of the stream of random numbers for noise.
const NOISE: u64 = 1;

/// The path that the price would take if no account were liquidated.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shock {
    /// The name by which the shock is selected.
    pub name: String,
    /// A description in one line.
    pub about: String,
    /// Seconds between two values.
    pub every: u32,
    /// Logarithms of each coin's price over the first price; the first entry is 0.
    pub path: Vec<PerCoin>,
}

impl Shock {
    /// A path through points of (seconds, logarithm of the price over the first), straight between them, every two
    /// seconds.
    pub fn through(name: &str, about: &str, points: &[(u32, PerCoin)]) -> Self {
        const EVERY: u32 = 2;
        let last = points.last().map_or(0, |point| point.0);
        let at = |second: u32| -> PerCoin {
            let after = points.iter().position(|point| point.0 >= second).unwrap_or(points.len() - 1);
            let (to, end) = points[after];
            let (from, begin) = points[after.saturating_sub(1)];
            if to == from {
                return end;
            }
            let part = f64::from(second - from) / f64::from(to - from);
            std::array::from_fn(|coin| begin[coin] + part * (end[coin] - begin[coin]))
        };
        let path = (0..=last / EVERY).map(|place| at(place * EVERY)).collect();
        Self { name: name.to_owned(), about: about.to_owned(), every: EVERY, path }
    }

    /// A recorded path: prices of each coin, `every` seconds apart. None when it is empty, or a price is not above 0.
    pub fn recorded(name: &str, about: &str, every: u32, prices: &[PerCoin]) -> Option<Self> {
        let first = prices.first()?;
        let sound = prices.iter().flatten().all(|price| price.is_finite() && *price > 0.0);
        let path =
            prices.iter().map(|row| std::array::from_fn(|coin| pricing::math::ln(row[coin] / first[coin]))).collect();
        sound.then(|| Self { name: name.to_owned(), about: about.to_owned(), every, path })
    }

    /// The length of the shock, in seconds.
    pub fn seconds(&self) -> u32 {
        let steps = u32::try_from(self.path.len().saturating_sub(1)).expect("a path is short");
        steps * self.every
    }

    /// The path of a seed: the shock plus the noise of an ordinary day, one value a step.
    pub fn walk(&self, calibration: &Calibration, seed: u64) -> Vec<PerCoin> {
        let mut dice = Dice::stream(seed, NOISE);
        let deviation: PerCoin = std::array::from_fn(|coin| {
            calibration.coins[coin].volatility * (f64::from(calibration.step) / YEAR).sqrt()
        });
        let rho = calibration.correlation;
        let mut noise = [0.0; COINS];
        let mut walk = Vec::new();
        for step in 0..=self.seconds() / calibration.step {
            let second = step * calibration.step;
            let before = usize::try_from(second / self.every).expect("a path is short");
            let after = (before + 1).min(self.path.len() - 1);
            let part = f64::from(second % self.every) / f64::from(self.every);
            walk.push(std::array::from_fn(|coin| {
                let (from, to) = (self.path[before][coin], self.path[after][coin]);
                from + part * (to - from) + noise[coin]
            }));
            let common = dice.normal();
            let own = rho * common + (1.0 - rho * rho).sqrt() * dice.normal();
            noise[0] += deviation[0] * common;
            noise[1] += deviation[1] * own;
        }
        walk
    }
}

/// The shocks that need no recording.
pub fn synthetic() -> Vec<Shock> {
    const MINUTE: u32 = 60;
    vec![
        Shock::through(
            "quiet",
            "two hours in which nothing happens",
            &[(0, [0.0; COINS]), (120 * MINUTE, [0.0; COINS])],
        ),
        Shock::through(
            "plunge",
            "12 % down in ten minutes, half of it back in thirty",
            &[
                (0, [0.0; COINS]),
                (10 * MINUTE, [0.0; COINS]),
                (20 * MINUTE, [-0.128, -0.150]),
                (50 * MINUTE, [-0.064, -0.075]),
                (120 * MINUTE, [-0.064, -0.075]),
            ],
        ),
        Shock::through(
            "grind",
            "18 % down in ninety minutes, nothing back",
            &[
                (0, [0.0; COINS]),
                (10 * MINUTE, [0.0; COINS]),
                (100 * MINUTE, [-0.20, -0.24]),
                (120 * MINUTE, [-0.20, -0.24]),
            ],
        ),
        Shock::through(
            "gap",
            "10 % down in one minute, nothing back",
            &[
                (0, [0.0; COINS]),
                (10 * MINUTE, [0.0; COINS]),
                (11 * MINUTE, [-0.105, -0.125]),
                (120 * MINUTE, [-0.105, -0.125]),
            ],
        ),
        Shock::through(
            "outage",
            "12 % down while nothing could be done, half of it back in thirty minutes (S-40: 25 to 45 minutes)",
            &[
                (0, [0.0; COINS]),
                (10 * MINUTE, [0.0; COINS]),
                (10 * MINUTE + 2, [-0.128, -0.150]),
                (40 * MINUTE, [-0.064, -0.075]),
                (120 * MINUTE, [-0.064, -0.075]),
            ],
        ),
        Shock::through(
            "squeeze",
            "12 % up in ten minutes, half of it back in thirty",
            &[
                (0, [0.0; COINS]),
                (10 * MINUTE, [0.0; COINS]),
                (20 * MINUTE, [0.113, 0.140]),
                (50 * MINUTE, [0.056, 0.070]),
                (120 * MINUTE, [0.056, 0.070]),
            ],
        ),
        Shock::through(
            "split",
            "bitcoin 5 % up and ether 10 % down in thirty minutes: pairs lose on both legs",
            &[
                (0, [0.0; COINS]),
                (10 * MINUTE, [0.0; COINS]),
                (40 * MINUTE, [0.05, -0.105]),
                (120 * MINUTE, [0.05, -0.105]),
            ],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_goes_through_its_points() {
        let shock = Shock::recorded("r", "", 900, &[[100.0, 10.0], [90.0, 11.0]]).expect("prices above 0");
        let calibration = Calibration::default();
        let still = Calibration {
            coins: calibration.coins.clone().map(|coin| crate::calibration::Coin { volatility: 0.0, ..coin }),
            ..calibration
        };
        let walk = shock.walk(&still, 1);
        assert_eq!(walk.len(), 451);
        assert_eq!(walk[450], [pricing::math::ln(0.9), pricing::math::ln(1.1)]);
        assert!((walk[225][0] - 0.5 * walk[450][0]).abs() < 1e-15);
        assert_eq!(Shock::recorded("r", "", 900, &[[100.0, 0.0]]), None);
    }
}

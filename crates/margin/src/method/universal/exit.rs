//! The cost of leaving a position at the best pace: over a longer time, impact falls and risk grows (Almgren and Chriss,
//! "Optimal execution of portfolio transactions", 2000; linear temporary impact).

use pricing::math;

use super::scan::ScanRules;
use crate::aggregate::largest;

/// A market in which a position is left. Values are in USD (for vega: USD per point).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exit {
    /// Daily volume of the market.
    daily_volume: f64,
    /// Concession per unit of value for trading a day's volume in a day.
    impact: f64,
    /// The loss of a unit of value in a day, at the quantile of the scan.
    risk: f64,
    /// The root of the margin period of risk, in days.
    root_days: f64,
}

impl Exit {
    /// The exit into a market of `daily_volume`, with `impact` for trading it in a day and `sigma` as the standard
    /// deviation of a day; each per unit of value.
    pub(crate) fn new(daily_volume: f64, impact: f64, sigma: f64, scan: &ScanRules) -> Self {
        Self { daily_volume, impact, risk: scan.quantile * sigma, root_days: scan.days.sqrt() }
    }

    /// `min over T of { a/T + b·√T } − risk of h, floored at 0`,
    /// with `a = impact·V²/ADV` and `b = z·σ·V/√3`; at `T = (2a/b)^⅔` the minimum is `3·(a·b²/4)^⅓`. It is 0 without
    /// impact, because the exit is immediate, and without risk, because the exit may take forever. It is infinite, and so
    /// refused, where nothing trades.
    fn cost(&self, value: f64) -> f64 {
        if value <= 0.0 {
            return 0.0;
        }
        let risk = self.risk * value;
        let (a, b) = (self.impact * value * value / self.daily_volume, risk / 3.0_f64.sqrt());
        let best = 3.0 * math::pow(0.25 * a * b * b, 1.0 / 3.0);
        largest(0.0, best - risk * self.root_days)
    }
}

/// An exit, and the value up to which it costs nothing beyond the risk of the scan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leave {
    exit: Exit,
    free: f64,
}

impl From<Exit> for Leave {
    fn from(exit: Exit) -> Self {
        // Impact cost grows as V^(4/3) and the risk subtracted from it as V, so nothing is charged up to their
        // crossing. Near the crossing rounding might decide, so the last part is left to the formula: the bits are
        // those of `Exit::cost`.
        let (a, b) = (exit.impact / exit.daily_volume, exit.risk / 3.0_f64.sqrt());
        let ratio = exit.risk * exit.root_days / (3.0 * math::pow(0.25 * a * b * b, 1.0 / 3.0));
        Self { exit, free: ratio * ratio * ratio * (1.0 - 1e-9) }
    }
}

impl Leave {
    /// The cost of leaving a value that is not below zero: [`Exit::cost`]. It never falls when the value rises.
    #[inline]
    pub(crate) fn cost(&self, value: f64) -> f64 {
        if value <= self.free { 0.0 } else { self.exit.cost(value) }
    }

    /// The largest cost of another unit, while there are no more than `value` units: the slope of the chord beyond,
    /// because the cost is convex. 0 while there are none.
    #[inline]
    pub(crate) fn slope(&self, value: f64) -> f64 {
        if value <= 0.0 || value.is_nan() {
            return 0.0;
        }
        let beyond = 2.0 * value;
        if beyond <= self.free {
            return 0.0;
        }
        (self.cost(beyond) - self.cost(value)) / value * (1.0 + 1e-9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::universal;

    /// CHG-1: the closed form against a search for the best pace on a fine grid.
    #[test]
    fn an_exit_costs_the_minimum_over_all_paces() {
        let scan = universal::parse(universal::PARAMS).unwrap().rules.scan;
        for value in [1e3, 1e7, 1e9, 1e10, 3e11] {
            let exit = Exit::new(1.5e10, 0.1, 0.028, &scan);
            let risk = scan.quantile * 0.028 * value;
            let cost = |days: f64| 0.1 * value * value / 1.5e10 / days + risk * (days / 3.0).sqrt();
            let best = (-400..400).map(|step| cost(math::exp(0.05 * f64::from(step)))).fold(f64::INFINITY, f64::min);
            let expected = (best - risk).max(0.0);
            let found = exit.cost(value);
            assert!(found <= expected && found >= expected - 0.001 * best, "{value}: {found} against {expected}");
            assert_eq!(Leave::from(exit).cost(value), found);
        }
        assert_eq!(Exit::new(1e9, 0.0, 0.028, &scan).cost(1e9), 0.0);
        assert_eq!(Exit::new(1e9, 0.1, 0.0, &scan).cost(1e9), 0.0);
        assert_eq!(Exit::new(0.0, 0.1, 0.028, &scan).cost(1.0), f64::INFINITY);
        // With neither impact nor volume the cost is NaN, which is never a requirement.
        assert!(Exit::new(0.0, 0.0, 0.028, &scan).cost(1.0).is_nan());
    }

    /// CHG-1: no unit up to a value costs more than the slope there, whether the next one is free of impact or not.
    #[test]
    fn no_unit_costs_more_than_the_slope() {
        let scan = universal::parse(universal::PARAMS).unwrap().rules.scan;
        let leave = Leave::from(Exit::new(5e7, 0.1, 0.06, &scan));
        for value in [1.0, 1e5, 0.4 * leave.free, 0.6 * leave.free, leave.free, 3.0 * leave.free, 1e12] {
            for part in [1e-3, 0.1, 0.5, 1.0] {
                let before = value * (1.0 - part);
                let more = leave.cost(value) - leave.cost(before);
                assert!(more <= leave.slope(value) * (value - before) * (1.0 + 1e-9), "{value} {part}");
            }
        }
        assert_eq!(leave.slope(0.0), 0.0);
    }
}

//! CHG-1 to CHG-7: charges for risks that scanning cannot see. Each is at least 0.

use model::Underlying;
use pricing::math;

use super::exposure::Exposures;
use super::rules::Rules;
use super::terms::{AssetTerms, Terms};
use crate::aggregate::largest;

/// The charges of an account, by name, in USD, in the order of the methodology.
pub type Lines = [(&'static str, f64); 7];

/// The charges that are the cost of closing positions.
pub const CLOSING: &[&str] = &["liquidity", "funding and fees"];

/// All charges of an account.
pub fn of(exposures: &Exposures, terms: &Terms, rules: &Rules) -> Lines {
    let balances = || exposures.amounts.iter().map(|(asset, amount)| (&terms.assets[*asset], *amount));
    let (mut liquidity, mut basis, mut short_options, mut expiry) = (0.0, 0.0, 0.0, 0.0);
    for (exposure, terms) in
        exposures.underlyings.iter().zip(&terms.underlyings).filter(|(exposure, _)| exposure.touched)
    {
        let index = terms.index;
        // CHG-1: the cost of leaving the net delta, and the vega of each expiry, beyond the margin period of risk.
        let delta = terms.delta_exit.cost(exposure.delta().abs() * index, rules);
        let vega = exposure.expiries().iter().map(|bucket| terms.vega_exit.cost(bucket.vega.abs() / 100.0, rules));
        liquidity += vega.fold(delta, |sum, exit| sum + exit);
        // CHG-2: forwards of different expiries do not move together. A calendar pair is charged on both legs.
        let buckets = || exposure.buckets.iter().zip(&terms.buckets);
        let legs = buckets().map(|(bucket, terms)| bucket.delta.abs() * index * terms.basis);
        basis += legs.fold(0.0, |sum, leg| sum + leg);
        // CHG-3: short options that no long option at their strike covers.
        short_options += exposure.naked * rules.options.short_rate * index;
        // CHG-4: short gamma of options that expire within a day, over a move around the strike.
        let dollars = rules.options.pin_move * index;
        let pinned = buckets().filter(|(_, terms)| terms.pinned);
        expiry += pinned.fold(0.0, |sum, (bucket, _)| sum + 0.5 * (-bucket.gamma).max(0.0) * dollars * dollars);
    }
    let borrow = balances().fold(0.0, |sum, (asset, amount)| sum + asset.borrow(-amount * asset.price, rules));
    for (name, charge) in
        [("CHG-1", liquidity), ("CHG-2", basis), ("CHG-3", short_options), ("CHG-4", expiry), ("CHG-5", borrow)]
    {
        // NaN is refused where the charge is rounded.
        debug_assert!(charge.is_nan() || charge >= 0.0, "{name} is at least 0: {charge}");
    }
    [
        ("liquidity", liquidity),
        ("basis", basis),
        ("short options", short_options),
        ("expiry", expiry),
        ("borrow", borrow),
        ("haircut", haircuts(exposures, terms, rules).fold(0.0, |sum, haircut| sum + haircut)),
        ("funding and fees", exposures.funding.max(0.0) + exposures.fees),
    ]
}

/// CHG-6: the haircut of each balance.
pub fn haircuts(exposures: &Exposures, terms: &Terms, rules: &Rules) -> impl Iterator<Item = f64> {
    let balances = exposures.amounts.iter().map(|(asset, amount)| (&terms.assets[*asset], *amount));
    balances.map(|(asset, amount)| asset.haircut(amount * asset.price, rules))
}

/// The cost of leaving a position at the best pace: over a longer time, impact falls and risk grows (Almgren and
/// Chriss, "Optimal execution of portfolio transactions", 2000; linear temporary impact).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exit {
    /// Value to leave, in USD (for vega: USD per point).
    pub(crate) value: f64,
    /// Daily volume of the market, in the same unit.
    pub(crate) daily_volume: f64,
    /// Concession per unit of value for trading a day's volume in a day.
    pub(crate) impact: f64,
    /// Daily standard deviation per unit of value.
    pub(crate) sigma: f64,
    /// Half the spread, per unit of value.
    pub(crate) half_spread: f64,
}

impl Exit {
    /// The exit from the delta of an underlying.
    pub(crate) fn of_delta(listed: &Underlying, adv_usd: Option<units::Money>, rules: &Rules) -> Self {
        let name = &listed.name;
        Self {
            value: 0.0,
            daily_volume: adv_usd.map_or_else(|| rules.liquidity.adv_usd.get(name), units::Money::to_f64),
            impact: rules.liquidity.impact,
            sigma: rules.scan.sigma.get(name),
            half_spread: rules.liquidity.half_spread.get(name),
        }
    }

    /// The exit from the vega of one of its expiries.
    pub(crate) fn of_vega(listed: &Underlying, rules: &Rules) -> Self {
        Self {
            value: 0.0,
            daily_volume: rules.liquidity.vega_adv_usd.get(&listed.name),
            impact: rules.liquidity.vega_impact_points,
            sigma: rules.liquidity.vol_sigma_points,
            half_spread: rules.liquidity.vega_half_spread_points,
        }
    }

    /// `min over T of { a/T + b·√T } − risk of h, floored at 0, + half-spread`,
    /// with `a = impact·V²/ADV` and `b = z·σ·V/√3`; at `T = (2a/b)^⅔` the minimum is `3·(a·b²/4)^⅓`. It is 0 without
    /// impact, because the exit is immediate, and without risk, because the exit may take forever. It is infinite, and so
    /// refused, where nothing trades.
    pub(crate) fn cost(&self, rules: &Rules) -> f64 {
        if self.value <= 0.0 {
            return 0.0;
        }
        let risk = rules.scan.quantile * self.sigma * self.value;
        let (a, b) = (self.impact * self.value * self.value / self.daily_volume, risk / 3.0_f64.sqrt());
        let best = 3.0 * math::pow(0.25 * a * b * b, 1.0 / 3.0);
        largest(0.0, best - risk * rules.scan.days.sqrt()) + self.half_spread * self.value
    }
}

/// An exit, and the value up to which only the spread is charged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leave {
    exit: Exit,
    free: f64,
}

impl Leave {
    pub(crate) fn new(exit: Exit, rules: &Rules) -> Self {
        // Impact cost grows as V^(4/3) and the risk subtracted from it as V, so nothing is charged up to their
        // crossing. Near the crossing rounding might decide, so the last part is left to the formula: the bits are
        // those of `Exit::cost`.
        let risk = rules.scan.quantile * exit.sigma;
        let (a, b) = (exit.impact / exit.daily_volume, risk / 3.0_f64.sqrt());
        let ratio = risk * rules.scan.days.sqrt() / (3.0 * math::pow(0.25 * a * b * b, 1.0 / 3.0));
        Self { exit, free: ratio * ratio * ratio * (1.0 - 1e-9) }
    }

    /// [`Exit::cost`] of a value that is not below zero.
    pub(crate) fn cost(&self, value: f64, rules: &Rules) -> f64 {
        if value <= self.free { self.exit.half_spread * value } else { Exit { value, ..self.exit }.cost(rules) }
    }

    /// The largest cost of another unit, while there are no more than `value` units (above 0): the slope of the chord
    /// beyond, because the cost is convex.
    pub(crate) fn slope(&self, value: f64, rules: &Rules) -> f64 {
        let beyond = 2.0 * value;
        if beyond <= self.free {
            return self.exit.half_spread;
        }
        (self.cost(beyond, rules) - self.cost(value, rules)) / value * (1.0 + 1e-9)
    }
}

impl AssetTerms {
    /// CHG-5: a debt may become dearer to borrow, and the more so the larger it is. The charge rises with the debt.
    pub(crate) fn borrow(&self, owed: f64, rules: &Rules) -> f64 {
        if owed <= 0.0 {
            return 0.0;
        }
        owed * (self.borrow_rate + rules.borrow.size_slope * owed / self.daily_volume)
    }

    /// CHG-6: selling a balance moves its price; an asset that follows no underlying also has a volatility that no
    /// scenario shocks. Each dollar has a haircut of at most the cap, so that another dollar of a stablecoin never
    /// costs more than it is worth. The haircut never falls when the value rises.
    pub(crate) fn haircut(&self, value: f64, rules: &Rules) -> f64 {
        match self.volatility {
            Some(volatility) if value > 0.0 => {
                let held_back = value * volatility + concession(value, &self.book, rules.haircut.cap - volatility);
                // Rounding may leave a result slightly below zero where the cap is 0.
                largest(0.0, held_back)
            }
            _ => 0.0,
        }
    }

    /// The most that another dollar of a balance adds to CHG-6, and the most that another dollar of debt adds to CHG-5
    /// while the debt is no more than `owed` dollars.
    pub(crate) fn steepest(&self, owed: f64, rules: &Rules) -> [f64; 2] {
        let haircut = self.volatility.map_or(0.0, |volatility| volatility.max(rules.haircut.cap));
        let slope = if owed > 0.0 { 2.0 * rules.borrow.size_slope * owed / self.daily_volume } else { 0.0 };
        [haircut, self.borrow_rate + slope]
    }
}

/// The price concession from selling `value` into a book: the area under the distance from the mid, at most `limit` for
/// each dollar.
///
/// `book` is `(value up to here, distance)`, nearest first. The distance is linear between the levels; beyond the last
/// level it rises at the average slope from the mid to that level. An empty book sells nothing: every dollar concedes
/// the limit.
fn concession(value: f64, book: &[(f64, f64)], limit: f64) -> f64 {
    let (mut sold, mut at, mut conceded) = (0.0, 0.0, 0.0);
    for (usd, distance) in book.iter().copied() {
        if usd > sold {
            let slope = (distance - at) / (usd - sold);
            conceded += stretch(value.min(usd) - sold, at, slope, limit);
            sold = usd;
        }
        if value <= sold {
            return conceded;
        }
        at = distance;
    }
    if sold <= 0.0 { value * limit } else { conceded + stretch(value - sold, at, at / sold, limit) }
}

/// The area under `min(at + slope·x, limit)` for `x` from 0 to `value`.
fn stretch(value: f64, at: f64, slope: f64, limit: f64) -> f64 {
    let below = if at >= limit {
        0.0
    } else if slope > 0.0 {
        value.min((limit - at) / slope)
    } else {
        value
    };
    below * (at + 0.5 * slope * below) + (value - below) * limit
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CHG-6, with the area under the book computed by hand.
    #[test]
    fn a_balance_sells_down_the_book() {
        let close = |value: f64, book: &[(f64, f64)], limit: f64, expected: f64| {
            let found = concession(value, book, limit);
            assert!((found - expected).abs() < 1e-12, "{value}: {found} against {expected}");
        };
        let book = [(100.0, 0.0010), (200.0, 0.0030)];
        // Half of the first level concedes 2.5 bp on average, all of it 5 bp.
        close(50.0, &book, 1.0, 50.0 * 0.00025);
        close(100.0, &book, 1.0, 100.0 * 0.0005);
        // Half of the second level: 100 at 5 bp, 50 from 10 to 20 bp.
        close(150.0, &book, 1.0, 100.0 * 0.0005 + 50.0 * 0.0015);
        close(200.0, &book, 1.0, 100.0 * 0.0005 + 100.0 * 0.002);
        // Beyond the last level: 30 bp for every 200, starting from 30.
        close(400.0, &book, 1.0, 250.0 * 0.001 + 200.0 * (0.003 + 0.0015));
        // No dollar concedes more than the limit: 20 bp are reached half way through the second level.
        close(400.0, &book, 0.0020, 100.0 * 0.0005 + 50.0 * 0.0015 + 250.0 * 0.0020);
        // A level without additional value only moves the price; an empty book sells nothing.
        close(50.0, &[(100.0, 0.001), (100.0, 0.002)], 1.0, 50.0 * 0.00025);
        close(150.0, &[(0.0, 0.001), (100.0, 0.002), (200.0, 0.004)], 1.0, 100.0 * 0.0015 + 50.0 * 0.0025);
        close(10.0, &[(0.0, 0.001)], 0.85, 8.5);
    }

    /// CHG-6, P-1: another dollar never concedes less than the one before, and never more than the limit.
    #[test]
    fn more_concedes_more_up_to_the_limit() {
        let book = [(1000.0, 0.0005), (1000.0, 0.0010), (50_000.0, 0.004), (60_000.0, 0.01)];
        let conceded: Vec<f64> = (0..2000).map(|step| concession(100.0 * f64::from(step), &book, 0.02)).collect();
        let steps: Vec<f64> = conceded.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(steps.windows(2).all(|pair| pair[0] <= pair[1] + 1e-9));
        assert!(steps.iter().all(|step| *step <= 100.0 * 0.02 + 1e-9) && steps[1998] > 100.0 * 0.0199);
    }

    /// CHG-1: the closed form against a search for the best pace on a fine grid.
    #[test]
    fn an_exit_costs_the_minimum_over_all_paces() {
        let params = super::super::parse(super::super::PARAMS).unwrap();
        for value in [1e3, 1e7, 1e9, 1e10, 3e11] {
            let exit = Exit { value, daily_volume: 1.5e10, impact: 0.1, sigma: 0.028, half_spread: 0.0001 };
            let risk = params.rules.scan.quantile * 0.028 * value;
            let cost = |days: f64| 0.1 * value * value / 1.5e10 / days + risk * (days / 3.0).sqrt();
            let best = (-400..400).map(|step| cost(math::exp(0.05 * f64::from(step)))).fold(f64::INFINITY, f64::min);
            let expected = (best - risk).max(0.0) + 0.0001 * value;
            let found = exit.cost(&params.rules);
            assert!(found <= expected && found >= expected - 0.001 * best, "{value}: {found} against {expected}");
        }
        let free = Exit { value: 1e9, daily_volume: 1e9, impact: 0.0, sigma: 0.028, half_spread: 0.0 };
        assert_eq!(free.cost(&params.rules), 0.0);
        assert_eq!(Exit { sigma: 0.0, impact: 0.1, ..free }.cost(&params.rules), 0.0);
        let stuck = Exit { value: 1.0, daily_volume: 0.0, impact: 0.1, sigma: 0.028, half_spread: 0.0 };
        assert_eq!(stuck.cost(&params.rules), f64::INFINITY);
        // With neither impact nor volume the cost is NaN, which is never a requirement.
        assert!(Exit { impact: 0.0, ..stuck }.cost(&params.rules).is_nan());
    }
}

//! CHG-1 to CHG-7: what scanning cannot see. Each is at least 0.

use model::{Account, Asset, Balance, Instrument, InstrumentKind, Market, Payoff};
use pricing::math;

use super::exposure::Exposure;
use super::rules::{LiquidityRules, Rules};
use crate::aggregate::{largest, naked_shorts};

/// The charges of an account, by name, in USD, and what is held back from each balance.
pub struct Charges {
    /// In the order of the methodology.
    pub lines: Vec<(&'static str, f64)>,
    /// CHG-6, balance by balance.
    pub haircuts: Vec<f64>,
}

/// The lines that are the cost of closing a position.
pub const CLOSING: &[&str] = &["liquidity", "funding and fees"];

/// All charges of an account.
pub fn of(account: &Account, exposures: &[Exposure], market: &Market, rules: &Rules) -> Charges {
    let over = |charge: fn(&Exposure, usize, &Market, &Rules) -> f64| {
        exposures.iter().enumerate().fold(0.0, |sum, (place, exposure)| sum + charge(exposure, place, market, rules))
    };
    let haircuts: Vec<f64> = account.balances.iter().map(|balance| haircut(balance, market, rules)).collect();
    let lines = vec![
        ("liquidity", over(liquidity)),
        ("basis", over(basis)),
        ("short options", over(short_options)),
        ("expiry", over(expiry)),
        ("borrow", account.balances.iter().fold(0.0, |sum, balance| sum + borrow(balance, market, rules))),
        ("haircut", haircuts.iter().fold(0.0, |sum, haircut| sum + haircut)),
        ("funding and fees", funding(account, market) + fees(account, market, rules)),
    ];
    Charges { lines, haircuts }
}

/// CHG-1: what leaving the net delta, and the vega of each expiry, costs beyond the margin period of risk.
fn liquidity(exposure: &Exposure, place: usize, market: &Market, rules: &Rules) -> f64 {
    let underlying = &market.underlyings[place];
    let LiquidityRules { impact, vol_sigma_points, vega_impact_points, vega_half_spread_points, .. } = rules.liquidity;
    let index = underlying.index.to_f64();
    let adv = underlying.adv_usd.map_or_else(|| rules.liquidity.adv_usd.get(&underlying.name), units::Money::to_f64);
    let half_spread = rules.liquidity.half_spread.get(&underlying.name);
    let delta = Exit {
        value: exposure.delta().abs() * index,
        daily_volume: adv,
        impact,
        sigma: rules.scan.sigma.get(&underlying.name),
        half_spread,
    };
    let vega = exposure.expiries.values().map(|expiry| Exit {
        value: expiry.greeks.vega.abs() / 100.0,
        daily_volume: rules.liquidity.vega_adv_usd.get(&underlying.name),
        impact: vega_impact_points,
        sigma: vol_sigma_points,
        half_spread: vega_half_spread_points,
    });
    vega.fold(delta.cost(rules), |sum, exit| sum + exit.cost(rules))
}

/// Leaving a position at the best pace: impact falls and risk grows with the time taken
/// (Almgren and Chriss, "Optimal execution of portfolio transactions", 2000; linear temporary impact).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exit {
    /// In USD (for vega: USD per point).
    pub(crate) value: f64,
    /// Of the market, in the same unit.
    pub(crate) daily_volume: f64,
    /// Concession per unit of value for trading a day's volume in a day.
    pub(crate) impact: f64,
    /// Daily standard deviation per unit of value.
    pub(crate) sigma: f64,
    /// Per unit of value.
    pub(crate) half_spread: f64,
}

impl Exit {
    /// `min over T of { a/T + b·√T } − risk of h, floored at 0, + half-spread`,
    /// with `a = impact·V²/ADV` and `b = z·σ·V/√3`; at `T = (2a/b)^⅔` the minimum is `3·(a·b²/4)^⅓`. It is 0 without impact,
    /// for one leaves at once, or without risk, for one takes forever; and infinite, so refused, where nothing trades.
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

/// CHG-2: forwards of different expiries do not move as one. A calendar pair is charged on both legs.
fn basis(exposure: &Exposure, place: usize, market: &Market, rules: &Rules) -> f64 {
    let underlying = &market.underlyings[place];
    let index = underlying.index.to_f64();
    let charge =
        |delta: f64, years: f64| delta.abs() * index * rules.basis.floor.max(math::exp(rules.basis.rate * years) - 1.0);
    let dated =
        exposure.expiries.iter().map(|(expiry, bucket)| charge(bucket.greeks.delta, expiry.years_since(market.time)));
    dated.fold(charge(exposure.perpetual, 0.0), |sum, part| sum + part)
}

/// CHG-3: sold options that nothing at their strike covers.
fn short_options(exposure: &Exposure, place: usize, market: &Market, rules: &Rules) -> f64 {
    let index = market.underlyings[place].index.to_f64();
    let strikes = exposure.expiries.values().flat_map(|expiry| expiry.strikes.values());
    strikes.fold(0.0, |sum, (calls, puts)| sum + naked_shorts(*calls, *puts)) * rules.options.short_rate * index
}

/// CHG-4: short gamma of what expires within a day, over a move around the strike.
fn expiry(exposure: &Exposure, place: usize, market: &Market, rules: &Rules) -> f64 {
    let index = market.underlyings[place].index.to_f64();
    let dollars = rules.options.pin_move * index;
    let expiring =
        exposure.expiries.iter().filter(|(expiry, _)| expiry.days_since(market.time) <= rules.options.pin_days);
    expiring.fold(0.0, |sum, (_, bucket)| sum + 0.5 * (-bucket.greeks.gamma).max(0.0) * dollars * dollars)
}

/// CHG-5: what is owed may become dearer to borrow, the more of it the more.
fn borrow(balance: &Balance, market: &Market, rules: &Rules) -> f64 {
    let asset = &market.assets[balance.asset.0];
    borrow_of(-balance.amount.to_f64() * asset.price.to_f64(), asset, rules)
}

/// CHG-5 of `owed` dollars of an asset; it rises with what is owed.
pub(crate) fn borrow_of(owed: f64, asset: &Asset, rules: &Rules) -> f64 {
    if owed <= 0.0 {
        return 0.0;
    }
    let adv = asset.adv_usd.map_or_else(|| rules.liquidity.adv_usd.get(&asset.name), units::Money::to_f64);
    owed * (rules.borrow.rate.get(&asset.name) + rules.borrow.size_slope * owed / adv)
}

/// CHG-6: selling a balance moves its price; what follows no underlying also has a volatility that no scenario shocks.
/// Of no dollar more than the cap is held back, so that another dollar of a stablecoin never costs more than it is worth.
fn haircut(balance: &Balance, market: &Market, rules: &Rules) -> f64 {
    if balance.asset == model::USD {
        return 0.0;
    }
    let asset = &market.assets[balance.asset.0];
    haircut_of(balance.amount.to_f64() * asset.price.to_f64(), asset, rules)
}

/// CHG-6 of `value` dollars of an asset other than USD; it never falls when the value rises.
pub(crate) fn haircut_of(value: f64, asset: &Asset, rules: &Rules) -> f64 {
    if value <= 0.0 {
        return 0.0;
    }
    let volatility = if asset.follows.is_none() { rules.haircut.volatility.get(&asset.name) } else { 0.0 };
    let volatility = volatility.min(rules.haircut.cap);
    let book: Vec<(f64, f64)> = if asset.depth.is_empty() {
        vec![(rules.haircut.depth_usd.get(&asset.name), 0.01)]
    } else {
        asset.depth.iter().map(|level| (level.usd.to_f64(), level.bps.to_f64() / 10_000.0)).collect()
    };
    value * volatility + concession(value, &book, rules.haircut.cap - volatility)
}

/// What selling `value` into a book concedes: the area under the distance from the mid, at most `limit` for each dollar.
///
/// `book` is `(value up to here, distance)`, nearest first; the distance is linear between the levels and, beyond the
/// last one, rises as from the mid to there. An empty book sells nothing: every dollar concedes the limit.
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

/// CHG-7: one period of funding, when the account as a whole would pay it.
fn funding(account: &Account, market: &Market) -> f64 {
    let paid = account.positions.iter().fold(0.0, |sum, position| {
        let listing = market.listing(position.instrument);
        let rate = listing.funding_rate_8h.unwrap_or_default().to_f64();
        sum + position.quantity.to_f64() * rate * contract_value(listing, market)
    });
    paid.max(0.0)
}

/// CHG-7: fees to close every position.
fn fees(account: &Account, market: &Market, rules: &Rules) -> f64 {
    account.positions.iter().fold(0.0, |sum, position| {
        let listing = market.listing(position.instrument);
        let contracts = position.quantity.to_f64().abs();
        let given = listing.fee_rate.map(units::Ratio::to_f64);
        let fee = if listing.is_option() {
            let index = market.underlyings[listing.underlying.0].index.to_f64();
            let flat = given.unwrap_or(rules.fees.option) * index * listing.contract_size.to_f64();
            flat.min(rules.fees.option_cap * contract_value(listing, market))
        } else {
            given.unwrap_or(rules.fees.future) * contract_value(listing, market)
        };
        sum + contracts * fee.max(0.0)
    })
}

/// What one contract is worth in USD: notional of a future, premium of an option.
fn contract_value(listing: &Instrument, market: &Market) -> f64 {
    let (mark, size) = (listing.mark.to_f64(), listing.contract_size.to_f64());
    match (&listing.kind, listing.payoff) {
        (InstrumentKind::Option { .. }, _) => size * mark * market.assets[listing.quote.0].price.to_f64(),
        (_, Payoff::Linear) => size * mark * market.assets[listing.settle.0].price.to_f64(),
        (_, Payoff::Inverse) => size / mark * market.assets[listing.settle.0].price.to_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CHG-6, with the area under the book written out.
    #[test]
    fn a_balance_sells_down_the_book() {
        let close = |value: f64, book: &[(f64, f64)], limit: f64, expected: f64| {
            let found = concession(value, book, limit);
            assert!((found - expected).abs() < 1e-12, "{value}: {found} against {expected}");
        };
        let book = [(100.0, 0.0010), (200.0, 0.0030)];
        // Half of the first level is conceded on average 2.5 bp, all of it 5 bp.
        close(50.0, &book, 1.0, 50.0 * 0.00025);
        close(100.0, &book, 1.0, 100.0 * 0.0005);
        // Half of the second: 100 at 5 bp, 50 from 10 to 20 bp.
        close(150.0, &book, 1.0, 100.0 * 0.0005 + 50.0 * 0.0015);
        close(200.0, &book, 1.0, 100.0 * 0.0005 + 100.0 * 0.002);
        // Beyond the last: 30 bp for every 200, on from 30.
        close(400.0, &book, 1.0, 250.0 * 0.001 + 200.0 * (0.003 + 0.0015));
        // No dollar concedes more than the limit: 20 bp are reached half way through the second level.
        close(400.0, &book, 0.0020, 100.0 * 0.0005 + 50.0 * 0.0015 + 250.0 * 0.0020);
        // A level that adds nothing only moves the price; an empty book sells nothing.
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

    /// CHG-1: the closed form against looking for the best pace on a fine grid.
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
        // Neither impact nor volume: no number, which no requirement can be made of.
        assert!(Exit { impact: 0.0, ..stuck }.cost(&params.rules).is_nan());
    }
}

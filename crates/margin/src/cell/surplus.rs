//! The least surplus of an account over its margin, anywhere in the cell.

use pricing::kernel::{Ends as Lines, LANES, accumulate, least};

use super::holding::Holding;
use super::{Cell, bounds::Ends, tail};
use crate::aggregate::largest;
use crate::method::universal::bounded;
use crate::method::universal::charge::rule;
use crate::scenario::Aggregation;

/// Lower bounds of equity less margin, in USD, for every market of the cell. −∞ where nothing is certified.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Surplus {
    /// Equity less maintenance margin.
    pub maintenance: f64,
    /// Equity less `warn` times the maintenance margin (REQ-5).
    pub warning: f64,
    /// Equity less initial margin.
    pub initial: f64,
    /// Not a surplus: the equity alone.
    pub equity: f64,
    /// Not a surplus: the largest absolute net dollar delta in any underlying.
    pub delta: f64,
    /// The largest absolute net vega of any expiry.
    pub vega: f64,
}

impl Surplus {
    /// Nothing is certified.
    pub const NONE: Self = Self {
        maintenance: f64::NEG_INFINITY,
        warning: f64::NEG_INFINITY,
        initial: f64::NEG_INFINITY,
        equity: f64::NEG_INFINITY,
        delta: f64::INFINITY,
        vega: f64::INFINITY,
    };
}

/// Reusable memory for [`Cell::surplus`].
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    coins: Vec<f64>,
    maintenance: Vec<f64>,
    initial: Vec<f64>,
    lines: Lines,
    shortfall: Vec<f64>,
    alone: Vec<Alone>,
    holding: Holding,
}

/// One underlying's value now and its worst loss alone, at both ends.
#[derive(Clone, Copy, Debug)]
struct Alone {
    family: usize,
    now: Ends,
    most: Ends,
    loss: Ends,
}

/// The relative rounding error that is allowed for in the sums of an account.
pub(super) const ROUNDING: f64 = 1e-12;

/// The allowance for rounding: every line of a requirement is rounded up to 10⁻¹² USD.
pub(super) const LINES: f64 = 1e-10;

impl Cell {
    /// The surplus of an account that is not kept as a holding; −∞ when it cannot be represented.
    pub fn surplus_of(&self, account: &model::Account, scratch: &mut Scratch) -> Surplus {
        let mut holding = std::mem::take(&mut scratch.holding);
        let surplus = if self.rebuild(account, &mut holding) { self.surplus(&holding, scratch) } else { Surplus::NONE };
        scratch.holding = holding;
        surplus
    }

    /// A surplus of the account by its lines, raised to what the account is left with when it loses the most that it can
    /// in any market of the cell: a margin is no more than that loss (REQ-7). It is not raised above the equity, because no
    /// margin is below 0, and marks may be so far from each other that an account is worth less than it is left with. Open
    /// orders have no bound, so they leave the initial margin as it is. CELL-11 makes reserves of the surplus by lines alone.
    pub fn bounded(&self, surplus: Surplus, account: &model::Account) -> Surplus {
        // Prices are compared with the box to one part in 10¹³.
        let room = bounded::Room { peg: self.width.peg + ROUNDING, basis: self.width.basis + ROUNDING };
        // What expires within the lifetime of the cell is settled then.
        let lasts = |position: &model::Position| {
            self.market.listing(position.instrument).expiry().is_some_and(|expiry| expiry > self.end)
        };
        if !account.positions.iter().all(lasts) {
            return surplus;
        }
        let Ok(Some(left)) = bounded::left(account, &self.market, &self.rules, room) else { return surplus };
        let left = lesser(left.to_f64(), surplus.equity);
        Surplus {
            maintenance: largest(surplus.maintenance, left),
            initial: if account.orders.is_empty() { largest(surplus.initial, left) } else { surplus.initial },
            ..surplus
        }
    }

    /// Lower bounds of the surplus in every market of the cell.
    pub fn surplus(&self, holding: &Holding, scratch: &mut Scratch) -> Surplus {
        if holding.lost {
            return Surplus::NONE;
        }
        let factor = self.rules.margin.im_factor;
        let Scratch { coins, maintenance, initial, lines, shortfall, alone, .. } = scratch;
        alone.clear();
        let mut gross = self.coins(holding, coins);
        let mut charges = holding.balances.iter().fold(0.0, |sum, kept| sum + kept.charge);
        let (mut equity, mut funding, mut fees, mut spread) = (0.0, 0.0, 0.0, 0.0);
        let (mut most_delta, mut most_vega) = (0.0, 0.0);

        // Assets that follow no underlying.
        maintenance.clear();
        maintenance.resize(self.joint.next_multiple_of(LANES), 0.0);
        let mut quiet_most = 0.0;
        for (coins, asset) in
            coins.iter().zip(&self.assets).filter(|(coins, asset)| **coins != 0.0 && asset.sheet.is_none())
        {
            let (least, most) = ordered(*coins, asset.price.low[0], asset.price.high[0]);
            equity += coins * least;
            quiet_most += coins * most;
            accumulate(self.isa, &asset.factors, coins * least, maintenance);
        }
        for kept in holding.balances.iter().filter(|kept| kept.units > 0.0) {
            let asset = &self.assets[kept.asset.0];
            if let (Some(fails), None) = (kept.fails, asset.sheet) {
                for (column, lost) in &self.failures[fails] {
                    maintenance[*column] -= lost * kept.units * asset.price.high[0];
                }
            }
        }
        let quiet = equity;
        initial.clear();
        initial.extend(maintenance.iter().map(|total| factor * total - (factor - 1.0) * quiet_most));

        for (place, sheet) in self.sheets.iter().enumerate() {
            let part = holding.parts.binary_search_by_key(&place, |part| part.sheet).ok().map(|at| &holding.parts[at]);
            if part.is_none() && sheet.coins.iter().all(|(asset, _)| coins[*asset] == 0.0) {
                continue;
            }
            lines.clear(sheet.stride);
            let (mut most, mut delta) = ([0.0; 2], [0.0; 2]);
            if let Some(part) = part {
                let row = part.sums.row(0);
                let (low, high) = row.split_at(sheet.stride);
                lines.scale(self.isa, low, &high[..sheet.stride], self.tick);
                let ends = &row[2 * sheet.stride..];
                most = [tail::NOW, tail::NOW + 1].map(|at| ends[at] * self.tick);
                delta = [tail::DELTA, tail::DELTA + 1].map(|at| ends[at] * self.tick);
                funding += ends[tail::FUNDING] * self.tick;
                fees += ends[tail::FEES] * self.tick;
                spread += ends[tail::SPREAD] * self.tick;
                gross += ends[tail::GROSS] * self.tick;
                charges += part.buckets.iter().fold(0.0, |sum, bucket| sum + bucket.charge);
                most_vega = part.buckets.iter().fold(most_vega, |most, bucket| largest(most, bucket.vega(self.tick)));
            }
            for (asset, factors) in sheet.coins.iter().filter(|(asset, _)| coins[*asset] != 0.0) {
                let (coins, price) = (coins[*asset], self.assets[*asset].price);
                let (under, over) = if coins > 0.0 { (price.low, price.high) } else { (price.high, price.low) };
                lines.add(self.isa, factors, under.map(|price| coins * price));
                most[0] += coins * over[0];
                most[1] += coins * over[1];
                delta[0] += (coins * under[0]).min(coins * under[1]);
                delta[1] += (coins * over[0]).max(coins * over[1]);
            }
            for kept in holding.balances.iter().filter(|kept| kept.units > 0.0) {
                let asset = &self.assets[kept.asset.0];
                if let (Some(fails), true) = (kept.fails, asset.sheet == Some(place)) {
                    for (column, lost) in &self.failures[fails] {
                        lines.low[*column] -= lost * kept.units * asset.price.high[0];
                        lines.high[*column] -= lost * kept.units * asset.price.high[1];
                    }
                }
            }
            let less = most.map(|most| (factor - 1.0) * most);
            lines.add_lesser(self.isa, maintenance, initial, factor, less);
            let now = [lines.low[sheet.columns - 1], lines.high[sheet.columns - 1]];
            equity += now[0].min(now[1]);
            for (family, mask) in sheet.groups.iter().enumerate() {
                let worst = lines.least_among(self.isa, mask);
                let loss = [(now[0] - worst[0]).max(0.0), (now[1] - worst[1]).max(0.0)];
                alone.push(Alone { family, now, most, loss });
            }
            let net = delta[0].abs().max(delta[1].abs());
            charges += self.charges.most(&rule::Part::Underlying { underlying: place, delta: net });
            most_delta = largest(most_delta, net);
        }
        for part in [rule::Part::Funding(funding), rule::Part::Fees(fees), rule::Part::Spread(spread)] {
            charges += self.charges.most(&part);
        }
        let (mut held, mut open) = (equity, equity);
        for (range, aggregation) in &self.families {
            for (surplus, totals) in [(&mut held, &maintenance[range.clone()]), (&mut open, &initial[range.clone()])] {
                let lowest = match aggregation {
                    Aggregation::ExpectedShortfall(level) => tail_mean(totals, *level, shortfall),
                    Aggregation::Worst | Aggregation::RootSumSquare => least(self.isa, totals),
                };
                *surplus = lesser(*surplus, lowest);
            }
        }
        for family in 0..self.roots {
            let of = || alone.iter().filter(|alone| alone.family == family);
            held = lesser(held, quiet + root(&of(), 1.0));
            open = lesser(open, factor * quiet - (factor - 1.0) * quiet_most + root(&of(), factor));
        }
        let slack = LINES + ROUNDING * factor * (gross + charges);
        let (maintenance, initial) = (held - charges - slack, open - charges - slack);
        // Equity less `warn` times the core lies on the straight line between the two, and so does its bound.
        let warn = self.warn;
        let part = (warn - 1.0) / (factor - 1.0);
        let between = if (0.0..=1.0).contains(&part) { held + part * (open - held) } else { f64::NAN };
        let warning = between - warn * (charges + slack);
        let certified = |surplus: f64| if surplus.is_finite() { surplus } else { f64::NEG_INFINITY };
        Surplus {
            maintenance: certified(maintenance),
            warning: certified(warning),
            initial: if holding.orders { f64::NEG_INFINITY } else { certified(initial) },
            equity: certified(equity - slack),
            delta: most_delta,
            vega: most_vega,
        }
    }

    /// Computes units of every asset, including the profit of positions up to the anchor's marks; returns their gross value.
    fn coins(&self, holding: &Holding, coins: &mut Vec<f64>) -> f64 {
        coins.clear();
        coins.resize(self.assets.len(), 0.0);
        let mut gross = 0.0;
        for kept in &holding.balances {
            coins[kept.asset.0] += kept.units;
            gross += kept.units.abs() * self.assets[kept.asset.0].price.high[1];
        }
        for held in holding.positions.iter().filter(|held| held.coins != 0.0) {
            if let Some(contract) = &self.contracts[held.instrument.0] {
                coins[contract.asset.0] += held.coins;
                gross += held.coins.abs() * self.assets[contract.asset.0].price.high[1];
            }
        }
        gross
    }
}

/// The two ends of a product, the least first.
fn ordered(amount: f64, low: f64, high: f64) -> (f64, f64) {
    if amount > 0.0 { (low, high) } else { (high, low) }
}

/// The smaller number; NaN if either is NaN.
#[inline]
fn lesser(one: f64, other: f64) -> f64 {
    if one < other || one.is_nan() { one } else { other }
}

/// The mean of the worst `(1 − level)·n` totals, the last one counted in part.
fn tail_mean(totals: &[f64], level: f64, memory: &mut Vec<f64>) -> f64 {
    memory.clear();
    memory.extend_from_slice(totals);
    let count = u32::try_from(memory.len()).map_or(f64::NAN, f64::from);
    let whole = (1.0 - level) * count;
    memory.sort_unstable_by(f64::total_cmp);
    let (mut left, mut sum) = (whole, 0.0);
    for total in memory.iter() {
        if left <= 0.0 {
            break;
        }
        sum += left.min(1.0) / whole * total;
        left -= 1.0;
    }
    sum
}

/// A lower bound on the least of `factor·(Σ now − ‖loss‖) − (factor − 1)·Σ most` over all corners.
///
/// `‖ℓ‖ = min over t > 0 of ‖ℓ‖²/(2t) + t/2`, so any `t` gives a lower bound, and for one `t` the corners separate. The
/// first `t` is the largest norm; the second is the norm of the corner that the first one chose.
fn root<'a>(parts: &(impl Iterator<Item = &'a Alone> + Clone), factor: f64) -> f64 {
    let base = |part: &Alone, end: usize| factor * part.now[end] - (factor - 1.0) * part.most[end];
    let square = |part: &Alone, end: usize| part.loss[end] * part.loss[end];
    let bound = |t: f64| {
        let (mut sum, mut chosen) = (-0.5 * factor * t, 0.0);
        let pull = factor / (2.0 * t);
        for part in parts.clone() {
            let value = |end: usize| base(part, end) - pull * square(part, end);
            let end = usize::from(value(1) < value(0));
            sum += value(end);
            chosen += square(part, end);
        }
        (sum, chosen.sqrt())
    };
    let largest = parts.clone().fold(0.0, |sum, part| sum + square(part, 0).max(square(part, 1))).sqrt();
    if largest <= 0.0 {
        return parts.clone().fold(0.0, |sum, part| sum + base(part, 0).min(base(part, 1)));
    }
    let (first, norm) = bound(largest);
    let (second, _) = bound(norm.max(1e-3 * largest));
    first.max(second)
}

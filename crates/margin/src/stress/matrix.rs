//! The profit of an account in every cell of a grid of price and volatility, by full revaluation.
//!
//! The grid's steps are a quarter of the scan range in price and a half of the scan's move in volatility, so that every
//! scan scenario on a quarter step lies on the grid, bit for bit: 9 × 5 covers the scan range itself, larger grids go beyond.

use model::{Account, Basket, Instrument, InstrumentId, Market, UnderlyingId};
use pricing::kernel::Isa;

use super::grid::Grid;
use super::moves::{PRICE_FALL_MAX, price_move, vol_change, vol_move};
use crate::greeks::of_contract;
use crate::method::universal::rules::Rules;
use crate::scenario::{Aggregation, Move, Scenario, ScenarioSet, VolMove};
use crate::{Refusal, risk_array};

/// Steps of price in one scan range.
const PRICE_STEPS: i32 = 4;
/// Steps of volatility in one move of the scan.
const VOL_STEPS: i32 = 2;

/// The profit of an account over common moves of price and volatility.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// Price moves, as parts of the scan range of every underlying, falling to rising.
    pub prices: Vec<f64>,
    /// Moves of volatility, rising to falling.
    pub vols: Vec<VolStep>,
    /// The underlyings that the account depends on, each with its scan range.
    pub ranges: Vec<(String, f64)>,
    /// Profit in USD: `[vol][price]`; a loss is negative.
    pub pnl: Vec<Vec<f64>>,
    /// The numbers of requested price moves and volatility moves that are left out, because a price or a volatility
    /// would fall to zero.
    pub left_out: [usize; 2],
}

/// One move of volatility.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VolStep {
    /// The part of the scan's move.
    pub part: f64,
    /// The relative move at 30 days.
    pub relative: f64,
    /// The mean change of the held options' volatility, weighted by vega, in points; none without options.
    pub points: Option<f64>,
}

impl Matrix {
    /// Revalues `account` in full in every cell of `grid`.
    pub fn of(account: &Account, market: &Market, rules: &Rules, grid: Grid, isa: Isa) -> Result<Self, Refusal> {
        let touched = touched(account, market);
        let ranged = |id: &UnderlyingId| (market.underlyings[id.0].name.clone(), rules.scan.range_of(market, *id));
        let ranges = touched.iter().map(ranged).collect();
        // A part of a basket may fall further than the basket.
        let axes = touched.iter().flat_map(|id| market.basket(*id).map_or_else(|| vec![*id], Basket::underlyings));
        let widest = axes.map(|id| rules.scan.range_of(market, id)).fold(0.0, f64::max);
        let mut prices = steps(grid.prices, PRICE_STEPS);
        let asked = prices.len();
        prices.retain(|part| *part >= -1.0 || part * widest > PRICE_FALL_MAX);
        let sharpest = sharpest(account, market, rules);
        let mut vols: Vec<VolStep> = steps(grid.vols, VOL_STEPS)
            .into_iter()
            .rev()
            .map(|part| VolStep { part, relative: vol_move(part, rules), points: None })
            .collect();
        let left_out = [asked - prices.len(), vols.len()];
        vols.retain(|vol| vol.part >= -1.0 || vol.relative.mul_add(sharpest, 1.0) > 0.0);
        let left_out = [left_out[0], left_out[1] - vols.len()];
        let cells =
            vols.iter().flat_map(|vol| prices.iter().map(move |price| cell(*price, vol.relative, market, rules)));
        let mut set = ScenarioSet::default();
        set.add("grid", Aggregation::Worst, cells);
        let array = risk_array::prepare(market, set, &rules.vol_rules(), rules.settlement.window_seconds, isa)?;
        let pnl = array.pnl(&array.vector(account)?).chunks(prices.len()).map(<[f64]>::to_vec).collect();
        for vol in &mut vols {
            vol.points = mean_points(account, market, rules, vol.relative)?;
        }
        Ok(Self { prices, vols, ranges, pnl, left_out })
    }

    /// The row and column of the cell in which nothing moves.
    pub fn middle(&self) -> (usize, usize) {
        let row = self.vols.iter().position(|vol| vol.part == 0.0);
        let column = self.prices.iter().position(|part| *part == 0.0);
        row.zip(column).expect("nothing moves in the middle of every grid")
    }

    /// The row and column of the largest loss of the grid.
    pub fn worst(&self) -> (usize, usize) {
        self.worst_where(|_, _| true)
    }

    /// The row and column of the largest loss inside the scan range.
    pub fn worst_in_scan(&self) -> (usize, usize) {
        self.worst_where(|row, column| self.in_scan(row, column))
    }

    /// Whether a cell lies inside the scan range.
    pub fn in_scan(&self, row: usize, column: usize) -> bool {
        self.vols[row].part.abs() <= 1.0 && self.prices[column].abs() <= 1.0
    }

    /// The largest absolute profit or loss of the grid.
    pub fn largest(&self) -> f64 {
        self.pnl.iter().flatten().fold(0.0, |largest: f64, pnl| largest.max(pnl.abs()))
    }

    fn worst_where(&self, counts: impl Fn(usize, usize) -> bool) -> (usize, usize) {
        // Among equal losses the cell nearest to the current market is chosen.
        let away = |(row, column): (usize, usize)| self.vols[row].part.abs() + self.prices[column].abs();
        let cells = (0..self.vols.len()).flat_map(|row| (0..self.prices.len()).map(move |column| (row, column)));
        cells
            .filter(|(row, column)| counts(*row, *column))
            .min_by(|a, b| self.pnl[a.0][a.1].total_cmp(&self.pnl[b.0][b.1]).then(away(*a).total_cmp(&away(*b))))
            .expect("nothing moves in the middle of every grid")
    }
}

/// `count` steps around 0, with `each` steps from 0 to 1.
fn steps(count: i32, each: i32) -> Vec<f64> {
    (-(count / 2)..=count / 2).map(|step| f64::from(step) / f64::from(each)).collect()
}

/// The largest factor between the volatility move of a held option and the move at 30 days.
fn sharpest(account: &Account, market: &Market, rules: &Rules) -> f64 {
    let listed = account.positions.iter().map(|position| market.listing(position.instrument));
    let days = listed.filter(|listing| listing.is_option()).filter_map(Instrument::expiry);
    let multiplier = |expiry: units::Timestamp| rules.vol_rules().term.multiplier(expiry.days_since(market.time));
    days.map(multiplier).fold(1.0, f64::max)
}

/// A scenario in which every underlying moves by the same part of its scan range.
fn cell(part: f64, vol: f64, market: &Market, rules: &Rules) -> Scenario {
    let mut scenario = Scenario::still("", market);
    for (place, shift) in scenario.moves.iter_mut().enumerate() {
        let range = rules.scan.range_of(market, UnderlyingId(place));
        *shift = Move { price: price_move(part, range), vol: VolMove::Level(vol), ..Move::NONE };
    }
    scenario
}

/// The effect of a level move on the held options: the mean of their volatility changes, weighted by vega, in points.
fn mean_points(account: &Account, market: &Market, rules: &Rules, level: f64) -> Result<Option<f64>, Refusal> {
    let (mut changes, mut weights) = (0.0, 0.0);
    for position in &account.positions {
        let listing = market.listing(position.instrument);
        if listing.is_option() {
            let vega = of_contract(position.instrument, market, rules.settlement.window_seconds)?.vega;
            let weight = (position.quantity.to_f64() * vega).abs();
            changes += weight * vol_change(listing, market, &rules.vol_rules(), level)?;
            weights += weight;
        }
    }
    Ok((weights > 0.0).then(|| 100.0 * changes / weights))
}

/// The underlyings that an account's positions and balances depend on; all underlyings of the market if there are none.
fn touched(account: &Account, market: &Market) -> Vec<UnderlyingId> {
    let of_position = |id: InstrumentId| market.listing(id).underlying;
    let positions = account.positions.iter().map(|position| of_position(position.instrument));
    let balances = account.balances.iter().filter_map(|balance| market.assets[balance.asset.0].follows);
    let mut touched: Vec<UnderlyingId> = positions.chain(balances).collect();
    if touched.is_empty() {
        touched = (0..market.underlyings.len()).map(UnderlyingId).collect();
    }
    touched.sort();
    touched.dedup();
    touched
}

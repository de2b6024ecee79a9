//! What an account gains and loses when all prices and all volatilities move together, and where a quadratic estimate
//! of it fails.
//!
//! The grid walks in quarters of the scan range and in halves of the scan's moves of volatility, so that every scan
//! scenario of a quarter lies on it, bit for bit: 9 × 5 is the scan range itself, more is what lies beyond.

use std::str::FromStr;

use margin::greeks::{of_contract, option_inputs};
use margin::method::universal::{Universal, rules::Rules};
use margin::risk_array::{self, RiskArray, VolRules};
use margin::scenario::{Aggregation, Move, Scenario, ScenarioSet, VolMove};
use margin::{Refusal, valuation};
use model::{Account, AssetId, Instrument, InstrumentId, Market, UnderlyingId};
use pricing::kernel::Isa;

use crate::amount::profit;

/// Steps of price in one scan range.
const PRICE_STEPS: i32 = 4;
/// Steps of volatility in one move of the scan.
const VOL_STEPS: i32 = 2;
/// No price falls further than this, as a part of it.
const PRICE_FALL_MAX: f64 = -0.99;
/// The families of the universal method that scan, in the order of the methodology.
const SCANS: [&str; 3] = ["scan together", "scan alone", "scan apart"];

/// How many moves of price and of volatility, both odd, so that "nothing moves" is the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    prices: i32,
    vols: i32,
}

/// The profit of an account over common moves of price and volatility.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// Parts of the scan range of every underlying, falling to rising.
    pub prices: Vec<f64>,
    /// Moves of volatility, rising to falling.
    pub vols: Vec<VolStep>,
    /// The underlyings that the account touches, each with its scan range.
    pub ranges: Vec<(String, f64)>,
    /// In USD: `[vol][price]`, a loss is negative.
    pub pnl: Vec<Vec<f64>>,
    /// Moves of price and of volatility that were asked for and are left out: a price or a volatility would fall to nothing.
    pub left_out: [usize; 2],
}

/// What the cells of a matrix are counted in, so that each fits six characters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// The unit of the cells, such as "thousand USD".
    pub name: &'static str,
    divisor: f64,
    decimals: usize,
}

/// One move of volatility.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VolStep {
    /// The part of the scan's move.
    pub part: f64,
    /// The relative move at 30 days.
    pub relative: f64,
    /// The mean change of what is held, weighted by vega, in points; none without options.
    pub points: Option<f64>,
}

/// A scan scenario, revalued in full and estimated.
#[derive(Clone, Debug)]
pub struct Estimate {
    /// The family of the scenario.
    pub family: String,
    /// The scenario in words.
    pub scenario: String,
    /// Full revaluation, in USD.
    pub pnl: f64,
    /// Delta, gamma, vega and theta, in USD.
    pub second_order: f64,
}

impl FromStr for Grid {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            || "expected two odd numbers from 3 to 41 such as 11x7: moves of price x moves of volatility".to_owned();
        let (prices, vols) = text.split_once(['x', '×']).ok_or_else(expected)?;
        let count = |text: &str| text.parse().ok().filter(|count| (3..=41).contains(count) && count % 2 == 1);
        Ok(Self { prices: count(prices).ok_or_else(expected)?, vols: count(vols).ok_or_else(expected)? })
    }
}

impl Matrix {
    /// Revalues `account` in full in every cell of `grid`.
    pub fn of(account: &Account, market: &Market, rules: &Rules, grid: Grid, isa: Isa) -> Result<Self, Refusal> {
        let ranges = touched(account, market, rules);
        let mut prices = steps(grid.prices, PRICE_STEPS);
        let asked = prices.len();
        prices.retain(|part| *part >= -1.0 || ranges.iter().all(|(_, range)| part * range > PRICE_FALL_MAX));
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

    /// Where nothing moves: its row and column.
    pub fn middle(&self) -> (usize, usize) {
        let row = self.vols.iter().position(|vol| vol.part == 0.0);
        let column = self.prices.iter().position(|part| *part == 0.0);
        row.zip(column).expect("nothing moves in the middle of every grid")
    }

    /// The largest loss of the grid: its row and column.
    pub fn worst(&self) -> (usize, usize) {
        self.worst_where(|_, _| true)
    }

    /// The largest loss inside the scan range: its row and column.
    pub fn worst_in_scan(&self) -> (usize, usize) {
        self.worst_where(|row, column| self.in_scan(row, column))
    }

    /// Whether a cell lies inside the scan range.
    pub fn in_scan(&self, row: usize, column: usize) -> bool {
        self.vols[row].part.abs() <= 1.0 && self.prices[column].abs() <= 1.0
    }

    /// The largest profit or loss of the grid, in size.
    pub fn largest(&self) -> f64 {
        self.pnl.iter().flatten().fold(0.0, |largest: f64, pnl| largest.max(pnl.abs()))
    }

    fn worst_where(&self, counts: impl Fn(usize, usize) -> bool) -> (usize, usize) {
        // Of equal losses the one nearest to where the market is.
        let away = |(row, column): (usize, usize)| self.vols[row].part.abs() + self.prices[column].abs();
        let cells = (0..self.vols.len()).flat_map(|row| (0..self.prices.len()).map(move |column| (row, column)));
        cells
            .filter(|(row, column)| counts(*row, *column))
            .min_by(|a, b| self.pnl[a.0][a.1].total_cmp(&self.pnl[b.0][b.1]).then(away(*a).total_cmp(&away(*b))))
            .expect("nothing moves in the middle of every grid")
    }
}

/// The relative move of a price by a part of its scan range; no price falls to nothing.
pub fn price_move(part: f64, range: f64) -> f64 {
    (part * range).max(PRICE_FALL_MAX)
}

impl Scale {
    /// The unit that shows amounts up to `largest` with four digits.
    pub fn fitting(largest: f64) -> Self {
        let units =
            [("USD", 1.0), ("thousand USD", 1e3), ("million USD", 1e6), ("billion USD", 1e9), ("trillion USD", 1e12)];
        // Losses round down, so that 9.9991 may become 10.
        let fits = units.into_iter().find(|(_, divisor)| largest / divisor <= 9999.0);
        let (name, divisor) = fits.unwrap_or(("quintillion USD", 1e18));
        let decimals = match largest / divisor {
            size if size > 999.9 || size == 0.0 => 0,
            size if size > 99.99 => 1,
            size if size > 9.999 => 2,
            _ => 3,
        };
        Self { name, divisor, decimals }
    }

    /// A profit of `usd` in this unit, rounded as profits are.
    pub fn show(self, usd: f64) -> String {
        if usd == 0.0 { "0".to_owned() } else { profit(usd / self.divisor, self.decimals) }
    }
}

/// Every scan scenario of the method, in full and estimated.
pub fn estimates(account: &Account, universal: &Universal) -> Result<Vec<Estimate>, Refusal> {
    let array = &universal.array;
    let pnl = array.pnl(&array.vector(account)?);
    let families = array.set.families.iter().filter(|family| SCANS.contains(&family.name.as_str()));
    let scenarios = families.flat_map(|family| family.range().map(move |index| (family, index)));
    scenarios
        .map(|(family, index)| {
            let scenario = &array.set.scenarios[index];
            Ok(Estimate {
                family: family.name.clone(),
                scenario: scenario.name.clone(),
                pnl: pnl[index],
                second_order: second_order(account, universal.market, universal.rules, scenario)?,
            })
        })
        .collect()
}

/// The profit of an account in a scenario as its delta, gamma, vega and theta have it, dampened by the weight.
fn second_order(account: &Account, market: &Market, rules: &Rules, scenario: &Scenario) -> Result<f64, Refusal> {
    let move_of =
        |asset: AssetId| market.assets[asset.0].follows.map_or(0.0, |follows| scenario.moves[follows.0].price);
    let mut profit = 0.0;
    for balance in &account.balances {
        profit +=
            balance.amount.to_f64() * market.assets[balance.asset.0].price.usd().to_f64() * move_of(balance.asset);
    }
    for position in &account.positions {
        let listing = market.listing(position.instrument);
        let UnderlyingId(underlying) = listing.underlying;
        let index = market.underlyings[underlying].index.usd().to_f64();
        let shift = &scenario.moves[underlying];
        let VolMove::Level(level) = shift.vol else {
            return Err(Refusal::NotSupported {
                method: "estimate",
                why: "a scan moves the level of volatility only".into(),
            });
        };
        let vol = if listing.is_option() { vol_change(listing, market, &rules.vol_rules(), level)? } else { 0.0 };
        let greeks = of_contract(position.instrument, market, rules.settlement.window_seconds)?;
        profit += position.quantity.to_f64() * greeks.second_order(index, shift.price, vol, scenario.years);
        if !listing.is_option() {
            // Greeks are those of a position entered at the mark; what it has earned since is a balance.
            let earned = valuation::position_value(position, market)
                .map_err(|overflow| Refusal::OutOfRange { account: account.name.clone(), overflow })?;
            profit += earned.to_f64() * move_of(listing.settle);
        }
    }
    Ok(profit * scenario.weight)
}

/// The profit of each position, then of each balance, in one scenario, before the weight of the scenario.
pub fn parts(account: &Account, array: &RiskArray, scenario: usize) -> Result<Vec<f64>, Refusal> {
    let weight = array.set.scenarios[scenario].weight;
    let positions = account.positions.iter().map(|position| array.position_pnl(position, scenario));
    let balances = account.balances.iter().map(|balance| Ok(array.balance_pnl(balance, scenario)));
    positions.chain(balances).map(|part| part.map(|part| part / weight)).collect()
}

/// `count` parts around 0, `each` steps to 1.
fn steps(count: i32, each: i32) -> Vec<f64> {
    (-(count / 2)..=count / 2).map(|step| f64::from(step) / f64::from(each)).collect()
}

/// How many times further than at 30 days the volatility of some option held moves.
fn sharpest(account: &Account, market: &Market, rules: &Rules) -> f64 {
    let listed = account.positions.iter().map(|position| market.listing(position.instrument));
    let days = listed.filter(|listing| listing.is_option()).filter_map(Instrument::expiry);
    let multiplier = |expiry: units::Timestamp| rules.vol_rules().term.multiplier(expiry.days_since(market.time));
    days.map(multiplier).fold(1.0, f64::max)
}

/// A part of the scan's move of volatility, at 30 days.
pub fn vol_move(part: f64, rules: &Rules) -> f64 {
    part * if part > 0.0 { rules.scan.vol_up } else { rules.scan.vol_down }
}

/// Every underlying by the same part of its scan range.
fn cell(part: f64, vol: f64, market: &Market, rules: &Rules) -> Scenario {
    let mut scenario = Scenario::still("", market);
    for (shift, underlying) in scenario.moves.iter_mut().zip(&market.underlyings) {
        *shift =
            Move { price: price_move(part, rules.scan.range(&underlying.name)), basis: 0.0, vol: VolMove::Level(vol) };
    }
    scenario
}

/// The change of an option's volatility when the level moves (SCN-2).
pub fn vol_change(listing: &Instrument, market: &Market, vol: &VolRules, level: f64) -> Result<f64, Refusal> {
    let inputs = option_inputs(listing, market)?;
    let days = listing.expiry().map_or(0.0, |expiry| expiry.days_since(market.time));
    let moved = inputs.vol * level.mul_add(vol.term.multiplier(days), 1.0).max(0.0);
    let floor = if level > 0.0 { vol.floor_up } else { 0.0 };
    Ok(moved.max(floor) - inputs.vol)
}

/// What a move of the level means for the options held: the mean of the changes, weighted by vega, in points.
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

/// The underlyings that an account's positions and balances depend on; all of the market's when it has none.
fn touched(account: &Account, market: &Market, rules: &Rules) -> Vec<(String, f64)> {
    let of_position = |id: InstrumentId| market.listing(id).underlying;
    let positions = account.positions.iter().map(|position| of_position(position.instrument));
    let balances = account.balances.iter().filter_map(|balance| market.assets[balance.asset.0].follows);
    let mut touched: Vec<UnderlyingId> = positions.chain(balances).collect();
    if touched.is_empty() {
        touched = (0..market.underlyings.len()).map(UnderlyingId).collect();
    }
    touched.sort();
    touched.dedup();
    let named = |UnderlyingId(place): UnderlyingId| market.underlyings[place].name.clone();
    let ranges = touched.into_iter().map(named).map(|name| {
        let range = rules.scan.range(&name);
        (name, range)
    });
    ranges.collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use margin::method::universal;
    use model::{InstrumentKind, Payoff, Portfolio};
    use pricing::black76::{Black76, Inputs};
    use pricing::math;

    pub fn market() -> Market {
        Market::parse(include_str!("../../../samples/market.json")).unwrap()
    }

    pub fn portfolio(market: &Market) -> Portfolio {
        Portfolio::parse(include_str!("../../../samples/portfolio.json"), market).unwrap()
    }

    pub fn rules() -> Rules {
        universal::parse(universal::PARAMS).unwrap().rules
    }

    pub fn universal<'a>(market: &'a Market, rules: &'a Rules) -> Universal<'a> {
        universal::prepare(market, rules, &ScenarioSet::default(), Isa::detect()).unwrap()
    }

    fn matrix(account: &Account, market: &Market, grid: &str) -> Matrix {
        Matrix::of(account, market, &rules(), grid.parse().unwrap(), Isa::detect()).unwrap()
    }

    /// What an account is worth when every price has moved by a part of its scan range and volatility by `vol` at 30 days:
    /// the formulas of VAL-2 and VAL-3 as they are written, option by option.
    fn worth(account: &Account, market: &Market, rules: &Rules, part: f64, vol: f64) -> f64 {
        let price = |asset: AssetId| {
            let asset = &market.assets[asset.0];
            let moved =
                asset.follows.map_or(0.0, |follows| part * rules.scan.range(&market.underlyings[follows.0].name));
            asset.price.usd().to_f64() * (1.0 + moved)
        };
        let mut worth = 0.0;
        for balance in &account.balances {
            worth += balance.amount.to_f64() * price(balance.asset);
        }
        for position in &account.positions {
            let listing = market.listing(position.instrument);
            let moved = 1.0 + part * rules.scan.range(&market.underlyings[listing.underlying.0].name);
            let (size, mark, entry) = (
                listing.contract_size.to_f64(),
                listing.mark.in_quote().to_f64() * moved,
                position.entry.in_quote().to_f64(),
            );
            let each = match (&listing.kind, listing.payoff) {
                (InstrumentKind::Option { expiry, strike, right, iv }, payoff) => {
                    let days = expiry.days_since(market.time);
                    let power = if days < 30.0 { 0.30 } else { 0.13 };
                    let scaled = iv.unwrap().to_f64() * (1.0 + vol * math::pow(30.0 / days.max(1.0), power)).max(0.0);
                    let forward = market.expiry(listing.underlying, *expiry).unwrap().forward.usd().to_f64() * moved;
                    let forward = forward / market.usd_per_counter(listing).usd().to_f64();
                    let inputs = Inputs {
                        right: *right,
                        forward,
                        strike: strike.in_counter().to_f64(),
                        vol: if vol > 0.0 { scaled.max(rules.vol.floor_up) } else { scaled },
                        years: expiry.years_since(market.time),
                        discount: 1.0,
                    };
                    let premium = Black76::new(inputs).unwrap().price();
                    premium * price(listing.settle) / if payoff == Payoff::Inverse { forward } else { 1.0 }
                }
                (_, Payoff::Linear) => (mark - entry) * price(listing.settle),
                (_, Payoff::Inverse) => (1.0 / entry - 1.0 / mark) * price(listing.settle),
            };
            worth += position.quantity.to_f64() * size * each;
        }
        worth
    }

    /// VAL-2, VAL-3, SCN-1, SCN-2, SCN-3
    #[test]
    fn every_cell_is_what_a_revaluation_by_hand_gives() {
        let (market, rules) = (market(), rules());
        for account in &portfolio(&market).accounts {
            let matrix = matrix(account, &market, "17x9");
            let now = worth(account, &market, &rules, 0.0, 0.0);
            for (vol, row) in matrix.vols.iter().zip(&matrix.pnl) {
                for (price, pnl) in matrix.prices.iter().zip(row) {
                    let expected = worth(account, &market, &rules, *price, vol.relative) - now;
                    assert!(
                        (pnl - expected).abs() < 1e-6,
                        "{}: {price} {vol:?} gives {pnl}, not {expected}",
                        account.name
                    );
                }
            }
        }
    }

    #[test]
    fn no_row_and_no_column_takes_a_volatility_or_a_price_to_nothing() {
        let (market, rules) = (market(), rules());
        for account in &portfolio(&market).accounts {
            let matrix = matrix(account, &market, "41x41");
            let options = || account.positions.iter().map(|held| market.listing(held.instrument));
            for vol in &matrix.vols {
                assert!(vol.relative > -1.0, "{}: {vol:?}", account.name);
                for listing in options().filter(|listing| listing.is_option()) {
                    let vol = option_inputs(listing, &market).unwrap().vol
                        + vol_change(listing, &market, &rules.vol_rules(), vol.relative).unwrap();
                    assert!(vol > 0.0, "{}: {}", account.name, listing.name);
                }
            }
            assert_eq!(matrix.vols.len() + matrix.left_out[1], 41);
            assert_eq!(matrix.prices.len() + matrix.left_out[0], 41);
            assert!(matrix.left_out[1] > 0, "twenty steps down are more than all of it");
            for (name, range) in &matrix.ranges {
                let moves: Vec<f64> = matrix.prices.iter().map(|part| price_move(*part, *range)).collect();
                assert!(moves.windows(2).all(|pair| pair[0] < pair[1]), "{name}: {moves:?}");
            }
        }
    }

    #[test]
    fn where_nothing_moves_nothing_is_gained_or_lost() {
        let market = market();
        for account in &portfolio(&market).accounts {
            for grid in ["11x7", "3x3", "41x41"] {
                let matrix = matrix(account, &market, grid);
                let (row, column) = matrix.middle();
                assert_eq!(matrix.pnl[row][column], 0.0, "{}", account.name);
            }
        }
    }

    /// FAM-1
    #[test]
    fn the_scan_lies_on_the_grid_bit_for_bit() {
        let (market, rules) = (market(), rules());
        let universal = universal(&market, &rules);
        for account in &portfolio(&market).accounts {
            let matrix = matrix(account, &market, "9x5");
            let scan: Vec<f64> = estimates(account, &universal)
                .unwrap()
                .into_iter()
                .filter(|one| one.family == SCANS[0])
                .map(|one| one.pnl)
                .collect();
            // The scan: unchanged first, then falling to rising; volatility up, same, down.
            let columns = [4, 0, 1, 2, 3, 5, 6, 7, 8];
            let cells: Vec<f64> =
                columns.iter().flat_map(|column| [0, 2, 4].map(|row| matrix.pnl[row][*column])).collect();
            assert_eq!(scan.len(), 27);
            assert!(scan.iter().zip(&cells).all(|(scan, cell)| scan.to_bits() == cell.to_bits()), "{}", account.name);
            assert_eq!(matrix.worst(), matrix.worst_in_scan());
        }
    }

    #[test]
    fn the_estimate_is_exact_for_futures_and_close_for_small_moves_of_options() {
        let (market, rules) = (market(), rules());
        let universal = universal(&market, &rules);
        let portfolio = portfolio(&market);
        let gaps = |name: &str| {
            let account = portfolio.accounts.iter().find(|account| account.name == name).unwrap();
            let estimates = estimates(account, &universal).unwrap();
            estimates
                .into_iter()
                .filter(|one| one.family == SCANS[0])
                .map(|one| (one.pnl - one.second_order).abs())
                .collect::<Vec<_>>()
        };
        for name in ["pair trade", "basis trade"] {
            assert!(gaps(name).iter().all(|gap| *gap < 1e-6), "{name}: {:?}", gaps(name));
        }
        for name in ["delta-hedged book", "short strangle"] {
            // Prices alone: a quarter of the range (places 13 and 16) against all of it (4 and 25).
            let gaps = gaps(name);
            assert!(gaps[13] < gaps[4] / 8.0 && gaps[16] < gaps[25] / 8.0, "{name}: {gaps:?}");
        }
    }

    #[test]
    fn a_grid_is_two_odd_numbers() {
        assert_eq!("9x5".parse(), Ok(Grid { prices: 9, vols: 5 }));
        assert_eq!("9×5".parse(), Ok(Grid { prices: 9, vols: 5 }));
        for text in ["", "9", "8x5", "9x4", "1x3", "43x3", "9x5x3", "-9x5", "ax5"] {
            assert!(text.parse::<Grid>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_unit_leaves_at_most_six_characters() {
        for size in [0.0, 1e-6, 0.5, 9.9995, 99.996, 999.96, 9999.4, 9999.5, 123_456.0, 9.9995e6, 1e9, 1e15, 1e20] {
            let text = Scale::fitting(size).show(-size);
            assert!(text.len() <= 6, "{size} is {text}");
        }
        assert_eq!(Scale::fitting(443_797.2).show(-443_797.2), "-443.8");
    }
}

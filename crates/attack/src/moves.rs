//! How far volatility surfaces turned and forwards left the index from one recorded snapshot to the next: the sizes that a
//! plausible day has.
//!
//! The relative move of the volatility of every option that is quoted at both ends is fitted, by least squares weighted by
//! vega, with the three moves that the method has: a level, a twist and a skew, each of the method's own shape.

use std::collections::BTreeMap;

use audit::margin::black76;
use model::{InstrumentKind, Market, UnderlyingId};
use pricing::math;
use serde::Serialize;
use units::Timestamp;

use crate::product::{Product, Shape};
use crate::revalue::{OptionTerms, option_terms};
use crate::snapshots::{NoMarket, Pair, Recording, Span};

/// Fewer options than this are no surface.
const LEAST_OPTIONS: usize = 20;

/// Options and futures that expire within so many days of the end of an interval are left out: their volatility and basis
/// are those of the settlement.
const LEAST_DAYS: f64 = 1.0;

/// A relative move of volatility by which vega is measured.
const BUMP: f64 = 1e-3;

/// What happened to the surface and the forwards of one underlying over one interval. Moves are relative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moved {
    /// Move of all volatilities, at 30 days.
    pub level: f64,
    /// Move of short expiries against the opposite of long ones.
    pub twist: f64,
    /// Move for each unit of log-moneyness.
    pub skew: f64,
    /// Root mean square, weighted by vega, of what the three leave.
    pub rest: f64,
    /// The largest move of a dated forward against the index; none without one.
    pub forward: Option<f64>,
    /// The largest move of a perpetual against the index; none without one.
    pub perpetual: Option<f64>,
}

/// One move over all intervals: sizes without sign.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Row {
    /// The name of the underlying whose surface or forwards moved.
    pub underlying: String,
    /// The move: `level`, `twist`, `skew`, `rest`, `forward` or `perpetual`, as [`Moved`] says.
    pub of: &'static str,
    /// Number of intervals.
    pub intervals: usize,
    /// Half of the moves are larger.
    pub median: f64,
    /// One move in twenty is larger.
    pub twentieth: f64,
    /// One move in a hundred is larger.
    pub hundredth: f64,
    /// The largest move.
    pub largest: f64,
    /// The start of the interval of the largest move.
    pub when: Timestamp,
}

/// Measures a recording for each underlying. `progress` is called after each interval.
pub fn measure(
    recording: &Recording,
    span: Span,
    threads: usize,
    mut progress: impl FnMut(),
) -> Result<Vec<Row>, NoMarket> {
    let product = Product::published();
    let mut moves: BTreeMap<(String, usize), Vec<(f64, Timestamp)>> = BTreeMap::new();
    let work = |pair: Pair| between(recording, &product, pair);
    for measured in pool::map(threads, recording.pairs(span), work, |_| progress()) {
        let (start, measured) = measured?;
        for (underlying, moved) in measured {
            let all = [
                Some(moved.level),
                Some(moved.twist),
                Some(moved.skew),
                Some(moved.rest),
                moved.forward,
                moved.perpetual,
            ];
            for (place, size) in all.into_iter().enumerate() {
                if let Some(size) = size {
                    moves.entry((underlying.clone(), place)).or_default().push((size.abs(), start));
                }
            }
        }
    }
    let names = ["level", "twist", "skew", "rest", "forward", "perpetual"];
    Ok(moves.into_iter().map(|((underlying, place), moves)| row(underlying, names[place], moves)).collect())
}

fn row(underlying: String, of: &'static str, mut moves: Vec<(f64, Timestamp)>) -> Row {
    moves.sort_by(|one, other| one.0.total_cmp(&other.0));
    let last = moves.len() - 1;
    let at = |one_in: usize| moves[last - moves.len() / one_in.min(moves.len())].0;
    Row {
        underlying,
        of,
        intervals: moves.len(),
        median: at(2),
        twentieth: at(20),
        hundredth: at(100),
        largest: moves[last].0,
        when: moves[last].1,
    }
}

type Measured = (Timestamp, Vec<(String, Moved)>);

fn between(recording: &Recording, product: &Product, pair: Pair) -> Result<Measured, NoMarket> {
    let (start, end) = (recording.market(pair.start)?, recording.market(pair.end)?);
    let shape = product.shape();
    let of = |place: usize| {
        let moved = moved(&start, &end, UnderlyingId(place), &shape)?;
        Some((start.underlyings[place].name.clone(), moved))
    };
    Ok((pair.start, (0..start.underlyings.len()).filter_map(of).collect()))
}

/// The moves of one underlying between two markets; none where too few options are in both.
pub fn moved(start: &Market, end: &Market, underlying: UnderlyingId, shape: &Shape) -> Option<Moved> {
    let mut fit = Fit::default();
    for listing in start.instruments.iter().filter(|listing| listing.underlying == underlying) {
        if let Some(terms) = option_terms(listing)
            && let Some(before) = start.iv(listing.id)
            && let Some(after) = end.instrument(&listing.name).and_then(|id| end.iv(id))
            && let Some(seen) = start.expiry(underlying, terms.expiry)
            && terms.expiry.days_since(end.time) >= LEAST_DAYS
        {
            let (before, after) = (before.to_f64(), after.to_f64());
            let forward = seen.forward.usd().to_f64();
            let vega = vega(terms, forward, before, start.time);
            fit.add(factors(shape, terms, forward, start.time), after / before - 1.0, vega);
        }
    }
    let ([level, twist, skew], rest) = fit.solve()?;
    let (forward, perpetual) = basis(start, end, underlying);
    Some(Moved { level, twist, skew, rest, forward, perpetual })
}

/// What each of the three moves of size 1 does to the volatility of an option.
fn factors(shape: &Shape, terms: OptionTerms, forward: f64, now: Timestamp) -> [f64; 3] {
    let days = terms.expiry.days_since(now);
    [shape.level(days), shape.twist(days), math::ln(terms.strike / forward)]
}

fn vega(terms: OptionTerms, forward: f64, vol: f64, now: Timestamp) -> f64 {
    let years = terms.expiry.years_since(now);
    let value = |vol: f64| black76(terms.right, forward, terms.strike, vol, years, 1.0);
    (value(vol * (1.0 + BUMP)) - value(vol * (1.0 - BUMP))) / (2.0 * BUMP * forward)
}

/// The largest moves of a dated forward and of a perpetual against the index.
fn basis(start: &Market, end: &Market, underlying: UnderlyingId) -> (Option<f64>, Option<f64>) {
    let name = &start.underlyings[underlying.0].name;
    let Some(later) = end.underlying(name) else { return (None, None) };
    let (index, index_later) = (start.size(underlying), end.size(later));
    let largest = |moves: &mut dyn Iterator<Item = f64>| moves.map(f64::abs).max_by(f64::total_cmp);
    let forward = |expiry: Timestamp| {
        let before = start.expiry(underlying, expiry)?.forward.usd().to_f64() / index;
        let after = end.expiry(later, expiry)?.forward.usd().to_f64() / index_later;
        (expiry.days_since(end.time) >= LEAST_DAYS).then_some(after / before - 1.0)
    };
    let expiries = start.expiries(underlying).iter().map(|known| known.time);
    let forward = largest(&mut expiries.filter_map(forward));
    let perpetuals = start
        .instruments
        .iter()
        .filter(|listing| listing.underlying == underlying && matches!(listing.kind, InstrumentKind::Perpetual));
    let perpetual = largest(&mut perpetuals.filter_map(|listing| {
        let before = start.mark(listing.id).in_quote().to_f64() / index;
        let after = end.mark(end.instrument(&listing.name)?).in_quote().to_f64() / index_later;
        Some(after / before - 1.0)
    }));
    (forward, perpetual)
}

/// Weighted least squares with three factors.
#[derive(Clone, Copy, Debug, Default)]
struct Fit {
    /// The sum of weight · factor · factor, for every two factors.
    products: [[f64; 3]; 3],
    /// The sum of weight · factor · seen move, for each factor.
    with: [f64; 3],
    /// The sum of weight · seen move squared.
    square: f64,
    /// The sum of the weights.
    weight: f64,
    count: usize,
}

impl Fit {
    fn add(&mut self, factors: [f64; 3], seen: f64, weight: f64) {
        for row in 0..3 {
            for column in 0..3 {
                self.products[row][column] += weight * factors[row] * factors[column];
            }
            self.with[row] += weight * factors[row] * seen;
        }
        self.square += weight * seen * seen;
        self.weight += weight;
        self.count += 1;
    }

    /// The three moves, and the root of the mean square that they leave; none where there is no single answer.
    fn solve(&self) -> Option<([f64; 3], f64)> {
        let a = &self.products;
        let minor = |row: usize, column: usize| {
            let (r, c) = ([(1, 2), (0, 2), (0, 1)][row], [(1, 2), (0, 2), (0, 1)][column]);
            a[r.0][c.0] * a[r.1][c.1] - a[r.0][c.1] * a[r.1][c.0]
        };
        let sign = |place: usize| if place.is_multiple_of(2) { 1.0 } else { -1.0 };
        let determinant: f64 = (0..3).map(|column| sign(column) * a[0][column] * minor(0, column)).sum();
        let size: f64 = (0..3).map(|place| a[place][place]).product();
        if self.count < LEAST_OPTIONS || determinant.abs() <= 1e-9 * size {
            return None;
        }
        // The inverse of a symmetric matrix by its cofactors.
        let of =
            |row: usize| (0..3).map(|column| sign(row + column) * minor(row, column) * self.with[column]).sum::<f64>();
        let moves = [0, 1, 2].map(|row| of(row) / determinant);
        let explained: f64 = moves.iter().zip(self.with).map(|(part, with)| part * with).sum();
        Some((moves, ((self.square - explained) / self.weight).max(0.0).sqrt()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Asset, Instrument, Underlying};

    /// Five expiries of nine strikes, with these moves of volatility, of the forwards and of the perpetual.
    fn market(now: &str, moves: [f64; 3], forward: f64, perpetual: f64) -> Market {
        let shape = Product::published().shape();
        let start: Timestamp = "2026-05-01T08:00:00Z".parse().unwrap();
        let mut underlying = Underlying::builder("BTC", 80_000);
        let mut listed = vec![Instrument::perpetual("PERP", "BTC").linear("USD").mark(80_000.0 * (1.0 + perpetual))];
        for expiry in ["2026-05-01T20:00:00Z", "2026-05-08T08:00:00Z", "2026-05-29T08:00:00Z", "2026-09-25T08:00:00Z"] {
            underlying = underlying.expiry(expiry, 80_000.0 * (1.0 + forward));
            for strike in (-4..=4).map(|step| 80_000.0 * (1.0 + 0.05 * f64::from(step))) {
                let time: Timestamp = expiry.parse().unwrap();
                let terms = OptionTerms { right: model::Right::Call, strike, expiry: time };
                let by: f64 =
                    factors(&shape, terms, 80_000.0, start).iter().zip(moves).map(|(factor, size)| factor * size).sum();
                let name = format!("{expiry} {strike}");
                listed
                    .push(Instrument::call(name, "BTC", expiry, strike).linear("USD").mark(1000).iv(0.5 * (1.0 + by)));
            }
        }
        let market = Market::builder(now).asset(Asset::builder("BTC", 80_000)).underlying(underlying);
        listed.into_iter().fold(market, model::MarketBuilder::instrument).build().unwrap()
    }

    #[test]
    fn the_moves_of_a_surface_are_found_again() {
        let sizes = [0.08, -0.15, 0.04];
        let (start, end) =
            (market("2026-05-01T08:00:00Z", [0.0; 3], 0.0, 0.0), market("2026-05-01T14:00:00Z", sizes, 0.006, -0.003));
        let moved = moved(&start, &end, UnderlyingId(0), &Product::published().shape()).unwrap();
        for (found, size) in [moved.level, moved.twist, moved.skew].into_iter().zip(sizes) {
            assert!((found - size).abs() < 1e-9, "{moved:?}");
        }
        assert!(moved.rest < 1e-6, "{moved:?}");
        assert!((moved.forward.unwrap() - 0.006).abs() < 1e-9 && (moved.perpetual.unwrap() - 0.003).abs() < 1e-9);
    }

    #[test]
    fn a_handful_of_options_is_no_surface() {
        let market = Market::parse(testdata::MARKET).unwrap();
        assert_eq!(moved(&market, &market, UnderlyingId(0), &Product::published().shape()), None);
    }

    #[test]
    fn one_move_in_a_hundred_is_above_the_hundredth() {
        let moves = (1..=200).map(|size| (f64::from(size), Timestamp::from_micros(i64::from(size)))).collect();
        let row = row("BTC".to_owned(), "level", moves);
        assert_eq!((row.median, row.twentieth, row.hundredth, row.largest), (100.0, 190.0, 198.0, 200.0));
        assert_eq!(row.when, Timestamp::from_micros(200));
    }
}

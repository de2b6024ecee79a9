//! Certified cells: a box of markets in which an account's surplus cannot fall below a computed number.
//!
//! ```text
//! Cell::new(market, set, …)       lines under and over every contract, rounded to integer ticks       bounds.rs
//! holding(account)                Σ lots · row, exact in any order, and the inputs of the charges     holding.rs
//! surplus(holding)                the lesser end of every line, less the largest value of every charge surplus.rs
//! spend(reserve, trade)           the surplus left after a trade, from the trade alone                reserve.rs
//! contains(market)                whether a market lies in the box                                    contains.rs
//! ```
//!
//! *Surplus* is equity less margin (REQ-3). The certified number holds for every market that the cell
//! [contains](Cell::contains). `docs/cells.md` gives the argument, rule by rule, and `tests/cells.rs` searches for a
//! market that breaks it. A certificate says which accounts need no check; for all others the exact assessment decides.

mod bounds;
mod contains;
mod holding;
mod reserve;
mod surplus;

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use model::{
    AssetId, CounterPrice, Expiry, Instrument, InstrumentId, InstrumentKind, Market, Payoff, Right, UnderlyingId,
};
use pricing::kernel::{Isa, Rows};
use units::{Quantity, Timestamp};

pub use holding::Holding;
pub use reserve::{Reserve, Trade};
pub use surplus::{Scratch, Surplus};

use crate::Refusal;
use crate::method::universal::charge::{Charges, funding_rate, rule::Scope};
use crate::method::universal::families;
use crate::method::universal::listed::Buckets;
use crate::method::universal::rules::Rules;
use crate::risk_array::{OTHER, asset_factor};
use crate::scenario::{Aggregation, Move, ScenarioSet};
use bounds::{Anchor, Bounds, Ends, Span, State};
use reserve::Toll;

/// How far a market may be from the anchor. Every width is relative and applies in both directions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Width {
    /// The move of any index, as a part of it.
    pub index: f64,
    /// The move of every forward, mark and coin price relative to its index.
    pub basis: f64,
    /// The move of any volatility, as a part of it.
    pub vol: f64,
    /// The move of every option's mark less its model price, as a part of the anchor's index (of a coin, for
    /// coin-quoted options).
    pub mark: f64,
    /// The move of the price of every asset that follows no underlying.
    pub peg: f64,
    /// The lifetime of the cell, in seconds.
    pub seconds: u32,
}

/// An anchor market, a box around it, and bounds on the value of every contract in the box.
#[derive(Clone, Debug)]
pub struct Cell {
    market: Market,
    rules: Rules,
    /// The multiple of the maintenance margin below which an account is warned (REQ-5).
    warn: f64,
    width: Width,
    end: Timestamp,
    /// The step to which amounts are rounded, in USD.
    tick: f64,
    isa: Isa,
    sheets: Vec<Sheet>,
    /// The contracts by instrument; none for an instrument that cannot be certified.
    contracts: Vec<Option<Contract>>,
    /// For each underlying, its instruments that had not expired at the anchor.
    coming: Vec<Vec<usize>>,
    /// The mark of each option less its model price, at the anchor.
    gaps: Vec<f64>,
    assets: Vec<AssetBounds>,
    /// The number of scenarios of the families that take the worst scenario or an expected shortfall.
    joint: usize,
    families: Vec<(Range<usize>, Aggregation)>,
    roots: usize,
    locations: BTreeMap<String, usize>,
    /// For each location, the scenarios in which it fails, and the weighted part that is lost.
    failures: Vec<Vec<(usize, f64)>>,
    /// The contracts that are charged together: those that have not expired at the anchor.
    buckets: Buckets,
    /// The charges over the cell.
    charges: Charges,
    /// For each instrument, the tolls of a lot bought and of a lot sold.
    tolls: Vec<[Toll; 2]>,
    /// For each asset, the tolls of a unit received and of a unit paid.
    coin_tolls: Vec<[Toll; 2]>,
}

/// The rows of all contracts of one underlying.
#[derive(Clone, Debug)]
struct Sheet {
    /// The number of columns: the joint scenarios, the scenarios of its own groups not among them, and the current market.
    columns: usize,
    /// `columns` rounded up to whole cache lines: the values at the upper end begin here.
    stride: usize,
    /// For each contract the row of a long lot, then of a short lot, in ticks a lot.
    rows: Rows,
    /// For each family that adds groups as a root of squares: 0 in the columns of its group, infinite in all others.
    groups: Vec<Vec<f64>>,
    /// The assets that follow the underlying, each with `1 + weight · (factor − 1)` of every column, then zeros up to
    /// the stride.
    coins: Vec<(usize, Vec<f64>)>,
}

/// The columns behind the scenario columns of both ends.
mod tail {
    /// A bound over the current value, at the lower end; then at the upper end.
    pub const NOW: usize = 0;
    /// Least dollar delta; then the greatest.
    pub const DELTA: usize = 2;
    /// Largest funding paid.
    pub const FUNDING: usize = 4;
    /// Largest fees to close.
    pub const FEES: usize = 5;
    /// Largest half spreads to close.
    pub const SPREAD: usize = 6;
    /// Largest number of the row.
    pub const GROSS: usize = 7;
    pub const COUNT: usize = 8;
}

/// The data of one instrument that positions in it use.
#[derive(Clone, Debug)]
struct Contract {
    sheet: usize,
    /// The index of the long row; the short row follows.
    row: usize,
    bucket: usize,
    /// For an option: its strike, with the asset in which it is written, and whether it is a call.
    strike: Option<((AssetId, CounterPrice), bool)>,
    /// The rank in the order of underlying, expiry, venue, written asset, strike: positions that are charged together are neighbours.
    rank: u32,
    lot: Quantity,
    size: f64,
    /// Units in a lot.
    unit: f64,
    mark: f64,
    payoff: Payoff,
    asset: AssetId,
    /// Forward delta, vega and gamma of a lot in ticks; for each the least, then the most.
    sensitivities: [f64; 6],
}

#[derive(Clone, Copy, Debug)]
struct AssetPrice {
    low: Ends,
    high: Ends,
}

#[derive(Clone, Debug)]
struct AssetBounds {
    /// The underlying it follows.
    sheet: Option<usize>,
    /// Bounds of the price, in USD a unit, at both ends.
    price: AssetPrice,
    /// For an asset that follows no underlying: `1 + weight · (factor − 1)` of every joint scenario, then zeros up to
    /// whole cache lines.
    factors: Vec<f64>,
}

/// A contract with its bounds over the cell.
struct Bounded {
    id: InstrumentId,
    bounds: Bounds,
    /// The index of each column's state in the bounds.
    states: Rc<[usize]>,
}

/// The scenario of a column, and its weight.
#[derive(Clone, Copy, Debug)]
struct Seen {
    scenario: usize,
    weight: f64,
}

impl Cell {
    /// Bounds every contract of `market` over a box around it.
    ///
    /// `extra` holds the families of a scenario document, which are assessed besides the built-in ones. `lots` is the
    /// number of contracts in a lot of each instrument. `tick` is the step to which rows are rounded, in USD: an
    /// account is certified up to `2^52` ticks gross. Refuses widths that do not form a box, weights above 1, and
    /// families that the argument does not cover.
    pub fn new(
        market: &Market,
        rules: &Rules,
        extra: &ScenarioSet,
        lots: &[Quantity],
        tick: f64,
        width: Width,
        isa: Isa,
    ) -> Result<Self, Refusal> {
        let not_supported = |why: String| Refusal::NotSupported { method: "cells", why };
        let part = |value: f64| value.is_finite() && (0.0..0.5).contains(&value);
        if !([width.index, width.basis, width.vol, width.peg].into_iter().all(part) && part(width.mark)) {
            return Err(not_supported(format!("{width:?}, expected parts from 0 to 0.5")));
        }
        if !(tick > 0.0 && tick.is_finite()) || lots.len() != market.instruments.len() {
            return Err(not_supported("expected a tick above 0 and a lot for every instrument".to_owned()));
        }
        let micros = i64::from(width.seconds).saturating_mul(1_000_000);
        let end = Timestamp::from_micros(market.time.micros().saturating_add(micros));
        let set = &families::build(market, rules, extra, end);
        if let Some(scenario) = set.scenarios.iter().find(|scenario| !(scenario.weight > 0.0 && scenario.weight <= 1.0))
        {
            return Err(not_supported(format!("weight {} of {}, expected up to 1", scenario.weight, scenario.name)));
        }
        let mut joint: Vec<usize> = Vec::new();
        let mut families: Vec<(Range<usize>, Aggregation)> = Vec::new();
        let mut roots = Vec::new();
        for family in &set.families {
            if family.aggregation == Aggregation::RootSumSquare {
                roots.push(alone(market, set, &family.groups).ok_or_else(|| {
                    not_supported(format!("{}: its groups do not each move one underlying alone", family.name))
                })?);
            } else {
                let start = joint.len();
                joint.extend(family.range());
                match (families.last_mut(), family.aggregation) {
                    // The worst loss over two families is the worst over the scenarios of both.
                    (Some((range, Aggregation::Worst)), Aggregation::Worst) => *range = range.start..joint.len(),
                    _ => families.push((start..joint.len(), family.aggregation)),
                }
            }
        }
        let mut locations = BTreeMap::new();
        let mut failures: Vec<Vec<(usize, f64)>> = Vec::new();
        for (column, scenario) in joint.iter().enumerate() {
            let scenario = &set.scenarios[*scenario];
            if let Some((location, lost)) = &scenario.failure {
                let place = *locations.entry(location.clone()).or_insert(failures.len());
                if place == failures.len() {
                    failures.push(Vec::new());
                }
                failures[place].push((column, lost * scenario.weight));
            }
        }
        // An expired instrument has no row and no bucket (CELL-3).
        let coming = |id| market.listing(id).expiry().is_none_or(|expiry| expiry > market.time);
        let buckets = Buckets::new(market, coming);
        let mut cell = Self {
            rules: rules.clone(),
            warn: rules.margin.warn.to_f64(),
            width,
            end,
            tick,
            isa,
            sheets: Vec::with_capacity(market.underlyings.len()),
            contracts: vec![None; market.instruments.len()],
            coming: vec![Vec::new(); market.underlyings.len()],
            gaps: vec![f64::NAN; market.instruments.len()],
            assets: Vec::new(),
            joint: joint.len(),
            families,
            roots: roots.len(),
            locations,
            failures,
            charges: charges(market, &buckets, rules, end, width),
            buckets,
            market: market.clone(),
            tolls: Vec::new(),
            coin_tolls: Vec::new(),
        };
        for (place, listing) in market.instruments.iter().enumerate() {
            if coming(InstrumentId(place)) {
                cell.coming[listing.underlying.0].push(place);
            }
        }
        cell.assets = (0..market.assets.len()).map(|asset| cell.asset(AssetId(asset), set, &joint)).collect();
        for underlying in 0..market.underlyings.len() {
            let groups = roots.iter().map(|family| family[underlying].clone()).collect();
            let sheet = cell.sheet(UnderlyingId(underlying), set, &joint, groups, lots)?;
            cell.sheets.push(sheet);
        }
        cell.set_tolls();
        Ok(cell)
    }

    /// The anchor: the market around which the cell is built.
    pub fn market(&self) -> &Market {
        &self.market
    }

    /// The number of instruments that the cell can represent.
    pub fn rows(&self) -> usize {
        self.contracts.iter().flatten().count()
    }

    /// The number of groups of positions charged together: what a venue lists of an underlying without expiry, and for
    /// every expiry still to come.
    pub fn buckets(&self) -> usize {
        self.buckets.of_underlyings.iter().map(|buckets| buckets.len()).sum()
    }

    /// The width of the cell.
    pub fn width(&self) -> Width {
        self.width
    }

    /// The last moment for which the cell holds.
    pub fn end(&self) -> Timestamp {
        self.end
    }

    fn ends(&self) -> Ends {
        [1.0 - self.width.index, 1.0 + self.width.index]
    }

    fn asset(&self, id: AssetId, set: &ScenarioSet, joint: &[usize]) -> AssetBounds {
        let price = self.market.price(id).usd().to_f64();
        if let Some(UnderlyingId(sheet)) = self.market.assets[id.0].follows {
            let span = Span::around(price, self.width.basis);
            let price = AssetPrice { low: self.ends().map(|x| span.low * x), high: self.ends().map(|x| span.high * x) };
            return AssetBounds { sheet: Some(sheet), price, factors: Vec::new() };
        }
        let span = Span::around(price, if id == model::USD { 0.0 } else { self.width.peg });
        let factors = joint.iter().map(|scenario| self.weighted_factor(id, set, *scenario));
        let factors = padded(factors, joint.len(), 0.0);
        AssetBounds { sheet: None, price: AssetPrice { low: [span.low; 2], high: [span.high; 2] }, factors }
    }

    /// Whether a balance of an asset can be represented: it is of the market, and follows no basket (CELL-3).
    fn covers(&self, asset: AssetId) -> bool {
        let listed = self.market.assets.get(asset.0);
        listed.is_some_and(|asset| asset.follows.is_none_or(|underlying| !self.market.is_basket(underlying)))
    }

    fn weighted_factor(&self, asset: AssetId, set: &ScenarioSet, scenario: usize) -> f64 {
        let scenario = &set.scenarios[scenario];
        1.0 + scenario.weight * (asset_factor(&self.market, asset, scenario) - 1.0)
    }

    /// The rows and terms of one underlying.
    fn sheet(
        &mut self,
        underlying: UnderlyingId,
        set: &ScenarioSet,
        joint: &[usize],
        groups: Vec<Vec<usize>>,
        lots: &[Quantity],
    ) -> Result<Sheet, Refusal> {
        let market = self.market.clone();
        let seen = |scenario: usize| Seen { scenario, weight: set.scenarios[scenario].weight };
        let mut columns: Vec<Seen> = joint.iter().map(|scenario| seen(*scenario)).collect();
        let followers: Vec<usize> =
            (0..market.assets.len()).filter(|asset| market.assets[*asset].follows == Some(underlying)).collect();
        let mut group_columns: Vec<Vec<usize>> = Vec::with_capacity(groups.len());
        for group in groups {
            let mut places = Vec::with_capacity(group.len());
            for scenario in group {
                let wanted = seen(scenario);
                let same = |known: &Seen| {
                    let (one, other) = (&set.scenarios[known.scenario], &set.scenarios[scenario]);
                    one.moves[underlying.0] == other.moves[underlying.0]
                        && known.weight == wanted.weight
                        && one.failure.is_none()
                        && one.residuals == other.residuals
                };
                places.push(columns.iter().position(same).unwrap_or_else(|| {
                    columns.push(wanted);
                    columns.len() - 1
                }));
            }
            group_columns.push(places);
        }
        let count = columns.len() + 1;
        let mask = |places: &Vec<usize>| {
            let counts = (0..count).map(|column| if places.contains(&column) { 0.0 } else { f64::INFINITY });
            padded(counts, count, f64::INFINITY)
        };
        let groups = group_columns.iter().map(mask).collect();
        let coins = followers
            .into_iter()
            .map(|asset| {
                let of = |seen: &Seen| self.weighted_factor(AssetId(asset), set, seen.scenario);
                (asset, padded(columns.iter().map(of).chain([1.0]), count, 0.0))
            })
            .collect();

        let contracts = self.contracts(underlying, &market, set, &columns)?;
        let stride = count.next_multiple_of(pricing::kernel::LANES);
        let mut sheet = Sheet {
            columns: count,
            stride,
            rows: Rows::zeros(2 * contracts.len(), 2 * stride + tail::COUNT),
            groups,
            coins,
        };
        for (place, Bounded { id, bounds, states }) in contracts.into_iter().enumerate() {
            let factors: Vec<f64> =
                columns.iter().map(|seen| asset_factor(&market, bounds.asset, &set.scenarios[seen.scenario])).collect();
            self.write(&mut sheet, place, id, &bounds, (&columns, &states, &factors), lots[id.0]);
        }
        Ok(sheet)
    }

    /// Every instrument of an underlying that can be certified, by expiry, strike and right.
    fn contracts(
        &mut self,
        underlying: UnderlyingId,
        market: &Market,
        set: &ScenarioSet,
        columns: &[Seen],
    ) -> Result<Vec<Bounded>, Refusal> {
        let vol = self.rules.vol_rules();
        let window = self.rules.settlement.window_seconds;
        let mut written: BTreeMap<AssetId, Vec<InstrumentId>> = BTreeMap::new();
        for (place, listing) in market.instruments.iter().enumerate() {
            if listing.underlying == underlying && self.holds(listing, market, window) {
                written.entry(listing.counter_asset()).or_default().push(InstrumentId(place));
            }
        }
        let mut found = Vec::new();
        for (written, ids) in written {
            let (states, state_of) = states_of(market, underlying, written, set, columns);
            let anchor = Anchor {
                market,
                rules: &self.rules,
                vol: &vol,
                width: &self.width,
                end: self.end,
                isa: self.isa,
                written,
                states: &states,
            };
            let mut chains: BTreeMap<(Timestamp, Right), Vec<InstrumentId>> = BTreeMap::new();
            for id in ids {
                let listing = market.listing(id);
                if let InstrumentKind::Option { expiry, right, .. } = listing.kind {
                    self.gaps[id.0] = bounds::gap(listing, market)?.0;
                    chains.entry((expiry, right)).or_default().push(id);
                } else {
                    found.push(Bounded { id, bounds: anchor.future(listing), states: state_of.clone() });
                }
            }
            for ((expiry, right), ids) in chains {
                let chain: Vec<&Instrument> = ids.iter().map(|id| market.listing(*id)).collect();
                let bounds = anchor.chain(expiry, right, &chain)?;
                let bounded = |(id, bounds)| Bounded { id, bounds, states: state_of.clone() };
                found.extend(ids.into_iter().zip(bounds).map(bounded));
            }
        }
        let key = |id: InstrumentId| {
            let listing = market.listing(id);
            let strike = match &listing.kind {
                InstrumentKind::Option { strike, right, .. } => Some((listing.counter_asset(), *strike, *right)),
                InstrumentKind::Spot | InstrumentKind::Perpetual | InstrumentKind::Future { .. } => None,
            };
            (listing.expiry(), listing.venue.as_deref(), strike, id)
        };
        found.sort_by_key(|bounded| key(bounded.id));
        Ok(found)
    }

    /// The expiries of an underlying that lie after the anchor. An expired instrument has no row and no bucket (CELL-3).
    fn coming(&self, underlying: UnderlyingId) -> &[Expiry] {
        coming(&self.market, underlying)
    }

    /// Whether the argument covers an instrument for the lifetime of the cell.
    fn holds(&self, listing: &Instrument, market: &Market, window: f64) -> bool {
        let far = |expiry: Timestamp| {
            let left = expiry.seconds_since(self.end);
            let terms = market.expiry(listing.underlying, expiry);
            left > 0.0 && left >= window && terms.is_none_or(|terms| terms.forward_settled == model::UsdPrice::ZERO)
        };
        // A contract may depend on only one price that moves on its own: that of the asset in which it is written, or
        // of the one in which it pays.
        let quiet = |asset: AssetId| market.assets[asset.0].follows.is_none();
        let linear = quiet(listing.settle) && (listing.quote == model::USD || listing.quote == listing.settle);
        if !(linear || listing.payoff == Payoff::Inverse && listing.counter_asset() == model::USD) {
            return false;
        }
        if market.underlyings[listing.underlying.0].scale.is_some() || market.is_basket(listing.underlying) {
            return false;
        }
        match &listing.kind {
            InstrumentKind::Spot => false,
            InstrumentKind::Option { expiry, .. } => {
                far(*expiry) && market.iv(listing.id).is_some_and(|iv| iv > units::Ratio::ZERO)
            }
            InstrumentKind::Perpetual => true,
            InstrumentKind::Future { expiry } => far(*expiry),
        }
    }

    /// Writes one contract's two rows in integer ticks, rounded against the holder.
    ///
    /// For every column it needs the scenario, the index of its state in the bounds, and the factor of the asset the
    /// contract pays in.
    fn write(
        &mut self,
        sheet: &mut Sheet,
        place: usize,
        id: InstrumentId,
        bounds: &Bounds,
        (columns, states, factors): (&[Seen], &[usize], &[f64]),
        lot: Quantity,
    ) {
        if lot <= Quantity::ZERO {
            return;
        }
        let listing = self.market.listing(id);
        let scale = lot.to_f64() / self.tick;
        let now = &bounds.states[0];
        let mut gross = now.magnitude * scale;
        for side in 0..2 {
            let (long, row) = (side == 0, sheet.rows.padded_row_mut(2 * place + side));
            let of = |lines: &bounds::Lines| if long { lines.lower } else { lines.upper };
            let rounded = |value: f64, slack: f64| {
                if long { ((value - slack) * scale).floor() } else { ((value + slack) * scale).ceil() }
            };
            for end in 0..2 {
                for (column, ((seen, state), factor)) in columns.iter().zip(states).zip(factors).enumerate() {
                    let lines = &bounds.states[*state];
                    let value = of(&bounds.gap)[end]
                        + (1.0 - seen.weight) * of(now)[end]
                        + seen.weight * factor * of(lines)[end];
                    let magnitude = now.magnitude + factor * lines.magnitude;
                    gross = gross.max(magnitude * scale);
                    row[end * sheet.stride + column] = rounded(value, bounds::ERROR * magnitude);
                }
                row[end * sheet.stride + columns.len()] =
                    rounded(of(&bounds.gap)[end] + of(now)[end], bounds::ERROR * now.magnitude);
                let other = |lines: &bounds::Lines| if long { lines.upper[end] } else { lines.lower[end] };
                let slack = bounds::ERROR * now.magnitude;
                let value = other(&bounds.gap) + other(now);
                row[2 * sheet.stride + tail::NOW + end] =
                    if long { ((value + slack) * scale).ceil() } else { ((value - slack) * scale).floor() };
            }
            let ends = &mut row[2 * sheet.stride..];
            let delta = [(bounds.net_delta.low * scale).floor(), (bounds.net_delta.high * scale).ceil()];
            let (least, most) = if long { (delta[0], delta[1]) } else { (delta[1], delta[0]) };
            (ends[tail::DELTA], ends[tail::DELTA + 1]) = (least, most);
            let rate = funding_rate(self.market.quote(id));
            let funding = [rate * bounds.worth.low * scale, rate * bounds.worth.high * scale];
            let (fee, spread) = ((bounds.fee * scale).ceil(), (bounds.spread * scale).ceil());
            (ends[tail::FUNDING], ends[tail::FEES], ends[tail::SPREAD]) = if long {
                (funding[0].max(funding[1]).ceil(), fee, spread)
            } else {
                (funding[0].min(funding[1]).floor(), -fee, -spread)
            };
        }
        let sensitivities = [bounds.forward_delta, bounds.vega, bounds.gamma]
            .map(|span| [(span.low * scale).floor(), (span.high * scale).ceil()]);
        let sensitivities: &[f64] = sensitivities.as_flattened();
        let rows = [sheet.rows.row(2 * place), sheet.rows.row(2 * place + 1)];
        let largest = |values: &[f64]| {
            // `max` is not used, because it ignores NaN.
            values.iter().fold(0.0, |most: f64, value| if value.abs() <= most { most } else { value.abs() })
        };
        let gross = largest(&[largest(rows[0]), largest(rows[1]), largest(sensitivities), gross]).ceil();
        if !gross.is_finite() || gross >= holding::MOST {
            return;
        }
        sheet.rows.padded_row_mut(2 * place)[2 * sheet.stride + tail::GROSS] = gross;
        sheet.rows.padded_row_mut(2 * place + 1)[2 * sheet.stride + tail::GROSS] = -gross;
        let strike = match &listing.kind {
            InstrumentKind::Option { strike, right, .. } => {
                Some(((listing.counter_asset(), *strike), *right == Right::Call))
            }
            InstrumentKind::Spot | InstrumentKind::Perpetual | InstrumentKind::Future { .. } => None,
        };
        let contract = Contract {
            sheet: listing.underlying.0,
            row: 2 * place,
            bucket: self.buckets.of(id).expect("a contract with a row has a bucket"),
            strike,
            rank: u32::try_from(place).expect("fewer than 2^32 instruments"),
            lot,
            size: listing.contract_size.to_f64(),
            unit: lot.to_f64() * listing.contract_size.to_f64(),
            mark: self.market.mark(listing.id).in_quote().to_f64(),
            payoff: listing.payoff,
            asset: bounds.asset,
            sensitivities: sensitivities.try_into().expect("three pairs"),
        };
        self.contracts[id.0] = Some(contract);
    }

    /// The failure list of a location: that of its own name, or that of all unlisted locations.
    fn location(&self, name: Option<&str>) -> Option<usize> {
        self.locations.get(name?).or_else(|| self.locations.get(OTHER)).copied()
    }
}

/// The expiries of an underlying that lie after the time of the market.
fn coming(market: &Market, underlying: UnderlyingId) -> &[Expiry] {
    let expiries = market.expiries(underlying);
    &expiries[expiries.partition_point(|terms| terms.time <= market.time)..]
}

/// The charges in every market of a cell around `market` that ends at `end` (CELL-8).
fn charges(market: &Market, buckets: &Buckets, rules: &Rules, end: Timestamp, width: Width) -> Charges {
    let scope = Scope {
        market,
        buckets,
        until: end,
        rise: 1.0 + width.index,
        scan: &rules.scan,
        daily_volume: &rules.liquidity.adv_usd,
    };
    Charges::new(&scope, &rules.charges())
}

/// The distinct states of contracts written in an asset, and the state of each column; the first state is the market
/// without any move.
fn states_of(
    market: &Market,
    underlying: UnderlyingId,
    written: AssetId,
    set: &ScenarioSet,
    columns: &[Seen],
) -> (Vec<State>, Rc<[usize]>) {
    let mut states = vec![State::STILL];
    let place = |seen: &Seen| {
        let scenario = &set.scenarios[seen.scenario];
        let written = asset_factor(market, written, scenario);
        let state = State { shift: scenario.moves[underlying.0], written };
        states.iter().position(|known| *known == state).unwrap_or_else(|| {
            states.push(state);
            states.len() - 1
        })
    };
    let state_of = columns.iter().map(place).collect();
    (states, state_of)
}

/// `count` values, followed by `other` up to whole cache lines.
fn padded(values: impl Iterator<Item = f64>, count: usize, other: f64) -> Vec<f64> {
    values.chain(std::iter::repeat(other)).take(count.next_multiple_of(pricing::kernel::LANES)).collect()
}

/// For each underlying, the scenarios of a family in which every group moves one underlying alone, and with it the
/// baskets that it is a part of; none when a group moves more. A basket has no scenarios of its own.
fn alone(market: &Market, set: &ScenarioSet, groups: &[Range<usize>]) -> Option<Vec<Vec<usize>>> {
    let mut by_underlying = vec![Vec::new(); market.underlyings.len()];
    for group in groups {
        let mut moved = None;
        let mut moving = Vec::new();
        for (place, scenario) in set.scenarios[group.clone()].iter().enumerate() {
            if scenario.failure.is_some() || scenario.residuals.iter().any(|d| *d != 0.0) {
                return None;
            }
            // A basket moves with its parts. Nothing that depends on it is certified (CELL-3), so its moves do not count.
            let own = scenario.moves.iter().enumerate().filter(|(place, _)| !market.is_basket(UnderlyingId(*place)));
            for (underlying, _) in own.filter(|(_, shift)| **shift != Move::NONE) {
                if *moved.get_or_insert(underlying) != underlying {
                    return None;
                }
                moving.push(group.start + place);
            }
        }
        let Some(underlying) = moved else { continue };
        let held: &mut Vec<usize> = &mut by_underlying[underlying];
        if !held.is_empty() {
            return None;
        }
        *held = moving;
    }
    Some(by_underlying)
}

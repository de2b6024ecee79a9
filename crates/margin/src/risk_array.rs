//! Revalues every instrument under every scenario once per market state; an account is then a sum of rows.
//!
//! ```text
//! prepare(market, scenarios)      one row per instrument: its profit in USD, in every distinct state of its block
//! vector(account)                 Σ quantity · row, one pass over the positions
//! add_fill(vector, fill)          adds one row
//! pnl(vector)                     the account's profit in every scenario
//! ```
//!
//! A *block* holds the instruments of one underlying that are written and paid in the same assets, because their profit
//! depends on nothing else. Most scenarios of a set look the same to a block (they move other underlyings), so its rows
//! have one column per *distinct* state, and a table gives the column of each scenario. Column 0 is the current market.

pub(crate) mod alone;
mod wide;

use std::collections::BTreeMap;
use std::ops::Range;

use model::{
    Account, AssetId, Balance, Instrument, InstrumentId, InstrumentKind, Market, Payoff, Position, UnderlyingId,
};
use pricing::kernel::{Column, Columns, Contract, Isa, Position as Held, Rows, accumulate, sum_rows};
use pricing::math;
use units::Timestamp;

use crate::greeks::{not_priceable, option_inputs, unsettled_part};
use crate::scenario::{Move, Scenario, ScenarioSet, VolMove};
use crate::vol::TermRule;
use crate::{Refusal, basket};
use wide::Wide;
pub(crate) use wide::WideRow;

/// The name under which all unlisted names are looked up.
pub const OTHER: &str = "other";

/// The rules by which volatilities respond to a scenario's move (SCN-2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VolRules {
    /// The growth of a level move for short expiries.
    pub term: TermRule,
    /// The minimum to which a volatility is raised when it moves up.
    pub floor_up: f64,
    /// The expiry, in days, at which a twist has no effect.
    pub twist_pivot_days: f64,
    /// A twist is full at the pivot divided by this and at the pivot times this.
    pub twist_span: f64,
    /// The largest fraction by which a skew may move a volatility.
    pub skew_cap: f64,
}

/// The profit of every instrument of a market under every scenario.
#[derive(Clone, Debug)]
pub struct RiskArray {
    /// The scenarios, with their families.
    pub set: ScenarioSet,
    isa: Isa,
    blocks: Vec<Block>,
    /// The row of each instrument; none for options without a volatility and for instruments that cannot be held.
    places: Vec<Option<Place>>,
    names: Vec<String>,
    /// `[asset][scenario]`: price after the scenario, relative to the price before.
    asset_factors: Vec<Vec<f64>>,
    /// The asset factors less 1, in rows of the kernel.
    asset_moves: Rows,
    asset_prices: Vec<f64>,
    weights: Vec<f64>,
    /// Names of the locations that fail in some scenario, in alphabetical order.
    locations: Vec<String>,
    /// The scenarios in which a location fails: scenario, location, and the part that is lost.
    failures: Vec<(usize, usize, f64)>,
    /// The data of each instrument that turn an entry price into unsettled profit.
    profits: Vec<Profit>,
    wide: Wide,
}

/// An account as sums of rows: fills update it, and scenario profits are read from it.
#[derive(Clone, Debug, Default)]
pub struct AccountVector {
    blocks: Vec<BlockSum>,
    /// Units of every asset: balances and the unsettled profit of positions.
    coins: Vec<f64>,
    /// Value of the balances at each location that can fail, in USD.
    locations: Vec<f64>,
}

#[derive(Clone, Debug)]
struct BlockSum {
    sums: Rows,
    /// Whether nothing was added, so that all sums are 0.
    idle: bool,
}

/// A position as numbers for the calculation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// The number of the instrument.
    pub instrument: InstrumentId,
    /// Contracts, negative when short.
    pub quantity: f64,
    /// The price from which profit is counted.
    pub entry: f64,
}

impl Line {
    pub(crate) fn of(position: &Position) -> Self {
        let Position { instrument, quantity, entry } = *position;
        Self { instrument, quantity: quantity.to_f64(), entry: entry.in_quote().to_f64() }
    }
}

/// Reusable memory for [`RiskArray::sum`] and [`RiskArray::read`].
#[derive(Clone, Debug)]
pub(crate) struct Scratch {
    lines: Vec<Line>,
    vector: AccountVector,
    /// The positions of each block.
    held: Vec<Vec<Held>>,
    pnl: Rows,
}

impl Default for Scratch {
    fn default() -> Self {
        let pnl = Rows::zeros(1, 0);
        Self { lines: Vec::new(), vector: AccountVector::default(), held: Vec::new(), pnl }
    }
}

impl Scratch {
    /// The positions of the account that was read.
    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Reads the positions of an account, without its profits.
    pub(crate) fn read_lines(&mut self, account: &Account) {
        self.lines.clear();
        self.lines.extend(account.positions.iter().map(Line::of));
    }

    /// The profit of that account in every scenario.
    pub(crate) fn pnl(&self) -> &[f64] {
        self.pnl.row(0)
    }
}

#[derive(Clone, Debug)]
struct Block {
    underlying: UnderlyingId,
    /// The asset in which prices are written ([`Instrument::counter_asset`]).
    written: AssetId,
    /// The asset in which values are paid.
    paid: AssetId,
    /// The state of each column; column 0 is the current market.
    states: Vec<State>,
    /// The column of each scenario.
    column_of: Vec<usize>,
    /// The same columns, as runs of scenarios.
    runs: Vec<Run>,
    rows: Rows,
}

/// Scenarios, one after the other, whose columns are the same or one after the other.
#[derive(Clone, Debug, PartialEq)]
struct Run {
    scenarios: Range<usize>,
    columns: Range<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    block: usize,
    row: usize,
}

/// The parts of a scenario that affect a block.
#[derive(Clone, Copy, Debug, PartialEq)]
struct State {
    shift: Move,
    /// Price of the written asset after the scenario, relative to before.
    written_factor: f64,
    /// Price of the paid asset after the scenario, relative to before.
    paid_factor: f64,
}

#[derive(Clone, Copy, Debug)]
struct Profit {
    asset: AssetId,
    size: f64,
    mark: f64,
    kind: ProfitKind,
}

#[derive(Clone, Copy, Debug)]
enum ProfitKind {
    Linear,
    Inverse,
    Premium,
}

impl Profit {
    /// Units of the settlement asset that a contract entered at `price` has earned at its mark. 0 for an option,
    /// because its premium was paid out of the balance.
    fn of(&self, price: f64) -> f64 {
        match self.kind {
            ProfitKind::Linear => self.size * (self.mark - price),
            ProfitKind::Inverse => self.size * ((self.mark - price) / (price * self.mark)),
            ProfitKind::Premium => 0.0,
        }
    }

    /// The amounts that a fill at `limit` adds, in units of the asset it pays in: at the current price, and at the
    /// shocked price. The premium of an option leaves the balance; the option itself counts at its mark and moves by its row.
    fn of_fill(&self, limit: f64) -> (f64, f64) {
        match self.kind {
            ProfitKind::Linear | ProfitKind::Inverse => (0.0, self.of(limit)),
            ProfitKind::Premium => (self.size * self.mark, -self.size * limit),
        }
    }
}

/// Revalues every instrument of `market` under every scenario of `set`.
///
/// `window_seconds` is the length of the settlement average (VAL-4). Baskets move with their parts, whatever the set says
/// of them (SCN-7). Refuses a scenario that leads to an invalid price.
pub fn prepare(
    market: &Market,
    set: ScenarioSet,
    vol: &VolRules,
    window_seconds: f64,
    isa: Isa,
) -> Result<RiskArray, Refusal> {
    prepare_live(market, set, vol, window_seconds, isa, &|_| true)
}

/// [`prepare`], limited to instruments for which `is_live` is true. An account that holds another instrument is refused.
pub(crate) fn prepare_live(
    market: &Market,
    mut set: ScenarioSet,
    vol: &VolRules,
    window_seconds: f64,
    isa: Isa,
    is_live: &dyn Fn(InstrumentId) -> bool,
) -> Result<RiskArray, Refusal> {
    for scenario in &set.scenarios {
        assert_eq!(scenario.moves.len(), market.underlyings.len(), "SCN-6: {} moves every underlying", scenario.name);
        assert_eq!(scenario.residuals.len(), market.assets.len(), "SCN-6: {} moves every asset", scenario.name);
    }
    basket::move_with_parts(&mut set, market)?;
    let asset_factors: Vec<Vec<f64>> = (0..market.assets.len())
        .map(|asset| set.scenarios.iter().map(|scenario| asset_factor(market, AssetId(asset), scenario)).collect())
        .collect();
    let mut members: BTreeMap<(UnderlyingId, AssetId, AssetId), Vec<InstrumentId>> = BTreeMap::new();
    for (index, listing) in market.instruments.iter().enumerate() {
        let has_volatility = !listing.is_option() || market.iv(listing.id).is_some();
        if has_volatility && is_live(InstrumentId(index)) {
            let key = (listing.underlying, listing.settle, listing.counter_asset());
            members.entry(key).or_default().push(InstrumentId(index));
        }
    }
    let mut places = vec![None; market.instruments.len()];
    let mut blocks = Vec::with_capacity(members.len());
    for ((underlying, paid, written), instruments) in members {
        let factors = [&asset_factors[written.0], &asset_factors[paid.0]].map(Vec::as_slice);
        let (states, column_of) = distinct_states(underlying, factors, &set.scenarios);
        let rows = Rows::zeros(instruments.len(), states.len());
        let runs = runs(&column_of);
        let mut block = Block { underlying, written, paid, states, column_of, runs, rows };
        for (row, id) in instruments.iter().enumerate() {
            places[id.0] = Some(Place { block: blocks.len(), row });
        }
        block.revalue(market, &instruments, vol, window_seconds, isa)?;
        blocks.push(block);
    }
    let mut asset_moves = Rows::zeros(market.assets.len(), set.scenarios.len());
    for (asset, factors) in asset_factors.iter().enumerate() {
        asset_moves.fill_row(asset, |scenario| factors[scenario] - 1.0);
    }
    let failing =
        || set.scenarios.iter().enumerate().filter_map(|(index, scenario)| Some((index, scenario.failure.as_ref()?)));
    let mut locations: Vec<String> = failing().map(|(_, (location, _))| location.clone()).collect();
    locations.sort_unstable();
    locations.dedup();
    let place = |location: &String| locations.binary_search(location).expect("it is one of them");
    let failures = failing().map(|(index, (location, lost))| (index, place(location), *lost)).collect();
    Ok(RiskArray {
        isa,
        blocks,
        asset_moves,
        weights: set.scenarios.iter().map(|scenario| scenario.weight).collect(),
        failures,
        locations,
        places,
        names: market.instruments.iter().map(|listing| listing.name.clone()).collect(),
        asset_factors,
        asset_prices: market.quotes.prices.iter().map(|price| price.usd().to_f64()).collect(),
        profits: market.instruments.iter().map(|listing| profit_of(listing, market)).collect(),
        wide: Wide::new(market.instruments.len(), market.assets.len(), &set.families),
        set,
    })
}

impl RiskArray {
    /// The number of instruments that have a row.
    pub fn rows(&self) -> usize {
        self.places.iter().flatten().count()
    }

    /// The instruction set used for the computation.
    pub(crate) fn isa(&self) -> Isa {
        self.isa
    }

    /// The account as sums of rows. Refuses an option for which the market gives no volatility.
    pub fn vector(&self, account: &Account) -> Result<AccountVector, Refusal> {
        let mut scratch = Scratch::default();
        self.sum(account, &mut scratch)?;
        Ok(scratch.vector)
    }

    /// The profit of an account in every scenario: [`Self::pnl`] of its vector, in reused memory.
    pub(crate) fn read(&self, account: &Account, scratch: &mut Scratch) -> Result<(), Refusal> {
        self.sum(account, scratch)?;
        let count = self.set.scenarios.len();
        if scratch.pnl.width() != count {
            scratch.pnl = Rows::zeros(1, count);
        }
        self.fill_pnl(&scratch.vector, &mut scratch.pnl);
        Ok(())
    }

    fn sum(&self, account: &Account, scratch: &mut Scratch) -> Result<(), Refusal> {
        scratch.read_lines(account);
        let Scratch { lines, vector, held, .. } = scratch;
        self.clear(vector);
        for balance in &account.balances {
            let amount = balance.amount.to_f64();
            vector.coins[balance.asset.0] += amount;
            let location = balance.location.as_ref().filter(|_| amount > 0.0);
            if let Some(place) = location.and_then(|location| self.failing(location)) {
                vector.locations[place] += amount * self.asset_prices[balance.asset.0];
            }
        }
        held.iter_mut().for_each(Vec::clear);
        held.resize_with(self.blocks.len(), Vec::new);
        for line in lines.iter() {
            let place = self.place(line.instrument)?;
            held[place.block].push(Held { row: place.row, quantity: line.quantity });
            self.add_profit(vector, line.instrument, line.quantity, line.entry);
        }
        for ((block, held), sum) in self.blocks.iter().zip(held).zip(&mut vector.blocks) {
            if !held.is_empty() {
                sum_rows(self.isa, &block.rows, held, &mut sum.sums, 0);
                sum.idle = false;
            }
        }
        Ok(())
    }

    /// Resets `vector` to that of an empty account.
    fn clear(&self, vector: &mut AccountVector) {
        let AccountVector { blocks, coins, locations } = vector;
        let fits = |(sum, block): (&BlockSum, &Block)| sum.sums.width() == block.rows.width();
        if blocks.len() == self.blocks.len() && blocks.iter().zip(&self.blocks).all(fits) {
            for sum in blocks.iter_mut().filter(|sum| !sum.idle) {
                sum.sums.padded_row_mut(0).fill(0.0);
                sum.idle = true;
            }
        } else {
            let zeros = |block: &Block| BlockSum { sums: Rows::zeros(1, block.rows.width()), idle: true };
            *blocks = self.blocks.iter().map(zeros).collect();
        }
        for (values, count) in [(coins, self.asset_prices.len()), (locations, self.locations.len())] {
            values.clear();
            values.resize(count, 0.0);
        }
    }

    /// Adds `quantity` contracts filled at `price`: one row, and the profit of the fill at the mark. The premium of an
    /// option changes a balance, which the caller must update.
    pub fn add_fill(
        &self,
        vector: &mut AccountVector,
        instrument: InstrumentId,
        quantity: f64,
        price: f64,
    ) -> Result<(), Refusal> {
        let place = self.place(instrument)?;
        let row = self.blocks[place.block].rows.padded_row(place.row);
        let sum = &mut vector.blocks[place.block];
        accumulate(self.isa, row, quantity, sum.sums.padded_row_mut(0));
        sum.idle = false;
        self.add_profit(vector, instrument, quantity, price);
        Ok(())
    }

    /// The profit of `vector` in every scenario, in USD, multiplied by the weight of the scenario.
    pub fn pnl(&self, vector: &AccountVector) -> Vec<f64> {
        let mut pnl = Rows::zeros(1, self.set.scenarios.len());
        self.fill_pnl(vector, &mut pnl);
        pnl.row(0).to_vec()
    }

    fn fill_pnl(&self, vector: &AccountVector, pnl: &mut Rows) {
        assert_eq!(vector.blocks.len(), self.blocks.len(), "a vector is of the array that it was summed in");
        assert_eq!(vector.coins.len(), self.asset_prices.len(), "a vector has every asset");
        let pnl = pnl.padded_row_mut(0);
        pnl.fill(0.0);
        for (block, sum) in self.blocks.iter().zip(&vector.blocks).filter(|(_, sum)| !sum.idle) {
            let sums = sum.sums.row(0);
            for Run { scenarios, columns } in &block.runs {
                let (totals, sums) = (&mut pnl[scenarios.clone()], &sums[columns.clone()]);
                match sums {
                    // Most scenarios move other underlyings.
                    [0.0] => {}
                    [same] => totals.iter_mut().for_each(|total| *total += same),
                    _ => totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum),
                }
            }
        }
        for (asset, coins) in vector.coins.iter().enumerate().filter(|(_, coins)| **coins != 0.0) {
            accumulate(self.isa, self.asset_moves.padded_row(asset), coins * self.asset_prices[asset], pnl);
        }
        for (scenario, location, lost) in &self.failures {
            pnl[*scenario] -= lost * vector.locations[*location];
        }
        for (total, weight) in pnl.iter_mut().zip(&self.weights) {
            *total *= weight;
        }
    }

    /// The loss that an order adds to every scenario if it fills at its limit, weighted like [`Self::pnl`]; 0 where the
    /// order would gain (REQ-4: summed over all orders, this is the worst over all subsets of them).
    pub fn order_losses(&self, instrument: InstrumentId, quantity: f64, limit: f64) -> Result<Vec<f64>, Refusal> {
        let place = self.place(instrument)?;
        let block = &self.blocks[place.block];
        let row = block.rows.row(place.row);
        let profit = self.profits[instrument.0];
        let (now, shocked) = profit.of_fill(limit);
        let (now, shocked) = (now * self.asset_prices[profit.asset.0], shocked * self.asset_prices[profit.asset.0]);
        let factors = &self.asset_factors[profit.asset.0];
        let losses = block.column_of.iter().zip(factors).zip(&self.set.scenarios);
        Ok(losses
            .map(|((column, factor), scenario)| {
                (quantity * (now + shocked.mul_add(*factor, row[*column])) * scenario.weight).min(0.0)
            })
            .collect())
    }

    /// The part of one position in the profit of one scenario, weighted like [`Self::pnl`].
    pub fn position_pnl(&self, position: &Position, scenario: usize) -> Result<f64, Refusal> {
        let place = self.place(position.instrument)?;
        let block = &self.blocks[place.block];
        let profit = self.profits[position.instrument.0];
        let converted = profit.of(position.entry.in_quote().to_f64())
            * self.asset_prices[profit.asset.0]
            * (self.asset_factors[profit.asset.0][scenario] - 1.0);
        let row = block.rows.row(place.row)[block.column_of[scenario]];
        Ok(position.quantity.to_f64() * (row + converted) * self.set.scenarios[scenario].weight)
    }

    /// The part of one balance in the profit of one scenario, weighted like [`Self::pnl`].
    pub fn balance_pnl(&self, balance: &Balance, scenario: usize) -> f64 {
        let value = balance.amount.to_f64() * self.asset_prices[balance.asset.0];
        let scenario_of = &self.set.scenarios[scenario];
        let lost = match (&scenario_of.failure, &balance.location) {
            (Some((failed, lost)), Some(location)) if self.fails(location, failed) => lost * value.max(0.0),
            _ => 0.0,
        };
        (value * (self.asset_factors[balance.asset.0][scenario] - 1.0) - lost) * scenario_of.weight
    }

    /// The index of the name under which a location fails: its own name, or [`OTHER`] when no scenario names it.
    pub(crate) fn failing(&self, location: &str) -> Option<usize> {
        let place = |name: &str| self.locations.binary_search_by(|failed| failed.as_str().cmp(name)).ok();
        place(location).or_else(|| place(OTHER))
    }

    fn fails(&self, location: &str, failed: &str) -> bool {
        self.failing(location).is_some_and(|place| self.locations[place] == failed)
    }

    fn add_profit(&self, vector: &mut AccountVector, instrument: InstrumentId, quantity: f64, price: f64) {
        let profit = self.profits[instrument.0];
        vector.coins[profit.asset.0] += quantity * profit.of(price);
    }

    fn place(&self, instrument: InstrumentId) -> Result<Place, Refusal> {
        self.places[instrument.0].ok_or_else(|| Refusal::NoVolatility { instrument: self.names[instrument.0].clone() })
    }
}

impl Block {
    fn revalue(
        &mut self,
        market: &Market,
        instruments: &[InstrumentId],
        vol: &VolRules,
        window_seconds: f64,
        isa: Isa,
    ) -> Result<(), Refusal> {
        let mut chains: BTreeMap<Timestamp, Vec<usize>> = BTreeMap::new();
        for (row, id) in instruments.iter().enumerate() {
            let listing = market.listing(*id);
            if let InstrumentKind::Option { expiry, .. } = listing.kind {
                chains.entry(expiry).or_default().push(row);
            } else {
                self.revalue_future(market, listing, row, window_seconds);
            }
        }
        for (expiry, rows) in chains {
            let chain: Vec<(usize, &Instrument)> =
                rows.into_iter().map(|row| (row, market.listing(instruments[row]))).collect();
            self.revalue_chain(market, expiry, &chain, vol, window_seconds, isa)?;
        }
        Ok(())
    }

    /// VAL-2 for perpetuals, futures and spot. The mark moves with index and basis, and inversely to the price of the
    /// asset in which it is written; profit converts at the shocked price. A mark that may be zero or negative moves by
    /// parts of its scale (SCN-1).
    fn revalue_future(&mut self, market: &Market, listing: &Instrument, row: usize, window_seconds: f64) {
        let (mark, size) = (
            market.mark(listing.id).in_quote().to_f64(),
            listing.contract_size.to_f64() * unsettled_part(listing, market, window_seconds),
        );
        let moving = market.moving_price(listing);
        let price = market.price(self.paid).usd().to_f64();
        let expires_in = listing.expiry().map_or(f64::INFINITY, |expiry| expiry.years_since(market.time));
        let states = &self.states;
        self.rows.fill_row(row, |column| {
            let state = states[column].of_expiry(expires_in);
            let factor =
                if listing.kind == InstrumentKind::Spot { 1.0 + state.shift.price } else { state.forward_factor() };
            let written = state.written_factor;
            let profit = match listing.payoff {
                Payoff::Linear => moving * (factor - 1.0) / written + mark * (1.0 / written - 1.0),
                Payoff::Inverse => (factor / written - 1.0) / (mark * (factor / written)),
            };
            size * profit * price * state.paid_factor
        });
    }

    /// VAL-3: revalues all options of one expiry: model price after minus model price before, in USD at the price of
    /// the paid asset.
    fn revalue_chain(
        &mut self,
        market: &Market,
        expiry: Timestamp,
        chain: &[(usize, &Instrument)],
        vol: &VolRules,
        window_seconds: f64,
        isa: Isa,
    ) -> Result<(), Refusal> {
        let terms = market.expiry(self.underlying, expiry).expect("the market checked that it is listed");
        let unit = market.price(self.written);
        let (forward, settled) = (terms.forward.in_units_of(unit), terms.forward_settled.in_units_of(unit));
        let rate = terms.rate.to_f64();
        let (years, days) = (expiry.years_since(market.time), expiry.days_since(market.time));
        let refused = |refusal| not_priceable(chain[0].1, refusal);
        let mut columns = Vec::with_capacity(self.states.len());
        for state in self.states.iter().map(|state| state.of_expiry(years)) {
            let left = (years - state.shift.years).max(0.0);
            let (vol_multiplier, vol_floor) = vol.at_expiry(state.shift.vol, days);
            columns.push(Column {
                forward: (forward - settled).mul_add(state.forward_factor() / state.written_factor, settled),
                vol_multiplier,
                vol_floor,
                years: left,
                discount: math::exp(-rate * left),
            });
        }
        let kernel = Columns::new(&columns).map_err(refused)?;
        let mut inputs = Vec::with_capacity(chain.len());
        let mut contracts = Vec::with_capacity(chain.len());
        for (_, listing) in chain {
            let input = option_inputs(listing, market)?;
            contracts.push(
                Contract::new(input.right, input.strike, input.vol)
                    .map_err(|refusal| not_priceable(listing, refusal))?,
            );
            inputs.push(input);
        }
        let mut prices = Rows::zeros(chain.len(), columns.len());
        kernel.price(isa, &contracts, &mut prices, 0);
        self.tilt(&columns, &inputs, &contracts, vol, isa, &mut prices);

        let price = market.price(self.paid).usd().to_f64();
        for (place, (row, listing)) in chain.iter().enumerate() {
            let size = listing.contract_size.to_f64() * unsettled_part(listing, market, window_seconds);
            let worth = |column: usize| {
                let dollar = match listing.payoff {
                    Payoff::Linear => price * self.states[column].paid_factor,
                    Payoff::Inverse => price * self.states[column].paid_factor / columns[column].forward,
                };
                size * prices.row(place)[column] * dollar
            };
            let before = worth(0);
            let profits: Vec<f64> = (0..columns.len()).map(|column| worth(column) - before).collect();
            self.rows.fill_row(*row, |column| profits[column]);
        }
        Ok(())
    }

    /// Reprices the columns whose volatility depends on the strike, which are those with a skew.
    fn tilt(
        &self,
        columns: &[Column],
        inputs: &[pricing::black76::Inputs],
        contracts: &[Contract],
        vol: &VolRules,
        isa: Isa,
        prices: &mut Rows,
    ) {
        let skewed: Vec<(usize, f64)> = self
            .states
            .iter()
            .enumerate()
            .filter_map(|(column, state)| match state.shift.vol {
                VolMove::Turn { skew, .. } if skew != 0.0 => Some((column, skew)),
                VolMove::Level(_) | VolMove::Turn { .. } => None,
            })
            .collect();
        if skewed.is_empty() {
            return;
        }
        let tilted: Vec<Column> = skewed.iter().map(|(column, _)| columns[*column]).collect();
        let kernel = Columns::new(&tilted).expect("the same columns were accepted before");
        let mut stdevs = Rows::zeros(contracts.len(), tilted.len());
        for (row, input) in inputs.iter().enumerate() {
            let moneyness = math::ln(input.strike / input.forward);
            stdevs.fill_row(row, |place| {
                let shift = (skewed[place].1 * moneyness).clamp(-vol.skew_cap, vol.skew_cap);
                input.vol * tilted[place].vol_multiplier * (1.0 + shift) * tilted[place].years.sqrt()
            });
        }
        let mut repriced = Rows::zeros(contracts.len(), tilted.len());
        kernel.price_with_stdevs(isa, contracts, &stdevs, &mut repriced, 0);
        for row in 0..contracts.len() {
            for (place, (column, _)) in skewed.iter().enumerate() {
                prices.padded_row_mut(row)[*column] = repriced.row(row)[place];
            }
        }
    }
}

impl State {
    /// The state for contracts that expire in so many years: those that settle before the move see none of it, and have
    /// no time left (SCN-1). What they paid is worth what the asset is worth after the move.
    fn of_expiry(self, expires_in: f64) -> Self {
        if self.shift.settles(expires_in) {
            Self { shift: Move { years: expires_in, ..Move::NONE }, written_factor: 1.0, ..self }
        } else {
            self
        }
    }

    /// The factor on forwards and marks in USD.
    fn forward_factor(&self) -> f64 {
        (1.0 + self.shift.price) * (1.0 + self.shift.basis)
    }
}

impl VolRules {
    /// Multiplier and floor of every volatility of an expiry (SCN-2). A skew depends on the strike and is not included here.
    pub(crate) fn at_expiry(&self, shift: VolMove, days: f64) -> (f64, f64) {
        match shift {
            VolMove::Level(level) => {
                let multiplier = level.mul_add(self.term.multiplier(days), 1.0).max(0.0);
                (multiplier, if level > 0.0 { self.floor_up } else { 0.0 })
            }
            VolMove::Turn { twist, .. } => (twist.mul_add(self.twist(days), 1.0).max(0.0), 0.0),
        }
    }

    /// +1 for expiries up to the pivot divided by the span, 0 at the pivot, −1 from the pivot times the span on, and
    /// linear in the logarithm between.
    fn twist(&self, days: f64) -> f64 {
        (math::ln(self.twist_pivot_days / days.max(self.term.floor_days)) / math::ln(self.twist_span)).clamp(-1.0, 1.0)
    }
}

/// Price of an asset after a scenario, relative to before (SCN-1): the factor of the underlying it follows, times its
/// own residual.
pub(crate) fn asset_factor(market: &Market, asset: AssetId, scenario: &Scenario) -> f64 {
    let follows = market.assets[asset.0].follows;
    let price = follows.map_or(0.0, |underlying| scenario.moves[underlying.0].price);
    (1.0 + price) * (1.0 + scenario.residuals[asset.0])
}

fn profit_of(listing: &Instrument, market: &Market) -> Profit {
    let kind = match (&listing.kind, listing.payoff) {
        (InstrumentKind::Option { .. }, _) => ProfitKind::Premium,
        (_, Payoff::Linear) => ProfitKind::Linear,
        (_, Payoff::Inverse) => ProfitKind::Inverse,
    };
    Profit {
        asset: listing.settle,
        size: listing.contract_size.to_f64(),
        mark: market.mark(listing.id).in_quote().to_f64(),
        kind,
    }
}

/// The distinct states of a block, and the state of each scenario; state 0 is the current market. `factors` are the
/// price factors of the asset in which prices are written and of the asset in which values are paid.
fn distinct_states(underlying: UnderlyingId, factors: [&[f64]; 2], scenarios: &[Scenario]) -> (Vec<State>, Vec<usize>) {
    let mut states = vec![State { shift: Move::NONE, written_factor: 1.0, paid_factor: 1.0 }];
    let mut known = BTreeMap::from([(states[0].key(), 0)]);
    let mut column_of = Vec::with_capacity(scenarios.len());
    let [written, paid] = factors;
    for ((scenario, written_factor), paid_factor) in scenarios.iter().zip(written).zip(paid) {
        let (written_factor, paid_factor) = (*written_factor, *paid_factor);
        let state = State { shift: scenario.moves[underlying.0], written_factor, paid_factor };
        let column = *known.entry(state.key()).or_insert_with(|| {
            states.push(state);
            states.len() - 1
        });
        column_of.push(column);
    }
    (states, column_of)
}

/// The runs of scenarios with these columns.
fn runs(column_of: &[usize]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (scenario, column) in column_of.iter().copied().enumerate() {
        let one = Run { scenarios: scenario..scenario + 1, columns: column..column + 1 };
        let Some(run) = runs.last_mut() else {
            runs.push(one);
            continue;
        };
        let (length, width) = (run.scenarios.len(), run.columns.len());
        if width == length && column == run.columns.end {
            (run.scenarios.end, run.columns.end) = (scenario + 1, column + 1);
        } else if width == 1 && column == run.columns.start {
            run.scenarios.end = scenario + 1;
        } else {
            runs.push(one);
        }
    }
    runs
}

impl State {
    /// Equal states have equal keys. −0 and 0 have different keys, which only costs a column.
    fn key(&self) -> [u64; 9] {
        let Move { price, basis, vol, years, settled } = self.shift;
        let [level, twist, skew] = vol.parts();
        [price, basis, level, twist, skew, years, settled, self.written_factor, self.paid_factor].map(f64::to_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block has one column for every state it can distinguish, the current market first.
    #[test]
    fn scenarios_that_look_the_same_share_a_column() {
        let market = Market::parse(
            r#"{"format": "upm.market/1", "time": "2026-11-22T00:00:00Z", "assets": [],
            "underlyings": [{"underlying": "BTC", "index": "1"}, {"underlying": "ETH", "index": "1"}], "instruments": []}"#,
        )
        .unwrap();
        let moved = |place: usize, shift: Move| {
            let mut scenario = Scenario::still("moved", &market);
            scenario.moves[place] = shift;
            scenario
        };
        let (price, level) = (Move { price: 0.1, ..Move::NONE }, Move { vol: VolMove::Level(0.1), ..Move::NONE });
        let skew = Move { vol: VolMove::Turn { twist: 0.0, skew: 0.1 }, ..Move::NONE };
        let late = moved(0, Move { years: 0.1, ..Move::NONE });
        let lighter = Scenario { weight: 0.5, ..moved(0, price) };
        let scenarios = [
            Scenario::still("still", &market),
            moved(0, price),
            moved(1, price),
            lighter,
            moved(0, level),
            moved(0, skew),
            late,
        ];
        let (states, columns) = distinct_states(UnderlyingId(0), [&[1.0; 7]; 2], &scenarios);
        assert_eq!(columns, [0, 1, 0, 1, 2, 3, 4]);
        let run = |scenarios, columns| Run { scenarios, columns };
        assert_eq!(runs(&columns), [run(0..2, 0..2), run(2..7, 0..5)]);
        assert_eq!(runs(&[0, 0, 0, 1, 2, 2]), [run(0..3, 0..1), run(3..5, 1..3), run(5..6, 2..3)]);
        assert_eq!(states.len(), 5);
        assert_eq!((states[0].shift, states[1].shift, states[3].shift), (Move::NONE, price, skew));
        // The price of the asset in which a block pays distinguishes states too: a depeg.
        let depeg = [1.0, 1.0, 1.0, 0.9, 1.0, 1.0, 1.0];
        let (states, columns) = distinct_states(UnderlyingId(1), [&[1.0; 7], &depeg], &scenarios);
        assert_eq!(columns, [0, 0, 1, 2, 0, 0, 0]);
        assert_eq!((states[2].written_factor, states[2].paid_factor), (1.0, 0.9));
        let (states, columns) = distinct_states(UnderlyingId(1), [&depeg, &[1.0; 7]], &scenarios);
        assert_eq!(columns, [0, 0, 1, 2, 0, 0, 0]);
        assert_eq!((states[2].written_factor, states[2].paid_factor), (0.9, 1.0));
    }

    /// SCN-2 at its corners.
    #[test]
    fn volatility_moves_by_the_term_rule() {
        let term = TermRule { short_power: 0.3, long_power: 0.13, floor_days: 1.0, short_at_30: false };
        let rules = VolRules { term, floor_up: 0.5, twist_pivot_days: 60.0, twist_span: 8.0, skew_cap: 0.25 };
        let near = |found: (f64, f64), multiplier: f64, floor: f64| {
            assert!((found.0 - multiplier).abs() < 1e-12 && found.1 == floor, "{found:?} {multiplier} {floor}");
        };
        near(rules.at_expiry(VolMove::Level(0.5), 30.0), 1.5, 0.5);
        near(rules.at_expiry(VolMove::Level(-0.25), 30.0), 0.75, 0.0);
        near(rules.at_expiry(VolMove::Level(0.0), 7.0), 1.0, 0.0);
        // An expiry of less than a day counts as one day: 30^0.3 = 2.774192…; the result is never below zero.
        near(rules.at_expiry(VolMove::Level(-0.25), 0.01), 1.0 - 0.25 * 2.774_191_114_672_181, 0.0);
        near(rules.at_expiry(VolMove::Level(-0.9), 0.0), 0.0, 0.0);
        // A twist turns around sixty days: in full at an eighth of it and at eight times it, by a third at half and double.
        near(rules.at_expiry(VolMove::Turn { twist: 0.2, skew: 0.0 }, 60.0), 1.0, 0.0);
        near(rules.at_expiry(VolMove::Turn { twist: 0.2, skew: 0.0 }, 7.5), 1.2, 0.0);
        near(rules.at_expiry(VolMove::Turn { twist: 0.2, skew: 0.0 }, 1.0), 1.2, 0.0);
        near(rules.at_expiry(VolMove::Turn { twist: 0.2, skew: 0.0 }, 120.0), 1.0 - 0.2 / 3.0, 0.0);
        near(rules.at_expiry(VolMove::Turn { twist: -0.2, skew: 0.0 }, 4000.0), 1.2, 0.0);
    }
}

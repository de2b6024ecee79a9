//! Portfolio margin, segregated by settlement currency (S:PM).
//!
//! ```text
//! risk matrix margin = worst case + roll shock + delta shock
//! IM                 = risk matrix margin + spot margin + MMP margin + open orders margin
//! MM                 = mm_factor · risk matrix margin
//! ```
//!
//! The worst case is read off a matrix: nine moves of the price by three states of volatility (the standard table), and
//! eight far moves that count only in part (the extended table). Names are those of `private/pme/simulate`, whose
//! recorded answers [`requirement`] reproduces digit for digit; parameters are those of `public/pme/get_params`.

use std::collections::BTreeMap;

use model::{Account, Market, Payoff};
use pricing::math::exp;
use serde::Deserialize;

use super::adapt::Adapted;
use super::segregated::{InUsd, note, segregate};
use super::{Contract, Currencies, LISTED, Leg, Order, PairBook, adapt};
use crate::method::universal::families::percent;
use crate::{About, Refusal, Workings, aggregate, params::decimal, vol::TermRule};

/// The description of the method, and how far it is proven.
pub const ABOUT: About = About {
    name: "deribit",
    title: "Deribit segregated portfolio margin: risk matrix, extended table, roll and delta shock",
    documents: "support.deribit.com 25944756247837 Portfolio Margin; docs.deribit.com private/pme/simulate",
    as_of: "2026-02-16",
    proof: "two recorded answers of private/pme/simulate (BTC 2024, ETH 2026) to every printed digit; a recorded cross account within what its rounding tells",
    uncertain: &[
        "options: Black-76 on the forward of the expiry, the whole forward moved, against the venue's mark; the venue shows no vector with an option",
        "volatility states are listed up, same, down as in the venue's text; their order in its vectors cannot be seen from futures",
        "the vol shock is not published by the venue; form and powers are those of a third party, the day count below one day is assumed",
        "the dampener pulls gains of the extended table to 0 as it does losses; recorded gains are 0 there, which other rules would explain too",
        "several pairs in one currency are added up, each at its own worst, as `correlation_set = false` and a recorded cross account suggest; max_offsetable_pnl and correlation_contingency are then without effect",
        "linear pairs take the column of their underlying: a recorded cross account excludes the `usd` column for the roll shock, for the rest it is inferred",
        "delta shock after a third party's transcription; every recorded one is 0",
        "the open orders margin is not published: here every order fills where that costs, within the worst case only",
        "MMP and spot margin are 0: portfolios carry no market maker protection, and an order on spot counts as one on the perpetual",
        "amounts in USD among the parameters (dampener, delta threshold) count one for one in USDC and USDT, whatever those are worth",
        "BTC parameters are those of June 2024",
    ],
};

/// The parameters that come with the program.
pub const PARAMS: &str = include_str!("../../../params/deribit/2026-02-16.toml");

/// The parameters of the method.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Parameters of every pair.
    pub general: General,
    /// The column of each underlying.
    pub underlying: BTreeMap<String, Column>,
}

/// Parameters of every pair.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct General {
    /// The moves of the standard table, as shares of the price range.
    #[serde(deserialize_with = "decimal::list")]
    pub buckets: Vec<f64>,
    /// The moves of the extended table.
    #[serde(deserialize_with = "decimal::list")]
    pub extended_moves: Vec<f64>,
    /// The maintenance margin, as a share of the risk matrix margin.
    #[serde(deserialize_with = "decimal::read")]
    pub maintenance_factor: f64,
    /// The minimum of days to expiry in the vol shock: a nearer expiry counts as this many days.
    #[serde(deserialize_with = "decimal::read")]
    pub days_floor: f64,
    /// The currencies in which contracts settle.
    pub currencies: Currencies,
}

/// The parameters of one underlying, under the venue's names.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// The largest move of the standard table.
    #[serde(deserialize_with = "decimal::read")]
    pub price_range: f64,
    /// Relative move of volatility up, at 30 days.
    #[serde(deserialize_with = "decimal::read")]
    pub volatility_range_up: f64,
    /// Relative move of volatility down, at 30 days.
    #[serde(deserialize_with = "decimal::read")]
    pub volatility_range_down: f64,
    /// The minimum volatility after an upward shock.
    #[serde(deserialize_with = "decimal::read")]
    pub min_volatility_for_shock_up: f64,
    /// The power by which vol shocks grow below 30 days.
    #[serde(deserialize_with = "decimal::read")]
    pub short_term_vega_power: f64,
    /// The power by which vol shocks shrink beyond 30 days.
    #[serde(deserialize_with = "decimal::read")]
    pub long_term_vega_power: f64,
    /// The fraction of a profit or loss in the extended table that counts, at the edge of the price range.
    #[serde(deserialize_with = "decimal::read")]
    pub extended_table_factor: f64,
    /// USD subtracted from an extended loss for each further price range moved.
    #[serde(deserialize_with = "decimal::read")]
    pub extended_dampener: f64,
    /// The share of a gain that may offset other books.
    #[serde(deserialize_with = "decimal::read")]
    pub pnl_offset: f64,
    /// The minimum cost of rolling a delta, as a share of it.
    #[serde(deserialize_with = "decimal::read")]
    pub min_annualised_move: f64,
    /// The growth of that cost with the time to expiry, per year.
    #[serde(deserialize_with = "decimal::read")]
    pub annualised_move_risk: f64,
    /// USD of delta that can be unwound without a shock.
    #[serde(deserialize_with = "decimal::read")]
    pub delta_total_liq_shock_threshold: f64,
    /// Shock for each coin of delta beyond it.
    #[serde(deserialize_with = "decimal::read")]
    pub m_inc: f64,
    /// The largest shock, as a share of delta.
    #[serde(deserialize_with = "decimal::read")]
    pub max_delta_shock: f64,
}

/// The volatility state of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolState {
    /// Up by the range.
    Up,
    /// Volatility stays where it is.
    Same,
    /// Down by the range.
    Down,
}

/// One cell of the two tables.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// Relative move of every price.
    pub price_move: f64,
    /// The state of every volatility.
    pub vol: VolState,
    /// Whether the cell is in the extended table, where only a fraction counts.
    pub extended: bool,
}

/// Every cell: the standard table bucket by bucket, lowest price first, then the extended table.
pub fn cells(general: &General, column: &Column) -> Vec<Cell> {
    let bucket = |share: &f64| {
        let price_move = share * column.price_range;
        [VolState::Up, VolState::Same, VolState::Down].map(|vol| Cell { price_move, vol, extended: false })
    };
    let far = |price_move: &f64| Cell { price_move: *price_move, vol: VolState::Up, extended: true };
    general.buckets.iter().flat_map(bucket).chain(general.extended_moves.iter().map(far)).collect()
}

impl Cell {
    /// The cell in words, such as `BTC −16 % vol up`.
    pub fn words(&self, underlying: &str) -> String {
        let vol = match self.vol {
            VolState::Up => "vol up",
            VolState::Same => "vol same",
            VolState::Down => "vol down",
        };
        let table = if self.extended { ", extended" } else { "" };
        format!("{underlying} {} {vol}{table}", percent(self.price_move))
    }

    /// The edge of the price range on the side of the move.
    fn edge(&self, column: &Column) -> f64 {
        if self.price_move < 0.0 { -column.price_range } else { column.price_range }
    }

    /// The part of a profit that counts. In the extended table profits in dollars shrink by `factor · range / |move|`:
    /// a future keeps the profit it would make at the edge of the range, times the factor. Profits in coins are
    /// converted to dollars, shrunk, and converted back.
    fn fraction(&self, payoff: Payoff, column: &Column) -> f64 {
        if !self.extended {
            return 1.0;
        }
        let margin_multiplier = column.extended_table_factor * column.price_range / self.price_move.abs();
        match payoff {
            Payoff::Linear => margin_multiplier,
            Payoff::Inverse => margin_multiplier * ((1.0 + self.price_move) / (1.0 + self.edge(column))),
        }
    }

    /// The profit of an extended cell after the dampener; farther moves are dampened more.
    fn damped(&self, pnl: f64, book: &PairBook, column: &Column) -> f64 {
        if !self.extended {
            return pnl;
        }
        let ranges = (self.price_move.abs() / column.price_range).max(1.0) - 1.0;
        let dollars = ranges * column.extended_dampener * book.currency.dollar;
        let dampener = match book.payoff {
            Payoff::Linear => dollars,
            Payoff::Inverse => dollars / ((1.0 + self.edge(column)) * book.index),
        };
        pnl.signum() * (pnl.abs() - dampener).max(0.0)
    }

    /// The volatility of an option in this cell.
    fn vol_of(&self, vol: f64, days: f64, general: &General, column: &Column) -> f64 {
        let term = TermRule {
            short_power: column.short_term_vega_power,
            long_power: column.long_term_vega_power,
            floor_days: general.days_floor,
            short_at_30: false,
        };
        match self.vol {
            VolState::Same => vol,
            VolState::Up => {
                let shocked = vol * (1.0 + column.volatility_range_up * term.multiplier(days));
                shocked.max(column.min_volatility_for_shock_up)
            }
            VolState::Down => (vol * (1.0 - column.volatility_range_down * term.multiplier(days))).max(0.0),
        }
    }

    /// The price of an instrument in this cell, in the unit of its mark.
    fn price(&self, leg: &Leg, payoff: Payoff, general: &General, column: &Column) -> Result<f64, Refusal> {
        let vol = match leg.contract {
            Contract::Option { vol, .. } => self.vol_of(vol, leg.years * 365.0, general, column),
            Contract::Future => 0.0,
        };
        leg.price(payoff, self.price_move, vol)
    }
}

/// Profit in every cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RiskVectors {
    /// The standard table.
    pub standard: Vec<f64>,
    /// The extended table.
    pub extended: Vec<f64>,
}

impl RiskVectors {
    fn of(mut pnls: Vec<f64>, cells: &[Cell]) -> Self {
        let extended = pnls.split_off(cells.iter().take_while(|cell| !cell.extended).count());
        Self { standard: pnls, extended }
    }

    /// Profit in a cell, by the index of the cell in [`cells`].
    pub fn at(&self, place: usize) -> f64 {
        self.standard.iter().chain(&self.extended).nth(place).copied().unwrap_or_default()
    }
}

/// The requirement of one pair, in its settlement currency.
#[derive(Clone, Debug)]
pub struct Requirement {
    /// The vectors of every position (`initial_risk_vectors`).
    pub initial_risk_vectors: Vec<RiskVectors>,
    /// Their sums (`pre_aggregated_risk_vectors`).
    pub pre_aggregated_risk_vectors: RiskVectors,
    /// The sums after dampener and offset (`aggregated_risk_vectors`).
    pub aggregated_risk_vectors: RiskVectors,
    /// The index in [`cells`] of the largest loss, the first on a tie.
    pub worst_case_place: usize,
    /// The loss there, at least 0.
    pub worst_case: f64,
    /// The charge for rolling expiring positions.
    pub roll_shock: f64,
    /// The charge for unwinding a large delta.
    pub delta_shock: f64,
    /// The amount that orders add to the worst case.
    pub open_orders_margin: f64,
}

impl Requirement {
    /// The worst case, rounded as the venue does, plus the shocks.
    pub fn risk_matrix_margin(&self) -> f64 {
        to_nano(self.worst_case) + self.roll_shock + self.delta_shock
    }
}

/// Amounts added to the risk matrix margin of a currency.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Additions {
    /// Margin for spot orders and debts.
    pub spot_margin: f64,
    /// Margin for orders under market maker protection.
    pub mmp_margin: f64,
    /// Margin for all other orders.
    pub open_orders_margin: f64,
}

/// Required to take new risk, in the settlement currency.
pub fn initial_margin(risk_matrix_margin: f64, additions: Additions) -> f64 {
    to_nano(risk_matrix_margin + additions.spot_margin + additions.mmp_margin + additions.open_orders_margin)
}

/// Rounds to nine decimals, as the venue does for worst case and initial margin, but not for the maintenance margin.
fn to_nano(amount: f64) -> f64 {
    (amount * 1e9).round() / 1e9
}

/// Computes the requirement of one pair, in its settlement currency.
pub fn requirement(book: &PairBook, general: &General, column: &Column) -> Result<Requirement, Refusal> {
    let cells = cells(general, column);
    let fractions: Vec<f64> = cells.iter().map(|cell| cell.fraction(book.payoff, column)).collect();
    let vector = |pnl: &dyn Fn(&Cell) -> Result<f64, Refusal>| -> Result<Vec<f64>, Refusal> {
        cells.iter().zip(&fractions).map(|(cell, fraction)| Ok(pnl(cell)? * fraction)).collect()
    };
    let aggregated = |sums: &[f64]| -> Vec<f64> {
        let damped = sums.iter().zip(&cells).map(|(pnl, cell)| cell.damped(*pnl, book, column));
        damped.map(|pnl| pnl.min(0.0) + column.pnl_offset * pnl.max(0.0)).collect()
    };

    let mut sums = vec![0.0; cells.len()];
    let mut initial_risk_vectors = Vec::with_capacity(book.positions.len());
    for leg in &book.positions {
        let pnls = vector(&|cell| position_pnl(leg, cell, book.payoff, general, column))?;
        add(&mut sums, &pnls);
        initial_risk_vectors.push(RiskVectors::of(pnls, &cells));
    }
    let held = aggregated(&sums);
    let (worst_case_place, worst_case) = worst_case_of(&held);

    let mut filled = sums.clone();
    for order in &book.orders {
        add(&mut filled, &vector(&|cell| order_pnl(order, cell, book.payoff, general, column))?);
    }
    let (_, with_orders) = worst_case_of(&aggregated(&filled));
    Ok(Requirement {
        initial_risk_vectors,
        pre_aggregated_risk_vectors: RiskVectors::of(sums, &cells),
        aggregated_risk_vectors: RiskVectors::of(held, &cells),
        worst_case_place,
        worst_case,
        roll_shock: roll_shock(book, column),
        delta_shock: delta_shock(book, column),
        open_orders_margin: with_orders - worst_case,
    })
}

fn add(sums: &mut [f64], pnls: &[f64]) {
    for (sum, pnl) in sums.iter_mut().zip(pnls) {
        *sum += pnl;
    }
}

/// The first cell with the largest loss, and that loss, at least 0.
fn worst_case_of(pnls: &[f64]) -> (usize, f64) {
    let place = aggregate::worst(pnls).unwrap_or_default();
    (place, pnls.get(place).map_or(0.0, |pnl| aggregate::largest(0.0, -pnl)))
}

/// The profit of a position in a cell, in the settlement currency.
fn position_pnl(leg: &Leg, cell: &Cell, payoff: Payoff, general: &General, column: &Column) -> Result<f64, Refusal> {
    match (leg.contract, payoff) {
        // 1/mark − 1/price, times the dollars of the contract; this order of operations gives the venue's own digits.
        (Contract::Future, Payoff::Inverse) => Ok(leg.size * (cell.price_move / (1.0 + cell.price_move))),
        (Contract::Future, Payoff::Linear) => Ok(leg.size * leg.mark * cell.price_move),
        (Contract::Option { .. }, _) => Ok(leg.size * (cell.price(leg, payoff, general, column)? - leg.mark)),
    }
}

/// The profit of an order in a cell: it fills only where it loses.
fn order_pnl(order: &Order, cell: &Cell, payoff: Payoff, general: &General, column: &Column) -> Result<f64, Refusal> {
    let leg = &order.fill;
    let price = cell.price(leg, payoff, general, column)?;
    let pnl = match (leg.contract, payoff) {
        (Contract::Future, Payoff::Inverse) => leg.size * leg.mark * (1.0 / order.limit - 1.0 / price),
        (Contract::Future, Payoff::Linear) | (Contract::Option { .. }, _) => leg.size * (price - order.limit),
    };
    Ok(pnl.min(0.0))
}

/// The cost of rolling: for every expiry a share of its net delta, larger for later ones. A perpetual counts as expiring now.
fn roll_shock(book: &PairBook, column: &Column) -> f64 {
    let mut expiries: Vec<(f64, f64)> = Vec::new();
    for leg in &book.positions {
        match expiries.iter_mut().find(|(years, _)| *years == leg.years) {
            Some((_, delta)) => *delta += leg.delta * leg.size,
            None => expiries.push((leg.years, leg.delta * leg.size)),
        }
    }
    let shock = |(years, delta): (f64, f64)| {
        delta.abs() * column.min_annualised_move.max(exp(column.annualised_move_risk * years) - 1.0)
    };
    book.per_coin() * expiries.into_iter().map(shock).sum::<f64>()
}

/// The cost of unwinding a delta beyond the threshold. Long options count only as far as they reduce the rest.
fn delta_shock(book: &PairBook, column: &Column) -> f64 {
    let (mut long_options, mut rest) = (0.0, 0.0);
    for leg in &book.positions {
        let delta = leg.delta * leg.size;
        match leg.contract {
            Contract::Option { .. } if leg.size > 0.0 => long_options += delta,
            Contract::Option { .. } | Contract::Future => rest += delta,
        }
    }
    let all: f64 = long_options + rest;
    let unwound = if rest < 0.0 { -all.max(rest).min(0.0) } else { all.min(rest).max(0.0) };
    let threshold = column.delta_total_liq_shock_threshold * book.currency.dollar / book.index;
    let beyond = (unwound - threshold).max(0.0);
    book.per_coin() * unwound * (beyond * column.m_inc).min(column.max_delta_shock)
}

/// The words for a family in which no scenario loses.
const NOTHING_LOSES: &str = "nothing loses";

/// Computes the requirement of the account, line by line.
pub fn workings(account: &Account, market: &Market, rules: &Rules, strict: bool) -> Result<Workings, Refusal> {
    let Adapted { pairs, state, notes } = adapt(account, market, &rules.general.currencies, strict)?;
    let mut workings = Workings {
        state,
        families: vec![("worst case".to_owned(), 0.0, NOTHING_LOSES.to_owned())],
        position_contributions: vec![0.0; account.positions.len()],
        balance_contributions: vec![0.0; account.balances.len()],
        haircuts: vec![0.0; account.balances.len()],
        notes,
        ..Workings::default()
    };
    let mut decided = Vec::new();
    let mut currencies: BTreeMap<String, Sum> = BTreeMap::new();
    for pair in &pairs {
        let sum = currencies.entry(pair.currency.name.clone()).or_insert_with(|| Sum::of(pair));
        let Some(column) = rules.underlying.get(&pair.underlying) else {
            let why = "its column of the venue's parameters is not held";
            workings.state.unknown_at(LISTED.venue, &pair.underlying, why, strict)?;
            continue;
        };
        let requirement = requirement(pair, &rules.general, column)?;
        sum.add(&requirement);
        decided.extend(report(pair, &cells(&rules.general, column), &requirement, &mut workings));
    }
    if !decided.is_empty() {
        workings.families[0].2 = decided.join(" | ");
    }
    let factor = rules.general.maintenance_factor;
    workings.families[0].1 = currencies.values().map(|sum| sum.worst_case * sum.usd).sum();
    workings.charges = charges(&currencies, factor);
    let mut required = BTreeMap::new();
    for (name, sum) in &currencies {
        let (initial, maintenance) = (sum.initial_margin(), factor * sum.risk_matrix_margin());
        required.insert(name.clone(), InUsd { initial: initial * sum.usd, maintenance: maintenance * sum.usd });
        note(&mut workings, name, (initial, maintenance));
    }
    segregate(&mut workings, (account, market), &pairs, &required, strict)?;
    Ok(workings)
}

/// The requirement of one settlement currency, in that currency.
#[derive(Clone, Copy, Debug)]
struct Sum {
    usd: f64,
    worst_case: f64,
    roll_shock: f64,
    delta_shock: f64,
    open_orders_margin: f64,
}

impl Sum {
    fn of(book: &PairBook) -> Self {
        Self { usd: book.currency.usd, worst_case: 0.0, roll_shock: 0.0, delta_shock: 0.0, open_orders_margin: 0.0 }
    }

    fn add(&mut self, requirement: &Requirement) {
        self.worst_case += to_nano(requirement.worst_case);
        self.roll_shock += requirement.roll_shock;
        self.delta_shock += requirement.delta_shock;
        self.open_orders_margin += requirement.open_orders_margin;
    }

    fn risk_matrix_margin(&self) -> f64 {
        self.worst_case + self.roll_shock + self.delta_shock
    }

    fn initial_margin(&self) -> f64 {
        let open_orders_margin = self.open_orders_margin;
        initial_margin(self.risk_matrix_margin(), Additions { open_orders_margin, ..Additions::default() })
    }
}

/// The charges of all currencies, in USD.
fn charges(currencies: &BTreeMap<String, Sum>, maintenance_factor: f64) -> Vec<(String, f64, f64)> {
    let sum =
        |line: fn(&Sum) -> f64| -> f64 { currencies.values().map(|currency| line(currency) * currency.usd).sum() };
    let (roll, delta) = (sum(|currency| currency.roll_shock), sum(|currency| currency.delta_shock));
    let rounding =
        |currency: &Sum| currency.initial_margin() - currency.risk_matrix_margin() - currency.open_orders_margin;
    vec![
        ("roll shock".to_owned(), roll, roll),
        ("delta shock".to_owned(), delta, delta),
        ("open orders margin".to_owned(), sum(|currency| currency.open_orders_margin), 0.0),
        ("rounding to nine decimals".to_owned(), sum(rounding), 0.0),
        ("maintenance factor".to_owned(), 0.0, (maintenance_factor - 1.0) * sum(Sum::risk_matrix_margin)),
    ]
}

/// Writes the requirement of one pair into the workings. Returns the scenario that determines it, in words, when any loses.
fn report(book: &PairBook, cells: &[Cell], requirement: &Requirement, workings: &mut Workings) -> Option<String> {
    let (family, usd) = (format!("{} risk matrix", book.name()), book.currency.usd);
    let words = |place: usize| cells.get(place).map_or_else(String::new, |cell| cell.words(&book.underlying));
    let aggregated = &requirement.aggregated_risk_vectors;
    for place in 0..cells.len() {
        workings.scenarios.push((family.clone(), words(place), aggregated.at(place) * usd));
    }
    let (place, worst_case) = (requirement.worst_case_place, to_nano(requirement.worst_case));
    if worst_case == 0.0 {
        workings.families.push((family, 0.0, NOTHING_LOSES.to_owned()));
        return None;
    }
    workings.families.push((family, worst_case * usd, words(place)));
    // The dampener (and the rounding) reduces every position's part in proportion.
    let kept = worst_case / -requirement.pre_aggregated_risk_vectors.at(place);
    for (leg, vectors) in book.positions.iter().zip(&requirement.initial_risk_vectors) {
        workings.position_contributions[leg.place] = -vectors.at(place) * kept * usd;
    }
    Some(words(place))
}

//! Portfolio margin: the worst of 24 moves of spot and volatility, never less than a share of delta.
//!
//! ```text
//! IM = max(SCAN risk, minimum delta)         + funding + fees + spot balances owed      orders included
//! MM = max(SCAN risk, minimum delta) · mmf   + funding + fees + spot balances owed      positions only
//! ```
//!
//! The core shown is that of the positions alone. The amount that orders add, and the reduction by the maintenance
//! factor, are shown as charges.

use std::collections::BTreeMap;

use model::{Account, Market};
use serde::Deserialize;
use units::Ratio;

use super::{Contract, Leg, Order, Portfolio, adapt, class_of};
use crate::method::universal::families::percent;
use crate::{About, Refusal, Workings, aggregate, params::decimal, vol::TermRule};

/// The description of the method, and how far it is proven.
pub const ABOUT: About = About {
    name: "paradex",
    title: "Paradex portfolio margin: SCAN risk over 24 scenarios, with a floor on delta",
    documents: "docs.paradex.trade, risk/portfolio-margin; tradeparadex/paradex-py, paradex_py/margin/portfolio_margin.py",
    as_of: "2026-06",
    proof: "the official engine 0.8.2 on accounts with orders, funding, fees, coins and the settlement window, to 1e-12; PDX-DELTA, PDX-PM-1",
    uncertain: &[
        "the engine margins one underlying at a time: that several are added up, each at its own worst, is inferred",
        "options are discounted at the rate of their expiry; the engine takes the interest rate of the perpetual",
        "the funding of orders enters with the opposite sign of positions, as in the official engine",
        "a balance that is not USDC is left out (charged, where it is owed) at its own price; the engine takes the mark of its perpetual",
    ],
};

/// The parameters that come with the program.
pub const PARAMS: &str = include_str!("../../../params/paradex/2026-06.toml");

/// The parameters of the method.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Parameters of every underlying.
    pub general: General,
    /// The growth of a volatility shock towards expiry.
    pub vol_shock: VolShock,
    /// Classes of underlyings that share parameters, by the name of the class.
    pub class: BTreeMap<String, Class>,
}

/// Parameters of every underlying.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct General {
    /// The maintenance margin, as a share of the net requirement.
    #[serde(deserialize_with = "decimal::read")]
    pub maintenance_factor: f64,
    /// The collateral token, whose balances are not charged.
    pub collateral: String,
    /// The maximum fee of an option, as a share of its mark.
    #[serde(deserialize_with = "decimal::read")]
    pub option_fee_cap: f64,
    /// Length of the average on which options settle, in seconds.
    #[serde(deserialize_with = "decimal::read")]
    pub settlement_seconds: f64,
    /// The class of underlyings that belong to no class.
    pub fallback: String,
}

/// The growth of a volatility shock towards expiry: `(30 / max(days, floor))^power`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VolShock {
    /// The minimum of days to expiry: a nearer expiry counts as this many days.
    #[serde(deserialize_with = "decimal::read")]
    pub days_floor: f64,
    /// The power for expiries nearer than 30 days.
    #[serde(deserialize_with = "decimal::read")]
    pub short_power: f64,
    /// The power for expiries from 30 days on.
    #[serde(deserialize_with = "decimal::read")]
    pub long_power: f64,
}

/// A class of underlyings that share parameters.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// The names of the underlyings.
    pub members: Vec<String>,
    /// The charge on delta that other delta hedges, as a share of it.
    #[serde(deserialize_with = "decimal::read")]
    pub hedged_margin_factor: f64,
    /// The charge on unhedged delta, as a share of it.
    #[serde(deserialize_with = "decimal::read")]
    pub unhedged_margin_factor: f64,
    /// The minimum volatility after an upward shock.
    #[serde(deserialize_with = "decimal::read")]
    pub vol_floor_up: f64,
    /// The scenarios of the scan.
    pub scenarios: Vec<Scenario>,
}

/// A scenario, written `[spot shock, vol shock, weight]`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(from = "[Ratio; 3]")]
pub struct Scenario {
    /// Relative move of the spot.
    pub spot_shock: f64,
    /// Relative move of volatility at 30 days.
    pub vol_shock: f64,
    /// The share of the profit or loss that counts.
    pub weight: f64,
}

impl From<[Ratio; 3]> for Scenario {
    fn from([spot_shock, vol_shock, weight]: [Ratio; 3]) -> Self {
        Self { spot_shock: spot_shock.to_f64(), vol_shock: vol_shock.to_f64(), weight: weight.to_f64() }
    }
}

impl Scenario {
    /// The scenario in words, such as `BTC −66 % vol up, weight 0.18`.
    pub fn words(&self, underlying: &str) -> String {
        let vol = if self.vol_shock > 0.0 { "vol up" } else { "vol down" };
        let weight = if self.weight == 1.0 { String::new() } else { format!(", weight {}", self.weight) };
        format!("{underlying} {} {vol}{weight}", percent(self.spot_shock))
    }
}

impl AsRef<[String]> for Class {
    fn as_ref(&self) -> &[String] {
        &self.members
    }
}

/// The requirement of the portfolio of one underlying.
#[derive(Clone, Debug)]
pub struct Requirement {
    /// The weighted profit of each position in each scenario.
    pub position_pnls: Vec<Vec<f64>>,
    /// The sum over all positions in each scenario, weighted.
    pub pnls: Vec<f64>,
    /// The profit of the orders in each scenario: each order fills in the scenarios in which it loses.
    pub order_pnls: Vec<f64>,
    /// The requirement of the positions alone.
    pub positions: Net,
    /// The requirement of positions and orders together.
    pub with_orders: Net,
    /// The provision for eight hours of funding.
    pub funding: Provision,
    /// The provision for fees of positions and orders.
    pub fee: Provision,
}

/// The net portfolio requirement: the larger of its two parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Net {
    /// The index of the worst scenario.
    pub scenario: usize,
    /// The loss in that scenario, at least 0.
    pub scan: f64,
    /// The minimum requirement from delta.
    pub minimum_delta: f64,
}

/// A provision: with orders for the initial margin, without for the maintenance margin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Provision {
    /// Provision for positions and orders.
    pub initial: f64,
    /// Provision for the positions alone.
    pub maintenance: f64,
}

impl Net {
    /// The larger part.
    pub fn loss(&self) -> f64 {
        aggregate::largest(self.scan, self.minimum_delta)
    }

    /// Whether the minimum delta is the larger part.
    pub fn is_minimum(&self) -> bool {
        self.minimum_delta > self.scan
    }
}

impl Provision {
    fn plus(self, other: Self) -> Self {
        Self { initial: self.initial + other.initial, maintenance: self.maintenance + other.maintenance }
    }
}

impl Requirement {
    /// Required to take new risk. The charge for spot balances comes on top, once per account.
    pub fn initial_margin(&self) -> f64 {
        self.with_orders.loss() + self.funding.initial + self.fee.initial
    }

    /// Required to keep the positions.
    pub fn maintenance_margin(&self, maintenance_factor: f64) -> f64 {
        self.positions.loss() * maintenance_factor + self.funding.maintenance + self.fee.maintenance
    }
}

/// Computes the requirement of the portfolio of one underlying.
pub fn requirement(portfolio: &Portfolio, rules: &Rules, class: &Class) -> Result<Requirement, Refusal> {
    let Portfolio { spot, positions, orders, .. } = portfolio;
    let mut position_pnls = Vec::with_capacity(positions.len());
    let mut pnls = vec![0.0; class.scenarios.len()];
    for leg in positions {
        let of_leg = position_pnl(leg, *spot, rules, class)?;
        add(&mut pnls, &of_leg);
        position_pnls.push(of_leg);
    }
    let mut order_pnls = vec![0.0; class.scenarios.len()];
    for order in orders {
        add(&mut order_pnls, &order_pnl(order, *spot, rules, class)?);
    }
    let mut filled = pnls.clone();
    add(&mut filled, &order_pnls);

    let deltas = Deltas::of(positions.iter());
    let ordered = Deltas::of(orders.iter().map(|order| &order.fill));
    let fee = |leg: &Leg| leg.fee(*spot, rules.general.option_fee_cap);
    let fee_held: f64 = positions.iter().map(fee).sum();
    let fee_ordered: f64 = orders.iter().map(|order| fee(&order.fill)).sum();
    Ok(Requirement {
        positions: Net::of(&pnls, deltas.minimum(Deltas::default(), class) * spot),
        with_orders: Net::of(&filled, deltas.minimum(ordered, class) * spot),
        position_pnls,
        pnls,
        order_pnls,
        funding: funding(portfolio),
        fee: Provision { initial: fee_held + fee_ordered, maintenance: fee_held },
    })
}

fn add(sums: &mut [f64], pnls: &[f64]) {
    for (sum, pnl) in sums.iter_mut().zip(pnls) {
        *sum += pnl;
    }
}

impl Net {
    fn of(pnls: &[f64], minimum_delta: f64) -> Self {
        let scenario = aggregate::worst(pnls).unwrap_or_default();
        let scan = pnls.get(scenario).map_or(0.0, |pnl| aggregate::largest(0.0, -pnl));
        Self { scenario, scan, minimum_delta }
    }
}

/// The profit of a position in each scenario: its price there less its mark, weighted.
fn position_pnl(leg: &Leg, spot: f64, rules: &Rules, class: &Class) -> Result<Vec<f64>, Refusal> {
    let live = live_fraction(leg, rules);
    let pnl = |scenario: &Scenario| {
        let price = scenario_price(leg, spot, scenario, rules, class)?;
        Ok(live * (price - leg.mark) * scenario.weight * leg.size)
    };
    class.scenarios.iter().map(pnl).collect()
}

/// The profit of an order in each scenario. It fills only where it loses: a purchase above the price, a sale below it.
fn order_pnl(order: &Order, spot: f64, rules: &Rules, class: &Class) -> Result<Vec<f64>, Refusal> {
    let live = live_fraction(&order.fill, rules);
    let pnl = |scenario: &Scenario| {
        let price = scenario_price(&order.fill, spot, scenario, rules, class)?;
        let gap = if order.fill.size > 0.0 { order.limit - price } else { price - order.limit };
        Ok(-order.fill.size.abs() * live * gap.max(0.0) * scenario.weight)
    };
    class.scenarios.iter().map(pnl).collect()
}

/// The price in one scenario: a perpetual keeps its basis, an option is repriced from the spot.
pub fn scenario_price(leg: &Leg, spot: f64, scenario: &Scenario, rules: &Rules, class: &Class) -> Result<f64, Refusal> {
    let refused = |what, value, expected| Refusal::NotPriceable { instrument: leg.name.clone(), what, value, expected };
    let shocked = spot * (1.0 + scenario.spot_shock);
    if shocked.is_nan() || shocked <= 0.0 {
        return Err(refused("the shocked spot", shocked, "a price above 0"));
    }
    let (terms, vol, seconds) = match leg.contract {
        Contract::Perpetual { .. } => return Ok(shocked * (1.0 + (leg.mark - spot) / spot)),
        Contract::Option { terms, vol, seconds } => (terms, vol, seconds),
    };
    let mut shocked_vol = vol * (1.0 + scenario.vol_shock * rules.vol_shock.multiplier(seconds / 86_400.0));
    if scenario.vol_shock > 0.0 {
        shocked_vol = shocked_vol.max(class.vol_floor_up);
    }
    if shocked_vol.is_nan() || shocked_vol < 0.0 {
        return Err(refused("the shocked volatility", shocked_vol, "a volatility not below 0"));
    }
    Ok(terms.price(shocked, shocked_vol))
}

impl VolShock {
    fn multiplier(&self, days: f64) -> f64 {
        let Self { days_floor: floor_days, short_power, long_power } = *self;
        TermRule { short_power, long_power, floor_days, short_at_30: false }.multiplier(days)
    }
}

/// The part of an option that the settlement average has not fixed yet.
pub fn live_fraction(leg: &Leg, rules: &Rules) -> f64 {
    match leg.contract {
        Contract::Option { seconds, .. } => (seconds / rules.general.settlement_seconds).clamp(0.0, 1.0),
        Contract::Perpetual { .. } => 1.0,
    }
}

/// The sums of positive and of negative deltas.
#[derive(Clone, Copy, Debug, Default)]
struct Deltas {
    long: f64,
    short: f64,
}

impl Deltas {
    fn of<'a>(legs: impl Iterator<Item = &'a Leg>) -> Self {
        let mut deltas = Self::default();
        for leg in legs {
            let delta = leg.delta * leg.size;
            deltas.long += delta.max(0.0);
            deltas.short += (-delta).max(0.0);
        }
        deltas
    }

    /// The minimum requirement from delta, in coins. Orders may fill on one side only: the unhedged delta is the
    /// largest that they can leave, and the hedged rest pays the lower factor.
    ///
    /// Without orders this is `unhedged · |net| + hedged · (gross − |net|) / 2`.
    fn minimum(self, ordered: Self, class: &Class) -> f64 {
        let (long, short) = (self.long + ordered.long, self.short + ordered.short);
        let unhedged = (long - self.short).max(short - self.long).max(0.0);
        let hedged = (long.max(short) - unhedged).max(0.0);
        hedged * class.hedged_margin_factor + unhedged * class.unhedged_margin_factor
    }
}

/// The provision for eight hours of funding. The engine counts orders with the opposite sign of positions, and so do we.
fn funding(portfolio: &Portfolio) -> Provision {
    let received = |leg: &Leg| match leg.contract {
        Contract::Perpetual { funding_rate_8h } => -funding_rate_8h.unwrap_or_default() * leg.size * portfolio.spot,
        Contract::Option { .. } => 0.0,
    };
    let held: f64 = portfolio.positions.iter().map(received).sum();
    let ordered: f64 = portfolio.orders.iter().map(|order| -received(&order.fill)).sum();
    Provision { initial: (-(held + ordered)).max(0.0), maintenance: (-held).max(0.0) }
}

/// Notes the perpetuals (or dated futures converted to them) for which the market gives no funding rate.
fn note_missing_funding(portfolio: &Portfolio, notes: &mut Vec<String>) {
    for leg in portfolio.positions.iter().chain(portfolio.orders.iter().map(|order| &order.fill)) {
        let note = format!("{}: the market gives no funding_rate_8h, no funding is provided for", leg.name);
        if matches!(leg.contract, Contract::Perpetual { funding_rate_8h: None }) && !notes.contains(&note) {
            notes.push(note);
        }
    }
}

/// The words for a family in which no scenario loses.
const NOTHING_LOSES: &str = "nothing loses";

/// Computes the requirement of the account, line by line.
pub fn workings(account: &Account, market: &Market, rules: &Rules, strict: bool) -> Result<Workings, Refusal> {
    let mut adapted = adapt(account, market, &rules.general.collateral, strict)?;
    let mut workings = adapted.workings(account);
    let (mut core, mut decided, mut orders) = (0.0, Vec::new(), 0.0);
    let (mut funding, mut fee) = (Provision::default(), Provision::default());
    for portfolio in adapted.portfolios.iter().filter(|portfolio| !portfolio.is_empty()) {
        let class = class_of(&portfolio.name, &rules.class, &rules.general.fallback, strict, &mut workings)?;
        note_missing_funding(portfolio, &mut workings.notes);
        let requirement = requirement(portfolio, rules, class)?;
        core += requirement.positions.loss();
        orders += requirement.with_orders.loss() - requirement.positions.loss();
        funding = funding.plus(requirement.funding);
        fee = fee.plus(requirement.fee);
        decided.extend(report(portfolio, class, &requirement, &mut workings));
    }
    let decided = if decided.is_empty() { NOTHING_LOSES.to_owned() } else { decided.join(" | ") };
    workings.families.insert(0, ("net portfolio requirement".to_owned(), core, decided));
    workings.charges = vec![
        ("open orders".to_owned(), orders, 0.0),
        ("maintenance factor".to_owned(), 0.0, (rules.general.maintenance_factor - 1.0) * core),
        ("funding provision".to_owned(), funding.initial, funding.maintenance),
        ("fee provision".to_owned(), fee.initial, fee.maintenance),
    ];
    Ok(adapted.finish(workings))
}

/// Writes the requirement of one underlying into the workings. Returns what determines it, in words, if anything does.
fn report(portfolio: &Portfolio, class: &Class, requirement: &Requirement, workings: &mut Workings) -> Option<String> {
    let Requirement { positions: net, position_pnls, pnls, .. } = requirement;
    let underlying = &portfolio.name;
    let words =
        |place: usize| class.scenarios.get(place).map_or_else(String::new, |scenario| scenario.words(underlying));
    let (scan, minimum) = (format!("{underlying} SCAN risk"), format!("{underlying} minimum delta"));
    workings.scenarios.extend(pnls.iter().enumerate().map(|(place, pnl)| (scan.clone(), words(place), *pnl)));
    let decisive = if net.scan > 0.0 { words(net.scenario) } else { NOTHING_LOSES.to_owned() };
    workings.families.push((scan, net.scan, decisive));
    workings.families.push((minimum.clone(), net.minimum_delta, minimum.clone()));
    if net.loss() == 0.0 {
        return None;
    }
    for (leg, pnls) in portfolio.positions.iter().zip(position_pnls) {
        workings.position_contributions[leg.place] =
            if net.is_minimum() { minimum_delta_part(leg, portfolio, class) } else { -pnls[net.scenario] };
    }
    Some(if net.is_minimum() { minimum } else { words(net.scenario) })
}

/// A position's part of the minimum delta. Delta in the direction of the net pays the unhedged factor; for delta
/// against it, the two factors together give a reduction.
fn minimum_delta_part(leg: &Leg, portfolio: &Portfolio, class: &Class) -> f64 {
    let deltas = Deltas::of(portfolio.positions.iter());
    let delta = leg.delta * leg.size;
    let along = if deltas.long >= deltas.short { delta } else { -delta };
    let hedged = (delta.abs() - along) / 2.0;
    (class.unhedged_margin_factor * along + class.hedged_margin_factor * hedged) * portfolio.spot
}

//! Portfolio margin: the worst of 24 moves of spot and volatility, never less than a share of delta.
//!
//! ```text
//! IM = max(SCAN risk, minimum delta)         + funding + fees + spot balances owed      orders included
//! MM = max(SCAN risk, minimum delta) · mmf   + funding + fees + spot balances owed      positions only
//! ```
//!
//! Of the two cores, the one of the positions is shown as the core; what orders add and what the maintenance factor takes
//! away are charges.

use std::collections::BTreeMap;

use model::{Account, Market};
use serde::Deserialize;
use units::Ratio;

use super::{Contract, Leg, Order, Portfolio, adapt, class_of};
use crate::method::universal::families::percent;
use crate::{About, Refusal, Workings, aggregate, params::decimal, vol::TermRule};

/// What the method is and how far it is proven.
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

/// The numbers of the method.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// What holds for every underlying.
    pub general: General,
    /// How a shock of volatility grows towards expiry.
    pub vol_shock: VolShock,
    /// Underlyings that share their numbers, by the name of the class.
    pub class: BTreeMap<String, Class>,
}

/// What holds for every underlying.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct General {
    /// The share of the net requirement that must be maintained.
    #[serde(deserialize_with = "decimal::read")]
    pub maintenance_factor: f64,
    /// The token that is not charged.
    pub collateral: String,
    /// An option's fee is at most this share of its mark.
    #[serde(deserialize_with = "decimal::read")]
    pub option_fee_cap: f64,
    /// Length of the average that options settle on.
    #[serde(deserialize_with = "decimal::read")]
    pub settlement_seconds: f64,
    /// The class of underlyings that are in none.
    pub fallback: String,
}

/// How a shock of volatility grows towards expiry: `(30 / max(days, floor))^power`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolShock {
    /// Days below which an expiry counts as this many.
    #[serde(deserialize_with = "decimal::read")]
    pub days_floor: f64,
    /// The power for expiries nearer than 30 days.
    #[serde(deserialize_with = "decimal::read")]
    pub short_power: f64,
    /// The power for expiries from 30 days on.
    #[serde(deserialize_with = "decimal::read")]
    pub long_power: f64,
}

/// Underlyings that share their numbers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// The names of the underlyings.
    pub members: Vec<String>,
    /// Charged on delta that other delta hedges.
    #[serde(deserialize_with = "decimal::read")]
    pub hedged_margin_factor: f64,
    /// Charged on delta that nothing hedges.
    #[serde(deserialize_with = "decimal::read")]
    pub unhedged_margin_factor: f64,
    /// No upward shock ends at a volatility below this.
    #[serde(deserialize_with = "decimal::read")]
    pub vol_floor_up: f64,
    /// What may happen.
    pub scenarios: Vec<Scenario>,
}

/// One thing that may happen: written `[spot shock, vol shock, weight]`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(from = "[Ratio; 3]")]
pub struct Scenario {
    /// Relative move of the spot.
    pub spot_shock: f64,
    /// Relative move of volatility at 30 days.
    pub vol_shock: f64,
    /// The share of the loss that counts.
    pub weight: f64,
}

impl From<[Ratio; 3]> for Scenario {
    fn from([spot_shock, vol_shock, weight]: [Ratio; 3]) -> Self {
        Self { spot_shock: spot_shock.to_f64(), vol_shock: vol_shock.to_f64(), weight: weight.to_f64() }
    }
}

impl Scenario {
    /// Such as `BTC −66 % vol up, weight 0.18`.
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

/// What the portfolio of one underlying requires.
#[derive(Clone, Debug)]
pub struct Requirement {
    /// What each position makes in each scenario, weighted.
    pub position_pnls: Vec<Vec<f64>>,
    /// The sum over all positions in each scenario, weighted.
    pub pnls: Vec<f64>,
    /// What the orders make: each fills in the scenarios in which it loses.
    pub order_pnls: Vec<f64>,
    /// What positions alone require.
    pub positions: Net,
    /// What positions and orders together require.
    pub with_orders: Net,
    /// The funding that eight hours may cost.
    pub funding: Provision,
    /// The fees that positions and orders may cost.
    pub fee: Provision,
}

/// The net portfolio requirement: the larger of its two parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Net {
    /// The worst scenario, its place in the list.
    pub scenario: usize,
    /// What is lost in it, at least 0.
    pub scan: f64,
    /// The least that delta requires.
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
    /// Required to take new risk; spot balances come on top, once an account.
    pub fn initial_margin(&self) -> f64 {
        self.with_orders.loss() + self.funding.initial + self.fee.initial
    }

    /// Required to keep what is held.
    pub fn maintenance_margin(&self, maintenance_factor: f64) -> f64 {
        self.positions.loss() * maintenance_factor + self.funding.maintenance + self.fee.maintenance
    }
}

/// What the portfolio of one underlying requires.
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

/// What a position makes in each scenario: its price there less its mark, weighted.
fn position_pnl(leg: &Leg, spot: f64, rules: &Rules, class: &Class) -> Result<Vec<f64>, Refusal> {
    let live = live_fraction(leg, rules);
    let pnl = |scenario: &Scenario| {
        let price = scenario_price(leg, spot, scenario, rules, class)?;
        Ok(live * (price - leg.mark) * scenario.weight * leg.size)
    };
    class.scenarios.iter().map(pnl).collect()
}

/// What an order makes in each scenario. It fills only where that costs: a purchase above the price, a sale below it.
fn order_pnl(order: &Order, spot: f64, rules: &Rules, class: &Class) -> Result<Vec<f64>, Refusal> {
    let live = live_fraction(&order.fill, rules);
    let pnl = |scenario: &Scenario| {
        let price = scenario_price(&order.fill, spot, scenario, rules, class)?;
        let gap = if order.fill.size > 0.0 { order.limit - price } else { price - order.limit };
        Ok(-order.fill.size.abs() * live * gap.max(0.0) * scenario.weight)
    };
    class.scenarios.iter().map(pnl).collect()
}

/// The price in one scenario: a perpetual keeps its basis, an option is priced anew from the spot.
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

/// Delta on either side.
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

    /// The least that delta requires, in coins. Orders may fill on one side and not on the other: the unhedged delta is
    /// the most they can leave, and what is hedged beside it pays the lower factor.
    ///
    /// Without orders this is `unhedged · |net| + hedged · (gross − |net|) / 2`.
    fn minimum(self, ordered: Self, class: &Class) -> f64 {
        let (long, short) = (self.long + ordered.long, self.short + ordered.short);
        let unhedged = (long - self.short).max(short - self.long).max(0.0);
        let hedged = (long.max(short) - unhedged).max(0.0);
        hedged * class.hedged_margin_factor + unhedged * class.unhedged_margin_factor
    }
}

/// What eight hours of funding may cost. The engine counts orders with the opposite sign of positions; so do we.
fn funding(portfolio: &Portfolio) -> Provision {
    let received = |leg: &Leg| match leg.contract {
        Contract::Perpetual { funding_rate_8h } => -funding_rate_8h.unwrap_or_default() * leg.size * portfolio.spot,
        Contract::Option { .. } => 0.0,
    };
    let held: f64 = portfolio.positions.iter().map(received).sum();
    let ordered: f64 = portfolio.orders.iter().map(|order| -received(&order.fill)).sum();
    Provision { initial: (-(held + ordered)).max(0.0), maintenance: (-held).max(0.0) }
}

/// Says which perpetuals (or dated futures in their place) have no funding to provide for.
fn note_missing_funding(portfolio: &Portfolio, notes: &mut Vec<String>) {
    for leg in portfolio.positions.iter().chain(portfolio.orders.iter().map(|order| &order.fill)) {
        let note = format!("{}: the market gives no funding_rate_8h, no funding is provided for", leg.name);
        if matches!(leg.contract, Contract::Perpetual { funding_rate_8h: None }) && !notes.contains(&note) {
            notes.push(note);
        }
    }
}

/// The words of a family in which every scenario brings a profit or nothing.
const NOTHING_LOSES: &str = "nothing loses";

/// What the account must hold, worked out line by line.
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

/// Writes what one underlying requires into the workings; returns what decided, in words, when anything did.
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

/// A position's part of the minimum delta: with the net it pays the unhedged factor, against it the pair of factors
/// turns its delta into a relief.
fn minimum_delta_part(leg: &Leg, portfolio: &Portfolio, class: &Class) -> f64 {
    let deltas = Deltas::of(portfolio.positions.iter());
    let delta = leg.delta * leg.size;
    let along = if deltas.long >= deltas.short { delta } else { -delta };
    let hedged = (delta.abs() - along) / 2.0;
    (class.unhedged_margin_factor * along + class.hedged_margin_factor * hedged) * portfolio.spot
}

//! The engine's answer for one underlying: the worst scenario, the minimum from delta, and provisions.

use super::parameters::{PortfolioClass, PortfolioParameters, WeightedScenario};
use crate::book::{Contract, Leg, Listed, Order, UnderlyingAccount};
use crate::method::paradex::adapt::fee;
use crate::method::paradex::black_scholes::BlackScholes;
use crate::{Refusal, aggregate};

/// The requirement of the positions and orders on one underlying.
#[derive(Clone, Debug)]
pub struct UnderlyingRequirement {
    /// The weighted profit of each position in each scenario.
    pub position_pnls: Vec<Vec<f64>>,
    /// The sum over all positions in each scenario, weighted.
    pub pnls: Vec<f64>,
    /// The profit of the orders in each scenario: each order fills in the scenarios in which it loses.
    pub order_pnls: Vec<f64>,
    /// The requirement of the positions alone.
    pub positions: NetRequirement,
    /// The requirement of positions and orders together.
    pub with_orders: NetRequirement,
    /// The provision for funding.
    pub funding: Provision,
    /// The provision for fees of positions and orders.
    pub fee: Provision,
}

/// The net portfolio requirement: the larger of its two parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NetRequirement {
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

impl NetRequirement {
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
    /// The sum of both, part by part.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { initial: self.initial + other.initial, maintenance: self.maintenance + other.maintenance }
    }
}

impl UnderlyingRequirement {
    /// Required to take new risk. The charge for spot balances comes on top, once per account.
    pub fn initial_margin(&self) -> f64 {
        self.with_orders.loss() + self.funding.initial + self.fee.initial
    }

    /// Required to keep the positions.
    pub fn maintenance_margin(&self, maintenance_factor: f64) -> f64 {
        self.positions.loss() * maintenance_factor + self.funding.maintenance + self.fee.maintenance
    }
}

/// Computes the requirement of the positions and orders on one underlying.
pub fn requirement(
    account: &UnderlyingAccount,
    parameters: &PortfolioParameters,
    class: &PortfolioClass,
) -> Result<UnderlyingRequirement, Refusal> {
    let UnderlyingAccount { index: spot, legs, orders, .. } = account;
    let mut position_pnls = Vec::with_capacity(legs.len());
    let mut pnls = vec![0.0; class.scenarios.len()];
    for leg in legs {
        let of_leg = leg_pnl(leg, *spot, parameters, class)?;
        aggregate::add(&mut pnls, &of_leg);
        position_pnls.push(of_leg);
    }
    let mut order_pnls = vec![0.0; class.scenarios.len()];
    for order in orders {
        aggregate::add(&mut order_pnls, &order_pnl(order, *spot, parameters, class)?);
    }
    let mut filled = pnls.clone();
    aggregate::add(&mut filled, &order_pnls);

    let deltas = Deltas::of(legs, *spot);
    let ordered = Deltas::of(account.order_legs(), *spot);
    let fees = |legs: &mut dyn Iterator<Item = &Leg>| -> f64 {
        legs.map(|leg| fee(leg, *spot, parameters.general.option_fee_cap)).sum()
    };
    let (fee_held, fee_ordered) = (fees(&mut legs.iter()), fees(&mut account.order_legs()));
    Ok(UnderlyingRequirement {
        positions: NetRequirement::of(&pnls, deltas.minimum(Deltas::default(), class) * spot),
        with_orders: NetRequirement::of(&filled, deltas.minimum(ordered, class) * spot),
        position_pnls,
        pnls,
        order_pnls,
        funding: funding(account, parameters.general.funding_periods),
        fee: Provision { initial: fee_held + fee_ordered, maintenance: fee_held },
    })
}

impl NetRequirement {
    fn of(pnls: &[f64], minimum_delta: f64) -> Self {
        let scenario = aggregate::worst(pnls).unwrap_or_default();
        let scan = pnls.get(scenario).map_or(0.0, |pnl| aggregate::largest(0.0, -pnl));
        Self { scenario, scan, minimum_delta }
    }
}

/// The profit of a position in each scenario: its price there less its mark, weighted.
fn leg_pnl(
    leg: &Leg,
    spot: f64,
    parameters: &PortfolioParameters,
    class: &PortfolioClass,
) -> Result<Vec<f64>, Refusal> {
    let live = live_fraction(leg, &parameters.listed);
    let pnl = |scenario: &WeightedScenario| {
        let price = scenario_price(leg, spot, scenario, parameters, class)?;
        Ok(live * (price - leg.mark) * scenario.weight * leg.size)
    };
    class.scenarios.iter().map(pnl).collect()
}

/// The profit of an order in each scenario. It fills only where it loses: a purchase above the price, a sale below it.
fn order_pnl(
    order: &Order,
    spot: f64,
    parameters: &PortfolioParameters,
    class: &PortfolioClass,
) -> Result<Vec<f64>, Refusal> {
    let live = live_fraction(&order.leg, &parameters.listed);
    let pnl = |scenario: &WeightedScenario| {
        let price = scenario_price(&order.leg, spot, scenario, parameters, class)?;
        let gap = if order.leg.size > 0.0 { order.limit - price } else { price - order.limit };
        Ok(-order.leg.size.abs() * live * gap.max(0.0) * scenario.weight)
    };
    class.scenarios.iter().map(pnl).collect()
}

/// The price in one scenario: a perpetual keeps its basis, an option is repriced from the spot.
pub fn scenario_price(
    leg: &Leg,
    spot: f64,
    scenario: &WeightedScenario,
    parameters: &PortfolioParameters,
    class: &PortfolioClass,
) -> Result<f64, Refusal> {
    let refused = |what, value, expected| Refusal::NotPriceable { instrument: leg.name.clone(), what, value, expected };
    let shocked = spot * (1.0 + scenario.spot_shock);
    if shocked.is_nan() || shocked <= 0.0 {
        return Err(refused("the shocked spot", shocked, "a price above 0"));
    }
    let Contract::Option(terms) = leg.contract else {
        return Ok(shocked * (1.0 + (leg.mark - spot) / spot));
    };
    let days = terms.seconds / 86_400.0;
    let mut shocked_vol = terms.vol * (1.0 + scenario.vol_shock * parameters.vol_shock.multiplier(days));
    if scenario.vol_shock > 0.0 {
        shocked_vol = shocked_vol.max(class.vol_floor_up);
    }
    if shocked_vol.is_nan() || shocked_vol < 0.0 {
        return Err(refused("the shocked volatility", shocked_vol, "a volatility not below 0"));
    }
    Ok(BlackScholes::from(&terms).price(shocked, shocked_vol))
}

/// The part of an option that the settlement average has not fixed yet.
pub fn live_fraction(leg: &Leg, listed: &Listed) -> f64 {
    match leg.contract {
        Contract::Option(terms) => (terms.seconds / listed.settlement_seconds).clamp(0.0, 1.0),
        Contract::Future { .. } => 1.0,
    }
}

/// The venue's delta of a leg, in coins: that of the market or, where the market gives none, 1 for a perpetual and that
/// of the engine's own formula for an option.
fn delta(leg: &Leg, spot: f64) -> f64 {
    let per_coin = leg.delta.unwrap_or_else(|| match leg.contract {
        Contract::Future { .. } => 1.0,
        Contract::Option(terms) => BlackScholes::from(&terms).delta(spot, terms.vol),
    });
    per_coin * leg.size
}

/// The sums of positive and of negative deltas.
#[derive(Clone, Copy, Debug, Default)]
struct Deltas {
    long: f64,
    short: f64,
}

impl Deltas {
    fn of<'a>(legs: impl IntoIterator<Item = &'a Leg>, spot: f64) -> Self {
        let mut deltas = Self::default();
        for leg in legs {
            let delta = delta(leg, spot);
            deltas.long += delta.max(0.0);
            deltas.short += (-delta).max(0.0);
        }
        deltas
    }

    /// The minimum requirement from delta, in coins. Orders may fill on one side only: the unhedged delta is the
    /// largest that they can leave, and the hedged rest pays the lower factor.
    ///
    /// Without orders this is `unhedged · |net| + hedged · (gross − |net|) / 2`.
    fn minimum(self, ordered: Self, class: &PortfolioClass) -> f64 {
        let (long, short) = (self.long + ordered.long, self.short + ordered.short);
        let unhedged = (long - self.short).max(short - self.long).max(0.0);
        let hedged = (long.max(short) - unhedged).max(0.0);
        hedged * class.hedged_margin_factor + unhedged * class.unhedged_margin_factor
    }
}

/// The provision for `periods` of eight hours of funding. The engine counts orders with the opposite sign of positions,
/// and so do we.
fn funding(account: &UnderlyingAccount, periods: f64) -> Provision {
    let received = |leg: &Leg| match leg.contract {
        Contract::Future { funding_rate_8h, .. } => -funding_rate_8h.unwrap_or_default() * leg.size * account.index,
        Contract::Option(_) => 0.0,
    };
    let held: f64 = account.legs.iter().map(received).sum();
    let ordered: f64 = account.order_legs().map(|leg| -received(leg)).sum();
    Provision { initial: periods * (-(held + ordered)).max(0.0), maintenance: periods * (-held).max(0.0) }
}

/// Each position's part of the minimum delta. Delta in the direction of the net pays the unhedged factor; for delta
/// against it, the two factors together give a reduction.
pub fn minimum_delta_parts(account: &UnderlyingAccount, class: &PortfolioClass) -> Vec<f64> {
    let spot = account.index;
    let deltas = Deltas::of(&account.legs, spot);
    let part = |leg: &Leg| {
        let delta = delta(leg, spot);
        let along = if deltas.long >= deltas.short { delta } else { -delta };
        let hedged = (delta.abs() - along) / 2.0;
        (class.unhedged_margin_factor * along + class.hedged_margin_factor * hedged) * spot
    };
    account.legs.iter().map(part).collect()
}

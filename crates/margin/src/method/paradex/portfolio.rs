//! Portfolio margin: the worst of 24 moves of spot and volatility, never less than a share of delta.
//!
//! ```text
//! IM = max(SCAN risk, minimum delta)         + funding + fees + spot balances owed      orders included
//! MM = max(SCAN risk, minimum delta) · mmf   + funding + fees + spot balances owed      positions only
//! ```
//!
//! The core shown is that of the positions alone. The amount that orders add, and the reduction by the maintenance
//! factor, are shown as charges.

mod parameters;
mod requirement;

pub use parameters::{PortfolioClass, PortfolioGeneral, PortfolioParameters, VolTerm, WeightedScenario};
pub use requirement::{NetRequirement, Provision, UnderlyingRequirement, live_fraction, requirement, scenario_price};

use model::{Account, Market};

use super::adapt::{adapt, class_of};
use crate::book::{Contract, UnderlyingAccount};
use crate::scenario::NOTHING_LOSES;
use crate::{About, ChargeLine, FamilyLine, Refusal, ScenarioPnl, Words, Workings};
use requirement::minimum_delta_parts;

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

/// Notes the perpetuals (or dated futures converted to them) for which the market gives no funding rate.
fn note_missing_funding(underlying: &UnderlyingAccount, notes: &mut Vec<String>) {
    for leg in underlying.all_legs() {
        let note = format!("{}: the market gives no funding_rate_8h, no funding is provided for", leg.name);
        if matches!(leg.contract, Contract::Future { funding_rate_8h: None, .. }) && !notes.contains(&note) {
            notes.push(note);
        }
    }
}

/// Computes the requirement of the account, line by line.
pub fn workings(
    account: &Account,
    market: &Market,
    parameters: &PortfolioParameters,
    strict: bool,
) -> Result<Workings, Refusal> {
    let general = &parameters.general;
    let mut adapted = adapt(account, market, (&parameters.listed, &general.collateral), strict)?;
    let mut workings = adapted.workings(account);
    let (mut core, mut decided, mut orders) = (0.0, Vec::new(), 0.0);
    let (mut funding, mut fee) = (Provision::default(), Provision::default());
    for underlying in adapted.underlyings.iter().filter(|underlying| !underlying.is_flat()) {
        let class = class_of(&underlying.name, &parameters.class, &general.fallback, strict, &mut workings)?;
        note_missing_funding(underlying, &mut workings.notes);
        let requirement = requirement(underlying, parameters, class)?;
        core += requirement.positions.loss();
        orders += requirement.with_orders.loss() - requirement.positions.loss();
        funding = funding.plus(requirement.funding);
        fee = fee.plus(requirement.fee);
        decided.extend(report(underlying, class, &requirement, &mut workings));
    }
    let decided = if decided.is_empty() { NOTHING_LOSES.to_owned() } else { decided.join(" | ") };
    workings.families.insert(0, FamilyLine::new("net portfolio requirement", core, decided));
    workings.charges = vec![
        ChargeLine::new("open orders", orders, 0.0),
        ChargeLine::new("maintenance factor", 0.0, (general.maintenance_factor - 1.0) * core),
        ChargeLine::new("funding provision", funding.initial, funding.maintenance),
        ChargeLine::new("fee provision", fee.initial, fee.maintenance),
    ];
    Ok(adapted.finish(workings))
}

/// Writes the requirement of one underlying into the workings. Returns what determines it, in words, if anything does.
fn report(
    account: &UnderlyingAccount,
    class: &PortfolioClass,
    requirement: &UnderlyingRequirement,
    workings: &mut Workings,
) -> Option<String> {
    let UnderlyingRequirement { positions: net, position_pnls, pnls, .. } = requirement;
    let underlying = &account.name;
    let words =
        |place: usize| class.scenarios.get(place).map_or_else(String::new, |scenario| scenario.words(underlying));
    let scan: Words = format!("{underlying} SCAN risk").into();
    let minimum = format!("{underlying} minimum delta");
    workings.scenarios.extend(pnls.iter().enumerate().map(|(place, pnl)| ScenarioPnl {
        family: scan.clone(),
        scenario: words(place).into(),
        pnl: *pnl,
    }));
    let decisive = if net.scan > 0.0 { words(net.scenario) } else { NOTHING_LOSES.to_owned() };
    workings.families.push(FamilyLine::new(scan, net.scan, decisive));
    let family = Words::from(minimum.clone());
    workings.families.push(FamilyLine::new(family.clone(), net.minimum_delta, family));
    if net.loss() == 0.0 {
        return None;
    }
    let parts = if net.is_minimum() {
        minimum_delta_parts(account, class)
    } else {
        position_pnls.iter().map(|pnls| -pnls[net.scenario]).collect()
    };
    for (leg, part) in account.legs.iter().zip(parts) {
        workings.position_contributions[leg.place] = part;
    }
    Some(if net.is_minimum() { minimum } else { words(net.scenario) })
}

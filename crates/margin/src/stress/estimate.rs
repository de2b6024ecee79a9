//! Scan scenarios revalued in full and estimated by Greeks: shows where a quadratic estimate fails.

use model::{Account, AssetId, Market, UnderlyingId};

use super::moves::vol_change;
use crate::greeks::of_contract;
use crate::method::universal::families::Family;
use crate::method::universal::{Universal, rules::Rules};
use crate::risk_array::RiskArray;
use crate::scenario::{Scenario, VolMove};
use crate::{Refusal, Words, valuation};

/// The scan families of the universal method, in the order of the methodology.
const SCANS: [Family; 3] = [Family::ScanTogether, Family::ScanAlone, Family::ScanApart];

/// A scan scenario, revalued in full and estimated.
#[derive(Clone, Debug)]
pub struct Estimate {
    /// The family of the scenario.
    pub family: Words,
    /// The scenario in words.
    pub scenario: Words,
    /// Whether the move comes at once: no time passes (SCN-8).
    pub at_once: bool,
    /// Profit by full revaluation, in USD.
    pub pnl: f64,
    /// Profit estimated by delta, gamma, vega and theta, in USD.
    pub second_order: f64,
}

/// Every scan scenario of the method, revalued in full and estimated.
pub fn estimates(account: &Account, universal: &Universal) -> Result<Vec<Estimate>, Refusal> {
    let array = &universal.array;
    let pnl = array.pnl(&array.vector(account)?);
    let families = array.set.families.iter().filter(|family| SCANS.iter().any(|scan| family.name == scan.name()));
    let scenarios = families.flat_map(|family| family.range().map(move |index| (family, index)));
    scenarios
        .map(|(family, index)| {
            let scenario = &array.set.scenarios[index];
            Ok(Estimate {
                family: family.name.clone(),
                scenario: scenario.name.clone(),
                at_once: scenario.moves.iter().all(|shift| shift.years == 0.0),
                pnl: pnl[index],
                second_order: second_order(account, universal.market, universal.rules, scenario)?,
            })
        })
        .collect()
}

/// The profit of an account in a scenario, estimated by delta, gamma, vega and theta, times the weight of the scenario.
fn second_order(account: &Account, market: &Market, rules: &Rules, scenario: &Scenario) -> Result<f64, Refusal> {
    let move_of =
        |asset: AssetId| market.assets[asset.0].follows.map_or(0.0, |follows| scenario.moves[follows.0].price);
    let mut profit = 0.0;
    for balance in &account.balances {
        profit += balance.amount.to_f64() * market.price(balance.asset).usd().to_f64() * move_of(balance.asset);
    }
    for position in &account.positions {
        let listing = market.listing(position.instrument);
        let UnderlyingId(underlying) = listing.underlying;
        let index = market.index(UnderlyingId(underlying)).usd().to_f64();
        let shift = &scenario.moves[underlying];
        let VolMove::Level(level) = shift.vol else {
            return Err(Refusal::NotSupported {
                method: "estimate",
                why: "a scan moves the level of volatility only".into(),
            });
        };
        let vol = if listing.is_option() { vol_change(listing, market, &rules.vol_rules(), level)? } else { 0.0 };
        let greeks = of_contract(position.instrument, market, rules.settlement.window_seconds)?;
        profit += position.quantity.to_f64() * greeks.second_order(index, shift.price, vol, shift.years);
        if !listing.is_option() {
            // Greeks are those of a position entered at the mark; profit earned since the entry counts like a balance.
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

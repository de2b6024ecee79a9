//! FAM-2, scan alone: one underlying moves, the others stay.

use model::Market;

use super::axes::axes;
use super::steps::vol_moves;
use crate::method::universal::rules::Rules;
use crate::scenario::{Move, Scenario, VolMove, percent};

/// A group for each underlying that moves on its own: each step of its range, with each move of volatility.
pub(super) fn groups(market: &Market, rules: &Rules) -> Vec<Vec<Scenario>> {
    axes(market).map(|one| of(market, rules, one.0)).collect()
}

fn of(market: &Market, rules: &Rules, one: usize) -> Vec<Scenario> {
    let name = &market.underlyings[one].name;
    let range = rules.scan.range(name);
    let mut scenarios = Vec::new();
    for part in &rules.scan.steps {
        for (vol, vol_words) in vol_moves(rules) {
            let mut scenario = Scenario::still(format!("{name} {} alone, {vol_words}", percent(part * range)), market);
            scenario.moves[one] = Move { price: part * range, basis: 0.0, vol: VolMove::Level(vol) };
            scenarios.push(scenario);
        }
    }
    scenarios
}

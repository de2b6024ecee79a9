//! FAM-2, scan alone: one underlying moves, the others stay.

use model::Market;

use super::axes::axes;
use super::passage::Passage;
use super::steps::vol_moves;
use crate::method::universal::rules::Rules;
use crate::scenario::{Move, Scenario, VolMove, percent};

/// A group for each underlying that moves on its own: each step of its range, with each move of volatility. The margin
/// period passes for that underlying alone.
pub(super) fn groups(market: &Market, rules: &Rules, passages: &[Passage]) -> Vec<Vec<Scenario>> {
    axes(market).map(|one| of(market, rules, passages, one.0)).collect()
}

fn of(market: &Market, rules: &Rules, passages: &[Passage], one: usize) -> Vec<Scenario> {
    let name = &market.underlyings[one].name;
    let range = rules.scan.range(name);
    let mut scenarios = Vec::new();
    for passage in passages {
        for part in rules.scan.steps.iter().filter(|part| **part != 0.0 || !passage.settles_first()) {
            for (vol, vol_words) in vol_moves(rules) {
                let shift = passage.of(Move { price: part * range, vol: VolMove::Level(vol), ..Move::NONE });
                let words = format!("{name} {} alone, {vol_words}{}", percent(shift.price), passage.words);
                let mut scenario = Scenario::still(words, market);
                scenario.moves[one] = shift;
                scenarios.push(scenario);
            }
        }
    }
    scenarios
}

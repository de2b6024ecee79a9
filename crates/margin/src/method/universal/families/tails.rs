//! FAM-7, tails: far moves of all prices, volatility up, dampened by their weights.

use model::Market;

use super::axes::move_each;
use super::passage::Passage;
use crate::method::universal::rules::Rules;
use crate::scenario::{Move, Scenario, VolMove, percent};

/// One scenario for each move of the parameters, in each way in which the period passes.
pub(super) fn scenarios(market: &Market, rules: &Rules, passages: &[Passage]) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for passage in passages {
        for (price, weight) in rules.tails.price.iter().zip(&rules.tails.weight) {
            let shift = passage.of(Move { price: *price, vol: VolMove::Level(rules.scan.vol_up), ..Move::NONE });
            let words = format!("all {}, vol up, weight {weight}{}", percent(shift.price), passage.words);
            let mut scenario = Scenario::still(words, market);
            move_each(&mut scenario, market, |_| shift);
            scenario.weight = *weight;
            scenarios.push(scenario);
        }
    }
    scenarios
}

//! FAM-7, tails: far moves of all prices, volatility up, dampened by their weights.

use model::Market;

use super::axes::move_each;
use crate::method::universal::rules::Rules;
use crate::scenario::{Move, Scenario, VolMove, percent};

/// One scenario for each move of the parameters.
pub(super) fn scenarios(market: &Market, rules: &Rules) -> Vec<Scenario> {
    rules
        .tails
        .price
        .iter()
        .zip(&rules.tails.weight)
        .map(|(price, weight)| {
            let mut scenario = Scenario::still(format!("all {}, vol up, weight {weight}", percent(*price)), market);
            let vol = VolMove::Level(rules.scan.vol_up);
            move_each(&mut scenario, market, |_| Move { price: *price, basis: 0.0, vol });
            scenario.weight = *weight;
            scenario
        })
        .collect()
}

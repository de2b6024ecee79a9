//! FAM-7, tails: far moves of all prices, volatility up, dampened by their weights.

use model::Market;

use super::axes::move_each;
use super::passage::Passage;
use super::steps::words;
use crate::method::universal::rules::{Rules, TailRules};
use crate::scenario::{Move, Scenario, VolMove, percent};

/// One scenario for each move of the parameters, those in parts of the scan ranges first, in each way in which the period
/// passes.
pub(super) fn scenarios(market: &Market, rules: &Rules, passages: &[Passage]) -> Vec<Scenario> {
    let (vol, mut scenarios) = (VolMove::Level(rules.scan.vol_up), Vec::new());
    for passage in passages {
        for (multiple, weight) in rules.tails.multiple.iter().zip(&rules.tails.multiple_weight) {
            let words =
                format!("all {} scan range, vol up, weight {weight}{}", words(multiple * passage.part), passage.words);
            let mut scenario = Scenario::still(words, market);
            let by =
                |name: &str| Move { price: TailRules::beyond(*multiple, rules.scan.range(name)), vol, ..Move::NONE };
            move_each(&mut scenario, market, |name| passage.of(by(name)));
            scenario.weight = *weight;
            scenarios.push(scenario);
        }
        for (price, weight) in rules.tails.price.iter().zip(&rules.tails.weight) {
            let shift = passage.of(Move { price: *price, vol, ..Move::NONE });
            let words = format!("all {}, vol up, weight {weight}{}", percent(shift.price), passage.words);
            let mut scenario = Scenario::still(words, market);
            move_each(&mut scenario, market, |_| shift);
            scenario.weight = *weight;
            scenarios.push(scenario);
        }
    }
    scenarios
}

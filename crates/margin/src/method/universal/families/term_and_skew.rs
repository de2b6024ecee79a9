//! FAM-8, term and skew: the volatility surface turns.

use model::Market;

use super::axes::move_each;
use crate::method::universal::rules::Rules;
use crate::scenario::{Move, Scenario, VolMove};

/// The turns of the surface, and all of them again, larger and dampened.
pub(super) fn scenarios(market: &Market, rules: &Rules) -> Vec<Scenario> {
    let mut scenarios = turns(market, rules);
    let (multiple, weight) = (rules.vol.beyond, rules.vol.beyond_weight);
    if multiple > 1.0 {
        for mut scenario in turns(market, rules) {
            scenario.name = format!("{}, {multiple} times, weight {weight}", scenario.name).into();
            scenario.weight = weight;
            for shift in &mut scenario.moves {
                if let VolMove::Turn { twist, skew } = shift.vol {
                    shift.vol = VolMove::Turn { twist: multiple * twist, skew: multiple * skew };
                }
            }
            scenarios.push(scenario);
        }
    }
    scenarios
}

/// A twist and a skew, each both ways and alone, then every twist with every skew.
fn turns(market: &Market, rules: &Rules) -> Vec<Scenario> {
    let turned = [("short vol up, long vol down", rules.vol.twist), ("short vol down, long vol up", -rules.vol.twist)];
    let tilted =
        [("high strikes up, low strikes down", rules.vol.skew), ("high strikes down, low strikes up", -rules.vol.skew)];
    let turn = |words: String, twist: f64, skew: f64| {
        let mut scenario = Scenario::still(words, market);
        move_each(&mut scenario, market, |_| Move { vol: VolMove::Turn { twist, skew }, ..Move::NONE });
        scenario
    };
    let mut scenarios: Vec<Scenario> = turned.iter().map(|(words, twist)| turn((*words).into(), *twist, 0.0)).collect();
    scenarios.extend(tilted.iter().map(|(words, skew)| turn((*words).into(), 0.0, *skew)));
    for (turned, twist) in turned {
        scenarios.extend(tilted.iter().map(|(tilted, skew)| turn(format!("{turned}, {tilted}"), twist, *skew)));
    }
    scenarios
}

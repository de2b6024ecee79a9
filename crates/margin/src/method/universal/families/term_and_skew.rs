//! FAM-8, term and skew: the volatility surface turns.

use model::Market;

use super::axes::move_each;
use crate::method::universal::rules::Rules;
use crate::scenario::{Move, Scenario, VolMove};

/// A twist and a skew, each both ways and alone, then every twist with every skew.
pub(super) fn scenarios(market: &Market, rules: &Rules) -> Vec<Scenario> {
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

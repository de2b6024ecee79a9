//! FAM-10, off the index: the forwards and marks of an underlying leave its index.

use model::Market;

use super::axes::axes;
use crate::method::universal::rules::Rules;
use crate::scenario::{Move, Scenario, percent};

/// The price moves at the same time by these parts of its range.
const MOVES: [f64; 3] = [0.0, -0.5, 0.5];

/// A group for each underlying that moves on its own: its marks both ways, with the price still and moved. CHG-2 is
/// for what expiries and venues do to each other.
pub(super) fn groups(market: &Market, rules: &Rules) -> Vec<Vec<Scenario>> {
    let of = |one: usize| {
        let name = &market.underlyings[one].name;
        let range = rules.scan.range(name);
        let mut scenarios = Vec::new();
        let size = rules.basis.index.get(name);
        for basis in [-size, size].into_iter().filter(|basis| *basis != 0.0) {
            for part in MOVES {
                let shift = Move { price: part * range, basis, ..Move::NONE };
                let words = format!("{name} {}, its marks {} besides", percent(shift.price), percent(shift.basis));
                let mut scenario = Scenario::still(words, market);
                scenario.moves[one] = shift;
                scenarios.push(scenario);
            }
        }
        scenarios
    };
    axes(market).map(|id| of(id.0)).collect()
}

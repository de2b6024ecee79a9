//! FAM-3, scan apart: two underlyings that usually move together move apart, one down and one up.

use model::{Market, UnderlyingId};

use super::axes::axes;
use crate::method::universal::rules::Rules;
use crate::scenario::{Move, Scenario, percent};

/// One scenario for every ordered pair that is correlated above `apart.from`.
pub(super) fn scenarios(market: &Market, rules: &Rules) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for UnderlyingId(down) in axes(market) {
        for UnderlyingId(up) in axes(market) {
            let [falling, rising] = [down, up].map(|place| &market.underlyings[place]);
            let (first, second) = if falling.name < rising.name { (falling, rising) } else { (rising, falling) };
            if down == up || rules.apart.correlation.get(&format!("{}/{}", first.name, second.name)) <= rules.apart.from
            {
                continue;
            }
            let fall = -rules.apart.part * rules.scan.range(&falling.name);
            let rise = rules.apart.part * rules.scan.range(&rising.name);
            let words = format!("{} {}, {} {}", falling.name, percent(fall), rising.name, percent(rise));
            let mut scenario = Scenario::still(words, market);
            scenario.moves[down] = Move { price: fall, ..Move::NONE };
            scenario.moves[up] = Move { price: rise, ..Move::NONE };
            scenarios.push(scenario);
        }
    }
    scenarios
}

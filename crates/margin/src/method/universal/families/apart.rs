//! FAM-3, scan apart: two underlyings that usually move together move apart, one down and one up.

use model::{Market, UnderlyingId};

use super::axes::{axes, move_each};
use super::passage::Passage;
use crate::method::universal::rules::Rules;
use crate::scenario::{Move, Scenario, percent};

/// One scenario for every ordered pair that is correlated above `apart.from`, in each way in which the period passes.
pub(super) fn scenarios(market: &Market, rules: &Rules, passages: &[Passage]) -> Vec<Scenario> {
    passages.iter().flat_map(|passage| in_passage(market, rules, passage)).collect()
}

fn in_passage(market: &Market, rules: &Rules, passage: &Passage) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for UnderlyingId(down) in axes(market) {
        for UnderlyingId(up) in axes(market) {
            let [falling, rising] = [down, up].map(|place| &market.underlyings[place]);
            let (first, second) = if falling.name < rising.name { (falling, rising) } else { (rising, falling) };
            if down == up || rules.apart.correlation.get(&format!("{}/{}", first.name, second.name)) <= rules.apart.from
            {
                continue;
            }
            let by = |price: f64| passage.of(Move { price: rules.apart.part * price, ..Move::NONE });
            let (fall, rise) = (by(-rules.scan.range(&falling.name)), by(rules.scan.range(&rising.name)));
            let (falls, rises) = (percent(fall.price), percent(rise.price));
            let words = format!("{} {falls}, {} {rises}{}", falling.name, rising.name, passage.words);
            let mut scenario = Scenario::still(words, market);
            // Time passes for all underlyings, not only for the pair.
            move_each(&mut scenario, market, |_| passage.of(Move::NONE));
            (scenario.moves[down], scenario.moves[up]) = (fall, rise);
            scenarios.push(scenario);
        }
    }
    scenarios
}

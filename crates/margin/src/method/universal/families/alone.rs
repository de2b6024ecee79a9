//! FAM-2, scan alone: one underlying moves, the others stay.

use model::{Market, UnderlyingId};

use super::axes::axes;
use super::passage::{self, Passage};
use super::steps::{between, vol_moves};
use crate::method::universal::rules::Rules;
use crate::scenario::{Move, Scenario, VolMove, percent};

/// A group for each underlying that moves on its own: each step of its range, with each move of volatility. The margin
/// period passes for that underlying alone. Where it has options, or is part of a basket that has, the moves between the
/// steps follow, at the end of the period: what has settled by then turns at its strikes.
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
    if has_options(market, UnderlyingId(one)) {
        let passage = passage::at_the_end(rules);
        for (part, vol, vol_words) in between(&rules.scan, range) {
            let shift = passage.of(Move { price: part * range, vol: VolMove::Level(vol), ..Move::NONE });
            let words = format!("{name} {} alone, {vol_words}{}", percent(shift.price), passage.words);
            let mut scenario = Scenario::still(words, market);
            scenario.moves[one] = shift;
            scenarios.push(scenario);
        }
    }
    scenarios
}

/// Whether options are listed on an underlying or on a basket that it is in.
fn has_options(market: &Market, one: UnderlyingId) -> bool {
    let concerns = |id: UnderlyingId| {
        id == one || market.basket(id).is_some_and(|basket| basket.parts.iter().any(|part| part.underlying == one))
    };
    market.instruments.iter().any(|listing| listing.is_option() && concerns(listing.underlying))
}

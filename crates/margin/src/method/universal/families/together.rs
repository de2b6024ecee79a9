//! FAM-1, scan together: every underlying moves by the same part of its own range.

use model::{Market, UnderlyingId};

use super::axes::{axes, move_each};
use super::passage::Passage;
use super::steps::{self, vol_moves};
use crate::method::universal::rules::Rules;
use crate::scenario::{Move, Scenario, VolMove, percent};

/// With more underlyings than this, a scenario's name does not list their moves.
const SPELLED_OUT: usize = 3;

/// Each step of the range of every underlying, with each move of volatility, in each way in which the period passes.
pub(super) fn scenarios(market: &Market, rules: &Rules, passages: &[Passage]) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for passage in passages {
        for part in rules.scan.steps.iter().filter(|part| **part != 0.0 || !passage.settles_first()) {
            for (vol, vol_words) in vol_moves(rules) {
                let mut scenario = Scenario::still("", market);
                let vol = VolMove::Level(vol);
                let by = |name: &str| Move { price: part * rules.scan.range(name), vol, ..Move::NONE };
                move_each(&mut scenario, market, |name| passage.of(by(name)));
                let prices = all_words(market, &scenario.moves, part * passage.part);
                scenario.name = format!("{prices}, {vol_words}{}", passage.words).into();
                scenarios.push(scenario);
            }
        }
    }
    scenarios
}

fn all_words(market: &Market, moves: &[Move], part: f64) -> String {
    if moves.iter().all(|shift| shift.price == 0.0) {
        return "prices unchanged".to_owned();
    }
    if axes(market).count() > SPELLED_OUT {
        return format!("all {} scan range", steps::words(part));
    }
    let each = axes(market)
        .map(|UnderlyingId(place)| format!("{} {}", market.underlyings[place].name, percent(moves[place].price)));
    each.collect::<Vec<_>>().join(" ")
}

//! FAM-6, named stress: days that happened.

use model::Market;

use super::axes::{axes, move_each};
use crate::method::universal::rules::Rules;
use crate::scenario::{Move, Scenario, VolMove};

/// One scenario for each day of the parameters, by its key.
pub(super) fn scenarios(market: &Market, rules: &Rules) -> Vec<Scenario> {
    rules
        .stress
        .values()
        .map(|day| {
            let names = axes(market).map(|id| market.underlyings[id.0].name.as_str());
            let classed: Vec<&str> = names.filter(|name| !day.price.names(name)).collect();
            let note = if classed.is_empty() { String::new() } else { format!(" ({} by class)", classed.join(", ")) };
            let mut scenario = Scenario::still(format!("{}{note}", day.name), market);
            let vol = VolMove::Level(day.vol);
            move_each(&mut scenario, market, |name| Move {
                price: day.price.get(name),
                basis: day.basis,
                vol,
                ..Move::NONE
            });
            for (residual, asset) in scenario.residuals.iter_mut().zip(&market.assets) {
                *residual = day.residual.get(&asset.name).copied().unwrap_or_default();
            }
            scenario.weight = day.weight;
            scenario
        })
        .collect()
}

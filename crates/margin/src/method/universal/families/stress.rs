//! FAM-6, named stress: days that happened.

use model::Market;

use crate::method::universal::rules::Rules;
use crate::scenario::{Move, Scenario, VolMove};

/// One scenario for each day of the parameters, by its key.
pub(super) fn scenarios(market: &Market, rules: &Rules) -> Vec<Scenario> {
    rules
        .stress
        .values()
        .map(|day| {
            let classed: Vec<&str> = market
                .underlyings
                .iter()
                .map(|underlying| underlying.name.as_str())
                .filter(|name| !day.price.names(name))
                .collect();
            let note = if classed.is_empty() { String::new() } else { format!(" ({} by class)", classed.join(", ")) };
            let mut scenario = Scenario::still(format!("{}{note}", day.name), market);
            for (shift, underlying) in scenario.moves.iter_mut().zip(&market.underlyings) {
                *shift =
                    Move { price: day.price.get(&underlying.name), basis: day.basis, vol: VolMove::Level(day.vol) };
            }
            for (residual, asset) in scenario.residuals.iter_mut().zip(&market.assets) {
                *residual = day.residual.get(&asset.name).copied().unwrap_or_default();
            }
            scenario.weight = day.weight;
            scenario
        })
        .collect()
}

//! FAM-9, depeg and location: an asset moves against what it is worth, or the location that holds it fails.

use model::{AssetId, Market, USD};

use crate::method::universal::rules::Rules;
use crate::risk_array::OTHER;
use crate::scenario::{Scenario, percent};

/// The moves of each asset alone, then the failure of each location.
pub(super) fn scenarios(market: &Market, rules: &Rules) -> Vec<Scenario> {
    let depeg = &rules.depeg;
    let mut scenarios = Vec::new();
    for (id, asset) in (0..).map(AssetId).zip(&market.assets).skip(USD.0 + 1) {
        let mut alone = |residual: f64| {
            let mut scenario = Scenario::still(format!("{} {}", asset.name, percent(residual)), market);
            scenario.residuals[id.0] = residual;
            scenario.weight = depeg.weight;
            scenarios.push(scenario);
        };
        match asset.follows {
            None if depeg.is_stablecoin(&asset.name, market.price(id).usd().to_f64()) => alone(depeg.fall(&asset.name)),
            None => [&depeg.token.down, &depeg.token.up].into_iter().for_each(|range| alone(range.get(&asset.name))),
            Some(underlying) if market.underlyings[underlying.0].name != asset.name => alone(depeg.wrapped),
            Some(_) => {}
        }
    }
    for (location, lost) in rules.depeg.location_loss.iter() {
        let whose = if location == OTHER { "every unlisted location" } else { location };
        let mut scenario = Scenario::still(format!("{whose} fails, {} of what it holds", percent(-lost)), market);
        scenario.weight = rules.depeg.location_weight;
        scenario.failure = Some((location.to_owned(), lost));
        scenarios.push(scenario);
    }
    scenarios
}

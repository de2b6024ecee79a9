//! FAM-9, depeg and location: a token loses its peg, or the location that holds it fails.

use model::{Market, USD};

use crate::method::universal::rules::Rules;
use crate::risk_array::OTHER;
use crate::scenario::{Scenario, percent};

/// One scenario for each token that may lose its peg, then one for each location.
pub(super) fn scenarios(market: &Market, rules: &Rules) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for (index, asset) in market.assets.iter().enumerate().skip(USD.0 + 1) {
        let residual = match asset.follows {
            None => rules.depeg.stablecoin,
            Some(underlying) if market.underlyings[underlying.0].name != asset.name => rules.depeg.wrapped,
            Some(_) => continue,
        };
        let mut scenario = Scenario::still(format!("{} {}", asset.name, percent(residual)), market);
        scenario.residuals[index] = residual;
        scenario.weight = rules.depeg.weight;
        scenarios.push(scenario);
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

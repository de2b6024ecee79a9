//! FAM-9, depeg and location: an asset moves against what it is worth, alone or with its like, or the location that holds
//! it fails.

use model::{AssetId, Market, USD, UnderlyingId};

use super::axes::move_each;
use super::steps::{vol_moves, words};
use crate::method::universal::rules::Rules;
use crate::risk_array::OTHER;
use crate::scenario::{Move, Scenario, VolMove, percent};

/// The coins fall by these parts of their ranges when stablecoins fall with them.
const CRASHES: [f64; 2] = [-0.5, -1.0];

/// The moves of each asset alone, those of all claims of a kind together, crashes in which stablecoins fall too, then the
/// failure of each location.
pub(super) fn scenarios(market: &Market, rules: &Rules) -> Vec<Scenario> {
    let mut scenarios = alone(market, rules);
    let underlyings = (0..market.underlyings.len()).map(UnderlyingId);
    scenarios.extend(underlyings.filter_map(|underlying| wrapped_together(market, rules, underlying)));
    let stablecoins = stablecoins(market, rules);
    if stablecoins.len() > 1 {
        scenarios.push(stablecoins_together(market, rules, &stablecoins));
    }
    scenarios.extend(crashes(market, rules, &stablecoins));
    scenarios.extend(rules.depeg.location_loss.iter().map(|(location, lost)| {
        let whose = if location == OTHER { "every unlisted location" } else { location };
        let mut scenario = Scenario::still(format!("{whose} fails, {} of what it holds", percent(-lost)), market);
        scenario.weight = rules.depeg.location_weight;
        scenario.failure = Some((location.to_owned(), lost));
        scenario
    }));
    scenarios
}

/// Each asset but the coins themselves: a stablecoin or wrapped token down, a token that follows nothing down and up.
fn alone(market: &Market, rules: &Rules) -> Vec<Scenario> {
    let depeg = &rules.depeg;
    let mut scenarios = Vec::new();
    for id in others(market) {
        let asset = &market.assets[id.0];
        let mut moved = |residual: f64| {
            let mut scenario = Scenario::still(format!("{} {}", asset.name, percent(residual)), market);
            scenario.residuals[id.0] = residual;
            scenario.weight = depeg.weight;
            scenarios.push(scenario);
        };
        match asset.follows {
            None if is_stablecoin(market, rules, id) => moved(depeg.fall(&asset.name)),
            None => [&depeg.token.down, &depeg.token.up].into_iter().for_each(|range| moved(range.get(&asset.name))),
            Some(underlying) if market.underlyings[underlying.0].name != asset.name => moved(depeg.wrapped),
            Some(_) => {}
        }
    }
    scenarios
}

/// All staked and wrapped tokens of an underlying together, where it has more than one.
fn wrapped_together(market: &Market, rules: &Rules, underlying: UnderlyingId) -> Option<Scenario> {
    let name = &market.underlyings[underlying.0].name;
    let wraps = |id: &AssetId| {
        let asset = &market.assets[id.0];
        asset.follows == Some(underlying) && asset.name != *name
    };
    let tokens: Vec<AssetId> = others(market).filter(wraps).collect();
    if tokens.len() < 2 {
        return None;
    }
    let residual = rules.depeg.wrapped * rules.depeg.correlation.wrapped.sqrt();
    let mut scenario = Scenario::still(format!("every token of {name} {}", percent(residual)), market);
    for id in tokens {
        scenario.residuals[id.0] = residual;
    }
    scenario.weight = rules.depeg.weight;
    Some(scenario)
}

/// All stablecoins together, each by the part of its fall that it shares with the others.
fn stablecoins_together(market: &Market, rules: &Rules, stablecoins: &[AssetId]) -> Scenario {
    let shared = rules.depeg.correlation.stablecoin.sqrt();
    let mut scenario = Scenario::still(format!("every stablecoin by {shared:.2} of its fall"), market);
    fall(&mut scenario, market, rules, stablecoins, shared);
    scenario.weight = rules.depeg.weight;
    scenario
}

/// Every underlying down by half its range and by all of it, with each move of volatility, while each stablecoin falls
/// alone, and all of them together.
fn crashes(market: &Market, rules: &Rules, stablecoins: &[AssetId]) -> Vec<Scenario> {
    let weight = rules.depeg.crash_weight;
    let all = (stablecoins.len() > 1).then(|| ("every stablecoin by its fall".to_owned(), stablecoins));
    let each = stablecoins.iter().map(|id| {
        let name = &market.assets[id.0].name;
        (format!("{name} {}", percent(rules.depeg.fall(name))), std::slice::from_ref(id))
    });
    let mut scenarios = Vec::new();
    for (whose, falling) in each.chain(all) {
        for part in CRASHES {
            for (vol, vol_words) in vol_moves(rules) {
                let name = format!("all {} scan range, {vol_words}, {whose}, weight {weight}", words(part));
                let mut scenario = Scenario::still(name, market);
                let vol = VolMove::Level(vol);
                move_each(&mut scenario, market, |name| Move {
                    price: part * rules.scan.range(name),
                    vol,
                    ..Move::NONE
                });
                fall(&mut scenario, market, rules, falling, 1.0);
                scenario.weight = weight;
                scenarios.push(scenario);
            }
        }
    }
    scenarios
}

/// Moves each stablecoin by a part of its fall.
fn fall(scenario: &mut Scenario, market: &Market, rules: &Rules, stablecoins: &[AssetId], part: f64) {
    for id in stablecoins {
        scenario.residuals[id.0] = part * rules.depeg.fall(&market.assets[id.0].name);
    }
}

/// Every stablecoin at its price of now.
fn stablecoins(market: &Market, rules: &Rules) -> Vec<AssetId> {
    let stable = |id: &AssetId| market.assets[id.0].follows.is_none() && is_stablecoin(market, rules, *id);
    others(market).filter(stable).collect()
}

fn is_stablecoin(market: &Market, rules: &Rules, id: AssetId) -> bool {
    rules.depeg.is_stablecoin(&market.assets[id.0].name, market.price(id).usd().to_f64())
}

/// Every asset but USD.
fn others(market: &Market) -> impl Iterator<Item = AssetId> {
    (USD.0 + 1..market.assets.len()).map(AssetId)
}

//! FAM-9, depeg and location: an asset moves against what it is worth, alone or with its like, or the location that holds
//! it fails.

use model::{AssetId, Market, USD, UnderlyingId};

use super::axes::move_each;
use super::steps::{vol_moves, words};
use crate::method::universal::rules::Rules;
use crate::risk_array::OTHER;
use crate::scenario::{Move, Scenario, VolMove, percent};

/// The coins fall by these parts of their ranges when claims fall with them.
const CRASHES: [f64; 4] = [-0.25, -0.5, -0.75, -1.0];

/// The parts of its fall by which a claim falls in a crash, in words too: options written in a stablecoin may lose more by half
/// of it than by all.
const FALLS: [(f64, &str); 2] = [(0.5, "half of "), (1.0, "")];

/// The moves of each asset alone, those of all claims of a kind together, crashes in which claims fall too, then the
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

/// Each asset but the coins themselves: a stablecoin down by its fall and by half of it, a wrapped token down, a token that
/// follows nothing down and up.
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
            None if is_stablecoin(market, rules, id) => {
                FALLS.into_iter().rev().for_each(|(part, _)| moved(part * depeg.fall(&asset.name)));
            }
            None => [&depeg.token.down, &depeg.token.up].into_iter().for_each(|range| moved(range.get(&asset.name))),
            Some(underlying) if market.underlyings[underlying.0].name != asset.name => moved(depeg.wrapped),
            Some(_) => {}
        }
    }
    scenarios
}

/// All staked and wrapped tokens of an underlying together, where it has more than one.
fn wrapped_together(market: &Market, rules: &Rules, underlying: UnderlyingId) -> Option<Scenario> {
    let tokens = tokens_of(market, underlying);
    if tokens.len() < 2 {
        return None;
    }
    let (name, residual) = (&market.underlyings[underlying.0].name, wrapped_shared(rules));
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
    for id in stablecoins {
        scenario.residuals[id.0] = shared * rules.depeg.fall(&market.assets[id.0].name);
    }
    scenario.weight = rules.depeg.weight;
    scenario
}

/// Every underlying down by each quarter of its range, with each move of volatility, while claims fall by half of
/// their fall and by all of it: each stablecoin alone, all of them together, and all tokens of each underlying.
fn crashes(market: &Market, rules: &Rules, stablecoins: &[AssetId]) -> Vec<Scenario> {
    let weight = rules.depeg.crash_weight;
    let fall = |id: &AssetId| (id.0, rules.depeg.fall(&market.assets[id.0].name));
    let mut claims: Vec<(String, Vec<(usize, f64)>)> = Vec::new();
    for id in stablecoins {
        let name = &market.assets[id.0].name;
        claims.push((format!("{name} {}", percent(fall(id).1)), vec![fall(id)]));
    }
    if stablecoins.len() > 1 {
        claims.push(("every stablecoin by its fall".to_owned(), stablecoins.iter().map(fall).collect()));
    }
    for underlying in (0..market.underlyings.len()).map(UnderlyingId) {
        let tokens = tokens_of(market, underlying);
        if !tokens.is_empty() {
            let residual = wrapped_shared(rules);
            let words = format!("tokens of {} {}", market.underlyings[underlying.0].name, percent(residual));
            claims.push((words, tokens.into_iter().map(|id| (id.0, residual)).collect()));
        }
    }
    let mut scenarios = Vec::new();
    for (whose, falls) in &claims {
        for (of_fall, part_words) in FALLS {
            for part in CRASHES {
                for (vol, vol_words) in vol_moves(rules) {
                    let prices = words(part);
                    let name = format!("all {prices} scan range, {vol_words}, {part_words}{whose}, weight {weight}");
                    let mut scenario = Scenario::still(name, market);
                    let vol = VolMove::Level(vol);
                    let by = |name: &str| Move { price: part * rules.scan.range(name), vol, ..Move::NONE };
                    move_each(&mut scenario, market, by);
                    for (place, residual) in falls {
                        scenario.residuals[*place] = of_fall * residual;
                    }
                    scenario.weight = weight;
                    scenarios.push(scenario);
                }
            }
        }
    }
    scenarios
}

/// What the staked and wrapped tokens of an underlying share of their fall.
fn wrapped_shared(rules: &Rules) -> f64 {
    rules.depeg.wrapped * rules.depeg.correlation.wrapped.sqrt()
}

/// The staked and wrapped tokens of an underlying.
fn tokens_of(market: &Market, underlying: UnderlyingId) -> Vec<AssetId> {
    let wraps = |id: &AssetId| {
        let asset = &market.assets[id.0];
        asset.follows == Some(underlying) && asset.name != market.underlyings[underlying.0].name
    };
    others(market).filter(wraps).collect()
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

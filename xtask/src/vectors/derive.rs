//! Derive's three managers against the original contracts run in an EVM.
//!
//! Our results are listed under the names of the file, path by path; then every number of the file is looked up there.

use std::collections::BTreeMap;

use margin::ChargeLine;
use margin::method::derive::scan::{Outcome, Revaluation};
use margin::method::derive::{pmrm, pmrm2, portfolio::Holdings, standard};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::document::{Document, Heading, PortfolioInputs, StandardInputs, from_json, number_of, read};
use super::{Comparison, Tally};

/// The tolerance for ratios of order 1: shocks, discounts, confidences.
const RATIO_TOLERANCE: f64 = 1e-12;

/// Our numbers under the file's names.
type Ours = BTreeMap<String, f64>;

pub fn run(text: &str) -> Result<Tally, String> {
    let document: Document = read(text)?;
    let mut tally = Tally::default();
    for (index, vector) in document.vectors.iter().enumerate() {
        let id = vector.get("id").and_then(Value::as_str).map_or_else(|| format!("vectors[{index}]"), str::to_owned);
        tally.count(&id, compare(vector, &document.parameter_sets));
    }
    Ok(tally)
}

fn compare(vector: &Value, sets: &BTreeMap<String, Value>) -> Result<Comparison, String> {
    let heading: Heading = from_json(vector)?;
    let set = sets
        .get(&heading.params)
        .ok_or_else(|| format!("params: found \"{}\", expected a name in parameter_sets", heading.params))?;
    match heading.engine.as_str() {
        "PMRM" => {
            let (held, cash) = from_json::<PortfolioInputs, _>(vector)?.holdings()?;
            let outcome = pmrm::assess(&held, cash, &parameters(set)?).map_err(|refusal| refusal.to_string())?;
            Ok(against(&heading, gross(&held, &outcome.collateral_values), &pmrm_names(&outcome, &held)))
        }
        "PMRM_2" => {
            let (held, cash) = from_json::<PortfolioInputs, _>(vector)?.holdings()?;
            let outcome = pmrm2::assess(&held, cash, &parameters(set)?).map_err(|refusal| refusal.to_string())?;
            Ok(against(&heading, gross(&held, &outcome.collateral_values), &pmrm2_names(&outcome, &held)))
        }
        "SRM" => {
            let (markets, cash) = from_json::<StandardInputs, _>(vector)?.holdings()?;
            let rules: standard::Parameters = parameters(set)?;
            let mut judged = Vec::with_capacity(markets.len());
            for (name, held) in &markets {
                let rules =
                    rules.markets.get(name).ok_or_else(|| format!("{}: no market \"{name}\"", heading.params))?;
                judged.push((held, rules));
            }
            let outcome = standard::assess(&judged, cash, &rules.depeg).map_err(|refusal| refusal.to_string())?;
            let gross = markets.iter().map(|(_, held)| gross(held, &[held.base * held.spot])).sum();
            Ok(against(&heading, gross, &standard_names(&outcome, &markets)))
        }
        other => Err(format!("engine: found \"{other}\", expected PMRM, PMRM_2 or SRM")),
    }
}

/// Reads a parameter set: the contract's parameters, without the two lines about them.
fn parameters<T: DeserializeOwned>(set: &Value) -> Result<T, String> {
    let mut set = set.clone();
    if let Value::Object(fields) = &mut set {
        fields.retain(|name, _| name != "engine" && name != "source");
    }
    from_json(set).map_err(|problem| format!("parameter_sets: {problem}"))
}

/// The gross value of all holdings at spot, without signs.
fn gross(held: &Holdings, collateral_values: &[f64]) -> f64 {
    let options: f64 = held.expiries.iter().map(margin::method::derive::portfolio::Expiry::gross).sum();
    let collateral: f64 = collateral_values.iter().map(|value| value.abs()).sum();
    options * held.spot + held.perp.amount.abs() * held.perp.price.max(held.spot) + collateral
}

fn against(heading: &Heading, gross: f64, ours: &Ours) -> Comparison {
    let mut comparison = Comparison::new(gross);
    let mut theirs = Ours::new();
    flatten(&heading.outputs, "", &mut theirs);
    for (path, theirs) in &theirs {
        match ours.get(path) {
            None => comparison.skip(path),
            Some(ours_here) if path == "worst_scenario_index" => {
                same_worst(&mut comparison, ours, *ours_here, *theirs);
            }
            Some(ours) if is_ratio(path) => {
                comparison.within(path, *ours, *theirs, RATIO_TOLERANCE * theirs.abs().max(1.0));
            }
            Some(ours) => comparison.money(path, *ours, *theirs),
        }
    }
    if let (Some(expected), Some(tolerance), None) =
        (&heading.repo_expected, &heading.repo_tolerance, &heading.repo_note)
    {
        for (name, value) in expected {
            against_repository(&mut comparison, name, value, tolerance, ours);
        }
    }
    comparison
}

/// Another scenario may be the worst where the results of the two are equal within the tolerance.
fn same_worst(comparison: &mut Comparison, ours: &Ours, index: f64, theirs: f64) {
    let profit = |index: f64| ours.get(&format!("scenario_pnl[{index}]")).or_else(|| ours.get("basis_contingency"));
    let tie = match (profit(index), profit(theirs)) {
        (Some(ours), Some(theirs)) => (ours - theirs).abs() <= comparison.money_tolerance(),
        _ => false,
    };
    if !tie {
        comparison.within("worst_scenario_index", index, theirs, 0.5);
    }
}

/// Whether a quantity is not money: shocks, discounts, confidences, sizes.
fn is_ratio(path: &str) -> bool {
    let name = path.rsplit('.').next().unwrap_or(path);
    let names = ["vol_shock_up", "vol_shock_down", "discount", "min_confidence", "abs_options", "strike"];
    names.contains(&name) || name.starts_with("static_discount")
}

/// Compares with the numbers that the venue's own repository expects, as exactly as it requires.
fn against_repository(comparison: &mut Comparison, name: &str, expected: &Value, tolerance: &str, ours: &Ours) {
    if let Value::Array(items) = expected {
        for (index, item) in items.iter().enumerate() {
            against_repository(comparison, &format!("{name}[{index}]"), item, tolerance, ours);
        }
        return;
    }
    let (Some(ours), Some(theirs)) = (ours.get(name.trim_end_matches("_int")), number_of(expected)) else {
        comparison.skip(&format!("repo_expected.{name}"));
        return;
    };
    let words: Vec<&str> = tolerance.split([' ', ',']).collect();
    let stated = match words.as_slice() {
        ["relative", share, ..] => share.parse().ok().map(|share: f64| share * theirs.abs()),
        ["absolute", amount, ..] => amount.parse().ok(),
        // Truncated toward zero: the exact value may be up to a dollar further from zero.
        ["whole", "dollars", ..] => Some(if ours.trunc() == theirs { 1.0 } else { 0.0 }),
        _ => None,
    };
    match stated {
        Some(stated) => {
            let tolerance = stated + comparison.money_tolerance();
            comparison.within(&format!("repo_expected.{name}"), *ours, theirs, tolerance);
        }
        None => comparison.skip(&format!("repo_expected.{name} (tolerance \"{tolerance}\")")),
    }
}

/// Lists every number under its path. The components of the standard manager are listed by name, not by position.
fn flatten(value: &Value, path: &str, numbers: &mut Ours) {
    let child = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter().filter(|(name, _)| *name != "expiry_index") {
                flatten(field, &child(name), numbers);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let path = component(item).unwrap_or_else(|| format!("{path}[{index}]"));
                flatten(item, &path, numbers);
            }
        }
        other => {
            if let Some(number) = number_of(other) {
                numbers.insert(path.to_owned(), number);
            }
        }
    }
}

fn component(item: &Value) -> Option<String> {
    let underlying = item.get("underlying")?.as_str()?;
    let component = item.get("component")?.as_str()?;
    let index = item.get("expiry_index").and_then(Value::as_u64).map_or_else(String::new, |index| format!("[{index}]"));
    Some(format!("{underlying}.{component}{index}"))
}

fn pmrm_names(outcome: &Outcome, held: &Holdings) -> Ours {
    let mut ours = portfolio_names(outcome, held);
    let fixed = outcome.maintenance_contingency.total();
    ours.extend([
        ("static_contingency".to_owned(), fixed),
        ("confidence_contingency".to_owned(), outcome.confidence_contingency),
        ("base_value".to_owned(), outcome.collateral_values.iter().sum()),
        ("min_span".to_owned(), outcome.scan.profits.iter().copied().fold(f64::INFINITY, f64::min)),
        ("loss_factor".to_owned(), outcome.initial_factor),
    ]);
    for (index, expiry) in outcome.expiries.iter().enumerate() {
        ours.insert(format!("expiries[{index}].static_discount"), expiry.static_discount.asset);
    }
    ours
}

fn pmrm2_names(outcome: &Outcome, held: &Holdings) -> Ours {
    let mut ours = portfolio_names(outcome, held);
    ours.extend([
        ("mm_contingency".to_owned(), outcome.maintenance_contingency.total()),
        ("im_extra_contingency".to_owned(), outcome.initial_contingency.total() + outcome.confidence_contingency),
        ("collateral_mtm".to_owned(), outcome.collateral_values.iter().sum()),
        ("option_mtm".to_owned(), outcome.expiries.iter().map(Revaluation::mark_to_market).sum()),
        ("forward_contingency".to_owned(), outcome.scan.basis_contingency),
        ("im_loss_factor".to_owned(), outcome.initial_factor),
    ]);
    for (index, value) in outcome.collateral_values.iter().enumerate() {
        ours.insert(format!("collateral_values[{index}]"), *value);
    }
    for (index, expiry) in outcome.expiries.iter().enumerate() {
        let at = |name: &str| format!("expiries[{index}].{name}");
        ours.insert(at("discount"), expiry.discount);
        ours.insert(at("static_discount_pos"), expiry.static_discount.asset);
        ours.insert(at("static_discount_neg"), expiry.static_discount.liability);
    }
    ours
}

fn portfolio_names(outcome: &Outcome, held: &Holdings) -> Ours {
    // The requirement as in our answers, line by line; the contract has mark-to-market less margin.
    let loss = outcome.scan.loss();
    let lines = |of: fn(&ChargeLine) -> f64| loss + outcome.charges.iter().map(of).sum::<f64>();
    let mut ours = margin_names(outcome.initial_margin, outcome.maintenance_margin, outcome.mark_to_market);
    ours.insert("initial_requirement".to_owned(), lines(|line| line.initial));
    ours.insert("maintenance_requirement".to_owned(), lines(|line| line.maintenance));
    let worst = f64::from(u32::try_from(outcome.scan.worst_index).expect("scenarios are few"));
    ours.extend([
        ("worst_scenario_index".to_owned(), worst),
        ("basis_contingency".to_owned(), outcome.scan.basis_contingency),
        ("perp_value".to_owned(), held.perp.value),
        // The repository's own files write it as a loss.
        ("oracle_contingency_im".to_owned(), -outcome.confidence_contingency),
    ]);
    for (index, pnl) in outcome.scan.profits.iter().enumerate() {
        ours.insert(format!("scenario_pnl[{index}]"), *pnl);
    }
    for (index, expiry) in outcome.expiries.iter().enumerate() {
        let at = |name: &str| format!("expiries[{index}].{name}");
        ours.insert(at("mtm"), expiry.mark_to_market());
        ours.insert(at("mtm_basis_up"), expiry.basis_up.iter().sum());
        ours.insert(at("mtm_basis_down"), expiry.basis_down.iter().sum());
        ours.insert(at("vol_shock_up"), expiry.vol.up);
        ours.insert(at("vol_shock_down"), expiry.vol.down);
        ours.insert(at("min_confidence"), expiry.confidence.to_f64());
        ours.insert(at("abs_options"), expiry.gross);
    }
    ours
}

fn standard_names(outcome: &standard::Outcome, markets: &[(String, Holdings)]) -> Ours {
    let mut ours = margin_names(outcome.initial_margin, outcome.maintenance_margin, outcome.mark_to_market);
    for ((underlying, held), market) in markets.iter().zip(&outcome.markets) {
        let mut add = |name: &str, component: &standard::Component| {
            ours.insert(format!("{underlying}.{name}.maintenance_margin"), component.maintenance);
            ours.insert(format!("{underlying}.{name}.initial_margin"), component.initial_margin());
            ours.insert(format!("{underlying}.{name}.mark_to_market"), component.mark_to_market);
        };
        add("perp", &market.perp);
        add("base", &market.base);
        for (index, expiry) in market.expiries.iter().enumerate() {
            add(&format!("expiry[{index}]"), &expiry.component);
        }
        for (index, (expiry, held)) in market.expiries.iter().zip(&held.expiries).enumerate() {
            for (place, (alone, option)) in expiry.isolated.iter().zip(&held.options).enumerate() {
                let at = |name: &str| format!("{underlying}.expiry[{index}].isolated[{place}].{name}");
                ours.insert(at("isolated_mm"), alone.maintenance);
                ours.insert(at("isolated_im"), alone.initial);
                ours.insert(at("mtm"), alone.mark_to_market);
                ours.insert(at("strike"), option.strike);
            }
        }
    }
    ours
}

fn margin_names(initial: f64, maintenance: f64, mark_to_market: f64) -> Ours {
    Ours::from([
        ("initial_margin".to_owned(), initial),
        ("maintenance_margin".to_owned(), maintenance),
        ("mark_to_market_incl_cash".to_owned(), mark_to_market),
        ("initial_requirement".to_owned(), mark_to_market - initial),
        ("maintenance_requirement".to_owned(), mark_to_market - maintenance),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use margin::params::Params;
    use std::fmt::Debug;

    /// The parameter files equal the mainnet sets of the vectors, number for number.
    #[test]
    fn parameter_files_are_the_mainnet_sets_from_shared() {
        let Some(text) = testdata::shared_text("vectors/derive.json") else { return };
        let document: Document = read(&text).unwrap();
        let unswapped = include_str!("../../../crates/margin/params/derive/2026-01-21-unswapped.toml");
        let same = |name: &str, ours: &dyn Debug, theirs: &dyn Debug| {
            assert_eq!(format!("{ours:?}"), format!("{theirs:?}"), "{name}");
        };
        let set = |name: &str| document.parameter_sets[name].clone();
        let ours = Params::<pmrm::Rules>::parse(pmrm::PARAMS).unwrap().rules.parameters;
        same("PMRM", &ours, &parameters::<pmrm::Parameters>(&set("pm1_mainnet_script")).unwrap());
        for (text, name) in [(pmrm2::PARAMS, "pm2_mainnet_script"), (unswapped, "pm2_mainnet_unswapped")] {
            let ours = Params::<pmrm2::Rules>::parse(text).unwrap().rules.parameters;
            same(name, &ours, &parameters::<pmrm2::Parameters>(&set(name)).unwrap());
        }
        let ours = Params::<standard::Rules>::parse(standard::PARAMS).unwrap().rules.parameters;
        same("SRM", &ours, &parameters::<standard::Parameters>(&set("srm_mainnet_script")).unwrap());
    }
}

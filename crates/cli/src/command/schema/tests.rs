//! The schemas of documents that libraries read, and that nothing is missing from the list.

use std::collections::BTreeSet;

use margin::ScenarioDocument;
use model::{MarketDocument, PortfolioDocument};
use sequencer::Genesis;
use testdata::schema::{Side, file, folder, is_current, is_current_of};

use super::SCHEMAS;

#[test]
fn the_schema_is_current_of_a_market() {
    is_current::<MarketDocument>("upm.market/1", Side::Read);
}

#[test]
fn the_schema_is_current_of_a_portfolio() {
    is_current::<PortfolioDocument>("upm.portfolio/1", Side::Read);
}

#[test]
fn the_schema_is_current_of_scenarios() {
    is_current::<ScenarioDocument>("upm.scenarios/1", Side::Read);
}

#[test]
fn the_schema_is_current_of_a_genesis() {
    is_current::<Genesis>("upm.genesis/1", Side::Read);
}

#[test]
fn the_schema_is_current_of_parameters() {
    for (method, schema) in margin::method::schema::parameters() {
        is_current_of(&format!("params-{method}"), schema);
    }
}

#[test]
fn every_file_is_listed_under_its_own_name() {
    let listed: BTreeSet<_> = SCHEMAS.iter().map(|schema| file(schema.name)).collect();
    let kept: BTreeSet<_> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(kept, listed);
    for schema in SCHEMAS {
        let value: serde_json::Value = serde_json::from_str(schema.text).unwrap();
        assert_eq!(value["title"], schema.name);
        assert_eq!(value["$schema"], "https://json-schema.org/draft/2020-12/schema");
    }
}

//! A record in names: numbers of the engine become names, and lots become contracts.

#[cfg(test)]
mod schema;

use engine::state::{Holder, Pot, State, contracts_in};
use engine::{FeedId, Principal};
use model::InstrumentId;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::naming;

/// The content of a record, with names for numbers. Numbers that the state does not know are left as they are.
pub fn named(state: &State, record: Value) -> Value {
    match record {
        Value::Object(fields) => Value::Object(object(state, fields)),
        Value::Array(items) => Value::Array(items.into_iter().map(|item| named(state, item)).collect()),
        other => other,
    }
}

fn object(state: &State, fields: Map<String, Value>) -> Map<String, Value> {
    let instrument = fields.get("instrument").and_then(Value::as_u64).and_then(place);
    let terms = instrument.and_then(|place| state.contract(InstrumentId(place))).map(|contract| &contract.terms);
    let contracts = |lots: &Value| {
        let contracts = contracts_in(lots.as_i64()?, terms?).ok()?;
        Some(Value::String(contracts.to_string()))
    };
    let field = |(key, value): (String, Value)| match (key.as_str(), contracts(&value)) {
        ("lots", Some(contracts)) => ("contracts".to_owned(), contracts),
        ("open", Some(contracts)) => ("contracts_open".to_owned(), contracts),
        _ => {
            let value = of(state, &key, value);
            (key, value)
        }
    };
    fields.into_iter().map(field).collect()
}

/// The value of a field, converted according to the name of the field.
fn of(state: &State, key: &str, value: Value) -> Value {
    let name = match key {
        "account" | "counterparty" | "auctioned" | "from" | "to" if value.is_u64() => account(state, &value),
        "from" | "to" => read(&value).map(|holder: Holder| naming::holder(state, holder)),
        "instrument" => instrument(state, &value),
        "asset" | "quote" | "settle" => asset(state, &value),
        "underlying" | "follows" => underlying(state, &value),
        "location" => number(&value).and_then(|place| state.locations.get(place).cloned()),
        "feed" => read(&value).map(|feed: FeedId| naming::feed(&state.market, feed)),
        "fund" => read(&value).map(|pot: Pot| naming::pot(state, pot)),
        "principal" => read(&value).map(|principal: Principal| naming::principal(principal)),
        _ => None,
    };
    match (name, value) {
        (Some(name), _) => Value::String(name),
        (None, Value::Array(items)) => Value::Array(items.into_iter().map(|item| listed(state, key, item)).collect()),
        (None, value) => named(state, value),
    }
}

/// An item of a list: a number, or a pair of a number and its data.
fn listed(state: &State, key: &str, item: Value) -> Value {
    let name = |value: &Value| match key {
        "markets" | "indices" | "forwards" => underlying(state, value),
        "assets" => asset(state, value),
        "vols" | "marks" => instrument(state, value),
        _ => None,
    };
    match item {
        Value::Array(mut pair) => {
            if let Some(first) = pair.first_mut()
                && let Some(name) = name(first)
            {
                *first = Value::String(name);
            }
            Value::Array(pair.into_iter().map(|part| named(state, part)).collect())
        }
        item => name(&item).map_or_else(|| named(state, item), Value::String),
    }
}

fn account(state: &State, value: &Value) -> Option<String> {
    number(value).and_then(|place| state.accounts.get(place)).map(|account| account.name.clone())
}

fn instrument(state: &State, value: &Value) -> Option<String> {
    number(value).and_then(|place| state.market.instruments.get(place)).map(|listing| listing.name.clone())
}

fn asset(state: &State, value: &Value) -> Option<String> {
    number(value).and_then(|place| state.market.assets.get(place)).map(|asset| asset.name.clone())
}

fn underlying(state: &State, value: &Value) -> Option<String> {
    number(value).and_then(|place| state.market.underlyings.get(place)).map(|listed| listed.name.clone())
}

fn number(value: &Value) -> Option<usize> {
    value.as_u64().and_then(place)
}

fn place(number: u64) -> Option<usize> {
    usize::try_from(number).ok()
}

fn read<T: DeserializeOwned>(value: &Value) -> Option<T> {
    serde_json::from_value(value.clone()).ok()
}

//! Parameter files: every value with its reason.
//!
//! A file is TOML (or JSON). A leaf is either a bare value or a table `{ value, reason, as_of, source }`. `[about]`
//! describes the file and gives the `as_of` and `source` of every leaf that does not name its own.

mod tree;

use model::Invalid;
use serde::de::DeserializeOwned;

/// A parameter file: its rules, and the evidence for each value.
#[derive(Clone, Debug)]
pub struct Params<T> {
    /// The method it was written for, such as `universal`.
    pub method: String,
    /// The day on which the values were valid, such as `2026-11-22`.
    pub as_of: String,
    /// BLAKE3 of the file, in hexadecimal.
    pub hash: String,
    /// The values, in the type that the method reads.
    pub rules: T,
    /// Every leaf with its evidence, in the order of the file.
    pub evidence: Vec<Evidence>,
}

/// One value and the evidence for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The path of the value in the file, such as `scan.range.BTC`.
    pub path: String,
    /// The value as the file writes it.
    pub value: String,
    /// The reason for the value.
    pub reason: String,
    /// The day on which the value was valid.
    pub as_of: String,
    /// The publication or person that says so.
    pub source: String,
}

impl<T: DeserializeOwned> Params<T> {
    /// Reads a parameter file.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let hash = blake3::hash(text.as_bytes()).to_string();
        let mut tree = tree_of(text)?;
        let Some(toml::Value::Table(about)) = tree.remove("about") else {
            return Err(Invalid::missing("about", "a table with method, as_of and source"));
        };
        let said = |field: &str| match about.get(field) {
            Some(toml::Value::String(text)) => Ok(text.clone()),
            _ => Err(Invalid::missing(format!("about.{field}"), "text")),
        };
        let (method, as_of, source) = (said("method")?, said("as_of")?, said("source")?);
        let mut evidence = Vec::new();
        let plain = flatten(toml::Value::Table(tree), "", (&as_of, &source), &mut evidence)?;
        let rules = tree::convert(&plain)?;
        Ok(Self { method, as_of, hash, rules, evidence })
    }
}

/// Refuses a file that was written for another method.
pub fn written_for(text: &str, method: &str) -> Result<(), Invalid> {
    match tree_of(text)?.get("about").and_then(|about| about.get("method")).and_then(toml::Value::as_str) {
        Some(whose) if whose != method => {
            Err(Invalid::new("about.method", format_args!("\"{whose}\""), format_args!("\"{method}\"")))
        }
        // A missing name is reported when the file is read.
        _ => Ok(()),
    }
}

impl<T> Params<T> {
    /// Name and date, such as `universal/2026-11-30`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.method, self.as_of)
    }
}

/// The tables of a file, read as JSON when it starts with a brace, and as TOML otherwise.
fn tree_of(text: &str) -> Result<toml::Table, Invalid> {
    if text.trim_start().starts_with('{') {
        return model::read_json(text);
    }
    toml::from_str(text)
        .map_err(|error| Invalid { path: line_of(text, error.span()), problem: error.message().to_owned() })
}

/// Replaces every `{ value, reason, … }` table by its value, keeping the evidence.
fn flatten(
    node: toml::Value,
    path: &str,
    (as_of, source): (&str, &str),
    evidence: &mut Vec<Evidence>,
) -> Result<toml::Value, Invalid> {
    let toml::Value::Table(table) = node else {
        evidence.push(Evidence {
            path: path.to_owned(),
            value: plain_text(&node),
            reason: String::new(),
            as_of: as_of.to_owned(),
            source: source.to_owned(),
        });
        return Ok(node);
    };
    if let Some(value) = table.get("value") {
        let said = |field: &str, otherwise: &str| match table.get(field) {
            Some(toml::Value::String(text)) => text.clone(),
            _ => otherwise.to_owned(),
        };
        if let Some(stray) = table.keys().find(|key| !["value", "reason", "as_of", "source"].contains(&key.as_str())) {
            return Err(Invalid::new(format!("{path}.{stray}"), "a field", "value, reason, as_of or source"));
        }
        evidence.push(Evidence {
            path: path.to_owned(),
            value: plain_text(value),
            reason: said("reason", ""),
            as_of: said("as_of", as_of),
            source: said("source", source),
        });
        return Ok(value.clone());
    }
    let mut plain = toml::Table::new();
    for (key, child) in table {
        let at = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        plain.insert(key, flatten(child, &at, (as_of, source), evidence)?);
    }
    Ok(toml::Value::Table(plain))
}

fn plain_text(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_)
        | toml::Value::Array(_)
        | toml::Value::Table(_) => value.to_string(),
    }
}

fn line_of(text: &str, span: Option<std::ops::Range<usize>>) -> String {
    let line = span.map_or(1, |span| 1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count());
    format!("line {line}")
}

/// Reads a number that a parameter file writes as decimal text: exact in the file, the nearest `f64` in the rules.
pub mod decimal {
    use serde::{Deserialize, Deserializer, de::Error};
    use units::Ratio;

    /// For `#[serde(deserialize_with = "params::decimal::read")]`.
    pub fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        Ratio::deserialize(deserializer).map(Ratio::to_f64)
    }

    /// The same as `read` for a number that is of no use unless it is above 0, such as a length of time.
    pub fn above_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        let number = Ratio::deserialize(deserializer)?;
        if number <= Ratio::ZERO {
            return Err(D::Error::custom(format_args!("found {number}, expected a number above 0")));
        }
        Ok(number.to_f64())
    }

    /// The same as `read` for a list.
    pub fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        let list = Vec::<Ratio>::deserialize(deserializer)?;
        Ok(list.into_iter().map(Ratio::to_f64).collect())
    }

    /// The same as `read` for a table of named numbers.
    pub fn map<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<std::collections::BTreeMap<String, f64>, D::Error> {
        let map = std::collections::BTreeMap::<String, Ratio>::deserialize(deserializer)?;
        Ok(map.into_iter().map(|(name, number)| (name, number.to_f64())).collect())
    }
}

//! Numbers by name, and the range of a number.

use std::collections::BTreeMap;

use model::Invalid;
use serde::Deserialize;

use crate::params::decimal;
use crate::risk_array::OTHER;

/// A number for each of some names, and one for all other names, under `other`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct ByName(#[serde(deserialize_with = "decimal::map")] BTreeMap<String, f64>);

impl ByName {
    /// The number of `name`, or of `other` when `name` has none.
    pub fn get(&self, name: &str) -> f64 {
        self.0.get(name).or_else(|| self.0.get(OTHER)).copied().expect("checked: there is an `other`")
    }

    /// Whether `name` has a number of its own.
    pub fn names(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Every name with its number, `other` among them, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// The same number for every name.
    pub(crate) fn of_all(number: f64) -> Self {
        Self(BTreeMap::from([(OTHER.to_owned(), number)]))
    }

    /// Refuses a table without `other`, or with a number that is not from `low` to `high`.
    pub(crate) fn check(&self, path: &str, low: f64, high: f64) -> Result<(), Invalid> {
        if !self.0.contains_key(OTHER) {
            return Err(Invalid::missing(format!("{path}.other"), "the number of every name that is not listed"));
        }
        self.0.iter().try_for_each(|(name, value)| within(*value, &format!("{path}.{name}"), low, high))
    }
}

/// Refuses a number that is not from `low` to `high`, with its path in the file.
pub(crate) fn within(value: f64, path: &str, low: f64, high: f64) -> Result<(), Invalid> {
    if value.is_finite() && (low..=high).contains(&value) {
        return Ok(());
    }
    Err(Invalid::new(path, value, format_args!("a number from {low} to {high}")))
}

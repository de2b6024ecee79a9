//! Coverage: counts of what a run reached, which also show what it did not reach.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::kinds;

/// The counts of everything that was reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Coverage {
    /// Commands by kind: accepted and refused.
    pub commands: BTreeMap<&'static str, (u64, u64)>,
    /// Events by kind.
    pub events: BTreeMap<&'static str, u64>,
    /// Refusals by number; documents print the name beside it.
    #[serde(serialize_with = "named")]
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, u64>"))]
    pub rejects: BTreeMap<u16, u64>,
    /// Accounts by their status after a watch.
    pub statuses: BTreeMap<String, u64>,
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// The auditor's checks, by kind.
    pub checks: BTreeMap<&'static str, u64>,
    /// Things that happened in liquidations, by kind.
    pub liquidations: BTreeMap<&'static str, u64>,
}

/// Everything that was never reached. A generator that never reaches a state proves nothing about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Unreached {
    /// Commands that were never accepted.
    pub commands: Vec<&'static str>,
    /// Events that never happened.
    pub events: Vec<&'static str>,
    /// Refusals that were never given.
    pub rejects: Vec<String>,
    /// Statuses that no account had.
    pub statuses: Vec<&'static str>,
    /// Faults that never struck.
    pub faults: Vec<&'static str>,
    /// Things that never happened in a liquidation.
    pub liquidations: Vec<&'static str>,
}

fn named<S: serde::Serializer>(rejects: &BTreeMap<u16, u64>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(rejects.iter().map(|(code, count)| (kinds::reject(*code), count)))
}

impl Coverage {
    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        for (kind, (accepted, refused)) in &other.commands {
            let sum = self.commands.entry(kind).or_default();
            *sum = (sum.0 + accepted, sum.1 + refused);
        }
        sum(&mut self.events, &other.events);
        sum(&mut self.rejects, &other.rejects);
        sum(&mut self.statuses, &other.statuses);
        sum(&mut self.faults, &other.faults);
        sum(&mut self.checks, &other.checks);
        sum(&mut self.liquidations, &other.liquidations);
    }

    /// Everything that these counts lack.
    pub fn unreached(&self) -> Unreached {
        let accepted = |kind: &str| self.commands.get(kind).is_some_and(|(accepted, _)| *accepted > 0);
        let rejects = kinds::REJECTS.iter().filter(|(code, _)| !self.rejects.contains_key(code));
        Unreached {
            commands: kinds::COMMANDS.iter().copied().filter(|kind| !accepted(kind)).collect(),
            events: missing(kinds::EVENTS, &self.events),
            rejects: rejects.map(|(code, _)| kinds::reject(*code)).collect(),
            statuses: kinds::STATUSES.iter().copied().filter(|kind| !self.statuses.contains_key(*kind)).collect(),
            liquidations: missing(kinds::LIQUIDATIONS, &self.liquidations),
            faults: missing(crate::faults::FAULTS, &self.faults),
        }
    }

    /// Commands that were sent.
    pub fn sent(&self) -> u64 {
        self.commands.values().map(|(accepted, refused)| accepted + refused).sum()
    }
}

fn missing(known: &[&'static str], counts: &BTreeMap<&'static str, u64>) -> Vec<&'static str> {
    known.iter().copied().filter(|kind| !counts.contains_key(kind)).collect()
}

fn sum<K: Ord + Clone>(into: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
    for (key, count) in from {
        *into.entry(key.clone()).or_default() += count;
    }
}

//! Compares all engines over many seeds in one table: median and worst of every measure, and the measures in which upm is
//! not better.

use std::ops::RangeInclusive;

use serde::Serialize;

use crate::calibration::{COINS, Calibration};
use crate::run::{Outcome, run};
use crate::shock::Shock;
use crate::venue::Engine;

/// The unit of a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A fraction, shown in per cent.
    Part,
    /// A number of things.
    Count,
    /// An amount of USD.
    Usd,
    /// A time in seconds.
    Seconds,
}

/// A quantity that a run measures; a larger value is worse.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Measure {
    /// Its name in documents.
    pub key: &'static str,
    /// Its name in tables.
    pub name: &'static str,
    /// The unit in which it is counted.
    pub kind: Kind,
    #[serde(skip)]
    of: fn(&Outcome) -> f64,
}

/// All measures, in the order of tables.
pub const MEASURES: [Measure; 14] = [
    Measure { key: "fall_btc", name: "deepest fall, BTC", kind: Kind::Part, of: |run| -run.trough[0] },
    Measure { key: "fall_eth", name: "deepest fall, ETH", kind: Kind::Part, of: |run| -run.trough[1] },
    Measure {
        key: "overreaction",
        name: "furthest from the path",
        kind: Kind::Part,
        of: |run| (0..COINS).map(|coin| run.overreaction[coin]).fold(0.0, f64::max),
    },
    Measure { key: "liquidated", name: "accounts liquidated", kind: Kind::Count, of: |run| f64::from(run.liquidated) },
    Measure { key: "interest", name: "open interest lost", kind: Kind::Part, of: |run| -run.interest },
    Measure { key: "traded", name: "forced onto the market", kind: Kind::Usd, of: |run| run.traded },
    Measure { key: "given_away", name: "given away to the market", kind: Kind::Usd, of: |run| run.given_away },
    Measure { key: "bad_debt", name: "bad debt", kind: Kind::Usd, of: |run| run.bad_debt },
    Measure { key: "fund_used", name: "funds and backstop used", kind: Kind::Usd, of: |run| run.fund_used },
    Measure { key: "deleveraged", name: "winners deleveraged", kind: Kind::Usd, of: |run| run.deleveraged },
    Measure { key: "taken", name: "profit taken from them", kind: Kind::Usd, of: |run| run.taken },
    Measure { key: "overshoot", name: "of that, not needed", kind: Kind::Usd, of: |run| run.overshoot },
    Measure { key: "unpaid", name: "debts nobody paid", kind: Kind::Usd, of: |run| run.unpaid },
    Measure { key: "calm", name: "time to calm", kind: Kind::Seconds, of: |run| f64::from(run.calm) },
];

/// One measure of one engine over seeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Spread {
    /// The median; of an even number of values, the mean of the middle two.
    pub median: f64,
    /// The largest value over all seeds.
    pub worst: f64,
}

/// One measure of all engines of a comparison, in their order.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Row {
    /// The measure of this row.
    pub measure: Measure,
    /// Median and worst value, one entry an engine.
    pub spreads: Vec<Spread>,
}

/// One shock, with the results of all engines.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Comparison {
    /// The shock's name.
    pub shock: String,
    /// A description of the shock, in a sentence.
    pub about: String,
    /// Runs of each engine.
    pub seeds: usize,
    /// The engines, in the order of tables.
    pub engines: Vec<Engine>,
    /// One row a measure, in the order of [`MEASURES`].
    pub rows: Vec<Row>,
    /// Measures, by key, whose median is worse for upm than for the better of the other two.
    pub behind: Vec<&'static str>,
    /// Measures, by key, whose worst value is worse for upm than for the better of the other two.
    pub behind_worst: Vec<&'static str>,
}

impl Comparison {
    /// Compares the runs of one shock, which must include those of [`Engine::ALL`].
    pub fn of(shock: &Shock, outcomes: &[Outcome]) -> Self {
        let ran = |engine: &Engine| outcomes.iter().any(|outcome| outcome.engine == *engine);
        let engines: Vec<Engine> = Engine::EVERY.into_iter().filter(ran).collect();
        let rows: Vec<Row> = MEASURES
            .iter()
            .map(|measure| Row {
                measure: *measure,
                spreads: engines
                    .iter()
                    .map(|engine| {
                        let of_engine = outcomes.iter().filter(|outcome| outcome.engine == *engine);
                        spread(of_engine.map(|outcome| (measure.of)(outcome)).collect())
                    })
                    .collect(),
            })
            .collect();
        let behind = |of: fn(&Spread) -> f64| {
            let worse = |row: &&Row| {
                let [naive, isolated, upm] = [0, 1, 2].map(|place| of(&row.spreads[place]));
                is_worse(upm, naive.min(isolated), row.measure.kind)
            };
            rows.iter().filter(worse).map(|row| row.measure.key).collect()
        };
        let (median, worst) = (behind(|spread| spread.median), behind(|spread| spread.worst));
        let seeds = outcomes.len() / engines.len().max(1);
        let (shock, about) = (shock.name.clone(), shock.about.clone());
        Self { shock, about, seeds, engines, rows, behind: median, behind_worst: worst }
    }

    /// The row of a measure.
    pub fn row(&self, key: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.measure.key == key)
    }
}

/// Whether one amount is worse than another by more than the table's rounding.
fn is_worse(one: f64, other: f64, kind: Kind) -> bool {
    let shown = match kind {
        Kind::Part => 0.000_5,
        Kind::Count | Kind::Seconds => 0.5,
        Kind::Usd => 50_000.0,
    };
    one - other > shown
}

fn spread(mut values: Vec<f64>) -> Spread {
    values.sort_by(f64::total_cmp);
    let Some(worst) = values.last().copied() else { return Spread { median: 0.0, worst: 0.0 } };
    let middle = values.len() / 2;
    let median = if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) };
    Spread { median, worst }
}

/// Runs every shock, engine and seed on `threads` threads. Returns, for every shock, its runs by engine and seed; the
/// order does not depend on the threads. `progress` is called with the number of runs that have ended.
pub fn run_all(
    calibration: &Calibration,
    (shocks, engines): (&[Shock], &[Engine]),
    seeds: RangeInclusive<u64>,
    threads: usize,
    mut progress: impl FnMut(u64),
) -> Vec<Vec<Outcome>> {
    let jobs: Vec<(usize, Engine, u64)> = (0..shocks.len())
        .flat_map(|shock| engines.iter().map(move |engine| (shock, *engine)))
        .flat_map(|(shock, engine)| seeds.clone().map(move |seed| (shock, engine, seed)))
        .collect();
    let work = |(shock, engine, seed): (usize, Engine, u64)| (shock, run(calibration, &shocks[shock], engine, seed));
    let mut ended = 0;
    let done = pool::map(threads, jobs, work, |_| {
        ended += 1;
        progress(ended);
    });
    let mut outcomes: Vec<Vec<Outcome>> = shocks.iter().map(|_| Vec::new()).collect();
    for (shock, outcome) in done {
        outcomes[shock].push(outcome);
    }
    outcomes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_lies_in_the_middle() {
        assert_eq!(spread(vec![3.0, 1.0, 2.0]), Spread { median: 2.0, worst: 3.0 });
        assert_eq!(spread(vec![4.0, 1.0, 2.0, 3.0]), Spread { median: 2.5, worst: 4.0 });
    }

    #[test]
    fn worse_is_worse_by_more_than_is_shown() {
        assert!(is_worse(0.081, 0.080, Kind::Part) && !is_worse(0.080_4, 0.080, Kind::Part));
        assert!(!is_worse(0.0, 1.0, Kind::Seconds));
    }
}

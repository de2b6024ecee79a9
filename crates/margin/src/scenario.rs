//! Scenarios, and the families into which they are grouped.

use std::ops::Range;

use model::Market;
use pricing::kernel::{Isa, least};

use crate::{Words, aggregate};

/// The move of one underlying in a scenario.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Move {
    /// Relative move of the index, above −1.
    pub price: f64,
    /// Relative move of forwards and marks on top of the index, above −1.
    pub basis: f64,
    /// The move of volatility.
    pub vol: VolMove,
    /// The time that passes for its contracts, in years.
    pub years: f64,
    /// Contracts that expire within this many years are settled before anything moves, at today's prices.
    pub settled: f64,
}

/// The move of the volatilities of one underlying.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum VolMove {
    /// Every volatility moves by this fraction, more for short expiries (SCN-2).
    Level(f64),
    /// The surface turns: both of its moves, one after the other.
    Turn {
        /// Short expiries move by this fraction, long ones by its opposite.
        twist: f64,
        /// Strikes above the forward move by this fraction of their log-moneyness, strikes below by its opposite.
        skew: f64,
    },
}

impl VolMove {
    /// The level, the twist and the skew, each 0 where it does not move.
    pub(crate) const fn parts(self) -> [f64; 3] {
        match self {
            Self::Level(level) => [level, 0.0, 0.0],
            Self::Turn { twist, skew } => [0.0, twist, skew],
        }
    }
}

impl Move {
    /// A move in which nothing changes.
    pub const NONE: Self = Self { price: 0.0, basis: 0.0, vol: VolMove::Level(0.0), years: 0.0, settled: 0.0 };

    /// Whether a contract that expires in so many years is settled before this move.
    pub(crate) fn settles(&self, expires_in: f64) -> bool {
        self.settled > 0.0 && expires_in <= self.settled
    }
}

/// One scenario. Vectors are in the order of the market.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// The scenario in words.
    pub name: Words,
    /// The move of each underlying.
    pub moves: Vec<Move>,
    /// Relative move of each asset on top of the underlying it follows, such as a depeg.
    pub residuals: Vec<f64>,
    /// The chain, bridge or custodian that fails, and the share of its balances that is lost.
    pub failure: Option<(String, f64)>,
    /// The factor on the scenario's profit and loss, above 0.
    pub weight: f64,
}

impl Scenario {
    /// A scenario in which nothing in `market` moves.
    pub fn still(name: impl Into<Words>, market: &Market) -> Self {
        Self {
            name: name.into(),
            moves: vec![Move::NONE; market.underlyings.len()],
            residuals: vec![0.0; market.assets.len()],
            failure: None,
            weight: 1.0,
        }
    }
}

/// The way in which the scenarios of a family become one loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Aggregation {
    /// The largest loss of all groups.
    Worst,
    /// The root of the sum of the squared worst losses of the groups.
    RootSumSquare,
    /// The mean of the worst outcomes beyond this level, such as 0.975; the groups are one sample.
    ExpectedShortfall(f64),
}

/// Scenarios that are aggregated together.
#[derive(Clone, Debug, PartialEq)]
pub struct ScenarioFamily {
    /// The family's name.
    pub name: Words,
    /// The way in which its scenarios become one loss.
    pub aggregation: Aggregation,
    /// The ranges of its scenarios in the set; more than one group for [`Aggregation::RootSumSquare`].
    pub groups: Vec<Range<usize>>,
}

/// All scenarios that are considered (SCN-6).
#[derive(Clone, Debug, Default)]
pub struct ScenarioSet {
    /// The families, in the order of the methodology.
    pub families: Vec<ScenarioFamily>,
    /// All scenarios, sorted by family.
    pub scenarios: Vec<Scenario>,
}

/// The loss of an account in one family of scenarios.
#[derive(Clone, Debug, PartialEq)]
pub struct FamilyLoss {
    /// The loss in USD; negative when even the worst scenario is a profit.
    pub loss: f64,
    /// The loss as a sum over scenarios: index and coefficient of each scenario that it depends on, the most important first.
    ///
    /// `loss = −Σ coefficient · pnl[index]`. The part of a position follows from it (Euler's rule).
    pub parts: Vec<(usize, f64)>,
}

impl ScenarioSet {
    /// Adds a family of one group.
    pub fn add(&mut self, name: &str, aggregation: Aggregation, scenarios: impl IntoIterator<Item = Scenario>) {
        self.add_groups(name, aggregation, std::iter::once(scenarios.into_iter().collect()));
    }

    /// Adds a family of several groups. A family without scenarios is left out.
    pub fn add_groups(
        &mut self,
        name: &str,
        aggregation: Aggregation,
        groups: impl IntoIterator<Item = Vec<Scenario>>,
    ) {
        let mut ranges = Vec::new();
        for group in groups {
            let start = self.scenarios.len();
            self.scenarios.extend(group);
            if self.scenarios.len() > start {
                ranges.push(start..self.scenarios.len());
            }
        }
        if !ranges.is_empty() {
            self.families.push(ScenarioFamily { name: name.to_owned().into(), aggregation, groups: ranges });
        }
    }

    /// A hash of all scenarios and families: BLAKE3 over names and the bits of every number.
    pub fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let mut number = |value: f64| {
            hasher.update(&value.to_le_bytes());
        };
        for scenario in &self.scenarios {
            for shift in &scenario.moves {
                let vol = shift.vol.parts();
                [shift.price, shift.basis].into_iter().for_each(&mut number);
                vol.into_iter().chain([shift.years, shift.settled]).for_each(&mut number);
            }
            scenario.residuals.iter().copied().for_each(&mut number);
            number(scenario.failure.as_ref().map_or(0.0, |failure| failure.1));
            number(scenario.weight);
        }
        for scenario in &self.scenarios {
            let place = scenario.failure.as_ref().map_or("", |failure| &failure.0);
            hasher.update(scenario.name.as_bytes()).update(&[0]).update(place.as_bytes()).update(&[0]);
        }
        for family in &self.families {
            hasher.update(format!("{family:?}").as_bytes());
        }
        hasher.finalize().to_string()
    }
}

impl ScenarioFamily {
    /// The range of all its scenarios.
    pub fn range(&self) -> Range<usize> {
        self.groups.first().map_or(0, |group| group.start)..self.groups.last().map_or(0, |group| group.end)
    }

    /// The loss of [`Self::loss`] alone, bit for bit the same, without the scenarios on which it depends.
    pub fn loss_alone(&self, isa: Isa, pnls: &[f64]) -> f64 {
        let worst_of = |group: &Range<usize>| -least(isa, &pnls[group.clone()]);
        match self.aggregation {
            Aggregation::Worst => worst_of(&self.range()),
            Aggregation::ExpectedShortfall(level) => aggregate::expected_shortfall(&pnls[self.range()], level).0,
            Aggregation::RootSumSquare => {
                let losses = self.groups.iter().map(|group| worst_of(group).max(0.0));
                aggregate::root_sum_square(losses)
            }
        }
    }

    /// The loss of the family, from the weighted profits of all scenarios of the set.
    pub fn loss(&self, pnls: &[f64]) -> FamilyLoss {
        assert!(self.range().end <= pnls.len(), "SCN-6: {} has a profit in each of its scenarios", self.name);
        let worst_of = |group: &Range<usize>| {
            let place = aggregate::worst(&pnls[group.clone()]).expect("a group has scenarios");
            (group.start + place, -pnls[group.start + place])
        };
        match self.aggregation {
            Aggregation::Worst => {
                let (index, loss) = worst_of(&self.range());
                FamilyLoss { loss, parts: vec![(index, 1.0)] }
            }
            Aggregation::ExpectedShortfall(level) => {
                let range = self.range();
                let (loss, tail) = aggregate::expected_shortfall(&pnls[range.clone()], level);
                FamilyLoss {
                    loss,
                    parts: tail.into_iter().map(|(place, weight)| (range.start + place, weight)).collect(),
                }
            }
            Aggregation::RootSumSquare => {
                let worst: Vec<(usize, f64)> =
                    self.groups.iter().map(worst_of).map(|(index, loss)| (index, loss.max(0.0))).collect();
                let loss = aggregate::root_sum_square(worst.iter().map(|(_, loss)| *loss));
                let mut parts: Vec<(usize, f64)> = worst
                    .into_iter()
                    .filter(|(_, part)| *part > 0.0)
                    .map(|(index, part)| (index, part / loss))
                    .collect();
                parts.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                FamilyLoss { loss, parts }
            }
        }
    }
}

/// The words for a family in which no scenario loses.
pub const NOTHING_LOSES: &str = "nothing loses";

/// Writes a fraction in per cent, as the names of scenarios do: `-0.12` as `−12 %`, with one decimal where needed.
pub fn percent(fraction: f64) -> String {
    let points = (fraction * 1000.0).round() / 10.0;
    let sign = if points < 0.0 { "−" } else { "+" };
    format!("{sign}{} %", points.abs())
}

//! The losses of one position that is held alone, without adding up every scenario (REQ-6).
//!
//! The profit of a position in a scenario is `weight · (quantity · row)`, rounded after each product. Rounding keeps the
//! order of numbers, so that among the scenarios of one weight the worst is where the row is least, for a long position,
//! or greatest, for a short one. Both are found once for each instrument; the losses have the same bits as those of the
//! sum over all scenarios.

use std::sync::OnceLock;

use model::Position;

use super::RiskArray;
use crate::aggregate;
use crate::scenario::{Aggregation, ScenarioSet};

/// The extremes of the rows of a risk array, each found when it is first asked for.
#[derive(Debug)]
pub(crate) struct Extremes {
    /// The parts of the scenarios: those of one family, one group and one weight; none where a family is no function of
    /// the extremes of its groups.
    parts: Option<Parts>,
    /// The extremes of each instrument.
    of: Box<[OfInstrument]>,
}

/// The extremes of one instrument in each part, once they are found; none where they are not numbers.
type OfInstrument = OnceLock<Option<Box<[Extreme]>>>;

#[derive(Debug)]
struct Parts {
    /// The weight of each part.
    weights: Vec<f64>,
    /// The part of each scenario.
    of_scenario: Vec<usize>,
    /// For each family, the number of parts of each of its groups.
    of_groups: Vec<Vec<usize>>,
}

/// The least and the greatest profit of one contract in the scenarios of a part, before its weight.
#[derive(Clone, Copy, Debug)]
struct Extreme {
    least: f64,
    greatest: f64,
}

impl Parts {
    /// The parts of a set of scenarios; none when the loss of a family depends on more than the worst of its groups.
    fn of(set: &ScenarioSet) -> Option<Self> {
        let mut parts = Self { weights: Vec::new(), of_scenario: Vec::new(), of_groups: Vec::new() };
        for family in &set.families {
            if matches!(family.aggregation, Aggregation::ExpectedShortfall(_)) {
                return None;
            }
            let mut of_family = Vec::with_capacity(family.groups.len());
            for group in &family.groups {
                assert_eq!(parts.of_scenario.len(), group.start, "SCN-6: scenarios are sorted by family and group");
                let first = parts.weights.len();
                for scenario in &set.scenarios[group.clone()] {
                    let known = parts.weights[first..].iter().position(|weight| *weight == scenario.weight);
                    let part = known.map_or(parts.weights.len(), |place| first + place);
                    if part == parts.weights.len() {
                        parts.weights.push(scenario.weight);
                    }
                    parts.of_scenario.push(part);
                }
                of_family.push(parts.weights.len() - first);
            }
            parts.of_groups.push(of_family);
        }
        Some(parts)
    }
}

impl Extremes {
    /// The extremes of the rows of `array`, none of which is found yet.
    pub(crate) fn new(array: &RiskArray) -> Self {
        Self { parts: Parts::of(&array.set), of: array.places.iter().map(|_| OnceLock::new()).collect() }
    }

    /// The loss in each family of `array` of an account that holds this position alone, bit for bit as
    /// [`crate::scenario::ScenarioFamily::loss_alone`] gives it, into `losses`. Returns false where the extremes do not
    /// tell: the position has unsettled profit in an asset that moves, or cannot be priced.
    pub(crate) fn losses(&self, array: &RiskArray, position: &Position, losses: &mut Vec<f64>) -> bool {
        losses.clear();
        let (Some(parts), Some(_)) = (&self.parts, array.places[position.instrument.0]) else { return false };
        let quantity = position.quantity.to_f64();
        if array.profits[position.instrument.0].of(position.entry.in_quote().to_f64()) != 0.0 {
            return false;
        }
        let known = self.of[position.instrument.0].get_or_init(|| extremes(array, parts, position));
        let Some(extremes) = known else { return false };
        let mut held = extremes.iter().zip(&parts.weights).map(|(extreme, weight)| {
            (quantity * if quantity < 0.0 { extreme.greatest } else { extreme.least }) * weight
        });
        for (family, of_groups) in array.set.families.iter().zip(&parts.of_groups) {
            let of_groups = of_groups.iter().map(|count| -held.by_ref().take(*count).fold(f64::INFINITY, f64::min));
            losses.push(match family.aggregation {
                Aggregation::RootSumSquare => aggregate::root_sum_square(of_groups.map(|loss| loss.max(0.0))),
                Aggregation::Worst | Aggregation::ExpectedShortfall(_) => of_groups.fold(f64::NEG_INFINITY, f64::max),
            });
        }
        true
    }
}

/// The extremes of the row of a position in each part; none where a profit is not a number.
fn extremes(array: &RiskArray, parts: &Parts, position: &Position) -> Option<Box<[Extreme]>> {
    let place = array.places[position.instrument.0]?;
    let block = &array.blocks[place.block];
    let row = block.rows.row(place.row);
    let none = Extreme { least: f64::INFINITY, greatest: f64::NEG_INFINITY };
    let mut extremes = vec![none; parts.weights.len()].into_boxed_slice();
    for (part, column) in parts.of_scenario.iter().zip(&block.column_of) {
        let Extreme { least, greatest } = &mut extremes[*part];
        (*least, *greatest) = (least.min(row[*column]), greatest.max(row[*column]));
    }
    row.iter().all(|profit| profit.is_finite()).then_some(extremes)
}

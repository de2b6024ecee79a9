//! The losses of one position that is held alone, without adding up every scenario (REQ-6).
//!
//! The profit of a position in a scenario is `weight · (quantity · row)`, rounded after each product. Rounding keeps the
//! order of numbers, so that among the scenarios of one weight the worst is where the row is least, for a long position,
//! or greatest, for a short one. Of the scenarios of different weights that are taken together, only those remain whose
//! product `weight · row` is within rounding of the worst. Most often that is one scenario for each family and side. They
//! are found once for each instrument; the losses have the same bits as those of the sum over all scenarios.

use std::sync::OnceLock;

use model::Position;

use super::RiskArray;
use crate::aggregate;
use crate::scenario::{Aggregation, ScenarioSet};

/// The deciding scenarios of the instruments of a risk array, each found when it is first asked for.
#[derive(Debug)]
pub(crate) struct Extremes {
    /// The parts of the scenarios; none where a family is no function of the worst of its groups.
    parts: Option<Parts>,
    /// The deciding scenarios of each instrument.
    of: Box<[OfInstrument]>,
}

/// The deciding scenarios of one instrument, once they are found; none where its profits are not numbers.
type OfInstrument = OnceLock<Option<Sides>>;

/// The scenarios of one family, one group and one weight.
#[derive(Clone, Copy, Debug)]
struct Part {
    family: u32,
    /// The group whose worst scenario counts. A family that takes the worst of its groups is one group.
    group: u32,
    weight: f64,
}

#[derive(Debug)]
struct Parts {
    parts: Vec<Part>,
    /// The part of each scenario.
    of_scenario: Vec<usize>,
}

/// The deciding scenarios of a long and of a short position in one instrument, sorted by family and group.
#[derive(Debug)]
struct Sides {
    long: Box<[Deciding]>,
    short: Box<[Deciding]>,
}

/// A scenario that may be the worst of its group.
#[derive(Clone, Copy, Debug)]
struct Deciding {
    part: Part,
    /// The profit of one contract bought, in USD, before the weight.
    profit: f64,
}

/// The rounding errors of a loss, at most, as a part of it: two products round, each by half a unit of 2⁻⁵².
const ROUNDING: f64 = 1e-15;

impl Deciding {
    /// The loss of this many contracts, with the weight of the scenario.
    fn loss(&self, quantity: f64) -> f64 {
        -((quantity * self.profit) * self.part.weight)
    }
}

impl Parts {
    /// The parts of a set of scenarios; none when the loss of a family depends on more than the worst of its groups, or
    /// when a family has no scenario.
    fn of(set: &ScenarioSet) -> Option<Self> {
        let (mut parts, mut of_scenario): (Vec<Part>, _) = (Vec::new(), Vec::new());
        for (family, of_family) in (0..).zip(&set.families) {
            let together = match of_family.aggregation {
                Aggregation::Worst => true,
                Aggregation::RootSumSquare => false,
                Aggregation::ExpectedShortfall(_) => return None,
            };
            let first = parts.len();
            for (group, scenarios) in (0..).zip(&of_family.groups) {
                assert_eq!(of_scenario.len(), scenarios.start, "SCN-6: scenarios are sorted by family and group");
                let group = if together { 0 } else { group };
                for scenario in &set.scenarios[scenarios.clone()] {
                    let weight = scenario.weight;
                    let is_it = |part: &Part| part.group == group && part.weight == weight;
                    let known = parts[first..].iter().position(is_it);
                    let place = known.map_or(parts.len(), |place| first + place);
                    if place == parts.len() {
                        parts.push(Part { family, group, weight });
                    }
                    of_scenario.push(place);
                }
            }
            if parts.len() == first {
                return None;
            }
        }
        Some(Self { parts, of_scenario })
    }

    /// The scenarios that may decide the losses of a position on the side of `sign`, whose row is `row`; the profit of
    /// scenario `i` is in column `column_of[i]`.
    fn deciding(&self, row: &[f64], column_of: &[usize], sign: f64) -> Box<[Deciding]> {
        let mut worst: Vec<Deciding> =
            self.parts.iter().map(|part| Deciding { part: *part, profit: f64::NAN }).collect();
        for (part, column) in self.of_scenario.iter().zip(column_of) {
            let (known, profit) = (&mut worst[*part].profit, row[*column]);
            // The first profit of a part replaces what is not a number.
            *known = if sign > 0.0 { known.min(profit) } else { known.max(profit) };
        }
        let same_group = |one: &Deciding, other: &Deciding| {
            (one.part.family, one.part.group) == (other.part.family, other.part.group)
        };
        let mut deciding = Vec::new();
        for group in worst.chunk_by(same_group) {
            let most = group.iter().map(|one| one.loss(sign)).fold(f64::NEG_INFINITY, f64::max);
            let may_decide = |one: &&Deciding| {
                let loss = one.loss(sign);
                loss >= most - ROUNDING * (loss.abs() + most.abs())
            };
            deciding.extend(group.iter().filter(may_decide));
        }
        deciding.into()
    }
}

impl Extremes {
    /// The deciding scenarios of `array`, of which none is found yet.
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
        let known = self.of[position.instrument.0].get_or_init(|| sides(array, parts, position));
        let Some(sides) = known else { return false };
        let side = if quantity < 0.0 { &sides.short } else { &sides.long };
        let of_families = side.chunk_by(|one, other| one.part.family == other.part.family);
        losses.extend(array.set.families.iter().zip(of_families).map(|(family, deciding)| {
            let of_groups = deciding.chunk_by(|one, other| one.part.group == other.part.group);
            let of_groups =
                of_groups.map(|group| group.iter().map(|one| one.loss(quantity)).fold(f64::NEG_INFINITY, f64::max));
            match family.aggregation {
                Aggregation::RootSumSquare => aggregate::root_sum_square(of_groups.map(|loss| loss.max(0.0))),
                Aggregation::Worst | Aggregation::ExpectedShortfall(_) => of_groups.fold(f64::NEG_INFINITY, f64::max),
            }
        }));
        assert_eq!(losses.len(), array.set.families.len(), "each family has scenarios");
        true
    }
}

/// The deciding scenarios of a position's instrument; none where a profit is not a number.
fn sides(array: &RiskArray, parts: &Parts, position: &Position) -> Option<Sides> {
    let place = array.places[position.instrument.0]?;
    let block = &array.blocks[place.block];
    let row = block.rows.row(place.row);
    let deciding = |sign: f64| parts.deciding(row, &block.column_of, sign);
    row.iter().all(|profit| profit.is_finite()).then(|| Sides { long: deciding(1.0), short: deciding(-1.0) })
}

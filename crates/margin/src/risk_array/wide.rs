//! The profit of one contract, and of one unit of an asset, in every scenario, weighted like the profit of an account.
//!
//! An account that differs from another in a few contracts and balances differs in its profits by so many times these
//! rows. A row is spread out over the scenarios when it is needed first, and kept as long as the array.
//!
//! Scenarios that become one number together are a *segment*: the worst of them is all that counts. Where a row is 0 in a
//! whole segment, the worst of it stays what it was.

use std::ops::Range;
use std::sync::OnceLock;

use model::{AssetId, InstrumentId};
use pricing::kernel::Rows;

use super::{Line, ProfitKind, RiskArray};
use crate::aggregate::{largest, root_sum_square};
use crate::scenario::{Aggregation, ScenarioFamily};

/// Rows with one column for each scenario.
#[derive(Clone, Debug)]
pub(super) struct Wide {
    segments: Segments,
    instruments: Box<[OnceLock<WideRow>]>,
    /// None for an asset whose price no scenario moves.
    assets: Box<[OnceLock<Option<WideRow>>]>,
}

/// A row with one column for each scenario.
#[derive(Clone, Debug)]
pub(crate) struct WideRow {
    row: Rows,
    /// For each segment whether the row is other than 0 anywhere in it.
    pub moves: Box<[bool]>,
}

impl WideRow {
    /// The numbers, padded to whole cache lines.
    pub fn padded(&self) -> &[f64] {
        self.row.padded_row(0)
    }
}

/// The segments of a set of scenarios, and how their worst become the core (REQ-1).
#[derive(Clone, Debug)]
pub(crate) struct Segments {
    /// The scenarios of each segment.
    pub ranges: Box<[Range<usize>]>,
    /// The segments of which the worst counts.
    worst: Box<[usize]>,
    /// The segments of each family that is the root of the sum of their squared losses.
    roots: Box<[Range<usize>]>,
    /// The numbers of the families that need every one of their scenarios.
    whole: Box<[usize]>,
}

impl Segments {
    fn of(families: &[ScenarioFamily]) -> Self {
        let (mut ranges, mut worst) = (Vec::<Range<usize>>::new(), Vec::new());
        let (mut roots, mut whole) = (Vec::new(), Vec::new());
        for (number, family) in families.iter().enumerate() {
            match family.aggregation {
                Aggregation::Worst => {
                    // Neighbours of which the worst counts are one segment.
                    let last = worst.last().filter(|last| **last + 1 == ranges.len()).copied();
                    if let Some(last) = last.filter(|last: &usize| ranges[*last].end == family.range().start) {
                        ranges[last].end = family.range().end;
                    } else {
                        worst.push(ranges.len());
                        ranges.push(family.range());
                    }
                }
                Aggregation::RootSumSquare => {
                    roots.push(ranges.len()..ranges.len() + family.groups.len());
                    ranges.extend(family.groups.iter().cloned());
                }
                Aggregation::ExpectedShortfall(_) => whole.push(number),
            }
        }
        Self { ranges: ranges.into(), worst: worst.into(), roots: roots.into(), whole: whole.into() }
    }

    /// The core of an account whose least profit in each segment is `least`; `of_family` gives the loss of a family that
    /// needs all of its scenarios. NaN when one of them is.
    pub fn core(&self, least: &[f64], of_family: impl Fn(usize) -> f64) -> f64 {
        let worst = self.worst.iter().map(|segment| -least[*segment]);
        let root = |segments: &Range<usize>| {
            let broken = least[segments.clone()].iter().any(|profit| profit.is_nan());
            let root = root_sum_square(least[segments.clone()].iter().map(|profit| (-profit).max(0.0)));
            if broken { f64::NAN } else { root }
        };
        let whole = self.whole.iter().map(|family| of_family(*family));
        worst.chain(self.roots.iter().map(root)).chain(whole).fold(0.0, largest)
    }
}

impl Wide {
    /// No row yet, of so many instruments and assets.
    pub fn new(instruments: usize, assets: usize, families: &[ScenarioFamily]) -> Self {
        Self {
            segments: Segments::of(families),
            instruments: (0..instruments).map(|_| OnceLock::new()).collect(),
            assets: (0..assets).map(|_| OnceLock::new()).collect(),
        }
    }
}

impl RiskArray {
    /// The segments of the scenarios.
    pub(crate) fn segments(&self) -> &Segments {
        &self.wide.segments
    }

    /// The profit of one contract in every scenario; none where the instrument has no row.
    pub(crate) fn of_contract(&self, instrument: InstrumentId) -> Option<&WideRow> {
        let place = self.places[instrument.0]?;
        let block = &self.blocks[place.block];
        Some(self.wide.instruments[instrument.0].get_or_init(|| {
            let row = block.rows.row(place.row);
            self.spread(|scenario| row[block.column_of[scenario]])
        }))
    }

    /// The profit of one unit of an asset in every scenario; none where no scenario moves its price.
    pub(crate) fn of_asset(&self, asset: AssetId) -> Option<&WideRow> {
        let wide = self.wide.assets[asset.0].get_or_init(|| {
            let factors = &self.asset_factors[asset.0];
            let moves = factors.iter().any(|factor| *factor != 1.0);
            moves.then(|| self.spread(|scenario| (factors[scenario] - 1.0) * self.asset_prices[asset.0]))
        });
        wide.as_ref()
    }

    fn spread(&self, of: impl Fn(usize) -> f64) -> WideRow {
        let mut row = Rows::zeros(1, self.set.scenarios.len());
        row.fill_row(0, |scenario| of(scenario) * self.weights[scenario]);
        let moves = |segment: &Range<usize>| row.row(0)[segment.clone()].iter().any(|profit| *profit != 0.0);
        let moves = self.wide.segments.ranges.iter().map(moves).collect();
        WideRow { row, moves }
    }

    /// The asset that a position pays in, and the units of it that the position has earned at its mark: 0 for an option,
    /// whose premium was paid out of a balance.
    pub(crate) fn earned(&self, line: &Line) -> (AssetId, f64) {
        let profit = &self.profits[line.instrument.0];
        (profit.asset, line.quantity * profit.of(line.entry))
    }

    /// The value of a position in USD: its unsettled profit, or the premium of an option at its mark.
    pub(crate) fn worth(&self, line: &Line) -> f64 {
        let profit = &self.profits[line.instrument.0];
        let each = match profit.kind {
            ProfitKind::Premium => profit.size * profit.mark,
            ProfitKind::Linear | ProfitKind::Inverse => profit.of(line.entry),
        };
        line.quantity * each * self.asset_prices[profit.asset.0]
    }

    /// USD per unit of an asset.
    pub(crate) fn price(&self, asset: AssetId) -> f64 {
        self.asset_prices[asset.0]
    }

    /// Adds to the profits of an account the loss of `usd` more at a location where that fails; `location` is as
    /// [`Self::failing`] gives it.
    pub(crate) fn fail(&self, location: usize, usd: f64, pnl: &mut [f64]) {
        for (scenario, _, lost) in self.failures.iter().filter(|(_, failed, _)| *failed == location) {
            pnl[*scenario] -= lost * usd * self.weights[*scenario];
        }
    }
}

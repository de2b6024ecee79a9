//! The profit of one contract, and of one dollar of an asset, in every scenario, weighted like the profit of an account.
//!
//! An account that differs from another in a few contracts and balances differs in its profits by so many times these
//! rows. A row is spread out over the scenarios when it is needed first, and kept as long as the array.

use std::sync::OnceLock;

use model::{AssetId, InstrumentId};
use pricing::kernel::Rows;

use super::{Line, ProfitKind, RiskArray};

/// Rows with one column for each scenario.
#[derive(Clone, Debug)]
pub(super) struct Wide {
    instruments: Box<[OnceLock<Rows>]>,
    /// None for an asset whose price no scenario moves.
    assets: Box<[OnceLock<Option<Rows>>]>,
}

impl Wide {
    /// No row yet, of so many instruments and assets.
    pub fn new(instruments: usize, assets: usize) -> Self {
        Self {
            instruments: (0..instruments).map(|_| OnceLock::new()).collect(),
            assets: (0..assets).map(|_| OnceLock::new()).collect(),
        }
    }
}

impl RiskArray {
    /// The profit of one contract in every scenario, padded like a row; none where the instrument has no row.
    pub(crate) fn of_contract(&self, instrument: InstrumentId) -> Option<&[f64]> {
        let place = self.places[instrument.0]?;
        let block = &self.blocks[place.block];
        let wide = self.wide.instruments[instrument.0].get_or_init(|| {
            let row = block.rows.row(place.row);
            self.spread(|scenario| row[block.column_of[scenario]])
        });
        Some(wide.padded_row(0))
    }

    /// The profit of one unit of an asset in every scenario, padded like a row; none where no scenario moves its price.
    pub(crate) fn of_asset(&self, asset: AssetId) -> Option<&[f64]> {
        let wide = self.wide.assets[asset.0].get_or_init(|| {
            let factors = &self.asset_factors[asset.0];
            let moves = factors.iter().any(|factor| *factor != 1.0);
            moves.then(|| self.spread(|scenario| (factors[scenario] - 1.0) * self.asset_prices[asset.0]))
        });
        wide.as_ref().map(|wide| wide.padded_row(0))
    }

    fn spread(&self, of: impl Fn(usize) -> f64) -> Rows {
        let mut wide = Rows::zeros(1, self.set.scenarios.len());
        wide.fill_row(0, |scenario| of(scenario) * self.weights[scenario]);
        wide
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

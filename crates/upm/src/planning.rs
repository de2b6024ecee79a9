//! What a liquidation is planned with.

use units::{Quantity, Ratio};

/// What a plan aims at, and what trading costs where the market does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planning {
    /// Contracts a lot, above 0: a plan trades whole lots.
    pub lot: Quantity,
    /// USD within one per cent of the mid, for underlyings whose depth the market does not give; without it such an
    /// underlying is refused.
    pub depth: Option<Quantity>,
    /// The equity that a plan aims at, as a multiple of the maintenance margin, above 1.
    pub beta: Ratio,
}

impl Default for Planning {
    /// A thousandth of a contract a lot, the market's own depth, and 1.1 times the maintenance margin.
    fn default() -> Self {
        let lot = Quantity::from_raw(Quantity::ONE.raw() / 1000);
        Self { lot, depth: None, beta: liquidation::LiquidationRules::default().beta }
    }
}

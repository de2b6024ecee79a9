//! Code shared by the two portfolio managers: scenarios against the mark, the basis contingency that competes with
//! them, and contingencies.
//!
//! ```text
//! loss        = the worst of the basis contingency and of every scenario
//! maintenance = mark-to-market + cash + loss·factor − contingencies
//! initial     = the same with larger factors and more contingencies
//! ```

use serde::Deserialize;
use units::Ratio;

use super::expiry::{StaticDiscount, VolMultipliers};
use super::portfolio::{Cash, ExpiryHolding, Holdings, OptionHolding};
use crate::{ChargeLine, Refusal, aggregate, params::decimal};

/// The answer of a portfolio manager. Margins are net, as the contracts give them: healthy at 0 and above.
#[derive(Clone, Debug)]
pub struct PortfolioMargin {
    /// The net initial margin: for taking new risk.
    pub initial_margin: f64,
    /// The net maintenance margin: for keeping the positions.
    pub maintenance_margin: f64,
    /// Value of all positions and assets, cash included.
    pub mark_to_market: f64,
    /// Value of each collateral; for PMRM the base is the only one.
    pub collateral_values: Vec<f64>,
    /// The scenarios and the worst of them.
    pub scan: Scan,
    /// Contingencies subtracted from both margins, before factors.
    pub maintenance_contingency: Contingency,
    /// Additional contingencies subtracted from the initial margin.
    pub initial_contingency: Contingency,
    /// Amount subtracted from the initial margin for feeds with low confidence.
    pub confidence_contingency: f64,
    /// The factor on the loss in the initial margin.
    pub initial_factor: f64,
    /// The additions to the loss in the requirements, line by line: name, initial, maintenance.
    pub charges: Vec<ChargeLine>,
    /// The revaluation of each expiry.
    pub expiries: Vec<Revaluation>,
}

/// The scenario profits of a portfolio, and the worst of them.
#[derive(Clone, Debug)]
pub struct Scan {
    /// Profit against the mark in each scenario, in the order of the parameters.
    pub profits: Vec<f64>,
    /// The profit from a move of the forwards alone; never above 0.
    pub basis_contingency: f64,
    /// The index of the worst scenario; the number of scenarios when the basis contingency is worse than all.
    pub worst_index: usize,
    /// The worst profit, split by position; never above 0.
    pub worst: ProfitParts,
}

impl Scan {
    /// Compares the basis contingency with the scenarios. It comes first, and on a tie the earlier one wins.
    pub fn of(basis: ProfitParts, mut scenarios: Vec<ProfitParts>) -> Self {
        let candidates: Vec<f64> = std::iter::once(&basis).chain(&scenarios).map(ProfitParts::total).collect();
        let (basis_contingency, profits) = (candidates[0], candidates[1..].to_vec());
        let (worst_index, worst) = match aggregate::worst(&candidates) {
            None | Some(0) => (scenarios.len(), basis),
            Some(index) => (index - 1, scenarios.swap_remove(index - 1)),
        };
        Self { profits, basis_contingency, worst_index, worst }
    }

    /// The loss in the worst case; never below 0.
    pub fn loss(&self) -> f64 {
        0.0 - self.worst.total()
    }
}

/// A profit, split by position; it is the sum of its parts.
#[derive(Clone, Debug, Default)]
pub struct ProfitParts {
    /// Profit of the perpetual, in USD.
    pub perp: f64,
    /// Profit of each collateral, in USD.
    pub collaterals: Vec<f64>,
    /// Profit of each option of each expiry, in USD.
    pub options: Vec<Vec<f64>>,
}

impl ProfitParts {
    /// The perpetual and the collaterals with spot multiplied by `spot_shock`.
    ///
    /// The perpetual moves with its own price; a collateral moves one for one with spot, or not at all.
    pub fn linear(held: &Holdings, collaterals: impl IntoIterator<Item = (f64, bool)>, spot_shock: f64) -> Self {
        let moved = |(value, moves)| if moves { value * (spot_shock - 1.0) } else { 0.0 };
        Self {
            perp: held.perp.amount * (spot_shock - 1.0) * held.perp.price,
            collaterals: collaterals.into_iter().map(moved).collect(),
            options: Vec::with_capacity(held.expiries.len()),
        }
    }

    /// The total profit, in USD.
    pub fn total(&self) -> f64 {
        let options: f64 = self.options.iter().map(|expiry| expiry.iter().sum::<f64>()).sum();
        self.perp + self.collaterals.iter().sum::<f64>() + options
    }

    /// Every part multiplied by `factor`.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        self.perp *= factor;
        let options = self.options.iter_mut().flatten();
        self.collaterals.iter_mut().chain(options).for_each(|part| *part *= factor);
        self
    }
}

/// Amounts held back without a scenario, by their reason.
#[derive(Clone, Debug, Default)]
pub struct Contingency {
    /// Held back for the perpetual, in USD.
    pub perp: f64,
    /// Held back for naked short options, in USD.
    pub options: f64,
    /// Held back for each collateral, in USD.
    pub collaterals: Vec<f64>,
}

impl Contingency {
    /// The total held back, in USD.
    pub fn total(&self) -> f64 {
        self.perp + self.options + self.collateral()
    }

    /// Held back for all collaterals together, in USD.
    pub fn collateral(&self) -> f64 {
        self.collaterals.iter().sum()
    }
}

/// The rules for forwards that move independently of spot.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BasisRules {
    /// Multiplier of spot for a move up.
    #[serde(deserialize_with = "decimal::read")]
    pub spot_up: f64,
    /// Multiplier of spot for a move down.
    #[serde(deserialize_with = "decimal::read")]
    pub spot_down: f64,
    /// Share of the loss that counts at any expiry.
    #[serde(deserialize_with = "decimal::read")]
    pub add_factor: f64,
    /// Additional share of the loss that counts for each year to expiry.
    #[serde(deserialize_with = "decimal::read")]
    pub mult_factor: f64,
}

/// An expiry with its values that no scenario changes.
#[derive(Clone, Debug)]
pub struct Revaluation {
    /// The value of each option at the mark.
    pub marks: Vec<f64>,
    /// The value of each option with spot moved up by the basis rules.
    pub basis_up: Vec<f64>,
    /// The value of each option with spot moved down by the basis rules.
    pub basis_down: Vec<f64>,
    /// Discount factor of the option prices; 1 where they are undiscounted.
    pub discount: f64,
    /// The multiplier on shocked values.
    pub static_discount: StaticDiscount,
    /// Multipliers of volatility.
    pub vol: VolMultipliers,
    /// The lowest of the confidences on which it depends.
    pub confidence: Ratio,
    /// Gross size of its options.
    pub gross: f64,
}

/// The terms that a manager sets for an expiry before it is valued.
#[derive(Clone, Copy, Debug)]
pub struct ValuationTerms {
    /// Discount factor of the option prices.
    pub discount: f64,
    /// The multiplier on shocked values.
    pub static_discount: StaticDiscount,
    /// Multipliers of volatility.
    pub vol: VolMultipliers,
}

impl Revaluation {
    /// Values an expiry of `held` at the mark, and with spot up and down by the basis rules.
    pub fn of(
        expiry: &ExpiryHolding,
        held: &Holdings,
        terms: ValuationTerms,
        basis: &BasisRules,
    ) -> Result<Self, Refusal> {
        let ValuationTerms { discount, static_discount, vol } = terms;
        let at = |spot_shock| expiry.values(spot_shock, discount, |option| option.vol);
        let own = expiry.forward_confidence.min(expiry.rate_confidence).min(expiry.vol_confidence);
        Ok(Self {
            marks: at(1.0)?,
            basis_up: at(basis.spot_up)?,
            basis_down: at(basis.spot_down)?,
            discount,
            static_discount,
            vol,
            confidence: held.confidence().min(own),
            gross: expiry.gross(),
        })
    }

    /// The value of all its options at the mark.
    pub fn mark_to_market(&self) -> f64 {
        self.marks.iter().sum()
    }

    /// The profit of each option of `expiry` in a scenario, after the static discount of their netted value.
    pub fn profits(
        &self,
        expiry: &ExpiryHolding,
        spot_shock: f64,
        vol: impl Fn(&OptionHolding) -> f64,
    ) -> Result<Vec<f64>, Refusal> {
        let values = expiry.values(spot_shock, self.discount, vol)?;
        let discount = self.static_discount.of(values.iter().sum());
        Ok(values.iter().zip(&self.marks).map(|(value, mark)| value * discount - mark).collect())
    }
}

/// The basis contingency: the loss of each expiry when its forward moves to its worse side. Volatilities are unchanged,
/// nothing is discounted, expiries do not net, and only options count.
pub fn basis_contingency(expiries: &[ExpiryHolding], revaluations: &[Revaluation], rules: &BasisRules) -> ProfitParts {
    let mut parts = ProfitParts::default();
    for (expiry, held) in expiries.iter().zip(revaluations) {
        let (mark, up, down) = (held.mark_to_market(), held.basis_up.iter().sum::<f64>(), held.basis_down.iter().sum());
        let (moved, profit) = if up <= down { (&held.basis_up, up - mark) } else { (&held.basis_down, down - mark) };
        let share = if profit < 0.0 { rules.add_factor + rules.mult_factor * expiry.years() } else { 0.0 };
        parts.options.push(moved.iter().zip(&held.marks).map(|(moved, mark)| (moved - mark) * share).collect());
    }
    parts
}

/// The share of a notional that is held back for a feed with low confidence: it jumps at the threshold.
pub fn doubt(confidence: Ratio, threshold: Ratio, factor: f64) -> f64 {
    if confidence < threshold { (1.0 - confidence.to_f64()) * factor } else { 0.0 }
}

/// The increase of the loss factor in the initial margin for a stablecoin below its peg.
pub fn peg_loss(cash: Cash, threshold: f64, factor: f64) -> f64 {
    (threshold - cash.price).max(0.0) * factor
}

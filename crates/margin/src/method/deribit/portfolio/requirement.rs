//! The requirement of one pair: the worst cell of the risk matrix, the shocks, and the amount that orders add.

use model::Payoff;
use pricing::math::exp;

use super::cell::{MatrixCell, cells};
use super::parameters::{PmGeneral, UnderlyingParameters};
use crate::book::{Contract, Leg, Order};
use crate::method::deribit::pair::{PairAccount, delta};
use crate::{Refusal, aggregate};

/// Profit in every cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RiskVectors {
    /// The standard table.
    pub standard: Vec<f64>,
    /// The extended table.
    pub extended: Vec<f64>,
}

impl RiskVectors {
    fn of(mut pnls: Vec<f64>, cells: &[MatrixCell]) -> Self {
        let extended = pnls.split_off(cells.iter().take_while(|cell| !cell.extended).count());
        Self { standard: pnls, extended }
    }

    /// Profit in a cell, by the index of the cell in [`cells`].
    pub fn at(&self, place: usize) -> f64 {
        self.standard.iter().chain(&self.extended).nth(place).copied().unwrap_or_default()
    }
}

/// The requirement of one pair, in its settlement currency.
#[derive(Clone, Debug)]
pub struct PairRequirement {
    /// The vectors of every position (`initial_risk_vectors`).
    pub initial_risk_vectors: Vec<RiskVectors>,
    /// Their sums (`pre_aggregated_risk_vectors`).
    pub pre_aggregated_risk_vectors: RiskVectors,
    /// The sums after dampener and offset (`aggregated_risk_vectors`).
    pub aggregated_risk_vectors: RiskVectors,
    /// The index in [`cells`] of the largest loss, the first on a tie.
    pub worst_case_place: usize,
    /// The loss there, at least 0.
    pub worst_case: f64,
    /// The charge for rolling expiring positions.
    pub roll_shock: f64,
    /// The charge for unwinding a large delta.
    pub delta_shock: f64,
    /// The amount that orders add to the worst case.
    pub open_orders_margin: f64,
}

impl PairRequirement {
    /// The worst case, rounded as the venue does, plus the shocks.
    pub fn risk_matrix_margin(&self, general: &PmGeneral) -> f64 {
        general.rounded(self.worst_case) + self.roll_shock + self.delta_shock
    }
}

/// Amounts added to the risk matrix margin of a currency.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Additions {
    /// Margin for spot orders and debts.
    pub spot_margin: f64,
    /// Margin for orders under market maker protection.
    pub mmp_margin: f64,
    /// Margin for all other orders.
    pub open_orders_margin: f64,
}

/// Required to take new risk, in the settlement currency.
pub fn initial_margin(risk_matrix_margin: f64, additions: Additions, general: &PmGeneral) -> f64 {
    let Additions { spot_margin, mmp_margin, open_orders_margin } = additions;
    general.rounded(risk_matrix_margin + spot_margin + mmp_margin + open_orders_margin)
}

/// Computes the requirement of one pair, in its settlement currency.
pub fn requirement(
    pair: &PairAccount,
    general: &PmGeneral,
    column: &UnderlyingParameters,
) -> Result<PairRequirement, Refusal> {
    let cells = cells(general, column);
    let fractions: Vec<f64> = cells.iter().map(|cell| cell.fraction(pair.payoff, column)).collect();
    let vector = |pnl: &dyn Fn(&MatrixCell) -> Result<f64, Refusal>| -> Result<Vec<f64>, Refusal> {
        cells.iter().zip(&fractions).map(|(cell, fraction)| Ok(pnl(cell)? * fraction)).collect()
    };
    let aggregated = |sums: &[f64]| -> Vec<f64> {
        let damped = sums.iter().zip(&cells).map(|(pnl, cell)| cell.damped(*pnl, pair, column));
        damped.map(|pnl| pnl.min(0.0) + column.pnl_offset * pnl.max(0.0)).collect()
    };

    let mut sums = vec![0.0; cells.len()];
    let mut initial_risk_vectors = Vec::with_capacity(pair.account.legs.len());
    for leg in &pair.account.legs {
        let pnls = vector(&|cell| leg_pnl(leg, cell, general, column))?;
        aggregate::add(&mut sums, &pnls);
        initial_risk_vectors.push(RiskVectors::of(pnls, &cells));
    }
    let held = aggregated(&sums);
    let (worst_case_place, worst_case) = worst_case_of(&held);

    let mut filled = sums.clone();
    for order in &pair.account.orders {
        aggregate::add(&mut filled, &vector(&|cell| order_pnl(order, cell, general, column))?);
    }
    let (_, with_orders) = worst_case_of(&aggregated(&filled));
    let deltas =
        pair.account.legs.iter().map(|leg| Ok(delta(leg)? * leg.size)).collect::<Result<Vec<f64>, Refusal>>()?;
    Ok(PairRequirement {
        initial_risk_vectors,
        pre_aggregated_risk_vectors: RiskVectors::of(sums, &cells),
        aggregated_risk_vectors: RiskVectors::of(held, &cells),
        worst_case_place,
        worst_case,
        roll_shock: roll_shock(pair, &deltas, column),
        delta_shock: delta_shock(pair, &deltas, column),
        open_orders_margin: with_orders - worst_case,
    })
}

/// The first cell with the largest loss, and that loss, at least 0.
fn worst_case_of(pnls: &[f64]) -> (usize, f64) {
    let place = aggregate::worst(pnls).unwrap_or_default();
    (place, pnls.get(place).map_or(0.0, |pnl| aggregate::largest(0.0, -pnl)))
}

/// The profit of a position in a cell, in the settlement currency.
fn leg_pnl(leg: &Leg, cell: &MatrixCell, general: &PmGeneral, column: &UnderlyingParameters) -> Result<f64, Refusal> {
    match (leg.contract, leg.payoff) {
        // 1/mark − 1/price, times the dollars of the contract; this order of operations gives the venue's own digits.
        (Contract::Future { .. }, Payoff::Inverse) => Ok(leg.size * (cell.price_move / (1.0 + cell.price_move))),
        (Contract::Future { .. }, Payoff::Linear) => Ok(leg.size * leg.mark * cell.price_move),
        (Contract::Option(_), _) => Ok(leg.size * (cell.price(leg, general, column)? - leg.mark)),
    }
}

/// The profit of an order in a cell: it fills only where it loses.
fn order_pnl(
    order: &Order,
    cell: &MatrixCell,
    general: &PmGeneral,
    column: &UnderlyingParameters,
) -> Result<f64, Refusal> {
    let leg = &order.leg;
    let price = cell.price(leg, general, column)?;
    let pnl = match (leg.contract, leg.payoff) {
        (Contract::Future { .. }, Payoff::Inverse) => leg.size * leg.mark * (1.0 / order.limit - 1.0 / price),
        (Contract::Future { .. }, Payoff::Linear) | (Contract::Option(_), _) => leg.size * (price - order.limit),
    };
    Ok(pnl.min(0.0))
}

/// The cost of rolling: for every expiry a share of its net delta, larger for later ones. A perpetual counts as expiring
/// now. `deltas` are those of the positions, in coins.
fn roll_shock(pair: &PairAccount, deltas: &[f64], column: &UnderlyingParameters) -> f64 {
    let mut expiries: Vec<(f64, f64)> = Vec::new();
    for (leg, delta) in pair.account.legs.iter().zip(deltas) {
        match expiries.iter_mut().find(|(years, _)| *years == leg.contract.years()) {
            Some((_, sum)) => *sum += delta,
            None => expiries.push((leg.contract.years(), *delta)),
        }
    }
    let shock = |(years, delta): (f64, f64)| {
        delta.abs() * column.min_annualised_move.max(exp(column.annualised_move_risk * years) - 1.0)
    };
    pair.per_coin() * expiries.into_iter().map(shock).sum::<f64>()
}

/// The cost of unwinding a delta beyond the threshold. Long options count only as far as they reduce the rest. `deltas`
/// are those of the positions, in coins.
fn delta_shock(pair: &PairAccount, deltas: &[f64], column: &UnderlyingParameters) -> f64 {
    let (mut long_options, mut rest) = (0.0, 0.0);
    for (leg, delta) in pair.account.legs.iter().zip(deltas) {
        if leg.contract.is_option() && leg.size > 0.0 {
            long_options += delta;
        } else {
            rest += delta;
        }
    }
    let all: f64 = long_options + rest;
    let unwound = if rest < 0.0 { -all.max(rest).min(0.0) } else { all.min(rest).max(0.0) };
    let threshold = column.delta_total_liq_shock_threshold * pair.currency.dollar / pair.account.index;
    let beyond = (unwound - threshold).max(0.0);
    pair.per_coin() * unwound * (beyond * column.m_inc).min(column.max_delta_shock)
}

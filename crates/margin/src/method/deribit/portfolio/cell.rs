//! The cells of the risk matrix: nine moves of the price by three states of volatility, and eight far moves that count
//! only in part.

use model::Payoff;

use super::parameters::{PmGeneral, UnderlyingParameters};
use crate::Refusal;
use crate::book::{Contract, Leg};
use crate::method::deribit::pair::{PairAccount, price_after};
use crate::scenario::percent;
use crate::vol::TermRule;

/// The volatility state of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolState {
    /// Up by the range.
    Up,
    /// Volatility stays where it is.
    Same,
    /// Down by the range.
    Down,
}

/// One cell of the two tables.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MatrixCell {
    /// Relative move of every price.
    pub price_move: f64,
    /// The state of every volatility.
    pub vol: VolState,
    /// Whether the cell is in the extended table, where only a fraction counts.
    pub extended: bool,
}

/// Every cell: the standard table bucket by bucket, lowest price first, then the extended table.
pub fn cells(general: &PmGeneral, column: &UnderlyingParameters) -> Vec<MatrixCell> {
    let bucket = |share: &f64| {
        let price_move = share * column.price_range;
        [VolState::Up, VolState::Same, VolState::Down].map(|vol| MatrixCell { price_move, vol, extended: false })
    };
    let far = |price_move: &f64| MatrixCell { price_move: *price_move, vol: VolState::Up, extended: true };
    general.buckets.iter().flat_map(bucket).chain(general.extended_moves.iter().map(far)).collect()
}

impl MatrixCell {
    /// The cell in words, such as `BTC −16 % vol up`.
    pub fn words(&self, underlying: &str) -> String {
        let vol = match self.vol {
            VolState::Up => "vol up",
            VolState::Same => "vol same",
            VolState::Down => "vol down",
        };
        let table = if self.extended { ", extended" } else { "" };
        format!("{underlying} {} {vol}{table}", percent(self.price_move))
    }

    /// The edge of the price range on the side of the move.
    fn edge(&self, column: &UnderlyingParameters) -> f64 {
        if self.price_move < 0.0 { -column.price_range } else { column.price_range }
    }

    /// The part of a profit that counts. In the extended table profits in dollars shrink by `factor · range / |move|`:
    /// a future keeps the profit it would make at the edge of the range, times the factor. Profits in coins are
    /// converted to dollars, shrunk, and converted back.
    pub fn fraction(&self, payoff: Payoff, column: &UnderlyingParameters) -> f64 {
        if !self.extended {
            return 1.0;
        }
        let margin_multiplier = column.extended_table_factor * column.price_range / self.price_move.abs();
        match payoff {
            Payoff::Linear => margin_multiplier,
            Payoff::Inverse => margin_multiplier * ((1.0 + self.price_move) / (1.0 + self.edge(column))),
        }
    }

    /// The profit of an extended cell after the dampener; farther moves are dampened more.
    pub fn damped(&self, pnl: f64, pair: &PairAccount, column: &UnderlyingParameters) -> f64 {
        if !self.extended {
            return pnl;
        }
        let ranges = (self.price_move.abs() / column.price_range).max(1.0) - 1.0;
        let dollars = ranges * column.extended_dampener * pair.currency.dollar;
        let dampener = match pair.payoff {
            Payoff::Linear => dollars,
            Payoff::Inverse => dollars / ((1.0 + self.edge(column)) * pair.account.index),
        };
        pnl.signum() * (pnl.abs() - dampener).max(0.0)
    }

    /// The volatility of an option in this cell.
    fn vol_of(&self, vol: f64, days: f64, general: &PmGeneral, column: &UnderlyingParameters) -> f64 {
        let term = TermRule {
            short_power: column.short_term_vega_power,
            long_power: column.long_term_vega_power,
            floor_days: general.days_floor,
            short_at_30: false,
        };
        match self.vol {
            VolState::Same => vol,
            VolState::Up => {
                let shocked = vol * (1.0 + column.volatility_range_up * term.multiplier(days));
                shocked.max(column.min_volatility_for_shock_up)
            }
            VolState::Down => (vol * (1.0 - column.volatility_range_down * term.multiplier(days))).max(0.0),
        }
    }

    /// The price of an instrument in this cell, in the unit of its mark.
    pub fn price(&self, leg: &Leg, general: &PmGeneral, column: &UnderlyingParameters) -> Result<f64, Refusal> {
        let vol = match leg.contract {
            Contract::Option(terms) => self.vol_of(terms.vol, terms.years * 365.0, general, column),
            Contract::Future { .. } => 0.0,
        };
        price_after(leg, self.price_move, vol)
    }
}

//! The liquidation frontier: the line over price and volatility on which equity equals the maintenance margin.
//!
//! The method judges the account in the moved market itself, at every node of the grid. Between two nodes with
//! different results the crossing is found by halving. So the line is exact where it crosses the grid, and straight in
//! between.

use model::{Account, Market};
use pricing::kernel::Isa;

use super::matrix::Matrix;
use super::moved::moved;
use super::moves::vol_move;
use crate::method::universal::{Prepared, Scratch, rules::Rules};
use crate::scenario::ScenarioSet;
use crate::{Refusal, valuation};

/// Halvings between two nodes: to a thousandth of a cell.
const HALVINGS: usize = 10;

/// A point of the grid: a part of the scan range, and a part of the scan's move of volatility.
pub type Place = (f64, f64);

/// The line, in pieces, and the side on which the current market lies.
#[derive(Clone, Debug, PartialEq)]
pub struct Frontier {
    /// Pieces from one edge of a cell to another.
    pub pieces: Vec<[Place; 2]>,
    /// Whether the account is below its maintenance margin when nothing moves.
    pub is_below_now: bool,
}

/// The inputs that decide whether the account is below its margin at a point.
pub struct Question<'a> {
    /// The account that is judged.
    pub account: &'a Account,
    /// The market before any move.
    pub market: &'a Market,
    /// The parameters of the method.
    pub rules: &'a Rules,
    /// Additional scenarios given by the caller.
    pub extra: &'a ScenarioSet,
}

impl Question<'_> {
    /// Equity less maintenance margin, in USD, after prices and volatilities have moved.
    pub fn slack(&self, (price, vol): Place) -> Result<f64, Refusal> {
        let isa = Isa::detect();
        let there = moved(self.market, self.rules, price, vol_move(vol, self.rules))?;
        let prepared = Prepared::new(&there, self.rules, self.extra, isa)?;
        let margins = prepared.margins(&there, self.rules, self.account, &mut Scratch::default())?;
        let slack = valuation::equity(self.account, &there).and_then(|equity| equity.minus(margins.maintenance));
        let out_of_range = |overflow| Refusal::OutOfRange { account: self.account.name.clone(), overflow };
        slack.map(units::Money::to_f64).map_err(out_of_range)
    }

    /// The point between two points at which the slack changes its sign; none when it does not.
    fn between(&self, ends: [(Place, f64); 2]) -> Result<Option<Place>, Refusal> {
        let [(mut from, first), (mut to, last)] = ends;
        if (first < 0.0) == (last < 0.0) {
            return Ok(None);
        }
        for _ in 0..HALVINGS {
            let half = (f64::midpoint(from.0, to.0), f64::midpoint(from.1, to.1));
            if (self.slack(half)? < 0.0) == (first < 0.0) {
                from = half;
            } else {
                to = half;
            }
        }
        Ok(Some((f64::midpoint(from.0, to.0), f64::midpoint(from.1, to.1))))
    }
}

impl Frontier {
    /// The line over the nodes of a grid.
    pub fn of(question: &Question, matrix: &Matrix) -> Result<Self, Refusal> {
        let node = |row: usize, column: usize| (matrix.prices[column], matrix.vols[row].part);
        let mut slacks = Vec::with_capacity(matrix.vols.len());
        for row in 0..matrix.vols.len() {
            let line = (0..matrix.prices.len()).map(|column| question.slack(node(row, column)));
            slacks.push(line.collect::<Result<Vec<f64>, _>>()?);
        }
        let end = |row: usize, column: usize| (node(row, column), slacks[row][column]);
        let mut across = Vec::with_capacity(slacks.len());
        for row in 0..slacks.len() {
            let edges = (1..matrix.prices.len()).map(|to| question.between([end(row, to - 1), end(row, to)]));
            across.push(edges.collect::<Result<Vec<_>, _>>()?);
        }
        let mut down = Vec::with_capacity(slacks.len());
        for row in 1..slacks.len() {
            let edges =
                (0..matrix.prices.len()).map(|column| question.between([end(row - 1, column), end(row, column)]));
            down.push(edges.collect::<Result<Vec<_>, _>>()?);
        }
        let mut pieces = Vec::new();
        for row in 1..slacks.len() {
            for column in 1..matrix.prices.len() {
                let around = [
                    across[row - 1][column - 1],
                    down[row - 1][column],
                    across[row][column - 1],
                    down[row - 1][column - 1],
                ];
                let crossed: Vec<Place> = around.into_iter().flatten().collect();
                pieces.extend(crossed.chunks_exact(2).map(|pair| [pair[0], pair[1]]));
            }
        }
        let (row, column) = matrix.middle();
        Ok(Self { pieces, is_below_now: slacks[row][column] < 0.0 })
    }
}

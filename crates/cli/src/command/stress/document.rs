//! `upm.stress/1`, the answer for programs: numbers as decimal text, losses negative, moves as fractions.

use margin::method::universal::{self, Universal, rules::Rules};
use margin::params::Params;
use margin::stress::{Matrix, price_move};
use serde::Serialize;
use units::{Decimal as _, Money, Ratio};

use super::Stressed;
use crate::document::{self, Hashes, Head, Tail};
use crate::input::Book;

/// The name of this document.
pub const FORMAT: &str = "upm.stress/1";

/// The document of a `format` up to its first account.
pub fn opening(format: &'static str, book: &Book, params: &Params<Rules>) -> String {
    let (method, time) = (universal::ABOUT.name, book.market.time.to_string());
    document::before_accounts(&Head { format, method, params: params.name(), time })
}

/// The document after its last account.
pub fn closing(book: &Book, params: &Params<Rules>, universal: &Universal, portfolio: &str) -> String {
    let (market, scenarios) = (&*book.market.hash, universal.array.set.hash());
    document::after_accounts(&Tail { hashes: Hashes { market, portfolio, params: &params.hash, scenarios } })
}

/// The results of one account over the grid.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AccountDocument<'a> {
    account: &'a str,
    equity: Money,
    initial_margin: Money,
    maintenance_margin: Money,
    /// Relative moves of every underlying, in the order of `price`.
    prices: Vec<PricesDocument<'a>>,
    /// Moves of price as parts of the scan range.
    price: Vec<Option<Ratio>>,
    /// Moves of volatility as parts of the scan's move.
    vol: Vec<Option<Ratio>>,
    /// Relative moves of volatility at 30 days, in the order of `vol`.
    vol_moves: Vec<Option<Ratio>>,
    /// In USD: one list for every `vol`, in the order of `price`.
    pnl: Vec<Vec<Option<Ratio>>>,
    worst: CellDocument,
    worst_in_scan: CellDocument,
    /// Every scan scenario: revalued in full, and estimated from delta, gamma, vega and theta.
    scan: Vec<EstimateDocument<'a>>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct PricesDocument<'a> {
    underlying: &'a str,
    scan_range: Option<Ratio>,
    moves: Vec<Option<Ratio>>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct CellDocument {
    price: Option<Ratio>,
    vol: Option<Ratio>,
    pnl: Option<Ratio>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct EstimateDocument<'a> {
    family: &'a str,
    scenario: &'a str,
    pnl: Option<Ratio>,
    estimate: Option<Ratio>,
    gap: Option<Ratio>,
}

impl Stressed {
    /// The answer as a document for programs.
    pub fn document(&self) -> AccountDocument<'_> {
        let Matrix { prices, vols, ranges, pnl, .. } = &self.matrix;
        let cell = |(row, column): (usize, usize)| CellDocument {
            price: text(prices[column]),
            vol: text(vols[row].part),
            pnl: text(pnl[row][column]),
        };
        AccountDocument {
            account: &self.assessment.account,
            equity: self.assessment.equity,
            initial_margin: self.assessment.initial_margin,
            maintenance_margin: self.assessment.maintenance_margin,
            prices: ranges
                .iter()
                .map(|(underlying, range)| PricesDocument {
                    underlying,
                    scan_range: text(*range),
                    moves: prices.iter().map(|part| move_text(price_move(*part, *range))).collect(),
                })
                .collect(),
            price: prices.iter().copied().map(text).collect(),
            vol: vols.iter().map(|vol| text(vol.part)).collect(),
            vol_moves: vols.iter().map(|vol| move_text(vol.relative)).collect(),
            pnl: pnl.iter().map(|row| row.iter().copied().map(text).collect()).collect(),
            worst: cell(self.matrix.worst()),
            worst_in_scan: cell(self.matrix.worst_in_scan()),
            scan: self
                .estimates
                .iter()
                .map(|one| EstimateDocument {
                    family: &one.family,
                    scenario: &one.scenario,
                    pnl: text(one.pnl),
                    estimate: text(one.second_order),
                    gap: text(one.pnl - one.second_order),
                })
                .collect(),
        }
    }
}

/// A number as text; none when it is not finite or does not fit.
pub fn text(value: f64) -> Option<Ratio> {
    Ratio::shortest(value).ok()
}

/// A relative move to 12 decimals, so that a product of two decimals is right in its last digit.
fn move_text(fraction: f64) -> Option<Ratio> {
    text((fraction * 1e12).round() / 1e12)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_current() {
        testdata::schema::is_current::<document::Framed<Head, AccountDocument<'static>, Tail<'static>>>(
            FORMAT,
            testdata::schema::Side::Written,
        );
    }
}

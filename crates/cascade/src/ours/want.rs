//! The least reduction that restores an account.

use crate::books::Account;
use crate::calibration::{COINS, Calibration, PerCoin};

use super::requirement::held;

/// The reduction that one account needs.
#[derive(Clone, Copy, Debug)]
pub struct Want {
    /// The trader's number.
    pub number: usize,
    /// The coin to trade first.
    pub coin: usize,
    /// Lots to buy; below 0, lots to sell.
    pub lots: i32,
    /// Equity, in USD.
    pub equity: f64,
    /// Maintenance margin, in USD.
    pub maintenance: f64,
}

impl Want {
    /// Equity over maintenance.
    pub fn health(&self) -> f64 {
        self.equity / self.maintenance
    }
}

/// The coin whose reduction lowers the requirement most, and the fewest lots after which equity less their cost is `beta`
/// times the requirement; all lots when no number is enough.
pub fn least(
    calibration: &Calibration,
    account: &Account,
    prices: PerCoin,
    beta: f64,
    cost: &dyn Fn(usize, f64) -> f64,
) -> (usize, i32) {
    let after = |coin: usize, lots: i32| {
        let mut perp = account.perp;
        perp[coin] -= lots * perp[coin].signum();
        held(calibration, perp, account.spot, prices)
    };
    let steepest = (0..COINS)
        .filter(|coin| account.perp[*coin] != 0)
        .min_by(|one, other| {
            let closed = |coin: usize| after(coin, account.perp[coin].abs());
            closed(*one).total_cmp(&closed(*other))
        })
        .unwrap_or(0);
    let all = account.perp[steepest].abs();
    let equity = account.equity(prices, calibration.haircut);
    let enough =
        |lots: i32| equity - cost(steepest, f64::from(lots) * prices[steepest]) >= beta * after(steepest, lots);
    let (mut low, mut high) = (0, all);
    if enough(all) {
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if enough(middle) { high = middle } else { low = middle }
        }
    }
    (steepest, -high * account.perp[steepest].signum())
}

//! Liquidation prices: how far one underlying may fall or rise until an account no longer holds its maintenance margin.

use margin::method::{Options, Rulebook};
use margin::stress::with_prices;
use margin::{Judge, Refusal};
use model::{Account, Market, UnderlyingId, UsdPrice};
use units::Round;

use crate::{ByMethod, Gauge};

/// What the index is multiplied by from step to step of the search.
const DOWN: f64 = 0.95;
const UP: f64 = 1.05;
/// As a part of it, the index falls no further than this, and rises no further.
const FALL_MAX: f64 = -0.99;
const RISE_MAX: f64 = 9.0;
/// Halvings of the step in which the account's standing changes: to a part in a billion of the step.
const HALVINGS: usize = 30;

/// Where an account would be liquidated while only one underlying moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiquidationPrices {
    /// The index now.
    pub index: UsdPrice,
    /// Whether the account is below its maintenance margin now; then the prices are where it holds it again.
    pub is_below_now: bool,
    /// The nearest index below; none down to a hundredth of the index now.
    pub falling: Option<UsdPrice>,
    /// The nearest index above; none up to ten times the index now.
    pub rising: Option<UsdPrice>,
}

/// The nearest indices of `underlying` on either side at which `account` crosses its maintenance margin.
///
/// Forwards, marks and the assets that follow the underlying move with its index; volatilities and every other underlying
/// stay. At each price the method judges the account anew. The search walks in steps of five per cent: a stretch narrower
/// than a step in which the account would be liquidated, and would not be on either side of it, may be passed over.
pub fn liquidation_prices(
    account: &Account,
    market: &Market,
    (rulebook, options): (&dyn Rulebook, &Options),
    underlying: UnderlyingId,
) -> Result<LiquidationPrices, Refusal> {
    let here = rulebook.judge(market, options)?;
    let search = Search { account, market, method: (rulebook, options), underlying, window: here.settlement_window() };
    let is_below_now = is_below(&*here, account)?;
    let price = |change: Option<f64>| change.map(|change| search.index(change)).transpose();
    Ok(LiquidationPrices {
        index: market.underlyings[underlying.0].index,
        is_below_now,
        falling: price(search.crossing(is_below_now, DOWN)?)?,
        rising: price(search.crossing(is_below_now, UP)?)?,
    })
}

/// One question: who is asked about, where, and by which method.
struct Search<'a> {
    account: &'a Account,
    market: &'a Market,
    method: (&'a dyn Rulebook, &'a Options),
    underlying: UnderlyingId,
    /// Seconds of the settlement average.
    window: f64,
}

impl Search<'_> {
    /// The relative change of the index at which the account's standing first differs from what it is now.
    fn crossing(&self, is_below_now: bool, step: f64) -> Result<Option<f64>, Refusal> {
        let (mut near, mut factor) = (0.0, 1.0);
        loop {
            factor *= step;
            let far = (factor - 1.0).clamp(FALL_MAX, RISE_MAX);
            if self.is_below_after(far)? != is_below_now {
                return self.between(near, far, is_below_now).map(Some);
            }
            if far == FALL_MAX || far == RISE_MAX {
                return Ok(None);
            }
            near = far;
        }
    }

    /// The change between `near`, where the standing is that of now, and `far`, where it is not.
    fn between(&self, mut near: f64, mut far: f64, is_below_now: bool) -> Result<f64, Refusal> {
        for _ in 0..HALVINGS {
            let half = f64::midpoint(near, far);
            if self.is_below_after(half)? == is_below_now {
                near = half;
            } else {
                far = half;
            }
        }
        Ok(far)
    }

    fn is_below_after(&self, change: f64) -> Result<bool, Refusal> {
        let mut moves = vec![0.0; self.market.underlyings.len()];
        moves[self.underlying.0] = change;
        let there = with_prices(self.market, &moves, self.window)?;
        let (rulebook, options) = self.method;
        is_below(&*rulebook.judge(&there, options)?, self.account)
    }

    /// The index after a relative change.
    fn index(&self, change: f64) -> Result<UsdPrice, Refusal> {
        let underlying = &self.market.underlyings[self.underlying.0];
        let moved = underlying.size().mul_add(change, underlying.index.usd().to_f64());
        let out_of_range = |overflow| Refusal::OutOfRange { account: self.account.name.clone(), overflow };
        UsdPrice::from_f64(moved, Round::Down).map_err(out_of_range)
    }
}

/// Whether the account holds less than its maintenance margin.
fn is_below(judge: &dyn Judge, account: &Account) -> Result<bool, Refusal> {
    let standing = ByMethod { judge, asked: "liquidation price" }.stands(account)?;
    Ok(standing.equity < standing.maintenance)
}

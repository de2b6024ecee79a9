//! Liquidation prices: how far one underlying may fall or rise until an account no longer holds its maintenance margin.

use margin::method::{Options, Rulebook};
use margin::stress::with_prices;
use margin::{Judge, Refusal};
use model::{Account, Basket, Market, UnderlyingId, UsdPrice};
use units::Round;

use crate::{ByMethod, Gauge};

/// The factor on the index from one step of the search to the next.
const DOWN: f64 = 0.95;
const UP: f64 = 1.05;
/// The furthest fall and rise of the index that the search tries, as a part of the index.
const FALL_MAX: f64 = -0.99;
const RISE_MAX: f64 = 9.0;
/// Halvings of the step in which the account crosses its margin: to a part in a billion of the step.
const HALVINGS: usize = 30;

/// The index prices at which an account would be liquidated while only one underlying moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiquidationPrices {
    /// The index now.
    pub index: UsdPrice,
    /// Whether the account is below its maintenance margin now; then the prices are those at which it holds it again.
    pub is_below_now: bool,
    /// The nearest such index below the current one; none down to a hundredth of the current index.
    pub falling: Option<UsdPrice>,
    /// The nearest such index above the current one; none up to ten times the current index.
    pub rising: Option<UsdPrice>,
}

/// The nearest indices of `underlying` on either side at which `account` crosses its maintenance margin.
///
/// Forwards, marks and the assets that follow the underlying move with its index, and so do the baskets that it is a part
/// of, by its share (SCN-7); volatilities and all other underlyings stay. Of a basket, all parts move by the same
/// fraction. The method judges the account anew at each price. The search walks in steps of five per cent, so it may pass
/// over a range narrower than a step in which the account would be liquidated but would not be on either side.
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
        index: market.index(underlying),
        is_below_now,
        falling: price(search.crossing(is_below_now, DOWN)?)?,
        rising: price(search.crossing(is_below_now, UP)?)?,
    })
}

/// One search: the account, the market, the underlying that moves, and the margin method.
struct Search<'a> {
    account: &'a Account,
    market: &'a Market,
    method: (&'a dyn Rulebook, &'a Options),
    underlying: UnderlyingId,
    /// Seconds of the settlement average.
    window: f64,
}

impl Search<'_> {
    /// The smallest relative change of the index, as found by the search, at which the account crosses its maintenance margin.
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

    /// The change between `near`, where the account is on the same side of its margin as now, and `far`, where it is not.
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
        let moving = self.market.basket(self.underlying).map_or_else(|| vec![self.underlying], Basket::underlyings);
        for underlying in moving {
            moves[underlying.0] = change;
        }
        let there = with_prices(self.market, &moves, self.window)?;
        let (rulebook, options) = self.method;
        is_below(&*rulebook.judge(&there, options)?, self.account)
    }

    /// The index after a relative change.
    fn index(&self, change: f64) -> Result<UsdPrice, Refusal> {
        let now = self.market.index(self.underlying).usd().to_f64();
        let moved = self.market.size(self.underlying).mul_add(change, now);
        let out_of_range = |overflow| Refusal::OutOfRange { account: self.account.name.clone(), overflow };
        UsdPrice::from_f64(moved, Round::Down).map_err(out_of_range)
    }
}

/// Whether the account holds less than its maintenance margin.
fn is_below(judge: &dyn Judge, account: &Account) -> Result<bool, Refusal> {
    let standing = ByMethod { judge, asked: "liquidation price" }.stands(account)?;
    Ok(standing.equity < standing.maintenance)
}

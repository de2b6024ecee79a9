//! A market after a common move: the stressed prices, as a market that any method can judge.

use model::{Instrument, Market, Payoff, QuotePrice, UnderlyingId, UsdPrice};
use pricing::black76::Black76;
use units::{Overflow, Ratio, Round};

use super::moves::{price_move, vol_change};
use crate::Refusal;
use crate::greeks::{not_priceable, option_inputs, unsettled_part};
use crate::method::universal::rules::Rules;
use crate::risk_array::VolRules;

/// The lowest volatility after a move.
const VOL_MIN: f64 = 1e-6;

/// The volatility move, and the window of settlement averages.
struct Around<'a> {
    /// The rules by which volatilities move, and the move at 30 days; none when volatilities stay.
    vol: Option<(&'a VolRules, f64)>,
    /// Seconds of the settlement average (VAL-4).
    window: f64,
}

/// `market` after every price has moved by `part` of its scan range and every volatility by `level` at 30 days (SCN-1,
/// SCN-2). The account's value in it equals its current equity plus the profit in the matching cell of the risk array.
pub fn moved(market: &Market, rules: &Rules, part: f64, level: f64) -> Result<Market, Refusal> {
    let moves: Vec<f64> =
        market.underlyings.iter().map(|underlying| price_move(part, rules.scan.range(&underlying.name))).collect();
    let moves = with_baskets(market, moves);
    let vol = rules.vol_rules();
    after(market, &moves, &Around { vol: Some((&vol, level)), window: rules.settlement.window_seconds })
}

/// `market` after each underlying has moved by its part of `moves`, relative and in the order of the market, with every
/// volatility as it was. A basket moves with its parts (SCN-7): its own number in `moves` is not read, so its price
/// cannot move while they stay. `window` is the length of the settlement average in seconds (VAL-4).
pub fn with_prices(market: &Market, moves: &[f64], window: f64) -> Result<Market, Refusal> {
    after(market, &with_baskets(market, moves.to_vec()), &Around { vol: None, window })
}

fn with_baskets(market: &Market, mut moves: Vec<f64>) -> Vec<f64> {
    market.move_with_parts(&mut moves);
    moves
}

fn after(market: &Market, moves: &[f64], around: &Around) -> Result<Market, Refusal> {
    let mut after = market.clone();
    prices(market, &mut after, moves).map_err(out_of_range)?;
    for place in 0..market.instruments.len() {
        let listing = &market.instruments[place];
        let mark = if listing.is_option() {
            let Some((mark, vol)) = option(market, &after, around, listing)? else { continue };
            if around.vol.is_some() {
                after.quotes.instruments[place].iv = Some(Ratio::from_f64(vol, Round::Down).map_err(out_of_range)?);
            }
            mark
        } else {
            future((market, &after), around.window, listing, moves[listing.underlying.0])
        };
        after.quotes.instruments[place].mark = QuotePrice::from_f64(mark, Round::Down).map_err(out_of_range)?;
    }
    Ok(after)
}

/// Moves indices, forwards, and the assets that follow an underlying.
fn prices(market: &Market, after: &mut Market, moves: &[f64]) -> Result<(), Overflow> {
    let price = |value: f64| UsdPrice::from_f64(value, Round::Down);
    for (place, by) in moves.iter().enumerate().take(market.underlyings.len()) {
        let id = UnderlyingId(place);
        after.quotes.indices[place] = price(market.size(id).mul_add(*by, market.index(id).usd().to_f64()))?;
    }
    for expiry in &mut after.quotes.expiries {
        let (underlying, by) = (&market.underlyings[expiry.underlying.0], moves[expiry.underlying.0]);
        // The part that the settlement average has fixed does not move.
        let moving = underlying.size_of(expiry.forward) - expiry.forward_settled.usd().to_f64();
        expiry.forward = price(moving.mul_add(by, expiry.forward.usd().to_f64()))?;
    }
    for (asset, listed) in after.quotes.prices.iter_mut().zip(&market.assets) {
        if let Some(follows) = listed.follows {
            *asset = price(asset.usd().to_f64() * (1.0 + moves[follows.0]))?;
        }
    }
    Ok(())
}

/// The mark of a contract other than an option (VAL-2): it moves with its underlying, and inversely to the price of the
/// asset in which it is written (SCN-1).
fn future((market, after): (&Market, &Market), window: f64, listing: &Instrument, by: f64) -> f64 {
    let mark = market.mark(listing.id).in_quote().to_f64();
    let unsettled = unsettled_part(listing, market, window);
    let written = after.usd_per_quote(listing).in_units_of(market.usd_per_quote(listing));
    match listing.payoff {
        Payoff::Linear => {
            let moves = market.moving_price(listing) * by / written + mark * (1.0 / written - 1.0);
            mark + unsettled * moves
        }
        // Profit is counted in coins: in the reciprocal of the mark.
        Payoff::Inverse => mark / (1.0 - unsettled * (1.0 - written / (1.0 + by))),
    }
}

/// Mark and volatility of an option (VAL-3); none where the market gives no volatility.
fn option(
    market: &Market,
    after: &Market,
    around: &Around,
    listing: &Instrument,
) -> Result<Option<(f64, f64)>, Refusal> {
    if !listing.is_option() || market.iv(listing.id).is_none() {
        return Ok(None);
    }
    let before = option_inputs(listing, market)?;
    let mut inputs = option_inputs(listing, after)?;
    if let Some((rules, level)) = around.vol {
        inputs.vol = (before.vol + vol_change(listing, market, rules, level)?).max(VOL_MIN);
    }
    let (vol, forwards) = (inputs.vol, [before.forward, inputs.forward]);
    let refused = |refusal| not_priceable(listing, refusal);
    let models = [Black76::new(before).map_err(refused)?.price(), Black76::new(inputs).map_err(refused)?.price()];
    let paid = [market, after].map(|market| market.usd_per_settle(listing).usd().to_f64());
    let worth = |side: usize| match listing.payoff {
        Payoff::Linear => models[side] * paid[side],
        Payoff::Inverse => models[side] * paid[side] / forwards[side],
    };
    let unsettled = unsettled_part(listing, market, around.window);
    let usd = market.mark(listing.id).in_quote().to_f64().mul_add(paid[0], unsettled * (worth(1) - worth(0)));
    Ok(Some(((usd / paid[1]).max(0.0), vol)))
}

fn out_of_range(overflow: Overflow) -> Refusal {
    Refusal::NotSupported { method: "stress", why: format!("a price leaves its range when it moves: {overflow}") }
}

//! Forms the prices of one market from the quotes of its feeds.

use std::collections::BTreeMap;

use margin::Refusal;
use margin::greeks::option_inputs;
use marks::{Quote, composed};
use model::{AssetId, InstrumentId, InstrumentKind, Market, Payoff, QuotePrice, UnderlyingId, UsdPrice};
use pricing::black76::Black76;
use units::{Price, Round};

use crate::apply::mark;
use crate::state::State;
use crate::{FeedId, Live, Marked, Reject};

/// The market in which every price is its feed's slow average.
pub fn slow(state: &State, live: &Live) -> Result<Market, Refusal> {
    let heard = state.feeds.iter().filter(|(id, _)| live.hears(**id));
    let quotes: BTreeMap<FeedId, Quote> =
        heard.filter_map(|(id, feed)| Some((*id, feed.feed.last()?.clone()))).collect();
    let mut market = state.market.clone();
    form(state, live, &mut market, &quotes, |quote| quote.slow, &mut Marked::default())
        .map_err(|reject| Refusal::NotSupported { method: "slow averages", why: reject.to_string() })?;
    Ok(market)
}

/// Forms every price of `market` that something unsettled depends on: from the price that `which` takes of each of the
/// `quotes`, with the volatilities of `moves`. Adds the changes to `moves`.
pub fn form(
    state: &State,
    live: &Live,
    market: &mut Market,
    quotes: &BTreeMap<FeedId, Quote>,
    which: impl Fn(&Quote) -> Price,
    moves: &mut Marked,
) -> Result<(), Reject> {
    // Every feed is in USD except the ratios, which are composed with an index in USD.
    let usd = |quote: &Quote| UsdPrice::new(which(quote));
    // The price of a ratio feed on top of an index, both of this tick.
    let on_index = |underlying: UnderlyingId, ratio: FeedId| -> Result<Option<UsdPrice>, Reject> {
        let Some(index) = quotes.get(&FeedId::Index(underlying)) else { return Ok(None) };
        if !state.feeds.contains_key(&ratio) {
            return Ok(Some(usd(index)));
        }
        let Some(ratio) = quotes.get(&ratio) else { return Ok(None) };
        let legs = composed(index, ratio).map_err(|why| Reject::malformed("feed", why, "legs of one tick"))?;
        Ok(Some(usd(&legs)))
    };
    for place in 0..market.underlyings.len() {
        let id = UnderlyingId(place);
        if let Some(quote) = quotes.get(&FeedId::Index(id)) {
            moves.indices.push((id, usd(quote)));
        }
    }
    moves.indices.retain(|(id, price)| market.index(*id) != *price);
    mark(market, moves);

    for place in 1..market.assets.len() {
        let id = AssetId(place);
        let before = market.price(id);
        let price = match market.assets[place].follows {
            None => quotes.get(&FeedId::Asset(id)).map_or(before, &usd),
            Some(underlying) => on_index(underlying, FeedId::Asset(id))?.unwrap_or(before),
        };
        if price != before {
            moves.assets.push((id, price));
        }
    }
    for (underlying, expiry) in live.expiries() {
        let Some(before) = market.expiry(underlying, expiry).map(|terms| terms.forward) else { continue };
        let forward = on_index(underlying, FeedId::Forward(underlying, expiry))?.unwrap_or(before);
        if forward != before {
            moves.forwards.push((underlying, expiry, forward));
        }
    }
    mark(market, moves);

    for id in live.instruments().iter().copied() {
        let (terms, before) = (&state.contracts[id.0].terms, market.mark(id));
        let traded = match &terms.kind {
            InstrumentKind::Spot => Some(market.index(terms.underlying)),
            InstrumentKind::Perpetual => on_index(terms.underlying, FeedId::Premium(id))?,
            InstrumentKind::Future { expiry } => market.expiry(terms.underlying, *expiry).map(|terms| terms.forward),
            InstrumentKind::Option { .. } => None,
        };
        // Rounded down for both sides alike.
        let price = match traded {
            Some(price) => price.to_quote(market.price(terms.quote), Round::Down)?,
            None => model_price(market, id).unwrap_or(before),
        };
        if price != before {
            moves.marks.push((id, price));
        }
    }
    mark(market, moves);
    Ok(())
}

/// The mark of an option: its Black-76 price, in its quote; none while it has no volatility. It is rounded down, for buyer
/// and seller alike: a mark has two sides.
fn model_price(market: &Market, id: InstrumentId) -> Option<QuotePrice> {
    let listing = market.listing(id);
    let inputs = option_inputs(listing, market).ok()?;
    let price = Black76::new(inputs).ok()?.price();
    let quoted = match listing.payoff {
        Payoff::Linear => price,
        Payoff::Inverse => price / inputs.forward,
    };
    QuotePrice::from_f64(quoted, Round::Down).ok()
}

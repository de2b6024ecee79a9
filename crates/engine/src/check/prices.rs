//! Checks reports and surfaces, and the prices of a market that follow from them.

use marks::Report;
use model::{InstrumentId, Invalid, Market, UsdPrice};
use units::{Price, Ratio, Timestamp};

use super::numbers::{counter, index, money, price, signed, time, volatility};
use super::{Checked, expect, names};
use crate::state::State;
use crate::{FeedId, Marked};

/// Checks the report of a source.
pub fn reported(state: &State, feed: FeedId, report: &Report) -> Checked {
    names::listed_feed(state, feed)?;
    time("report.published", report.published)?;
    price("report.price", report.price)?;
    price("report.confidence", report.confidence)?;
    money("report.depth", report.depth)
}

/// Checks a volatility surface.
pub fn surfaced(market: &Market, published: Timestamp, vols: &[(InstrumentId, Ratio)]) -> Checked {
    time("published", published)?;
    vols.iter().try_for_each(|(instrument, vol)| {
        forward_listed(market, *instrument)?;
        volatility("vols", *vol)
    })
}

/// Checks that the instrument of a volatility exists, and has a forward if it expires: a settled instrument may have lost it.
fn forward_listed(market: &Market, id: InstrumentId) -> Checked {
    names::below("vols", id.0, market.instruments.len())?;
    let listing = market.listing(id);
    let is_listed = |expiry| market.expiry(listing.underlying, expiry).is_some();
    expect(listing.expiry().is_none_or(is_listed), "vols", &listing.name, "an instrument that is not settled")
}

/// Checks a new version of the market.
pub fn marked(state: &State, moved: &Marked) -> Checked {
    let market = &state.market;
    counter("version", moved.version)?;
    let (underlyings, assets, instruments) = (market.underlyings.len(), market.assets.len(), market.instruments.len());
    for (id, vol) in &moved.vols {
        forward_listed(market, *id)?;
        volatility("vols", *vol)?;
    }
    for (id, found) in &moved.indices {
        names::below("indices", id.0, underlyings)?;
        index("indices", *found, market.underlyings[id.0].scale.is_some())?;
    }
    for (id, worth) in &moved.assets {
        names::below("assets", id.0, assets)?;
        signed("assets", worth.usd(), false, Price::ZERO)?;
    }
    for (id, _, forward) in &moved.forwards {
        names::below("forwards", id.0, underlyings)?;
        signed("forwards", forward.usd(), market.underlyings[id.0].scale.is_some(), Price::ZERO)?;
    }
    for (id, mark) in &moved.marks {
        names::below("marks", id.0, instruments)?;
        let underlying = market.instruments[id.0].underlying;
        signed("marks", mark.in_quote(), market.underlyings[underlying.0].scale.is_some(), Price::ZERO)?;
    }
    if moved.assets.iter().any(|(id, worth)| *id == model::USD && *worth != UsdPrice::ONE) {
        return Err(Invalid::new("assets", "another price of USD", "1"));
    }
    Ok(())
}

//! Numbers and times in a range that sums stay in, and the prices of a market.

use model::{Invalid, Market, UsdPrice};
use units::{Money, Price, Quantity, Ratio, Timestamp};

use super::{Checked, expect, feed, names};
use crate::state::State;
use crate::{Event, Marked};

/// No number that is read is larger: 16 of them add up, and no amount, price or rate of a market comes near.
pub const LARGEST: i128 = i128::MAX >> 4;

/// The end of the year 9999: no time that is read is further from 1970 than this.
const LAST: i64 = 253_402_300_799_999_999;

fn within(path: &str, raw: i128, found: impl std::fmt::Display) -> Checked {
    let largest = Price::from_raw(LARGEST);
    expect(raw.unsigned_abs() <= LARGEST.unsigned_abs(), path, found, format_args!("at most {largest} in size"))
}

/// An amount of an asset.
pub fn quantity(path: &str, amount: Quantity) -> Checked {
    within(path, amount.raw(), amount)
}

/// An amount of USD.
pub fn money(path: &str, amount: Money) -> Checked {
    within(path, amount.raw(), amount)
}

/// A price, of whatever sign.
pub fn price(path: &str, price: Price) -> Checked {
    within(path, price.raw(), price)
}

/// Refuses a ratio that is outside the range of an engine's numbers.
pub fn ratio(path: &str, ratio: Ratio) -> Checked {
    within(path, ratio.raw(), ratio)
}

/// Refuses a time that is outside the range of an engine's clock.
pub fn time(path: &str, time: Timestamp) -> Checked {
    let micros = time.micros();
    let found = format_args!("{micros} microseconds after 1970");
    expect(micros.unsigned_abs() <= LAST.unsigned_abs(), path, found, "a time until the year 9999")
}

/// The price of an underlying: above 0 unless its feed is signed.
pub fn index(path: &str, found: UsdPrice, is_signed: bool) -> Checked {
    signed(path, found.usd(), is_signed, Price::from_raw(1))
}

/// Where an underlying may cost less than nothing, so may what follows from its price.
fn signed(path: &str, found: Price, signed: bool, least: Price) -> Checked {
    price(path, found)?;
    let expected = format_args!("at least {least}, as its price is never negative");
    expect(signed || found >= least, path, found, expected)
}

/// What was said of prices.
pub fn check(state: &State, event: &Event) -> Checked {
    match event {
        Event::Reported { feed: id, report } => {
            feed(state, *id)?;
            time("report.published", report.published)?;
            price("report.price", report.price)?;
            price("report.confidence", report.confidence)?;
            money("report.depth", report.depth)
        }
        Event::Quoted { feed: id, quote } => {
            feed(state, *id)?;
            names::quote(quote)
        }
        Event::Marked(moved) => marked(&state.market, moved),
        Event::Surfaced { published, vols, .. } => {
            time("published", *published)?;
            vols.iter().try_for_each(|(instrument, vol)| {
                names::instrument(state, *instrument)?;
                volatility("vols", *vol)
            })
        }
        _ => Ok(()),
    }
}

/// A volatility is above 0.
pub fn volatility(path: &str, vol: Ratio) -> Checked {
    ratio(path, vol)?;
    expect(vol > Ratio::ZERO, path, vol, "above 0")
}

fn marked(market: &Market, moved: &Marked) -> Checked {
    let (underlyings, assets, instruments) = (market.underlyings.len(), market.assets.len(), market.instruments.len());
    for (id, vol) in &moved.vols {
        names::below("vols", id.0, instruments)?;
        volatility("vols", *vol)?;
    }
    for (id, index) in &moved.indices {
        names::below("indices", id.0, underlyings)?;
        self::index("indices", *index, market.underlyings[id.0].scale.is_some())?;
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

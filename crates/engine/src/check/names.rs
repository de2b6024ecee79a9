//! Checks that named things exist, and that described things can exist.

use marks::{FeedRules, Quote};
use model::{AssetId, InstrumentId, Invalid, UnderlyingId};
use units::{Quantity, Ratio, Round};

use super::{Checked, expect, numbers};
use crate::state::{
    AssetTerms, Change, Holder, InstrumentTerms, Offer, Order, Position, Pot, Samples, State, check_outflow,
};
use crate::{AccountId, FeedId, LocationId};

/// Checks a number that is given in the order of listing.
pub fn below(path: &str, id: usize, names: usize) -> Checked {
    expect(id < names, path, id, format_args!("a number below {names}"))
}

/// Checks that there is room for one more numbered thing.
pub fn room(path: &str, names: usize, most: u64) -> Checked {
    expect(u64::try_from(names).is_ok_and(|names| names < most), path, names, format_args!("fewer than {most}"))
}

pub fn account(state: &State, id: AccountId) -> Checked {
    below("account", id.place(), state.accounts.len())
}

pub fn asset(state: &State, id: AssetId) -> Checked {
    below("asset", id.0, state.collateral.len())
}

pub fn underlying(state: &State, id: UnderlyingId) -> Checked {
    below("underlying", id.0, state.open_interest_usd.len())
}

pub fn instrument(state: &State, id: InstrumentId) -> Checked {
    below("instrument", id.0, state.contracts.len())
}

/// Checks the subject of a feed. The feed itself may have been removed with the last instrument that it priced.
pub fn feed(state: &State, id: FeedId) -> Checked {
    match id {
        FeedId::Index(of) | FeedId::Forward(of, _) => underlying(state, of),
        FeedId::Asset(of) => asset(state, of),
        FeedId::Premium(of) => instrument(state, of),
        FeedId::Surface => Ok(()),
    }
}

/// Checks that a feed is listed, so that `apply` can change it.
pub fn listed_feed(state: &State, id: FeedId) -> Checked {
    expect(state.feeds.contains_key(&id), "feed", id, "a feed that is listed")
}

/// Checks that an account is in liquidation.
pub fn case(state: &State, id: AccountId) -> Checked {
    account(state, id)?;
    expect(state.liquidations.cases.contains_key(&id), "account", id, "an account in liquidation")
}

pub fn location(state: &State, id: Option<LocationId>) -> Checked {
    id.map_or(Ok(()), |id| below("location", usize::from(id.0), state.locations.len()))
}

pub fn pot(state: &State, pot: Pot) -> Checked {
    match pot {
        Pot::Custody(place) => location(state, place),
        Pot::Clearing(id) => instrument(state, id),
        Pot::MarketFund(id) => underlying(state, id),
        Pot::Fees | Pot::Rounding | Pot::SharedFund => Ok(()),
    }
}

/// Checks the holder of an amount. Its `path` is put before the path of a fault.
pub fn holder(state: &State, path: &str, holder: &Holder) -> Checked {
    let named = match holder {
        Holder::Account(id, place) => account(state, *id).and_then(|()| location(state, *place)),
        Holder::Pot(held) => pot(state, *held),
    };
    named.map_err(|invalid| Invalid { path: format!("{path}.{}", invalid.path), ..invalid })
}

/// Checks that lots can change their sign.
fn lots(lots: i64) -> Checked {
    expect(lots > i64::MIN, "lots", lots, "a number that has a negative")
}

pub fn position(state: &State, position: &Position) -> Checked {
    instrument(state, position.instrument)?;
    lots(position.lots)?;
    numbers::quantity("cost", position.cost)
}

pub fn order(state: &State, order: &Order) -> Checked {
    instrument(state, order.instrument)?;
    expect(order.lots > 0, "order.lots", order.lots, "above 0")?;
    numbers::price("order.limit", order.limit)
}

pub fn offer(state: &State, offer: &Offer) -> Checked {
    instrument(state, offer.instrument)?;
    lots(offer.lots)?;
    numbers::price("offer.worst", offer.worst)
}

/// Checks that another sample fits into a settlement window.
pub fn samples(samples: &Samples) -> Checked {
    numbers::price("samples.sum", samples.sum.in_counter())?;
    let fits = samples.count < u32::MAX;
    expect(fits, "samples.count", samples.count, format_args!("fewer than {}", u32::MAX))
}

pub fn quote(quote: &Quote) -> Checked {
    let prices = [
        ("quote.price", quote.price),
        ("quote.index", quote.index),
        ("quote.confidence", quote.confidence),
        ("quote.fast", quote.fast),
        ("quote.slow", quote.slow),
    ];
    prices.into_iter().try_for_each(|(path, price)| numbers::price(path, price))?;
    [("quote.published", quote.published), ("quote.at", quote.at)]
        .into_iter()
        .try_for_each(|(path, time)| numbers::time(path, time))
}

pub fn rules(path: &str, rules: &FeedRules) -> Checked {
    rules.check().map_err(|bad| Invalid::new(format!("{path}.{}", bad.field), bad.found, bad.expected))
}

/// Checks the terms of an asset that the market does not check when it is listed.
pub fn asset_terms(state: &State, terms: &AssetTerms) -> Checked {
    terms.follows.map_or(Ok(()), |id| underlying(state, id))?;
    terms.feed.iter().try_for_each(|feed| rules("feed", feed))?;
    numbers::price("reference", terms.reference)?;
    numbers::quantity("cap", terms.cap)
}

/// Checks the terms of an instrument that the market does not check when it is listed, above all that a lot has a size.
pub fn instrument_terms(terms: &InstrumentTerms) -> Checked {
    terms.feed.iter().try_for_each(|feed| rules("feed", feed))?;
    terms.expiry().map_or(Ok(()), |expiry| numbers::time("expiry", expiry))?;
    fee_rate(terms.fee_rate)?;
    let unit = terms.lot.times(terms.contract_size, Round::Down).ok();
    let sized = unit.is_some_and(|unit| unit > Quantity::ZERO && numbers::quantity("unit", unit).is_ok());
    let expected = format_args!("a size that times the contract size, {}, is an amount", terms.contract_size);
    expect(sized, "lot", terms.lot, expected)
}

/// Checks the fee that the margin reckons with: nobody is paid to close a position.
pub fn fee_rate(rate: Option<Ratio>) -> Checked {
    let Some(rate) = rate else { return Ok(()) };
    numbers::ratio("fee_rate", rate)?;
    expect(rate >= Ratio::ZERO, "fee_rate", rate, "0 or more")
}

/// Refuses a change that names something the state does not have.
pub fn change(state: &State, change: &Change) -> Checked {
    match change {
        Change::Method { .. } => Ok(()),
        Change::Cap { asset: id, cap } => {
            asset(state, *id)?;
            numbers::quantity("cap", *cap)
        }
        Change::Feed { feed: id, rules: fresh } => {
            feed(state, *id)?;
            rules("rules", fresh)
        }
        Change::Limits { instrument: id, .. } => instrument(state, *id),
        Change::OpenInterest { underlying: id, usd } => {
            underlying(state, *id)?;
            numbers::money("usd", *usd)
        }
        Change::Outflow { window, share, floor } => check_outflow((*window, *share, *floor)),
        Change::FundOut { fund, asset: id, amount } => {
            pot(state, *fund)?;
            asset(state, *id)?;
            numbers::quantity("amount", *amount)
        }
        Change::SettlementPrice { instrument: id, price } => {
            instrument(state, *id)?;
            numbers::price("price", price.in_counter())
        }
    }
}

//! Assembles listings, indices and forwards into one document.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use model::{AssetDocument, CounterPrice, ExpiryDocument, MARKET_FORMAT, MarketDocument, UnderlyingDocument, UsdPrice};
use units::Timestamp;

use super::indices::{Indices, in_usd};
use super::listing::{Kind, Listing, Moment};
use super::pairs::Currencies;
use super::{ImportError, USD};
use crate::currency;

/// The forwards, by underlying and expiry.
pub type Forwards<'a> = BTreeMap<(&'a str, Option<Timestamp>), ExpiryDocument>;

/// The forward of every expiry, from the best listing that gives one.
pub fn forwards<'a>(
    listings: &[Listing<'a>],
    indices: &Indices<'_>,
    moment: Moment,
) -> Result<Forwards<'a>, ImportError> {
    let mut best: BTreeMap<_, (_, &Listing<'a>, CounterPrice)> = BTreeMap::new();
    for listing in listings.iter().filter(|listing| listing.kind.expiry().is_some()) {
        let is_option = matches!(listing.kind, Kind::Option { .. });
        let future = CounterPrice::new(listing.mark.in_quote());
        let forward = if is_option { listing.prices.forward } else { Some(future) };
        let Some(forward) = forward else { continue };
        let distance = moment.distance(listing.prices.time);
        let rank = (is_option, listing.forward_quote() == USD, Reverse(distance));
        let key = listing.expiry_key();
        if best.get(&key).is_none_or(|(other, ..)| rank >= *other) {
            best.insert(key, (rank, listing, forward));
        }
    }
    let mut forwards = BTreeMap::new();
    for (key, (_, listing, forward)) in best {
        let Some(expiry) = key.1 else { continue };
        let quote = indices.price_for(listing.forward_quote(), listing)?;
        let forward = in_usd(forward.in_counter(), quote).map_err(|overflow| listing.overflow(overflow))?;
        let rate = listing.prices.rate;
        forwards.insert(key, ExpiryDocument { expiry, forward, rate, forward_settled: None, confidence: None });
    }
    Ok(forwards)
}

/// Builds the document of all listings.
pub fn assemble(
    listings: &[Listing<'_>],
    indices: &Indices<'_>,
    forwards: &Forwards<'_>,
    currencies: &Currencies<'_>,
    moment: Moment,
) -> Result<MarketDocument, ImportError> {
    let mut underlyings: BTreeMap<&str, UsdPrice> = BTreeMap::new();
    for listing in listings {
        if !underlyings.contains_key(listing.base) {
            underlyings.insert(listing.base, indices.index_of(listing)?);
        }
    }
    let assets = assets(listings, &underlyings, indices, currencies)?;
    let expiries_of = |base: &str| {
        let own = forwards.iter().filter(|((underlying, _), _)| *underlying == base);
        own.map(|(_, expiry)| expiry.clone()).collect()
    };
    Ok(MarketDocument {
        format: MARKET_FORMAT.into(),
        time: moment.time,
        assets,
        underlyings: underlyings
            .into_iter()
            .map(|(base, index)| UnderlyingDocument {
                underlying: base.into(),
                index: Some(index),
                basket: None,
                scale: None,
                confidence: None,
                expiries: expiries_of(base),
                depth: None,
                adv_usd: None,
            })
            .collect(),
        instruments: listings.iter().map(Listing::document).collect::<Result<_, _>>()?,
    })
}

/// The assets of the document: the underlyings at their index, all currencies that the caller prices, the currencies of
/// spot pairs that are not listed, and all quote and settlement currencies.
fn assets(
    listings: &[Listing<'_>],
    underlyings: &BTreeMap<&str, UsdPrice>,
    indices: &Indices<'_>,
    currencies: &Currencies<'_>,
) -> Result<Vec<AssetDocument>, ImportError> {
    let mut assets = underlyings.clone();
    assets.extend(currencies.assets.iter().filter(|(asset, _)| !underlyings.contains_key(**asset)));
    assets
        .extend(indices.given.iter().filter(|(asset, _)| *asset != USD).map(|(asset, price)| (asset.as_str(), *price)));
    for listing in listings {
        for asset in BTreeSet::from([listing.quote, listing.settle]) {
            if asset != USD && !assets.contains_key(asset) {
                assets.insert(asset, indices.price_for(asset, listing)?);
            }
        }
    }
    let document = |(asset, price): (&str, UsdPrice)| {
        // The currency in which linear options are paid follows no coin, whatever its name.
        let none = BTreeMap::new();
        currency::asset(asset, price, if currencies.paid.contains(asset) { &none } else { underlyings })
    };
    Ok(assets.into_iter().map(document).collect())
}

//! What underlyings and currencies are worth in USD.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use model::{MarketDocument, UsdPrice};
use units::{Overflow, Price, Ratio, Round, Timestamp};

use super::listing::{Listing, Moment};
use super::records::Records;
use super::{ImportError, USD};
use crate::moment::distance;

/// Delivery prices average over the last half hour; before that they are the index.
const DELIVERY_WINDOW: Duration = Duration::from_mins(30);

/// Indices by pair, the best of each.
pub struct Indices<'a> {
    best: BTreeMap<(&'a str, &'a str), Index>,
    pub given: BTreeMap<String, UsdPrice>,
    moment: Moment,
}

#[derive(Clone, Copy)]
struct Index {
    price: Price,
    /// Whether it was said to be an index, and not only a delivery price.
    stated: bool,
    distance: Duration,
    time: Timestamp,
}

impl<'a> Indices<'a> {
    /// Those of index frames and of the marks that hold.
    pub fn of(listings: &[Listing<'a>], records: &'a Records<'_>, moment: Moment) -> Self {
        let mut indices = Self { best: BTreeMap::new(), given: BTreeMap::new(), moment };
        for index in &records.indices {
            indices.offer((&index.base, &index.quote), index.time, index.price, true);
        }
        for listing in listings {
            let pair = (listing.base, listing.index_quote);
            let time = listing.prices.time;
            let averaging = |expiry: Timestamp| distance(expiry, time) <= DELIVERY_WINDOW;
            match (listing.prices.index, listing.prices.delivery) {
                (Some(price), _) => indices.offer(pair, time, price, true),
                (None, Some(price)) if !listing.kind.expiry().is_some_and(averaging) => {
                    indices.offer(pair, time, price, false);
                }
                _ => {}
            }
        }
        indices
    }

    /// Keeps an index when it is the best so far of its pair.
    fn offer(&mut self, pair: (&'a str, &'a str), time: Timestamp, price: Price, stated: bool) {
        let distance = self.moment.distance(time);
        if distance > self.moment.window {
            return;
        }
        let offered = Index { price, stated, distance, time };
        // The last two leave nothing to the order of reading.
        let rank = |index: &Index| (index.stated, Reverse(index.distance), Reverse(index.time), index.price);
        let best = self.best.entry(pair).or_insert(offered);
        if rank(&offered) >= rank(best) {
            *best = offered;
        }
    }

    /// USD per unit of `asset`, when the caller or an index says: one in USD, else the first by name whose quote the
    /// caller or an index in USD prices.
    pub fn price_of(&self, asset: &str) -> Option<UsdPrice> {
        let stated = |asset: &str| {
            let one = (asset == USD).then_some(UsdPrice::ONE);
            let index = || Some(UsdPrice::new(self.best.get(&(asset, USD))?.price));
            one.or_else(|| self.given.get(asset).copied()).or_else(index)
        };
        stated(asset).or_else(|| {
            let mut own = self.best.iter().filter(|((base, _), _)| *base == asset);
            own.find_map(|((_, quote), index)| in_usd(index.price, stated(quote)?).ok())
        })
    }

    /// USD per unit of `asset`, which `listing` needs.
    pub fn price_for(&self, asset: &str, listing: &Listing<'_>) -> Result<UsdPrice, ImportError> {
        self.price_of(asset)
            .ok_or_else(|| ImportError::NoPrice { asset: asset.into(), instrument: listing.name.into() })
    }

    /// USD per unit of what `listing` depends on: the index in USD, else the first by name whose quote has a price.
    pub fn index_of(&self, listing: &Listing<'_>) -> Result<UsdPrice, ImportError> {
        if let Some(index) = self.best.get(&(listing.base, USD)) {
            return Ok(UsdPrice::new(index.price));
        }
        let own = || self.best.iter().filter(|((base, _), _)| *base == listing.base);
        let priced = own().find_map(|((_, quote), index)| Some((index.price, self.price_of(quote)?)));
        let Some((price, quote)) = priced else {
            // Refuses for want of a price when there is an index to convert, else for want of an index.
            for ((_, quote), _) in own() {
                self.price_for(quote, listing)?;
            }
            let (underlying, Moment { time, window }) = (listing.base.into(), self.moment);
            return Err(ImportError::NoIndex { underlying, time, window });
        };
        in_usd(price, quote).map_err(|overflow| listing.overflow(overflow))
    }

    /// What a reader of the report should know of them.
    pub fn notes(&self, document: &MarketDocument) -> Vec<String> {
        let unstated = self.best.iter().filter(|(_, index)| !index.stated);
        let mut notes: Vec<String> = unstated
            .map(|((base, quote), index)| {
                format!("index {base}/{quote} {}: from estimated_delivery_price, no index_price was given", index.price)
            })
            .collect();
        let listed = |asset: &&String| document.assets.iter().any(|entry| entry.asset == **asset);
        notes.extend(self.given.keys().filter(listed).map(|asset| format!("price of {asset}: as given by the caller")));
        notes
    }
}

/// A price in a currency that costs `quote`.
pub fn in_usd(price: Price, quote: UsdPrice) -> Result<UsdPrice, Overflow> {
    price.scaled(Ratio::from_raw(quote.usd().raw()), Round::Down).map(UsdPrice::new)
}

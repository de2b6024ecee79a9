//! Finds the prices of underlyings and currencies in USD.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use model::{MarketDocument, UsdPrice};
use units::{Overflow, Price, Ratio, Round, Timestamp};

use super::listing::{Listing, Moment};
use super::records::Records;
use super::{ImportError, USD};
use crate::moment::distance;

/// A delivery price averages over the last half hour; before that it equals the index.
const DELIVERY_WINDOW: Duration = Duration::from_mins(30);

/// Indices by pair, the best one of each.
pub struct Indices<'a> {
    best: BTreeMap<(&'a str, &'a str), Index>,
    pub given: BTreeMap<String, UsdPrice>,
    moment: Moment,
}

#[derive(Clone, Copy)]
struct Index {
    price: Price,
    /// Whether the answer called it an index, not only a delivery price.
    stated: bool,
    distance: Duration,
    time: Timestamp,
}

impl<'a> Indices<'a> {
    /// The indices of index frames and of the marks that are used.
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

    /// Keeps an index when it is the best of its pair so far.
    fn offer(&mut self, pair: (&'a str, &'a str), time: Timestamp, price: Price, stated: bool) {
        let distance = self.moment.distance(time);
        if distance > self.moment.window {
            return;
        }
        let offered = Index { price, stated, distance, time };
        // The last two make the choice independent of the order of reading.
        let rank = |index: &Index| (index.stated, Reverse(index.distance), Reverse(index.time), index.price);
        let best = self.best.entry(pair).or_insert(offered);
        if rank(&offered) >= rank(best) {
            *best = offered;
        }
    }

    /// USD per unit of `asset`, if the caller or an index gives it: an index in USD, else the first index by name with
    /// a quote that the caller or an index in USD prices.
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

    /// USD per unit of `asset`; the error names `listing`, which needs it.
    pub fn price_for(&self, asset: &str, listing: &Listing<'_>) -> Result<UsdPrice, ImportError> {
        self.price_of(asset)
            .ok_or_else(|| ImportError::NoPrice { asset: asset.into(), instrument: listing.name.into() })
    }

    /// USD per unit of the underlying of `listing`: the index in USD, else the first index by name whose quote has a
    /// price.
    pub fn index_of(&self, listing: &Listing<'_>) -> Result<UsdPrice, ImportError> {
        if let Some(index) = self.best.get(&(listing.base, USD)) {
            return Ok(UsdPrice::new(index.price));
        }
        let own = || self.best.iter().filter(|((base, _), _)| *base == listing.base);
        let priced = own().find_map(|((_, quote), index)| Some((index.price, self.price_of(quote)?)));
        let Some((price, quote)) = priced else {
            // When there is an index to convert, the error names the missing price, else the missing index.
            for ((_, quote), _) in own() {
                self.price_for(quote, listing)?;
            }
            let (underlying, Moment { time, window }) = (listing.base.into(), self.moment);
            return Err(ImportError::NoIndex { underlying, time, window });
        };
        in_usd(price, quote).map_err(|overflow| listing.overflow(overflow))
    }

    /// Notes on the indices for the reader of the report.
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

/// Converts a price to USD from a currency of which one unit costs `quote`.
pub fn in_usd(price: Price, quote: UsdPrice) -> Result<UsdPrice, Overflow> {
    price.scaled(Ratio::from_raw(quote.usd().raw()), Round::Down).map(UsdPrice::new)
}

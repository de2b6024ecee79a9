//! Decides which currencies of the listings are coins with their own risk, and which are only held and paid with.
//!
//! A market lists spot on an underlying: a coin with its own risk. The base of a pair such as `USDC_USDT`, `EURR_USDC`
//! or `STETH_USDC` is no such coin; the currencies of these pairs are assets, and STETH follows ETH. Nor can a currency
//! be both the underlying of a contract and the currency in which linear options are paid.

use std::collections::{BTreeMap, BTreeSet};

use model::{Payoff, UsdPrice};

use super::USD;
use super::indices::{Indices, in_usd};
use super::listing::{Kind, Listing};
use crate::currency::{is_money, wrapped};
use crate::report::{LeftOut, Reason};

/// The classification of the currencies in some listings.
pub struct Currencies<'a> {
    /// The currencies in which linear options are quoted and paid: they follow no coin.
    pub paid: BTreeSet<&'a str>,
    /// Currencies of spot pairs that are not listed, with their prices in USD.
    pub assets: BTreeMap<&'a str, UsdPrice>,
    /// Coins on which there are only spot pairs.
    pub only_spot: Vec<&'a str>,
}

impl<'a> Currencies<'a> {
    /// Removes from `listings` the instruments that no market can list, and counts them in `left_out`.
    pub fn of(listings: &mut Vec<Listing<'a>>, indices: &Indices<'a>, left_out: &mut LeftOut) -> Self {
        let paid = paid_in(listings, |listing| matches!(listing.kind, Kind::Option { .. }));
        let mut currencies = Self { paid, assets: BTreeMap::new(), only_spot: Vec::new() };
        keep_contracts(listings, indices, left_out);
        currencies.keep_pairs(listings, indices, left_out);
        currencies
    }

    fn keep_pairs(&mut self, listings: &mut Vec<Listing<'a>>, indices: &Indices<'a>, left_out: &mut LeftOut) {
        let mut coins: BTreeMap<&str, UsdPrice> = BTreeMap::new();
        for listing in contracts(listings) {
            coins.extend(indices.index_of(listing).ok().map(|index| (listing.base, index)));
        }
        let mut pairs: Vec<Listing<'a>> =
            listings.extract_if(.., |listing| matches!(listing.kind, Kind::Spot)).collect();
        // A coin is handled before the tokens that wrap it.
        pairs.sort_by_key(|pair| (pair.base.len(), pair.name));
        for pair in pairs {
            match self.listed(&pair, &coins, indices) {
                Ok(index) => {
                    if coins.insert(pair.base, index).is_none() {
                        self.only_spot.push(pair.base);
                    }
                    listings.push(pair);
                }
                Err(reason) => left_out.add(reason, pair.name),
            }
        }
        listings.sort_by_key(|listing| listing.name);
    }

    /// The index of the coin of a spot pair, or the reason why the pair is not listed.
    fn listed(
        &mut self,
        pair: &Listing<'a>,
        coins: &BTreeMap<&'a str, UsdPrice>,
        indices: &Indices<'a>,
    ) -> Result<UsdPrice, Reason> {
        let quote = indices.price_of(pair.quote).ok_or(Reason::NoPrice)?;
        if let Some(index) = coins.get(pair.base) {
            let circular = wrapped(pair.quote, quote, coins) == Some(pair.base);
            return if circular { Err(self.held(pair, (*index, quote))) } else { Ok(*index) };
        }
        let own = indices.price_of(pair.base);
        let price = own.or_else(|| in_usd(pair.mark.in_quote(), quote).ok()).filter(|price| *price > UsdPrice::ZERO);
        let price = price.ok_or(Reason::NoPrice)?;
        let is_asset = self.paid.contains(pair.base) || is_money(pair.base, Some(price));
        if is_asset || wrapped(pair.base, price, coins).is_some() {
            return Err(self.held(pair, (price, quote)));
        }
        indices.index_of(pair).map_err(|_| Reason::NoPrice)
    }

    /// Keeps both currencies of a pair as assets.
    fn held(&mut self, pair: &Listing<'a>, (base, quote): (UsdPrice, UsdPrice)) -> Reason {
        self.assets.insert(pair.base, base);
        self.assets.insert(pair.quote, quote);
        self.assets.remove(USD);
        Reason::AssetPair
    }
}

/// Keeps contracts on coins that are not paid in another coin, and every spot pair.
fn keep_contracts(listings: &mut Vec<Listing<'_>>, indices: &Indices<'_>, left_out: &mut LeftOut) {
    let on: BTreeSet<&str> = contracts(listings).map(|listing| listing.base).collect();
    let pays = paid_in(listings, |_| true);
    let is_coin = |code: &str| on.contains(code) && !(pays.contains(code) && is_money(code, indices.price_of(code)));
    listings.retain(|listing| {
        let is_linear_option = matches!(listing.kind, Kind::Option { .. }) && listing.payoff == Payoff::Linear;
        let refused = match listing.kind {
            Kind::Spot => None,
            _ if !is_coin(listing.base) => Some(Reason::OnCurrency),
            _ if is_linear_option && is_coin(listing.quote) => Some(Reason::PaidInCoin),
            _ => None,
        };
        refused.inspect(|reason| left_out.add(*reason, listing.name)).is_none()
    });
}

fn contracts<'l, 'a>(listings: &'l [Listing<'a>]) -> impl Iterator<Item = &'l Listing<'a>> {
    listings.iter().filter(|listing| !matches!(listing.kind, Kind::Spot))
}

/// The currencies in which linear contracts among some listings are quoted and paid.
fn paid_in<'a>(listings: &[Listing<'a>], among: impl Fn(&Listing<'a>) -> bool) -> BTreeSet<&'a str> {
    let linear = contracts(listings).filter(|listing| listing.payoff == Payoff::Linear && among(listing));
    linear.flat_map(|listing| [listing.quote, listing.settle]).collect()
}

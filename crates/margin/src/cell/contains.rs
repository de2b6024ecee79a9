//! Whether a market lies in a cell: compares every number that an assessment reads.

use std::sync::Arc;

use model::{AssetId, Instrument, InstrumentId, Market, Payoff, UnderlyingId, UsdPrice};

use super::{Cell, bounds};

impl Cell {
    /// Whether every certificate of the cell holds in `market`: the same listings and terms, and every price, ratio and
    /// volatility within the box.
    pub fn contains(&self, market: &Market) -> bool {
        self.contains_rest(market)
            && (0..self.market.underlyings.len()).all(|place| self.contains_underlying(market, UnderlyingId(place)))
    }

    /// The part of [`Self::contains`] that belongs to no underlying: the time, the listings, what can be traded, and the
    /// prices of assets that follow no underlying.
    fn contains_rest(&self, market: &Market) -> bool {
        let (anchor, peg) = (&self.market, self.width.peg);
        let (held, now) = (&anchor.quotes.prices, &market.quotes.prices);
        anchor.time <= market.time
            && market.time <= self.end
            && (Arc::ptr_eq(&anchor.listings, &market.listings) || anchor.listings == market.listings)
            && same_liquidity(anchor, market)
            && anchor.assets.iter().zip(held.iter().zip(now)).all(|(asset, (held, now))| {
                let prices = [now, held].map(|price| price.usd().to_f64());
                asset.follows.is_some() || near(prices, [1.0; 2], peg) && self.same_class(&asset.name, prices)
            })
    }

    /// Whether an asset that follows no underlying is a stablecoin at both prices or at neither: FAM-9 moves it otherwise
    /// when it is none any more.
    fn same_class(&self, name: &str, prices: [f64; 2]) -> bool {
        let [now, held] = prices.map(|price| self.rules.depeg.is_stablecoin(name, price));
        now == held
    }

    /// The part of [`Self::contains`] that belongs to one underlying: its index, forwards, marks and volatilities, and
    /// the assets that follow it. Computes one price for each of its options.
    fn contains_underlying(&self, market: &Market, id: UnderlyingId) -> bool {
        let anchor = &self.market;
        let (held, now) = (anchor.expiries(id), market.expiries(id));
        if held.len() != now.len() {
            return false;
        }
        // Nothing that depends on a basket can be held (CELL-3), and no move of another underlying depends on it. Nor has an
        // underlying whose price may be zero or negative a row. So neither can break a certificate.
        if anchor.is_basket(id) || anchor.underlyings[id.0].scale.is_some() {
            return true;
        }
        let ([index, before], basis) = ([market.index(id), anchor.index(id)], self.width.basis);
        let usd = |prices: [UsdPrice; 2]| prices.map(|price| price.usd().to_f64());
        if !near(usd([index, before]), [1.0; 2], self.width.index) {
            return false;
        }
        let along = |now: UsdPrice, held: UsdPrice| near(usd([now, held]), usd([index, before]), basis);
        // Nor can an expiry that had passed at the anchor.
        let coming = self.coming(id);
        let expiries = coming.iter().zip(&now[held.len() - coming.len()..]).all(|(held, now)| {
            held.time == now.time
                && held.rate == now.rate
                && (held.forward_settled == UsdPrice::ZERO) == (now.forward_settled == UsdPrice::ZERO)
                && along(now.forward, held.forward)
        });
        let assets = || {
            let follow = |asset: &AssetId| anchor.assets[asset.0].follows == Some(id);
            (0..anchor.assets.len()).map(AssetId).filter(follow).all(|id| along(market.price(id), anchor.price(id)))
        };
        let sits = |listing: &Instrument| {
            if listing.is_option() {
                return self.near_option(listing, market);
            }
            let units = [market.usd_per_quote(listing), anchor.usd_per_quote(listing)];
            let indices = [index.in_units_of(units[0]), before.in_units_of(units[1])];
            near([market, anchor].map(|market| market.mark(listing.id).in_quote().to_f64()), indices, basis)
        };
        let instruments = || {
            self.coming[id.0].iter().all(|place| {
                let [held, now] = [anchor, market].map(|market| market.quote(InstrumentId(*place)));
                held.iv.is_some() == now.iv.is_some()
                    && held.funding_rate_8h == now.funding_rate_8h
                    && (self.contracts[*place].is_none() || sits(&anchor.instruments[*place]))
            })
        };
        expiries && assets() && instruments()
    }

    fn near_option(&self, listing: &Instrument, market: &Market) -> bool {
        let (Some(anchor), Some(vol)) = (self.market.iv(listing.id), market.iv(listing.id)) else { return false };
        let unit = match listing.payoff {
            Payoff::Linear => self.market.index(listing.underlying).usd().to_f64(),
            Payoff::Inverse => 1.0,
        };
        let ratio = vol.to_f64() / anchor.to_f64() - 1.0;
        let gap = || bounds::gap(listing, market).map_or(f64::NAN, |(gap, _)| gap - self.gaps[listing.id.0]);
        ratio.abs() <= self.width.vol + SHAVE && gap().abs() <= (self.width.mark + SHAVE) * unit
    }
}

/// The rounding error of a comparison. The bounds leave ten times as much room ([`bounds::ERROR`]).
const SHAVE: f64 = 1e-13;

/// Whether the ratio of a price to an index in the same currency is near its value at the anchor.
fn near([now, held]: [f64; 2], [index, anchor]: [f64; 2], width: f64) -> bool {
    ((now / index) / (held / anchor) - 1.0).abs() <= width + SHAVE
}

/// Whether the order books and volumes, which charges are computed from, are the same.
fn same_liquidity(held: &Market, now: &Market) -> bool {
    let (held, now) = (&held.turnover, &now.turnover);
    Arc::ptr_eq(held, now) || (held.assets == now.assets && held.underlyings == now.underlyings)
}

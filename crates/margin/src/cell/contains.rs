//! Whether a market lies in a cell: compares every number that an assessment reads.

use model::{Asset, Instrument, InstrumentKind, Market, Payoff, UnderlyingId, UsdPrice};

use super::{Cell, bounds};

impl Cell {
    /// Whether every certificate of the cell holds in `market`: the same listings and terms, and every price, ratio and
    /// volatility within the box.
    pub fn contains(&self, market: &Market) -> bool {
        self.contains_rest(market)
            && (0..self.market.underlyings.len()).all(|place| self.contains_underlying(market, UnderlyingId(place)))
    }

    /// The part of [`Self::contains`] that belongs to no underlying: the time, the lists, and assets that follow no
    /// underlying.
    pub fn contains_rest(&self, market: &Market) -> bool {
        let (anchor, peg) = (&self.market, self.width.peg);
        anchor.time <= market.time
            && market.time <= self.end
            && anchor.assets.len() == market.assets.len()
            && anchor.underlyings.len() == market.underlyings.len()
            && anchor.instruments.len() == market.instruments.len()
            && anchor.assets.iter().zip(&market.assets).all(|(held, now)| {
                held.follows.is_some()
                    || (same_asset(held, now)
                        && near([now, held].map(|asset| asset.price.usd().to_f64()), [1.0; 2], peg))
            })
    }

    /// The part of [`Self::contains`] that belongs to one underlying: its index, forwards, marks and volatilities, and
    /// the assets that follow it. Computes one price for each of its options.
    pub fn contains_underlying(&self, market: &Market, id: UnderlyingId) -> bool {
        let (Some(held), Some(now)) = (self.market.underlyings.get(id.0), market.underlyings.get(id.0)) else {
            return false;
        };
        if held.name != now.name || held.adv_usd != now.adv_usd || held.expiries.len() != now.expiries.len() {
            return false;
        }
        // Nothing that depends on a basket can be held (CELL-3), and no move of another underlying depends on it.
        if held.basket.is_some() || now.basket.is_some() {
            return held.basket == now.basket;
        }
        // An underlying whose price may be zero or negative has no row (CELL-3), so it cannot break a certificate.
        if held.scale.is_some() || now.scale.is_some() {
            return held.scale == now.scale;
        }
        let ([index, anchor], basis) = ([now.index, held.index], self.width.basis);
        let usd = |prices: [UsdPrice; 2]| prices.map(|price| price.usd().to_f64());
        if !near(usd([index, anchor]), [1.0; 2], self.width.index) {
            return false;
        }
        let along = |now: UsdPrice, held: UsdPrice| near(usd([now, held]), usd([index, anchor]), basis);
        // Nor can an expiry that had passed at the anchor.
        let coming = self.coming(id);
        let expiries = coming.iter().zip(&now.expiries[held.expiries.len() - coming.len()..]).all(|(held, now)| {
            held.time == now.time
                && held.rate == now.rate
                && (held.forward_settled == UsdPrice::ZERO) == (now.forward_settled == UsdPrice::ZERO)
                && along(now.forward, held.forward)
        });
        let follow = |asset: &&Asset| asset.follows == Some(id);
        let assets = || {
            let pairs = self.market.assets.iter().zip(&market.assets).filter(|(held, _)| follow(held));
            pairs.into_iter().all(|(held, now)| same_asset(held, now) && along(now.price, held.price))
        };
        let instruments = || {
            self.coming[id.0].iter().all(|place| {
                let (place, held) = (*place, &self.market.instruments[*place]);
                let Some(now) = market.instruments.get(place) else { return false };
                let sits = self.contracts[place].is_none()
                    || if held.is_option() {
                        self.near_option(place, held, now, market)
                    } else {
                        let units = [market.usd_per_quote(now), self.market.usd_per_quote(held)];
                        let indices = [index.in_units_of(units[0]), anchor.in_units_of(units[1])];
                        near([now.mark, held.mark].map(|mark| mark.in_quote().to_f64()), indices, basis)
                    };
                same_terms(held, now) && sits
            })
        };
        expiries && assets() && instruments()
    }

    fn near_option(&self, place: usize, held: &Instrument, now: &Instrument, market: &Market) -> bool {
        let (InstrumentKind::Option { iv: Some(anchor), .. }, InstrumentKind::Option { iv: Some(vol), .. }) =
            (&held.kind, &now.kind)
        else {
            return false;
        };
        let unit = match held.payoff {
            Payoff::Linear => self.market.underlyings[held.underlying.0].index.usd().to_f64(),
            Payoff::Inverse => 1.0,
        };
        let ratio = vol.to_f64() / anchor.to_f64() - 1.0;
        let gap = || bounds::gap(now, market).map_or(f64::NAN, |(gap, _)| gap - self.gaps[place]);
        ratio.abs() <= self.width.vol + SHAVE && gap().abs() <= (self.width.mark + SHAVE) * unit
    }
}

/// The rounding error of a comparison. The bounds leave ten times as much room ([`bounds::ERROR`]).
const SHAVE: f64 = 1e-13;

/// Whether the ratio of a price to an index in the same currency is near its value at the anchor.
fn near([now, held]: [f64; 2], [index, anchor]: [f64; 2], width: f64) -> bool {
    ((now / index) / (held / anchor) - 1.0).abs() <= width + SHAVE
}

fn same_asset(held: &Asset, now: &Asset) -> bool {
    held.name == now.name && held.follows == now.follows && held.depth == now.depth && held.adv_usd == now.adv_usd
}

fn same_terms(held: &Instrument, now: &Instrument) -> bool {
    let kind = match (&held.kind, &now.kind) {
        (
            InstrumentKind::Option { expiry, strike, right, iv },
            InstrumentKind::Option { expiry: e, strike: k, right: r, iv: v },
        ) => expiry == e && strike == k && right == r && iv.is_some() == v.is_some(),
        (held, now) => held == now,
    };
    kind && held.name == now.name
        && held.underlying == now.underlying
        && held.payoff == now.payoff
        && held.quote == now.quote
        && held.settle == now.settle
        && held.contract_size == now.contract_size
        && held.funding_rate_8h == now.funding_rate_8h
        && held.fee_rate == now.fee_rate
}

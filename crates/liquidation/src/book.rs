//! The expected cost of trading an instrument.

use model::{AssetId, Instrument, InstrumentKind, Market, Payoff};
use units::Quantity;

/// The order book of one instrument, as far as a liquidation may use it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OrderBook {
    /// Contracts a lot: trades are whole lots.
    pub lot: Quantity,
    /// Whether the instrument may be traded now.
    pub open: bool,
    /// Whether only trades that reduce a position are allowed.
    pub reduces_only: bool,
    /// Distance from the mark to the best price, as a part of the mark.
    pub half_spread: f64,
    /// USD of trading that move the price by one per cent.
    pub depth_usd: f64,
    /// Taker fee, as a part of the notional.
    pub fee: f64,
    /// Lots that may still be traded in this interval ([`crate::pace`]).
    pub room: i64,
    /// Lots that may be traded in a whole interval.
    pub whole_room: i64,
}

impl OrderBook {
    /// A room for any trade: used where trading is not paced.
    pub const UNLIMITED: i64 = i64::MAX;

    /// Value in USD of one lot of `listing`, as it counts towards a trade: the premium for options and spot, the size
    /// at the mark for everything else.
    pub fn lot_usd(&self, listing: &Instrument, market: &Market) -> f64 {
        let units = self.lot.to_f64() * listing.contract_size.to_f64();
        let price = |asset: AssetId| market.price(asset).usd().to_f64();
        match (&listing.kind, listing.payoff) {
            (InstrumentKind::Option { .. } | InstrumentKind::Spot, _) => {
                units * market.mark(listing.id).in_quote().to_f64() * price(listing.cash())
            }
            (_, Payoff::Linear) => units * market.moving_price(listing) * price(listing.settle),
            (_, Payoff::Inverse) => units * price(listing.quote),
        }
    }

    /// Expected cost of trading `notional` USD at once, in USD: half the spread, the fee, and half the market impact.
    /// The impact is linear in size: one per cent of the price for every `depth_usd`. Infinite where nothing trades.
    pub fn cost(&self, notional: f64) -> f64 {
        let size = notional.abs();
        if size == 0.0 {
            return 0.0;
        }
        if !self.open || self.depth_usd <= 0.0 {
            return f64::INFINITY;
        }
        size * (self.half_spread + self.fee + 0.5 * 0.01 * size / self.depth_usd)
    }

    /// The worst price at which `notional` USD may be traded, as a distance from the mark relative to the mark: the
    /// whole impact and half the spread, twice, because the market may move during the trade.
    pub fn worst(&self, notional: f64) -> f64 {
        2.0 * (self.half_spread + 0.01 * notional.abs() / self.depth_usd)
    }
}

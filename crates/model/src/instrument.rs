//! What can be traded.

use serde::{Deserialize, Serialize};
use units::{Money, Quantity, Ratio, Timestamp};

use crate::{AssetId, CounterPrice, QuotePrice, USD, UnderlyingId};

/// A tradable contract and what the market says of it at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instrument {
    /// The name positions and orders refer to.
    pub name: String,
    /// Spot, perpetual, future or option, with what only that kind has.
    pub kind: InstrumentKind,
    /// What its value depends on.
    pub underlying: UnderlyingId,
    /// How profit is counted.
    pub payoff: Payoff,
    /// The asset that the mark, bid and ask are written in.
    pub quote: AssetId,
    /// The asset that premium and profit are paid in: one unit for each unit of the quote that the price says.
    pub settle: AssetId,
    /// Units of the underlying per contract; for inverse perpetuals and futures units of the quote.
    pub contract_size: Quantity,
    /// The venue's mark price.
    pub mark: QuotePrice,
    /// Funding per eight hours, longs pay when positive (perpetuals).
    pub funding_rate_8h: Option<Ratio>,
    /// Best bid, in the quote.
    pub bid: Option<QuotePrice>,
    /// Best ask, in the quote.
    pub ask: Option<QuotePrice>,
    /// Contracts that are open at the venue.
    pub open_interest: Option<Quantity>,
    /// Contracts traded in a day.
    pub volume_24h: Option<Quantity>,
    /// The venue's fee to trade, as a share of the value it is charged on.
    pub fee_rate: Option<Ratio>,
    /// The venue's own delta, per unit of the underlying; used only by methods that say so.
    pub delta: Option<Ratio>,
}

/// What kind of contract, and what only that kind has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InstrumentKind {
    /// An exchange of one asset for another.
    Spot,
    /// A future without expiry, held to the index by funding.
    Perpetual,
    /// A dated future.
    Future {
        /// The moment of settlement.
        expiry: Timestamp,
    },
    /// A European option on the forward of its expiry.
    Option {
        /// The moment of settlement.
        expiry: Timestamp,
        /// The strike, in the counter currency ([`Instrument::counter_asset`]).
        strike: CounterPrice,
        /// Whether it is a call or a put.
        right: Right,
        /// Implied volatility of the mark, annualised; none when the venue gave none, and then it cannot be margined.
        iv: Option<Ratio>,
    },
}

/// The right an option gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// The right to buy.
    Call,
    /// The right to sell.
    Put,
}

impl Right {
    /// +1 for a call, −1 for a put: the sign of what the option gains when its forward rises.
    pub const fn sign(self) -> f64 {
        match self {
            Self::Call => 1.0,
            Self::Put => -1.0,
        }
    }
}

/// How profit is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payoff {
    /// In the quote, contract size in units of the underlying.
    Linear,
    /// In the coin itself. Perpetuals and futures: contract size in units of the quote. Options: premium in the coin.
    Inverse,
}

/// The side of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Adds to the position.
    Buy,
    /// Takes from the position.
    Sell,
}

impl Instrument {
    /// When it settles; none for spot and perpetuals.
    pub fn expiry(&self) -> Option<Timestamp> {
        match self.kind {
            InstrumentKind::Future { expiry } | InstrumentKind::Option { expiry, .. } => Some(expiry),
            InstrumentKind::Spot | InstrumentKind::Perpetual => None,
        }
    }

    /// The counter currency: the asset that this contract writes the price of its underlying in, such as its strike and
    /// its settlement price. It is the quote, but for a coin-margined option: its strike is in USD, its mark in the
    /// coin.
    pub fn counter_asset(&self) -> AssetId {
        if self.is_option() && self.payoff == Payoff::Inverse { USD } else { self.quote }
    }

    /// The mark as a price of the underlying, which it is in the counter currency for all but options; none of an
    /// option, whose mark is what the option itself costs.
    pub fn underlying_mark(&self) -> Option<CounterPrice> {
        (!self.is_option()).then(|| CounterPrice::new(self.mark.in_quote()))
    }

    /// The asset that the cash of a trade is paid in: the quote for spot, else the settlement asset.
    pub fn cash(&self) -> AssetId {
        if self.kind == InstrumentKind::Spot { self.quote } else { self.settle }
    }

    /// Whether this is an option.
    pub fn is_option(&self) -> bool {
        matches!(self.kind, InstrumentKind::Option { .. })
    }
}

/// What the order book holds within a distance of the mid: `usd` can be traded before the price moves `bps`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a level, an object with bps and usd")]
pub struct DepthLevel {
    /// Distance from the mid, in basis points.
    pub bps: Ratio,
    /// Value in the book up to there, in USD.
    pub usd: Money,
}

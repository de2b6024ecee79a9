//! Instruments: the contracts that can be traded.

use serde::{Deserialize, Serialize};
use units::{Money, Quantity, Ratio, Timestamp};

use crate::basket;
use crate::{AssetId, CounterPrice, InstrumentId, USD, UnderlyingId};

/// A tradable contract: its terms, which no price changes. Its prices are an [`crate::InstrumentQuote`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instrument {
    /// The number of the instrument in its market.
    pub id: InstrumentId,
    /// The name positions and orders refer to.
    pub name: String,
    /// Spot, perpetual, future or option, with the fields that only this kind has.
    pub kind: InstrumentKind,
    /// The underlying that its value depends on.
    pub underlying: UnderlyingId,
    /// Whether the contract is linear or inverse.
    pub payoff: Payoff,
    /// The asset that the mark, bid and ask are written in.
    pub quote: AssetId,
    /// The asset that premium and profit are paid in: one unit of it for each unit of the quote in the price.
    pub settle: AssetId,
    /// Units of the underlying per contract; for inverse perpetuals and futures units of the quote.
    pub contract_size: Quantity,
    /// The venue's trading fee, as a share of the value that it is charged on.
    pub fee_rate: Option<Ratio>,
    /// The venue that lists the contract; none for the venue whose engine this is. It is written in documents alone: a
    /// market that names a venue cannot be serialized.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none", serialize_with = "basket::not_serialized")]
    pub venue: Option<String>,
}

/// The kind of contract, with the fields that only this kind has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
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
    },
}

/// The right an option gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// The right to buy.
    Call,
    /// The right to sell.
    Put,
}

impl Right {
    /// +1 for a call, −1 for a put: the sign of the option's gain when its forward rises.
    pub const fn sign(self) -> f64 {
        match self {
            Self::Call => 1.0,
            Self::Put => -1.0,
        }
    }
}

/// How profit is counted: linear or inverse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Payoff {
    /// Profit in the quote; contract size in units of the underlying.
    Linear,
    /// Profit in the coin itself. Perpetuals and futures: contract size in units of the quote. Options: premium in the
    /// coin.
    Inverse,
}

/// The side of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// A buy order: adds to the position.
    Buy,
    /// A sell order: subtracts from the position.
    Sell,
}

impl Instrument {
    /// The moment of settlement; none for spot and perpetuals.
    pub fn expiry(&self) -> Option<Timestamp> {
        match self.kind {
            InstrumentKind::Future { expiry } | InstrumentKind::Option { expiry, .. } => Some(expiry),
            InstrumentKind::Spot | InstrumentKind::Perpetual => None,
        }
    }

    /// The counter currency: the asset that this contract writes the price of its underlying in, such as its strike and
    /// its settlement price. It is the quote for all contracts except coin-margined options: their strike is in USD,
    /// their mark in the coin.
    pub fn counter_asset(&self) -> AssetId {
        if self.is_option() && self.payoff == Payoff::Inverse { USD } else { self.quote }
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

/// One level of an order book: `usd` can be traded before the price moves by `bps` from the mid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a level, an object with bps and usd")]
pub struct DepthLevel {
    /// Distance from the mid, in basis points.
    pub bps: Ratio,
    /// Value in the book up to this distance, in USD.
    pub usd: Money,
}

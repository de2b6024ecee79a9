//! The documents as they are written, field by field: `upm.market/1` and `upm.portfolio/1`.
//!
//! Numbers are decimal text, times RFC 3339; a field that is not listed here is refused.

use serde::{Deserialize, Serialize};
use units::{Money, Quantity, Ratio, Timestamp};

pub use crate::instrument::DepthLevel;
use crate::{CounterPrice, Payoff, QuotePrice, Right, Side, UsdPrice};

/// The `format` of a market document.
pub const MARKET_FORMAT: &str = "upm.market/1";
/// The `format` of a portfolio document.
pub const PORTFOLIO_FORMAT: &str = "upm.portfolio/1";

/// `upm.market/1`: the world at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a market document, an object with format, time, assets, underlyings and instruments"
)]
pub struct MarketDocument {
    /// The name of the format: [`MARKET_FORMAT`].
    pub format: String,
    /// The moment of all prices.
    pub time: Timestamp,
    /// What can be a balance, a quote or a settlement currency.
    pub assets: Vec<AssetDocument>,
    /// What instruments depend on.
    pub underlyings: Vec<UnderlyingDocument>,
    /// What can be traded.
    pub instruments: Vec<InstrumentDocument>,
}

/// An asset and its price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an asset, an object with asset and price")]
pub struct AssetDocument {
    /// The asset's unique name.
    pub asset: String,
    /// Price of a unit, in USD.
    pub price: UsdPrice,
    /// The underlying whose moves it shares; the underlying of the same name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<String>,
    /// Value in its order book.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<Vec<DepthLevel>>,
    /// Average daily volume, in USD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adv_usd: Option<Money>,
}

/// An underlying, its index and its forwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an underlying, an object with underlying and index")]
pub struct UnderlyingDocument {
    /// The underlying's unique name.
    pub underlying: String,
    /// Price of a unit, in USD.
    pub index: UsdPrice,
    /// For an index that may be zero or negative: what its moves are parts of where the index itself is smaller, USD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<UsdPrice>,
    /// How far the index can be trusted, 0 to 1; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Ratio>,
    /// Forward and rate of each expiry.
    #[serde(default)]
    pub expiries: Vec<ExpiryDocument>,
    /// Value in its order books.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<Vec<DepthLevel>>,
    /// Average daily volume, in USD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adv_usd: Option<Money>,
}

/// One expiry of an underlying.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an expiry, an object with expiry and forward")]
pub struct ExpiryDocument {
    /// The moment of settlement.
    pub expiry: Timestamp,
    /// The price the market expects, USD per unit.
    pub forward: UsdPrice,
    /// Continuously compounded, per year; 0 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Ratio>,
    /// The part of the forward that the settlement average has already fixed; 0 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward_settled: Option<UsdPrice>,
    /// How far its forward, rate and volatilities can be trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<ConfidenceDocument>,
}

/// How far the numbers of an expiry can be trusted, each 0 to 1; 1 when absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with forward, rate and vol")]
pub struct ConfidenceDocument {
    /// How far the forward can be trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward: Option<Ratio>,
    /// How far the rate can be trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Ratio>,
    /// How far the volatilities can be trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vol: Option<Ratio>,
}

/// What kind of contract a document lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KindDocument {
    /// Exchange of two assets.
    Spot,
    /// Future without expiry.
    Perpetual,
    /// Future with a moment of settlement.
    Future,
    /// European option on the forward of its expiry.
    Option,
}

/// A tradable contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an instrument, an object with instrument, kind, underlying and so on")]
pub struct InstrumentDocument {
    /// The instrument's unique name.
    pub instrument: String,
    /// Spot, perpetual, future or option.
    pub kind: KindDocument,
    /// What its value depends on.
    pub underlying: String,
    /// Linear or inverse.
    pub payoff: Payoff,
    /// What the mark is written in.
    pub quote: String,
    /// What profit is paid in.
    pub settle: String,
    /// Units of the underlying per contract (inverse perpetuals and futures: units of the quote).
    pub contract_size: Quantity,
    /// Futures and options only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<Timestamp>,
    /// Options only: the strike, in the quote; USD for inverse options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strike: Option<CounterPrice>,
    /// Options only: call or put.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right: Option<Right>,
    /// The venue's mark, in the quote.
    pub mark: QuotePrice,
    /// Options only: annualised implied volatility, 1 = 100 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iv: Option<Ratio>,
    /// Perpetuals only: longs pay when positive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funding_rate_8h: Option<Ratio>,
    /// Best bid, in the quote; absent when nobody bids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bid: Option<QuotePrice>,
    /// Best ask, in the quote; absent when nobody offers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<QuotePrice>,
    /// Contracts that are open at the venue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_interest: Option<Quantity>,
    /// Contracts traded in a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_24h: Option<Quantity>,
    /// The venue's fee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_rate: Option<Ratio>,
    /// The venue's own delta.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<Ratio>,
}

/// The accounts of a book, as a document `upm.portfolio/1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a portfolio document, an object with format and accounts")]
pub struct PortfolioDocument {
    /// The name of the format: [`PORTFOLIO_FORMAT`].
    pub format: String,
    /// The accounts, each with a name of its own.
    pub accounts: Vec<AccountDocument>,
}

/// One account of a portfolio document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an account, an object with account, balances, positions and orders")]
pub struct AccountDocument {
    /// The account's unique name.
    pub account: String,
    /// What it holds and owes.
    #[serde(default)]
    pub balances: Vec<BalanceDocument>,
    /// Open contracts, one entry an instrument.
    #[serde(default)]
    pub positions: Vec<PositionDocument>,
    /// Open orders, one entry an order.
    #[serde(default)]
    pub orders: Vec<OrderDocument>,
}

/// An amount of an asset, negative when owed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a balance, an object with asset and amount")]
pub struct BalanceDocument {
    /// The asset's name in the market.
    pub asset: String,
    /// Units of the asset, negative when owed.
    pub amount: Quantity,
    /// The chain, bridge or custodian that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

/// Open contracts of one instrument, said in contracts or as a size: exactly one of `quantity` and `amount`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a position, an object with instrument and quantity or amount")]
pub struct PositionDocument {
    /// The instrument's name in the market.
    pub instrument: String,
    /// Contracts, negative when short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// The size, negative when short: units of the underlying, or of the quote for inverse perpetuals and futures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Quantity>,
    /// The price profit is counted from, in the quote; the mark when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<QuotePrice>,
}

/// An open order, said in contracts or as a size: exactly one of `quantity` and `amount`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an order, an object with instrument, side, limit and quantity or amount")]
pub struct OrderDocument {
    /// The instrument's name in the market.
    pub instrument: String,
    /// Whether the order buys or sells.
    pub side: Side,
    /// Contracts, above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// The size, above 0: units of the underlying, or of the quote for inverse perpetuals and futures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Quantity>,
    /// The worst price it fills at, in the quote.
    pub limit: QuotePrice,
}

//! The documents `upm.market/1` and `upm.portfolio/1` as they are written, field by field.
//!
//! Numbers are decimal text, times are RFC 3339; any field that is not listed here is refused.

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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    deny_unknown_fields,
    expecting = "a market document, an object with format, time, assets, underlyings and instruments"
)]
pub struct MarketDocument {
    /// The name of the format: [`MARKET_FORMAT`].
    pub format: String,
    /// The moment of all prices.
    pub time: Timestamp,
    /// The assets: everything that can be a balance, a quote or a settlement currency.
    pub assets: Vec<AssetDocument>,
    /// The underlyings, with their indices and forwards.
    pub underlyings: Vec<UnderlyingDocument>,
    /// The instruments that can be traded.
    pub instruments: Vec<InstrumentDocument>,
}

/// An asset and its price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "an asset, an object with asset and price")]
pub struct AssetDocument {
    /// The asset's unique name.
    pub asset: String,
    /// Price of a unit, in USD.
    pub price: UsdPrice,
    /// The underlying whose moves the asset shares; the underlying of the same name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<String>,
    /// Levels of its order book: the value that can be traded within a distance of the mid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<Vec<DepthLevel>>,
    /// Average daily volume, in USD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adv_usd: Option<Money>,
}

/// An underlying, its index and its forwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "an underlying, an object with underlying and index")]
pub struct UnderlyingDocument {
    /// The underlying's unique name.
    pub underlying: String,
    /// Price of a unit, in USD. Only a basket may leave it out: then it is the value of its parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<UsdPrice>,
    /// For an underlying that is a basket of others: its parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basket: Option<BasketDocument>,
    /// For an index that may be zero or negative: the least size, in USD, that relative moves are taken of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<UsdPrice>,
    /// Confidence in the index, 0 to 1; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Ratio>,
    /// Forward and rate of each expiry.
    #[serde(default)]
    pub expiries: Vec<ExpiryDocument>,
    /// Levels of its order books: the value that can be traded within a distance of the mid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<Vec<DepthLevel>>,
    /// Average daily volume, in USD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adv_usd: Option<Money>,
}

/// What a basket consists of: its index is `Σ units · index of the part / divisor`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a basket, an object with parts and rebalanced")]
pub struct BasketDocument {
    /// The parts, each with its units, or each with its weight and its price at the rebalancing.
    pub parts: Vec<PartDocument>,
    /// The number by which the value of the parts is divided, above 0; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub divisor: Option<Ratio>,
    /// The moment since which the units are what they are, at most the time of the market.
    pub rebalanced: Timestamp,
}

/// A part of a basket: exactly one of `units` and `weight`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a part, an object with underlying and units or weight")]
pub struct PartDocument {
    /// The name of an underlying of this market that is no basket.
    pub underlying: String,
    /// Units of the underlying, above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<Quantity>,
    /// The share of the part in the value of the basket at the rebalancing; the weights of all parts sum to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<Ratio>,
    /// Beside a weight: the index of the part at the rebalancing, in USD. The units are weight / price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<UsdPrice>,
}

/// One expiry of an underlying.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "an expiry, an object with expiry and forward")]
pub struct ExpiryDocument {
    /// The moment of settlement.
    pub expiry: Timestamp,
    /// The forward: the price that the market expects at expiry, USD per unit.
    pub forward: UsdPrice,
    /// The interest rate, continuously compounded, per year; 0 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Ratio>,
    /// The part of the forward that the settlement average has already fixed; 0 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward_settled: Option<UsdPrice>,
    /// Confidence in the forward, rate and volatilities of this expiry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<ConfidenceDocument>,
}

/// Confidence in the numbers of an expiry, each 0 to 1; 1 when absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "an object with forward, rate and vol")]
pub struct ConfidenceDocument {
    /// Confidence in the forward.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward: Option<Ratio>,
    /// Confidence in the rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Ratio>,
    /// Confidence in the volatilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vol: Option<Ratio>,
}

/// The kind of contract that a document lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum KindDocument {
    /// An exchange of two assets.
    Spot,
    /// A future without expiry.
    Perpetual,
    /// A future with a moment of settlement.
    Future,
    /// A European option on the forward of its expiry.
    Option,
}

/// A tradable contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "an instrument, an object with instrument, kind, underlying and so on")]
pub struct InstrumentDocument {
    /// The instrument's unique name.
    pub instrument: String,
    /// Spot, perpetual, future or option.
    pub kind: KindDocument,
    /// The name of the underlying that its value depends on.
    pub underlying: String,
    /// Linear or inverse.
    pub payoff: Payoff,
    /// The asset that the mark is written in.
    pub quote: String,
    /// The asset that premium and profit are paid in.
    pub settle: String,
    /// Units of the underlying per contract (inverse perpetuals and futures: units of the quote).
    pub contract_size: Quantity,
    /// Futures and options only: the moment of settlement.
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
    /// Perpetuals only: funding per eight hours; longs pay when positive.
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
    /// The venue's trading fee, as a share of the value that it is charged on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_rate: Option<Ratio>,
    /// The venue's own delta, per unit of the underlying.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<Ratio>,
    /// The venue that lists the contract, where contracts of several venues are in one market. Contracts of different
    /// venues are different contracts, whose prices can move apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue: Option<String>,
}

/// The accounts of a book, as a document `upm.portfolio/1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a portfolio document, an object with format and accounts")]
pub struct PortfolioDocument {
    /// The name of the format: [`PORTFOLIO_FORMAT`].
    pub format: String,
    /// The accounts, each with a unique name.
    pub accounts: Vec<AccountDocument>,
}

/// One account of a portfolio document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "an account, an object with account, balances, positions and orders")]
pub struct AccountDocument {
    /// The account's unique name.
    pub account: String,
    /// The balances of the account, negative where it owes.
    #[serde(default)]
    pub balances: Vec<BalanceDocument>,
    /// Open positions, one entry per instrument.
    #[serde(default)]
    pub positions: Vec<PositionDocument>,
    /// Open orders, one entry per order.
    #[serde(default)]
    pub orders: Vec<OrderDocument>,
}

/// An amount of an asset, negative when owed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

/// A position in one instrument, given in contracts or as a size: exactly one of `quantity` and `amount`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// The price that profit is counted from, in the quote; the mark when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<QuotePrice>,
}

/// An open order, given in contracts or as a size: exactly one of `quantity` and `amount`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// The worst price that the order fills at, in the quote.
    pub limit: QuotePrice,
}

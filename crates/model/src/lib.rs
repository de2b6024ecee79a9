//! The data model: all prices at one moment ([`Market`]) and the accounts with their holdings ([`Portfolio`]).
//!
//! Both are read from documents (`upm.market/1`, `upm.portfolio/1`) and validated while they are read: in a value of
//! these types every name is known and every number is in its range. An invalid document is refused as a whole. The
//! error reports all problems at once, each with the path of the field, the value found and the value expected.
//!
//! ```
//! let market = model::Market::parse(r#"{
//!   "format": "upm.market/1", "time": "2026-04-22T00:00:00Z",
//!   "assets": [{"asset": "USDC", "price": "0.9999"}],
//!   "underlyings": [{"underlying": "BTC", "index": "-1"}], "instruments": []
//! }"#);
//! assert_eq!(market.unwrap_err().to_string(), "underlyings[0].index: found -1, expected a price above 0");
//! ```
//!
//! Both can also be built from values ([`Market::builder`], [`Account::builder`]). [`Account::after`] gives an account
//! as it would be after a [`Trade`] that has not happened.

#![deny(clippy::wildcard_enum_match_arm)]

mod basket;
mod build;
mod by_name;
mod document;
mod instrument;
mod invalid;
mod listings;
mod market;
mod nearest;
mod portfolio;
mod prices;
mod problems;
mod quotes;
mod read;
mod reader;
mod size;
mod text;
mod trade;

pub use basket::{Basket, BasketPart};
pub use build::{AccountBuilder, AssetBuilder, BasketBuilder, InstrumentBuilder, MarketBuilder, UnderlyingBuilder};
pub use document::{
    AccountDocument, AssetDocument, BalanceDocument, BasketDocument, ConfidenceDocument, DepthLevel, ExpiryDocument,
    InstrumentDocument, KindDocument, MARKET_FORMAT, MarketDocument, OrderDocument, PORTFOLIO_FORMAT, PartDocument,
    PortfolioDocument, PositionDocument, UnderlyingDocument,
};
pub use instrument::{Instrument, InstrumentKind, Payoff, Right, Side};
pub use invalid::Invalid;
pub use listings::{Asset, AssetId, InstrumentId, Listings, USD, Underlying, UnderlyingId};
pub use market::{LARGEST_VOL, Market};
pub use nearest::nearest;
pub use portfolio::{Account, Balance, Order, Portfolio, Position};
pub use prices::{CounterPrice, QuotePrice, UsdPrice};
pub use problems::Problems;
pub use quotes::{Activity, Expiry, InstrumentQuote, Liquidity, Quotes, Turnover};
pub use read::read_json;
pub use reader::{AccountText, Names, PortfolioReader};
pub use text::{is_harmless, is_name, shortened};
pub use trade::{NotTrade, Trade};

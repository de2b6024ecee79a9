//! Identifiers of accounts, orders, locations and feeds. Listed things are numbered in the order of listing.

use model::{AssetId, InstrumentId, UnderlyingId};
use serde::{Deserialize, Serialize};
use units::Timestamp;

/// The number of an account, in the order of opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AccountId(pub u32);

/// The number of an order within its account. The owner assigns it, always rising.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OrderId(pub u64);

/// The number of a chain, bridge or custodian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LocationId(pub u16);

/// The number of the price source that sends volatility surfaces.
pub const SURFACE_SOURCE: u32 = u32::MAX;

/// A price feed, named by the price it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum FeedId {
    /// USD per unit of an underlying.
    Index(UnderlyingId),
    /// USD per unit of an asset that follows no underlying; otherwise units of the underlying per unit of the asset
    /// that follows it.
    Asset(AssetId),
    /// The mark of a perpetual divided by the index: a ratio around 1.
    Premium(InstrumentId),
    /// The forward price of an expiry divided by the index: a ratio around 1.
    Forward(UnderlyingId, Timestamp),
    /// Implied volatilities: valid by the age of the last surface.
    Surface,
}

impl AccountId {
    /// The account's place in the list of accounts.
    pub fn place(self) -> usize {
        usize::try_from(self.0).expect("a u32 fits")
    }
}

impl std::fmt::Display for AccountId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

impl std::fmt::Display for FeedId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Index(underlying) => write!(formatter, "index of underlying {}", underlying.0),
            Self::Asset(asset) => write!(formatter, "price of asset {}", asset.0),
            Self::Premium(instrument) => write!(formatter, "premium of instrument {}", instrument.0),
            Self::Forward(underlying, expiry) => {
                write!(formatter, "forward of underlying {} at {expiry}", underlying.0)
            }
            Self::Surface => formatter.write_str("volatility surface"),
        }
    }
}

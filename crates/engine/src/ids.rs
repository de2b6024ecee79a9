//! What things are called: numbers given in the order of listing.

use model::{AssetId, InstrumentId, UnderlyingId};
use serde::{Deserialize, Serialize};
use units::Timestamp;

/// Which account of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AccountId(pub u32);

/// Which order of an account: a number its owner gives, always rising.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OrderId(pub u64);

/// Which chain, bridge or custodian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LocationId(pub u16);

/// The source that volatility surfaces come from.
pub const SURFACE_SOURCE: u32 = u32::MAX;

/// What a price is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FeedId {
    /// USD per unit of an underlying.
    Index(UnderlyingId),
    /// USD per unit of an asset that follows nothing; else units of the underlying it follows.
    Asset(AssetId),
    /// The mark of a perpetual over the index: a ratio around 1.
    Premium(InstrumentId),
    /// The forward of an expiry over the index: a ratio around 1.
    Forward(UnderlyingId, Timestamp),
    /// Implied volatilities: the age of the last surface.
    Surface,
}

impl AccountId {
    /// Its place in the list of accounts.
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

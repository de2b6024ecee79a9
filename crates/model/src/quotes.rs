//! What is quoted: every number of a market that a tick may move, in flat vectors without names.

use serde::{Deserialize, Serialize};
use units::{Money, Quantity, Ratio, Timestamp};

use crate::{DepthLevel, QuotePrice, UnderlyingId, UsdPrice};

/// All prices of a market. Each vector but the expiries is indexed by an id of the listings.
///
/// A copy is five blocks of memory: nothing in it owns a text or a list of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quotes {
    /// The price of a unit of each asset, in USD.
    pub prices: Vec<UsdPrice>,
    /// The index of each underlying: the price of one unit, in USD; above 0 unless the underlying has a scale.
    pub indices: Vec<UsdPrice>,
    /// Confidence in each index, 0 to 1.
    pub confidences: Vec<Ratio>,
    /// Forwards and rates, ordered by underlying and then by time of expiry.
    pub expiries: Vec<Expiry>,
    /// The prices of each instrument.
    pub instruments: Vec<InstrumentQuote>,
}

/// One expiry of an underlying, with its forward and rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiry {
    /// The underlying that expires.
    pub underlying: UnderlyingId,
    /// The moment of settlement.
    pub time: Timestamp,
    /// The price that the market expects at expiry, including the part that is settled. For a contract that is written
    /// in another asset, the forward is divided by the price of that asset ([`crate::Market::usd_per_counter`]).
    pub forward: UsdPrice,
    /// The part of the forward that the settlement average has already fixed.
    pub forward_settled: UsdPrice,
    /// The interest rate, continuously compounded, per year.
    pub rate: Ratio,
    /// Confidence in the forward, 0 to 1.
    pub forward_confidence: Ratio,
    /// Confidence in the rate, 0 to 1.
    pub rate_confidence: Ratio,
    /// Confidence in the volatilities, 0 to 1.
    pub vol_confidence: Ratio,
}

/// The prices of one instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstrumentQuote {
    /// The venue's mark price.
    pub mark: QuotePrice,
    /// Annualised implied volatility of the mark of an option; none when the venue published none, and then the option
    /// cannot be margined.
    pub iv: Option<Ratio>,
    /// Funding per eight hours, longs pay when positive (perpetuals).
    pub funding_rate_8h: Option<Ratio>,
    /// Best bid, in the quote.
    pub bid: Option<QuotePrice>,
    /// Best ask, in the quote.
    pub ask: Option<QuotePrice>,
    /// The venue's own delta, per unit of the underlying; used only by methods that say so.
    pub delta: Option<Ratio>,
}

/// How much of everything can be traded and is open. No tick moves these numbers, so markets share them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turnover {
    /// The order books and volume of each asset.
    pub assets: Vec<Liquidity>,
    /// The order books and volume of each underlying.
    pub underlyings: Vec<Liquidity>,
    /// What is open and traded of each instrument.
    pub instruments: Vec<Activity>,
}

/// The order books and volume of an asset or an underlying.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Liquidity {
    /// Levels of its order books, nearest first; empty when unknown.
    pub depth: Vec<DepthLevel>,
    /// Average daily volume, in USD.
    pub adv_usd: Option<Money>,
}

/// What is open and traded of one instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// Contracts that are open at the venue.
    pub open_interest: Option<Quantity>,
    /// Contracts traded in a day.
    pub volume_24h: Option<Quantity>,
}

impl Quotes {
    /// The quotes of a market with nothing in it but [`crate::USD`].
    pub(crate) fn empty() -> Self {
        Self {
            prices: vec![UsdPrice::ONE],
            indices: Vec::new(),
            confidences: Vec::new(),
            expiries: Vec::new(),
            instruments: Vec::new(),
        }
    }

    /// The expiries of an underlying, in order of their time.
    pub fn expiries_of(&self, underlying: UnderlyingId) -> &[Expiry] {
        let start = self.expiries.partition_point(|expiry| expiry.underlying < underlying);
        let rest = &self.expiries[start..];
        &rest[..rest.partition_point(|expiry| expiry.underlying == underlying)]
    }

    /// The place of an expiry among all, or the place that it would take.
    pub fn place_of(&self, underlying: UnderlyingId, time: Timestamp) -> Result<usize, usize> {
        self.expiries.binary_search_by_key(&(underlying, time), |expiry| (expiry.underlying, expiry.time))
    }
}

impl Turnover {
    /// The turnover of a market with nothing in it but [`crate::USD`].
    pub(crate) fn empty() -> Self {
        Self { assets: vec![Liquidity::default()], underlyings: Vec::new(), instruments: Vec::new() }
    }
}

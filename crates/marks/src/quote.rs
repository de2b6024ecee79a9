//! A quote: the price of one feed at one moment, with the facts that say how far it can be trusted.

use serde::{Deserialize, Serialize};
use units::{Overflow, Price, Timestamp};

use crate::validity::{Cause, Validity};

/// A decided price. Once published, it is the only price of its tick (I-12).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Quote {
    /// The price of one unit.
    pub price: Price,
    /// The index: the price on which the sources agree, before handover and collar.
    pub index: Price,
    /// Half the width of the range that the sources are sure of, in the unit of the price, 0 or more.
    pub confidence: Price,
    /// The fast average of the price.
    pub fast: Price,
    /// The slow average of the price.
    pub slow: Price,
    /// The reason for its validity.
    pub cause: Cause,
    /// Whether the price is on its way from one set of sources to another (I-17).
    pub handover: bool,
    /// The sources used, in order. For an invalid quote: the live sources, too few or not in agreement.
    pub live: Vec<u32>,
    /// The earliest time of publication among the reports used.
    pub published: Timestamp,
    /// The tick it belongs to.
    pub at: Timestamp,
}

impl Quote {
    /// The quote that a feed is listed with before any source has reported. It is invalid, and the price moves from it
    /// to the first index by handover, like from any other price: a first report that is a thousand times too high
    /// cannot set the price a thousand times too high (I-17).
    pub const fn reference(price: Price, at: Timestamp) -> Self {
        Self {
            price,
            index: price,
            confidence: Price::ZERO,
            fast: price,
            slow: price,
            cause: Cause::Quorum,
            handover: false,
            live: Vec::new(),
            published: at,
            at,
        }
    }

    /// The uses that this price may be put to.
    pub const fn validity(&self) -> Validity {
        self.cause.validity()
    }

    /// The lowest value of one unit, for what an account newly owns (I-18). A liquidation uses `price`.
    pub fn low(&self) -> Result<Price, Overflow> {
        self.price.minus(self.confidence)
    }

    /// The highest cost of one unit, for what an account newly owes (I-18). A liquidation uses `price`.
    pub fn high(&self) -> Result<Price, Overflow> {
        self.price.plus(self.confidence)
    }
}

//! The price of one feed at one moment, with everything that says how good it is.

use serde::{Deserialize, Serialize};
use units::{Overflow, Price, Timestamp};

use crate::validity::{Cause, Validity};

/// A price, decided. Published, it is the one price of its tick (I-12).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quote {
    /// The price of one unit.
    pub price: Price,
    /// What the sources said, before handover and collar.
    pub index: Price,
    /// Half the width of the range the sources are sure of, in the unit of the price, 0 or more.
    pub confidence: Price,
    /// The fast average of the price.
    pub fast: Price,
    /// The slow average of the price.
    pub slow: Price,
    /// Why it is as valid as it is.
    pub cause: Cause,
    /// Whether the price is on its way from one set of sources to another (I-17).
    pub handover: bool,
    /// The sources used, in order. Of an invalid quote: those that were live, too few or not agreeing.
    pub live: Vec<u32>,
    /// The oldest publication among the reports used.
    pub published: Timestamp,
    /// The tick it belongs to.
    pub at: Timestamp,
}

impl Quote {
    /// What a feed is listed with before any source has spoken. It is invalid, and what the first sources say is handed over
    /// from it like from any other price: a first word that is wrong by a thousand starts nothing at a thousand (I-17).
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

    /// What this price may be used for.
    pub const fn validity(&self) -> Validity {
        self.cause.validity()
    }

    /// What one unit is worth at least: for what an account newly owns (I-18). A liquidation takes `price`.
    pub fn low(&self) -> Result<Price, Overflow> {
        self.price.minus(self.confidence)
    }

    /// What one unit costs at most: for what an account newly owes (I-18). A liquidation takes `price`.
    pub fn high(&self) -> Result<Price, Overflow> {
        self.price.plus(self.confidence)
    }
}

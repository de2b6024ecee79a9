//! Builds a market from its assets, underlyings and instruments.

use std::fmt::Display;

use units::Timestamp;

use super::{AssetBuilder, InstrumentBuilder, UnderlyingBuilder, Wrong};
use crate::problems::Problems;
use crate::{Invalid, MARKET_FORMAT, Market, MarketDocument};

/// A market under construction. [`Self::build`] checks it as a whole, so entries may be added in any order.
#[derive(Clone, Debug)]
#[must_use = "a builder is no market until it is built"]
pub struct MarketBuilder {
    document: MarketDocument,
    problems: Problems,
}

impl Market {
    /// Begins a market at a moment in RFC 3339, such as `2026-05-01T00:00:00Z`.
    ///
    /// ```
    /// use model::{Asset, Instrument, Market, Underlying};
    ///
    /// let market = Market::builder("2026-05-01T00:00:00Z")
    ///     .asset(Asset::builder("USDC", "0.9999"))
    ///     .underlying(Underlying::builder("BTC", 80_000))
    ///     .instrument(Instrument::perpetual("BTC-PERPETUAL", "BTC").linear("USDC").mark("80012.5"))
    ///     .build()?;
    /// assert!(market.instrument("BTC-PERPETUAL").is_some());
    /// # Ok::<(), model::Invalid>(())
    /// ```
    pub fn builder(time: impl Display) -> MarketBuilder {
        let (mut wrong, mut problems) = (Wrong::default(), Problems::default());
        let time = wrong.read("time", time).unwrap_or(Timestamp::from_micros(0));
        wrong.tell("", &mut problems);
        let document = MarketDocument {
            format: MARKET_FORMAT.to_owned(),
            time,
            assets: Vec::new(),
            underlyings: Vec::new(),
            instruments: Vec::new(),
        };
        MarketBuilder { document, problems }
    }
}

impl MarketBuilder {
    /// Adds an asset. Every market already lists USD, at exactly 1.
    pub fn asset(mut self, asset: AssetBuilder) -> Self {
        let path = format!("assets[{}]", self.document.assets.len());
        self.document.assets.push(asset.told(&path, &mut self.problems));
        self
    }

    /// Adds an underlying with its expiries.
    pub fn underlying(mut self, underlying: UnderlyingBuilder) -> Self {
        let path = format!("underlyings[{}]", self.document.underlyings.len());
        self.document.underlyings.push(underlying.told(&path, &mut self.problems));
        self
    }

    /// Adds an instrument.
    pub fn instrument(mut self, instrument: InstrumentBuilder) -> Self {
        let path = format!("instruments[{}]", self.document.instruments.len());
        self.document.instruments.push(instrument.told(&path, &mut self.problems));
        self
    }

    /// Validates the market. The error reports all problems, each with its path, such as `instruments[0].mark`.
    pub fn build(self) -> Result<Market, Invalid> {
        Market::checked(&self.document, self.problems)
    }
}

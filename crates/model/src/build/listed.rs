//! Builds the assets and underlyings of a market.

use std::fmt::Display;

use units::{Money, Ratio, Timestamp};

use super::{BasketBuilder, Wrong};
use crate::problems::Problems;
use crate::{Asset, AssetDocument, DepthLevel, ExpiryDocument, Underlying, UnderlyingDocument, UsdPrice};

/// An asset under construction.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until a market takes it"]
pub struct AssetBuilder {
    document: AssetDocument,
    wrong: Wrong,
}

impl Asset {
    /// An asset by its name and the price of one unit, in USD. It shares the moves of the underlying of the same name,
    /// if any.
    pub fn builder(name: impl Into<String>, price: impl Display) -> AssetBuilder {
        let mut wrong = Wrong::default();
        let price = wrong.read("price", price).unwrap_or(UsdPrice::ONE);
        let document = AssetDocument { asset: name.into(), price, follows: None, depth: None, adv_usd: None };
        AssetBuilder { document, wrong }
    }
}

impl AssetBuilder {
    /// Sets the underlying whose moves the asset shares, such as ETH for a staked ETH.
    pub fn follows(mut self, underlying: impl Into<String>) -> Self {
        self.document.follows = Some(underlying.into());
        self
    }

    /// Adds a level of its order book: `usd` can be traded before the price moves by `bps` basis points.
    pub fn depth(mut self, bps: impl Display, usd: impl Display) -> Self {
        level(self.document.depth.get_or_insert_default(), (bps, usd), &mut self.wrong);
        self
    }

    /// Average daily volume, in USD.
    pub fn adv_usd(mut self, usd: impl Display) -> Self {
        self.document.adv_usd = self.wrong.read("adv_usd", usd);
        self
    }

    pub(super) fn told(self, path: &str, problems: &mut Problems) -> AssetDocument {
        self.wrong.tell(path, problems);
        self.document
    }
}

/// An underlying under construction.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until a market takes it"]
pub struct UnderlyingBuilder {
    document: UnderlyingDocument,
    wrong: Wrong,
}

impl Underlying {
    /// An underlying by its name and its index price, in USD.
    pub fn builder(name: impl Into<String>, index: impl Display) -> UnderlyingBuilder {
        let mut builder = UnderlyingBuilder::new(name.into());
        builder.document.index = Some(builder.wrong.read("index", index).unwrap_or(UsdPrice::ONE));
        builder
    }

    /// A basket of other underlyings by its name and its parts; its index is the value of the parts.
    ///
    /// ```
    /// use model::{Basket, Market, Underlying, UnderlyingId};
    ///
    /// let parts = Basket::builder("2026-05-01T00:00:00Z").part("BTC", "0.01").part("ETH", "0.05");
    /// let market = Market::builder("2026-05-02T00:00:00Z")
    ///     .underlying(Underlying::builder("BTC", 80_000))
    ///     .underlying(Underlying::builder("ETH", 4_000))
    ///     .underlying(Underlying::of_parts("TOP2", parts))
    ///     .build()?;
    /// assert_eq!(market.index(UnderlyingId(2)).to_string(), "1000");
    /// # Ok::<(), model::Invalid>(())
    /// ```
    pub fn of_parts(name: impl Into<String>, parts: BasketBuilder) -> UnderlyingBuilder {
        UnderlyingBuilder::new(name.into()).basket(parts)
    }
}

impl UnderlyingBuilder {
    fn new(name: String) -> Self {
        let document = UnderlyingDocument {
            underlying: name,
            index: None,
            basket: None,
            scale: None,
            confidence: None,
            expiries: Vec::new(),
            depth: None,
            adv_usd: None,
        };
        Self { document, wrong: Wrong::default() }
    }

    /// Makes it a basket of other underlyings. Its index must be the value of the parts, to a basis point.
    pub fn basket(mut self, parts: BasketBuilder) -> Self {
        self.document.basket = Some(parts.told(&mut self.wrong));
        self
    }

    /// Adds an expiry: its moment in RFC 3339, and its forward, in USD.
    pub fn expiry(mut self, expiry: impl Display, forward: impl Display) -> Self {
        let path = format!("expiries[{}]", self.document.expiries.len());
        let entry = ExpiryDocument {
            expiry: self.wrong.read(format!("{path}.expiry"), expiry).unwrap_or(Timestamp::from_micros(0)),
            forward: self.wrong.read(format!("{path}.forward"), forward).unwrap_or(UsdPrice::ONE),
            rate: None,
            forward_settled: None,
            confidence: None,
        };
        self.document.expiries.push(entry);
        self
    }

    /// Adds an expiry with an interest rate, compounded continuously, per year.
    pub fn expiry_at_rate(self, expiry: impl Display, forward: impl Display, rate: impl Display) -> Self {
        let place = self.document.expiries.len();
        let mut with_rate = self.expiry(expiry, forward);
        let rate: Option<Ratio> = with_rate.wrong.read(format!("expiries[{place}].rate"), rate);
        with_rate.document.expiries[place].rate = rate;
        with_rate
    }

    /// Sets the scale, in USD, for an index that may be zero or negative: the least size that relative moves are taken
    /// of.
    pub fn scale(mut self, usd: impl Display) -> Self {
        self.document.scale = self.wrong.read("scale", usd);
        self
    }

    /// Confidence in the index, 0 to 1; 1 by default.
    pub fn confidence(mut self, confidence: impl Display) -> Self {
        self.document.confidence = self.wrong.read("confidence", confidence);
        self
    }

    /// Adds a level of its order books: `usd` can be traded before the price moves by `bps` basis points.
    pub fn depth(mut self, bps: impl Display, usd: impl Display) -> Self {
        level(self.document.depth.get_or_insert_default(), (bps, usd), &mut self.wrong);
        self
    }

    /// Average daily volume, in USD.
    pub fn adv_usd(mut self, usd: impl Display) -> Self {
        self.document.adv_usd = self.wrong.read("adv_usd", usd);
        self
    }

    pub(super) fn told(self, path: &str, problems: &mut Problems) -> UnderlyingDocument {
        self.wrong.tell(path, problems);
        self.document
    }
}

fn level(levels: &mut Vec<DepthLevel>, (bps, usd): (impl Display, impl Display), wrong: &mut Wrong) {
    let path = format!("depth[{}]", levels.len());
    let bps = wrong.read(format!("{path}.bps"), bps).unwrap_or(Ratio::ONE);
    let usd = wrong.read(format!("{path}.usd"), usd).unwrap_or(Money::ZERO);
    levels.push(DepthLevel { bps, usd });
}

//! Builds the instruments of a market.

use std::fmt::Display;

use units::{Price, Quantity};

use super::Wrong;
use crate::problems::Problems;
use crate::{Instrument, InstrumentDocument, Invalid, KindDocument, Payoff, QuotePrice, Right};

/// An instrument under construction. By default a contract is linear, is one unit of the underlying, and is quoted and
/// settled in USD.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until a market takes it"]
pub struct InstrumentBuilder {
    document: InstrumentDocument,
    has_mark: bool,
    wrong: Wrong,
}

impl Instrument {
    /// A spot pair: exchanges the coin of an underlying for a quote.
    pub fn spot(name: impl Into<String>, underlying: impl Into<String>) -> InstrumentBuilder {
        InstrumentBuilder::new(name, underlying, KindDocument::Spot)
    }

    /// A perpetual: a future without expiry.
    pub fn perpetual(name: impl Into<String>, underlying: impl Into<String>) -> InstrumentBuilder {
        InstrumentBuilder::new(name, underlying, KindDocument::Perpetual)
    }

    /// A dated future; `expiry` is a moment in RFC 3339.
    pub fn future(name: impl Into<String>, underlying: impl Into<String>, expiry: impl Display) -> InstrumentBuilder {
        InstrumentBuilder::new(name, underlying, KindDocument::Future).expiring(expiry)
    }

    /// A European call. The underlying must list its expiry; its strike is in the quote, or in USD when it is inverse.
    pub fn call(
        name: impl Into<String>,
        underlying: impl Into<String>,
        expiry: impl Display,
        strike: impl Display,
    ) -> InstrumentBuilder {
        InstrumentBuilder::new(name, underlying, KindDocument::Option).expiring(expiry).with_right(Right::Call, strike)
    }

    /// A European put. The underlying must list its expiry; its strike is in the quote, or in USD when it is inverse.
    pub fn put(
        name: impl Into<String>,
        underlying: impl Into<String>,
        expiry: impl Display,
        strike: impl Display,
    ) -> InstrumentBuilder {
        InstrumentBuilder::new(name, underlying, KindDocument::Option).expiring(expiry).with_right(Right::Put, strike)
    }
}

/// Setters of optional fields, each with the name that the field has in the document.
macro_rules! setters {
    ($($(#[$doc:meta])* $field:ident)*) => {
        $($(#[$doc])*
        pub fn $field(mut self, value: impl Display) -> Self {
            self.document.$field = self.wrong.read(stringify!($field), value);
            self
        })*
    };
}

impl InstrumentBuilder {
    setters! {
        /// Implied volatility of an option's mark, annualised: 0.5 is 50 %.
        iv
        /// Funding of a perpetual per eight hours; longs pay when it is positive.
        funding_rate_8h
        /// Best bid, in the quote.
        bid
        /// Best ask, in the quote.
        ask
        /// Contracts that are open at the venue.
        open_interest
        /// Contracts traded in a day.
        volume_24h
        /// The venue's trading fee, as a share of the value that it is charged on.
        fee_rate
        /// The venue's own delta, per unit of the underlying.
        delta
    }

    fn new(name: impl Into<String>, underlying: impl Into<String>, kind: KindDocument) -> Self {
        let document = InstrumentDocument {
            instrument: name.into(),
            kind,
            underlying: underlying.into(),
            payoff: Payoff::Linear,
            quote: "USD".to_owned(),
            settle: "USD".to_owned(),
            contract_size: Quantity::ONE,
            expiry: None,
            strike: None,
            right: None,
            mark: QuotePrice::new(Price::ONE),
            iv: None,
            funding_rate_8h: None,
            bid: None,
            ask: None,
            open_interest: None,
            volume_24h: None,
            fee_rate: None,
            delta: None,
            venue: None,
        };
        Self { document, has_mark: false, wrong: Wrong::default() }
    }

    /// The venue that lists the contract, where contracts of several venues are in one market.
    pub fn venue(mut self, venue: impl Into<String>) -> Self {
        self.document.venue = Some(venue.into());
        self
    }

    fn expiring(mut self, expiry: impl Display) -> Self {
        self.document.expiry = self.wrong.read("expiry", expiry);
        self
    }

    fn with_right(mut self, right: Right, strike: impl Display) -> Self {
        self.document.right = Some(right);
        self.document.strike = self.wrong.read("strike", strike);
        self
    }

    /// Quoted and settled in `asset`, such as USDC; the contract size is in units of the underlying.
    pub fn linear(mut self, asset: impl Into<String>) -> Self {
        let asset = asset.into();
        self.document.payoff = Payoff::Linear;
        self.document.quote.clone_from(&asset);
        self.document.settle = asset;
        self
    }

    /// Settled in `coin`, an asset that follows the underlying. A perpetual or future is quoted in USD, and its
    /// contract size is in units of USD; the premium of an option is quoted in the coin too.
    pub fn inverse(mut self, coin: impl Into<String>) -> Self {
        let coin = coin.into();
        self.document.payoff = Payoff::Inverse;
        let is_option = self.document.kind == KindDocument::Option;
        self.document.quote = if is_option { coin.clone() } else { "USD".to_owned() };
        self.document.settle = coin;
        self
    }

    /// Settled in another asset than the quote: profit and premium pay one unit of `asset` for each unit of the quote
    /// in the price.
    pub fn settled_in(mut self, asset: impl Into<String>) -> Self {
        self.document.settle = asset.into();
        self
    }

    /// The contract size: units of the underlying, or of the quote for an inverse perpetual or future.
    pub fn contract_size(mut self, size: impl Display) -> Self {
        self.document.contract_size = self.wrong.read("contract_size", size).unwrap_or(Quantity::ONE);
        self
    }

    /// The venue's mark, in the quote. Every instrument must have one.
    pub fn mark(mut self, mark: impl Display) -> Self {
        self.has_mark = true;
        self.document.mark = self.wrong.read("mark", mark).unwrap_or(QuotePrice::new(Price::ONE));
        self
    }

    pub(super) fn told(mut self, path: &str, problems: &mut Problems) -> InstrumentDocument {
        if !self.has_mark {
            self.wrong.0.push(Invalid::missing("mark", "the price of the instrument, in its quote"));
        }
        self.wrong.tell(path, problems);
        self.document
    }
}

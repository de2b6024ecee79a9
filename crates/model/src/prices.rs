//! Prices, with one type for each currency that a price can be written in. Prices in two currencies can neither be
//! compared nor added: one is converted first, by a method that names the currency and takes the price of that asset.
//!
//! | type | written in | such as |
//! |---|---|---|
//! | [`UsdPrice`] | USD | an index, a forward, the price of an asset |
//! | [`CounterPrice`] | the counter currency ([`crate::Instrument::counter_asset`]) | a strike, a settlement price |
//! | [`QuotePrice`] | the quote of an instrument ([`crate::Instrument::quote`]) | a mark, an entry, a limit |
//!
//! A forward of 88,000 USD equals a strike of 100,000 USDC while one USDC costs 0.88 USD:
//!
//! ```
//! use model::{CounterPrice, UsdPrice};
//!
//! let (forward, usdc): (UsdPrice, UsdPrice) = ("88000".parse()?, "0.88".parse()?);
//! let strike: CounterPrice = "100000".parse()?;
//! assert!(forward.to_counter(usdc, units::Round::Down)? == strike);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Without the conversion, comparing it with a strike does not compile:
//!
//! ```compile_fail,E0308
//! use model::{CounterPrice, UsdPrice};
//!
//! let (forward, usdc): (UsdPrice, UsdPrice) = ("88000".parse()?, "0.88".parse()?);
//! let strike: CounterPrice = "100000".parse()?;
//! assert!(forward == strike);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! nor does comparing a strike with a mark, which for a coin-margined option is in the coin:
//!
//! ```compile_fail,E0308
//! use model::{CounterPrice, QuotePrice};
//!
//! let (mark, strike): (QuotePrice, CounterPrice) = ("0.05".parse()?, "100000".parse()?);
//! assert!(mark < strike);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use serde::{Deserialize, Serialize};
use units::{Decimal, NotDecimal, Overflow, Price, Round};

macro_rules! price {
    ($(#[$doc:meta])* $name:ident, $(#[$accessor_doc:meta])* $accessor:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(Price);

        impl $name {
            /// The price 0.
            pub const ZERO: Self = Self(Price::ZERO);

            /// Wraps a price that the caller knows to be written in this currency.
            pub const fn new(price: Price) -> Self {
                Self(price)
            }

            $(#[$accessor_doc])*
            pub const fn $accessor(self) -> Price {
                self.0
            }

            /// The exact sum of two prices.
            pub fn plus(self, other: Self) -> Result<Self, Overflow> {
                self.0.plus(other.0).map(Self)
            }

            /// The exact difference of two prices.
            pub fn minus(self, other: Self) -> Result<Self, Overflow> {
                self.0.minus(other.0).map(Self)
            }

            /// The representable price next to `x` in the named direction. Fails when `x` is not finite or too large.
            pub fn from_f64(x: f64, round: Round) -> Result<Self, Overflow> {
                Price::from_f64(x, round).map(Self)
            }
        }

        impl std::str::FromStr for $name {
            type Err = NotDecimal;

            fn from_str(text: &str) -> Result<Self, NotDecimal> {
                text.parse().map(Self)
            }
        }

        impl Decimal for $name {
            fn cut(text: &str, shift: i64) -> Result<Self, NotDecimal> {
                Price::cut(text, shift).map(Self)
            }

            fn shortest(x: f64) -> Result<Self, NotDecimal> {
                Price::shortest(x).map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(formatter)
            }
        }
    };
}

price! {
    /// USD per unit: an index, a forward, the price of an asset.
    UsdPrice,
    /// The number of USD.
    usd
}

price! {
    /// The price of one unit of the underlying in the counter currency of a contract
    /// ([`crate::Instrument::counter_asset`]): a strike, a settlement price.
    CounterPrice,
    /// The number of units of the counter currency.
    in_counter
}

price! {
    /// A price in the quote of its instrument ([`crate::Instrument::quote`]): a mark, a bid, an ask, the entry of a
    /// position, the limit of an order.
    QuotePrice,
    /// The number of units of the quote.
    in_quote
}

impl UsdPrice {
    /// The price of USD in USD: 1.
    pub const ONE: Self = Self(Price::ONE);

    /// The same price in units of an asset, as a risk number; `asset` is the price of one unit of the asset.
    pub fn in_units_of(self, asset: Self) -> f64 {
        self.0.to_f64() / asset.0.to_f64()
    }

    /// The same price in a counter currency of which one unit costs `counter`. Fails when `counter` is not above zero.
    pub fn to_counter(self, counter: Self, round: Round) -> Result<CounterPrice, Overflow> {
        self.0.in_units_of(counter.0, round).map(CounterPrice)
    }

    /// The same price in a quote of which one unit costs `quote`. Fails when `quote` is not above zero.
    pub fn to_quote(self, quote: Self, round: Round) -> Result<QuotePrice, Overflow> {
        self.0.in_units_of(quote.0, round).map(QuotePrice)
    }
}

impl CounterPrice {
    /// The same price in USD, as a risk number; one unit of the counter currency costs `counter`.
    pub fn to_usd(self, counter: UsdPrice) -> f64 {
        self.0.to_f64() * counter.0.to_f64()
    }
}

impl QuotePrice {
    /// The same price in USD, as a risk number; one unit of the quote costs `quote`.
    pub fn to_usd(self, quote: UsdPrice) -> f64 {
        self.0.to_f64() * quote.0.to_f64()
    }

    /// The price without its sign.
    pub fn magnitude(self) -> Result<Self, Overflow> {
        if self.0.is_negative() { self.0.negated().map(Self) } else { Ok(self) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversion_names_its_currency_and_rounds_by_name() {
        let [forward, usdc, free]: [UsdPrice; 3] = ["100", "0.3", "0"].map(|text| text.parse().unwrap());
        let (third, more) = ("333.333333333333333333", "333.333333333333333334");
        assert_eq!(forward.to_counter(usdc, Round::Down), Ok(third.parse().unwrap()));
        assert_eq!(forward.to_quote(usdc, Round::Up), Ok(more.parse().unwrap()));
        assert!(forward.to_counter(free, Round::Down).is_err() && forward.to_quote(free, Round::Down).is_err());
        assert_eq!(forward.in_units_of(usdc), 100.0 / 0.3);
        assert_eq!(third.parse::<CounterPrice>().unwrap().to_usd(usdc), 1e3 / 3.0 * 0.3);
        assert_eq!("-2".parse::<QuotePrice>().unwrap().to_usd(usdc), -0.6);
        assert_eq!("-2".parse::<QuotePrice>().unwrap().magnitude(), Ok("2".parse().unwrap()));
    }

    /// Documents, journals and hashes contain the number alone, without its type.
    #[test]
    fn a_price_is_written_as_its_number() {
        let price: QuotePrice = "-0.05".parse().unwrap();
        assert_eq!(serde_json::to_string(&price).unwrap(), "\"-0.05\"");
        assert_eq!(serde_json::from_str::<UsdPrice>("\"12.5\"").unwrap().usd(), "12.5".parse().unwrap());
        let refused = serde_json::from_str::<CounterPrice>("12.5").unwrap_err().to_string();
        assert!(refused.contains("a decimal number as text"), "{refused}");
        assert_eq!(format!("{price:>8}|{price}"), "   -0.05|-0.05");
    }
}

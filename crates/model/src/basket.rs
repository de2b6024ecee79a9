//! An underlying that is a basket of others: its parts, what each is worth in it, and how it moves with them (SCN-7).

mod checked;

use serde::Serializer;
use serde::ser::Error as _;
use units::{Money, Overflow, Price, Quantity, Ratio, Round, Timestamp};

use crate::{Market, UnderlyingId, UsdPrice};

pub(crate) use checked::Entry;

/// The parts of an underlying whose index is `Σ units · index of the part / divisor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basket {
    /// The parts, in the order of the document. Each is an underlying of the market that is no basket, with an index
    /// above 0; none is listed twice.
    pub parts: Vec<BasketPart>,
    /// The number by which the value of the parts is divided, above 0.
    pub divisor: Ratio,
    /// The moment since which the units are what they are.
    pub rebalanced: Timestamp,
}

/// One part of a basket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BasketPart {
    /// The id of the underlying that the basket has units of.
    pub underlying: UnderlyingId,
    /// Units of the underlying, above 0.
    pub units: Quantity,
}

impl Market {
    /// The index that the parts of a basket give: `Σ units · index / divisor`, rounded down.
    pub fn value_of_parts(&self, basket: &Basket) -> Result<UsdPrice, Overflow> {
        let indices = basket.parts.iter().map(|part| self.index(part.underlying));
        basket.value(&indices.collect::<Vec<_>>())
    }

    /// The share of each part in the value of a basket, at the indices of this market: above 0, with the sum 1.
    pub fn shares(&self, basket: &Basket) -> Vec<(UnderlyingId, f64)> {
        let value = |part: &BasketPart| part.units.to_f64() * self.index(part.underlying).usd().to_f64();
        let total = basket.parts.iter().fold(0.0, |sum, part| sum + value(part));
        basket.parts.iter().map(|part| (part.underlying, value(part) / total)).collect()
    }

    /// Replaces the relative price move of every basket by the one that follows from its parts:
    /// `Σ units·S·(1 + s) / Σ units·S − 1`. `moves` is in the order of the underlyings.
    pub fn move_with_parts(&self, moves: &mut [f64]) {
        for (id, basket) in self.baskets() {
            moves[id.0] = self.shares(basket).into_iter().fold(0.0, |sum, (part, share)| sum + share * moves[part.0]);
        }
    }
}

impl Basket {
    /// The underlyings of the parts, in the order of the parts.
    pub fn underlyings(&self) -> Vec<UnderlyingId> {
        self.parts.iter().map(|part| part.underlying).collect()
    }

    /// `Σ units · price / divisor`, rounded down; the prices are in the order of the parts.
    fn value(&self, prices: &[UsdPrice]) -> Result<UsdPrice, Overflow> {
        let mut value = Money::ZERO;
        for (part, price) in self.parts.iter().zip(prices) {
            value = value.plus(part.units.at(price.usd(), Round::Down)?)?;
        }
        let divided = value.per(Money::from_raw(self.divisor.raw()), Round::Down);
        let index = divided.ok_or(Overflow { quantity: "the value of the parts" })?;
        Ok(UsdPrice::new(Price::from_raw(index.raw())))
    }
}

/// Refuses to serialize a market that lists a basket: the state of an engine, which is written in this form, has none.
pub(crate) fn not_serialized<T, S: Serializer>(_: &T, _: S) -> Result<S::Ok, S::Error> {
    Err(S::Error::custom(
        "a market that lists a basket, or a contract of another venue, is written as a document alone",
    ))
}

//! Builds the basket of an underlying.

use std::fmt::Display;

use units::{Quantity, Ratio, Timestamp};

use super::Wrong;
use crate::{Basket, BasketDocument, PartDocument, UsdPrice};

/// The parts of a basket under construction.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until an underlying takes it"]
pub struct BasketBuilder {
    document: BasketDocument,
    wrong: Wrong,
}

impl Basket {
    /// A basket by the moment of its last rebalancing, in RFC 3339: since then its units are what they are.
    pub fn builder(rebalanced: impl Display) -> BasketBuilder {
        let mut wrong = Wrong::default();
        let rebalanced = wrong.read("rebalanced", rebalanced).unwrap_or(Timestamp::from_micros(0));
        let document = BasketDocument { parts: Vec::new(), divisor: None, rebalanced };
        BasketBuilder { document, wrong }
    }
}

impl BasketBuilder {
    /// Adds a part by its units: all parts of a basket are given by units, or all by weights.
    pub fn part(mut self, underlying: impl Into<String>, units: impl Display) -> Self {
        let path = format!("parts[{}].units", self.document.parts.len());
        let units = self.wrong.read(path, units).unwrap_or(Quantity::ONE);
        let part = PartDocument { underlying: underlying.into(), units: Some(units), weight: None, price: None };
        self.document.parts.push(part);
        self
    }

    /// Adds a part by its weight at the rebalancing, 0 to 1, and its index then, in USD. The weights of all parts sum to
    /// 1; the units are weight / price.
    pub fn weighted_part(mut self, underlying: impl Into<String>, weight: impl Display, price: impl Display) -> Self {
        let path = format!("parts[{}]", self.document.parts.len());
        let weight = self.wrong.read(format!("{path}.weight"), weight).unwrap_or(Ratio::ONE);
        let price = self.wrong.read(format!("{path}.price"), price).unwrap_or(UsdPrice::ONE);
        let (weight, price) = (Some(weight), Some(price));
        self.document.parts.push(PartDocument { underlying: underlying.into(), units: None, weight, price });
        self
    }

    /// Sets the number by which the value of the parts is divided; 1 by default.
    pub fn divisor(mut self, divisor: impl Display) -> Self {
        self.document.divisor = self.wrong.read("divisor", divisor);
        self
    }

    /// The document, and the problems of the basket with paths below `basket`.
    pub(super) fn told(self, wrong: &mut Wrong) -> BasketDocument {
        wrong.take("basket", self.wrong);
        self.document
    }
}

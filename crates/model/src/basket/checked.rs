//! Validates the basket of an underlying in a document, and derives from its parts what the document leaves out.

use std::collections::BTreeMap;
use std::sync::Arc;

use units::{Money, Overflow, Quantity, Ratio, Round, Timestamp};

use super::{Basket, BasketPart};
use crate::document::{BasketDocument, PartDocument, UnderlyingDocument};
use crate::problems::Problems;
use crate::{Expiry, Invalid, Market, UnderlyingId, UsdPrice};

/// The largest distance of a given index from the value of the parts, as a part of that value: a basis point.
const TOLERANCE: Ratio = Ratio::from_raw(Ratio::ONE.raw() / 10_000);

/// The fewest units that a weight may stand for. With fewer, 18 decimals would leave less than six digits.
const UNITS_MIN: Quantity = Quantity::from_raw(1_000_000);

/// An underlying of a document that may be a basket.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    /// What the document says of it.
    pub document: &'a UnderlyingDocument,
    /// Its path in the document.
    pub path: &'a str,
    /// Whether an underlying of the market is a basket, also before its parts are read.
    pub is_basket: &'a dyn Fn(UnderlyingId) -> bool,
}

/// How a basket says how much it has of each part.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Measure {
    Units,
    Weight,
}

impl Market {
    /// Reads the basket of an underlying that is listed, if it is one: its parts, its index where the document gives none,
    /// and the expiries that all its parts have and the document does not give.
    pub(crate) fn read_basket(&mut self, id: UnderlyingId, entry: Entry, problems: &mut Problems) {
        let Some(document) = &entry.document.basket else { return };
        let path = format!("{}.basket", entry.path);
        if let Some(scale) = entry.document.scale {
            let expected = "none: the index of a basket is above 0, like those of its parts";
            problems.add(Invalid::new(format!("{}.scale", entry.path), scale, expected));
        }
        let Some(basket) = self.basket_of(document, entry, &path, problems) else { return };
        let index = self.index_of(&basket, entry, problems);
        if let Some(index) = problems.check(index) {
            self.quotes.indices[id.0] = index;
        }
        match self.expiries_of_parts(id, &basket) {
            Ok(expiries) => self.quotes.expiries.extend(expiries),
            Err(overflow) => problems.add(Invalid::new(path, overflow, "forwards in range")),
        }
        self.quotes.expiries.sort_by_key(|expiry| (expiry.underlying, expiry.time));
        Arc::make_mut(&mut self.listings).underlyings[id.0].basket = Some(basket);
    }

    /// The basket of an entry; none when one of its parts cannot be used.
    fn basket_of(
        &self,
        document: &BasketDocument,
        entry: Entry,
        path: &str,
        problems: &mut Problems,
    ) -> Option<Basket> {
        let at = |field: &str| format!("{path}.{field}");
        let divisor = document.divisor.unwrap_or(Ratio::ONE);
        let mut sound = true;
        let mut wrong = |problems: &mut Problems, invalid| {
            problems.add(invalid);
            sound = false;
        };
        if divisor <= Ratio::ZERO {
            wrong(problems, Invalid::new(at("divisor"), divisor, "a number above 0"));
        }
        if document.rebalanced > self.time {
            let expected = format_args!("a time not after the market's, {}", self.time);
            wrong(problems, Invalid::new(at("rebalanced"), document.rebalanced, expected));
        }
        if document.parts.is_empty() {
            wrong(problems, Invalid::new(at("parts"), "no part", "at least one part"));
        }
        let measure = document.parts.iter().find_map(PartDocument::measure).unwrap_or(Measure::Units);
        let mut parts: Vec<BasketPart> = Vec::with_capacity(document.parts.len());
        for (place, said) in document.parts.iter().enumerate() {
            let path = format!("{path}.parts[{place}]");
            let underlying = self.part_of(said, entry.is_basket, &parts, &path, problems);
            let units = said.units(measure, &path, problems);
            sound &= underlying.is_some() && units.is_some();
            if let Some((underlying, units)) = underlying.zip(units) {
                parts.push(BasketPart { underlying, units });
            }
        }
        if measure == Measure::Weight && document.parts.iter().all(|part| part.weight.is_some()) {
            sound &= problems.check(weights(&document.parts, at("parts"))).is_some();
        }
        sound.then_some(Basket { parts, divisor, rebalanced: document.rebalanced })
    }

    /// The underlying of a part: listed, no basket, with an index above 0, and in no part before.
    fn part_of(
        &self,
        said: &PartDocument,
        is_basket: &dyn Fn(UnderlyingId) -> bool,
        before: &[BasketPart],
        path: &str,
        problems: &mut Problems,
    ) -> Option<UnderlyingId> {
        let (path, name) = (format!("{path}.underlying"), &said.underlying);
        let Some(id) = self.underlying(name) else {
            let listed = self.underlyings.iter().map(|underlying| underlying.name.as_str());
            problems.unknown(path, name, "an underlying of this market", listed);
            return None;
        };
        let wrong = if is_basket(id) {
            Invalid::new(path, format_args!("\"{name}\", a basket"), "an underlying that is no basket itself")
        } else if self.underlyings[id.0].scale.is_some() {
            let found = format_args!("\"{name}\", whose index may be zero or negative");
            Invalid::new(path, found, "an underlying whose index is above 0")
        } else if before.iter().any(|part| part.underlying == id) {
            Invalid::new(path, format_args!("\"{name}\" again"), "each part once")
        } else {
            return Some(id);
        };
        problems.add(wrong);
        None
    }

    /// The index of a basket: the one that the document gives when it is that of the parts, else the one of the parts.
    fn index_of(&self, basket: &Basket, entry: Entry, problems: &Problems) -> Result<UsdPrice, Invalid> {
        let path = format!("{}.index", entry.path);
        let given = entry.document.index;
        // Where a part or the index itself is wrong, a comparison says nothing.
        let places = basket.parts.iter().map(|part| format!("underlyings[{}]", part.underlying.0));
        let unknown = problems.has_in(&path) || places.into_iter().any(|part| problems.has_in(&part));
        if let Some(index) = given.filter(|_| unknown) {
            return Ok(index);
        }
        let out_of_range = |overflow: Overflow| Invalid::new(format!("{}.basket", entry.path), overflow, "an index");
        let value = self.value_of_parts(basket).map_err(out_of_range)?;
        let Some(index) = given else {
            if value <= UsdPrice::ZERO && !unknown {
                return Err(Invalid::new(
                    format!("{}.basket", entry.path),
                    value,
                    "parts whose value gives an index above 0",
                ));
            }
            return Ok(value);
        };
        let apart = index.usd().raw().abs_diff(value.usd().raw());
        let most = value.usd().scaled(TOLERANCE, Round::Up).map_err(out_of_range)?;
        if apart > most.raw().unsigned_abs() {
            let expected =
                format_args!("{value} within {TOLERANCE} of it: Σ units · index / divisor of the parts, or no index");
            return Err(Invalid::new(path, index, expected));
        }
        Ok(index)
    }

    /// The expiries that every part has and the basket itself does not: forward, settled part and rate follow from the
    /// parts (SCN-7), and each is trusted as little as the least trusted part.
    fn expiries_of_parts(&self, id: UnderlyingId, basket: &Basket) -> Result<Vec<Expiry>, Overflow> {
        let mut found: BTreeMap<Timestamp, Vec<&Expiry>> = BTreeMap::new();
        for part in &basket.parts {
            for expiry in self.expiries(part.underlying) {
                found.entry(expiry.time).or_default().push(expiry);
            }
        }
        found.retain(|time, of_parts| of_parts.len() == basket.parts.len() && self.expiry(id, *time).is_none());
        found.into_iter().map(|(time, of_parts)| basket.expiry(id, time, &of_parts)).collect()
    }
}

impl Basket {
    /// The expiry of a basket from the expiries of its parts, which are in the order of the parts. The rate is the mean of
    /// the parts', weighted by their share of the forward.
    fn expiry(&self, underlying: UnderlyingId, time: Timestamp, of_parts: &[&Expiry]) -> Result<Expiry, Overflow> {
        let sum = |of: &dyn Fn(&Expiry) -> UsdPrice| {
            self.value(&of_parts.iter().map(|expiry| of(expiry)).collect::<Vec<_>>())
        };
        let forward = sum(&|expiry| expiry.forward)?;
        let (mut total, mut growth) = (Money::ZERO, Money::ZERO);
        for (part, expiry) in self.parts.iter().zip(of_parts) {
            let value = part.units.at(expiry.forward.usd(), Round::Down)?;
            total = total.plus(value)?;
            growth = growth.plus(value.scaled(expiry.rate, Round::Down)?)?;
        }
        let rate = growth.per(total, Round::Down).ok_or(Overflow { quantity: "the rate of a forward" })?;
        let least =
            |of: &dyn Fn(&Expiry) -> Ratio| of_parts.iter().map(|expiry| of(expiry)).min().unwrap_or(Ratio::ONE);
        Ok(Expiry {
            underlying,
            time,
            forward,
            forward_settled: sum(&|expiry| expiry.forward_settled)?,
            rate,
            forward_confidence: least(&|expiry| expiry.forward_confidence),
            rate_confidence: least(&|expiry| expiry.rate_confidence),
            vol_confidence: least(&|expiry| expiry.vol_confidence),
        })
    }
}

impl PartDocument {
    fn measure(&self) -> Option<Measure> {
        self.units.map(|_| Measure::Units).or(self.weight.map(|_| Measure::Weight))
    }

    /// Units of the part: as given, or the weight over the price at the rebalancing.
    fn units(&self, measure: Measure, path: &str, problems: &mut Problems) -> Option<Quantity> {
        let at = |field: &str| format!("{path}.{field}");
        let other = "the same measure for every part: units of all, or a weight and a price of all";
        match (measure, self.units, self.weight) {
            (_, Some(_), Some(_)) => {
                problems.add(Invalid::new(path, "both units and weight", "exactly one of them"));
                None
            }
            (_, None, None) => {
                problems.add(Invalid::missing(path, "exactly one of units and weight"));
                None
            }
            (Measure::Weight, Some(units), None) => {
                problems.add(Invalid::new(at("units"), units, other));
                None
            }
            (Measure::Units, None, Some(weight)) => {
                problems.add(Invalid::new(at("weight"), weight, other));
                None
            }
            (Measure::Units, Some(units), None) => {
                if let Some(price) = self.price {
                    problems.add(Invalid::new(at("price"), price, "none: only a part with a weight has one"));
                    return None;
                }
                let positive = if units > Quantity::ZERO { Ok(units) } else { Err("units above 0") };
                problems.check(positive.map_err(|expected| Invalid::new(at("units"), units, expected)))
            }
            (Measure::Weight, None, Some(weight)) => problems.check(self.weighed(weight, path)),
        }
    }

    /// The units that a weight stands for: those that it bought at the rebalancing, for a basket of 1 USD.
    fn weighed(&self, weight: Ratio, path: &str) -> Result<Quantity, Invalid> {
        let at = |field: &str| format!("{path}.{field}");
        if weight <= Ratio::ZERO || weight > Ratio::ONE {
            return Err(Invalid::new(at("weight"), weight, "a weight above 0 and at most 1"));
        }
        let expected = "the index of the part at the rebalancing, in USD";
        let price = self.price.ok_or_else(|| Invalid::missing(at("price"), expected))?;
        if price <= UsdPrice::ZERO {
            return Err(Invalid::new(at("price"), price, "a price above 0"));
        }
        let units = Quantity::from_raw(weight.raw()).over(price.usd(), Round::Down);
        match units {
            Ok(units) if units >= UNITS_MIN => Ok(units),
            Ok(_) | Err(_) => {
                let found = format_args!("{weight} at {price}");
                Err(Invalid::new(
                    at("weight"),
                    found,
                    format_args!("a weight over a price of at least {UNITS_MIN} units"),
                ))
            }
        }
    }
}

/// Checks that the weights of all parts sum to exactly 1.
fn weights(parts: &[PartDocument], path: String) -> Result<(), Invalid> {
    let mut sum = Ratio::ZERO;
    for weight in parts.iter().filter_map(|part| part.weight) {
        sum = sum.plus(weight).map_err(|overflow| Invalid::new(&path, overflow, "weights that sum to 1"))?;
    }
    if sum == Ratio::ONE {
        return Ok(());
    }
    Err(Invalid::new(path, format_args!("weights that sum to {sum}"), "a sum of 1"))
}

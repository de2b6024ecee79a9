//! Reads listings: the terms of instruments (`public/get_instruments`).

use model::{CounterPrice, Right};
use units::{Price, Quantity, Ratio, Timestamp};

use super::ImportError;
use super::json::Object;

/// The expiration that the venue gives to instruments without expiry, 3000-01-01 in milliseconds: this time or later
/// means none.
const NEVER_MICROS: i64 = 32_503_708_800_000_000;

/// Fields that only listings have. Positions have a `kind` as well, but none of these.
const TERMS: [&str; 10] = [
    "base_currency",
    "contract_size",
    "expiration_timestamp",
    "instrument_type",
    "is_active",
    "option_type",
    "quote_currency",
    "settlement_currency",
    "strike",
    "tick_size",
];

/// A listing. Recordings of 2021 lack most of its fields; then the name supplies them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Definition {
    /// The time of the venue's answer, in microseconds since 1970, where the answer gives it.
    seen: Option<i64>,
    pub closed: Option<bool>,
    pub inverse: Option<bool>,
    pub quote: Option<String>,
    pub settle: Option<String>,
    pub index_quote: Option<String>,
    pub contract_size: Option<Quantity>,
    pub expiry: Option<Timestamp>,
    pub strike: Option<CounterPrice>,
    pub right: Option<Right>,
    pub fee_rate: Option<Ratio>,
}

impl Definition {
    /// Whether an object is a listing.
    pub fn is_in(object: &Object<'_>) -> bool {
        object.has("kind") && !object.has("direction") && TERMS.iter().any(|field| object.has(field))
    }

    /// Reads the listing in `object`, from an answer that the venue gave at `seen`.
    pub fn read(object: &Object<'_>, seen: Option<i64>) -> Result<Self, ImportError> {
        let kind = match object.text("instrument_type")? {
            Some(kind) => Some(kind),
            None => object.text("future_type")?,
        };
        let base = object.text("base_currency")?;
        let quote = object.text("quote_currency")?;
        let settle = object.text("settlement_currency")?;
        // A contract that settles in its own coin is inverse; in old option listings only the quote tells.
        let pays = settle.as_ref().or_else(|| quote.as_ref().filter(|quote| Some(*quote) == base.as_ref()));
        let inferred = pays.map(|pays| Some(pays) == base.as_ref());
        let inverse = match kind.as_deref() {
            Some("reversed") => Some(true),
            Some("linear") => Some(false),
            _ => inferred,
        };
        let right = match object.text("option_type")?.as_deref() {
            None => None,
            Some("call") => Some(Right::Call),
            Some("put") => Some(Right::Put),
            Some(_) => return Err(object.refuse("option_type", "\"call\" or \"put\"")),
        };
        let positive = |key: &str| match object.amount::<Price>(key)? {
            Some(Price::ZERO) => Err(object.refuse(key, "a number above 0")),
            amount => Ok(amount),
        };
        let price_index = object.text("price_index")?;
        Ok(Self {
            seen,
            closed: object.flag("is_active")?.map(|active| !active),
            inverse,
            index_quote: price_index.and_then(|name| Some(name.split_once('_')?.1.to_ascii_uppercase())),
            quote,
            settle,
            contract_size: positive("contract_size")?.map(|size| Quantity::from_raw(size.raw())),
            expiry: object.time("expiration_timestamp")?.filter(|time| time.micros() < NEVER_MICROS),
            strike: positive("strike")?.map(CounterPrice::new),
            right,
            fee_rate: object.decimal("taker_commission")?,
        })
    }

    /// Merges all listings of one instrument; the flag tells whether two of one moment differ. Each field is that of
    /// the newest listing that has it; where answers do not say when they were given, a closed listing and larger
    /// numbers win.
    pub fn merged(mut all: Vec<Self>) -> (Option<Self>, bool) {
        all.sort();
        let mut differ = false;
        let merged = all.into_iter().reduce(|older, newer| {
            let merged = newer.clone().over(&older);
            differ |= newer.seen == older.seen && merged != older.over(&newer);
            merged
        });
        (merged, differ)
    }

    /// This listing, with missing fields taken from `other`.
    fn over(self, other: &Self) -> Self {
        Self {
            seen: self.seen,
            closed: self.closed.or(other.closed),
            inverse: self.inverse.or(other.inverse),
            quote: self.quote.or_else(|| other.quote.clone()),
            settle: self.settle.or_else(|| other.settle.clone()),
            index_quote: self.index_quote.or_else(|| other.index_quote.clone()),
            contract_size: self.contract_size.or(other.contract_size),
            expiry: self.expiry.or(other.expiry),
            strike: self.strike.or(other.strike),
            right: self.right.or(other.right),
            fee_rate: self.fee_rate.or(other.fee_rate),
        }
    }
}

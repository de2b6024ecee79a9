//! JSON values into what they say of instruments.

use std::collections::BTreeMap;

use model::Right;
use serde_json::value::RawValue;
use units::{Price, Quantity, Ratio, Timestamp};

use super::ImportError;
use super::json::{Object, Place, elements, is_object};
use crate::{Name, NotName};

/// The expiration the venue gives to what never expires, 3000-01-01 in milliseconds: here and later means none.
const NEVER_MICROS: i64 = 32_503_708_800_000_000;

/// Everything the answers say.
#[derive(Debug, Default)]
pub struct Records {
    /// By instrument name.
    pub instruments: BTreeMap<String, Instrument>,
    /// Prices of `deribit_price_index` frames, in order of reading.
    pub indices: Vec<IndexPrice>,
    /// How many listings were read.
    pub definitions: usize,
    /// How many marks were read.
    pub quotes: usize,
    /// How many answers and frames carried neither.
    pub other: usize,
    /// Error answers of the venue.
    pub errors: Vec<String>,
}

/// What the answers say of one instrument.
#[derive(Debug)]
pub struct Instrument {
    /// What its name says.
    pub name: Result<Name, NotName>,
    /// Whether some answer calls it a combination.
    pub combination: bool,
    /// The listing, of several the last read.
    pub definition: Option<Definition>,
    /// In order of reading.
    pub quotes: Vec<Quote>,
}

/// A listing (`public/get_instruments`). Recordings of 2021 lack most of it, and then the name speaks.
#[derive(Debug)]
pub struct Definition {
    pub inverse: Option<bool>,
    pub quote: Option<String>,
    pub settle: Option<String>,
    pub index_quote: Option<String>,
    pub contract_size: Option<Quantity>,
    pub expiry: Option<Timestamp>,
    pub strike: Option<Price>,
    pub right: Option<Right>,
    pub fee_rate: Option<Ratio>,
    pub active: bool,
}

/// Prices of one instrument at one moment (`public/ticker`, `public/get_order_book`,
/// `public/get_book_summary_by_currency`, `ticker` frames).
#[derive(Debug)]
pub struct Quote {
    pub time: Timestamp,
    /// A ticker says more than a book summary.
    pub ticker: bool,
    pub closed: bool,
    pub mark: Option<Price>,
    pub iv: Option<Ratio>,
    pub index: Option<Price>,
    pub delivery: Option<Price>,
    pub forward: Option<Price>,
    pub rate: Option<Ratio>,
    pub delta: Option<Ratio>,
    pub funding_rate_8h: Option<Ratio>,
    pub bid: Option<Price>,
    pub ask: Option<Price>,
    pub open_interest: Option<Quantity>,
    pub volume: Option<Quantity>,
    pub volume_usd: Option<Quantity>,
}

/// A price index (`deribit_price_index` frames).
#[derive(Debug)]
pub struct IndexPrice {
    pub base: String,
    pub quote: String,
    pub time: Timestamp,
    pub price: Price,
}

impl Records {
    /// Reads an answer: in its envelope, as a frame of a subscription, or bare.
    pub fn read(&mut self, raw: &RawValue, place: &Place<'_>) -> Result<(), ImportError> {
        if !is_object(raw) {
            return self.read_payload(raw, place);
        }
        let answer = Object::read(raw, place.clone())?;
        if let Some(error) = answer.object("error")? {
            let code = error.raw("code").map_or("without code", RawValue::get);
            let message = error.text("message")?.unwrap_or_default();
            self.errors
                .push(format!("{}, line {}: the venue answered error {code}, {message}", place.file, place.line));
            return Ok(());
        }
        if let Some(result) = answer.raw("result") {
            return self.read_payload(result, &place.field("result"));
        }
        if let Some(parameters) = answer.raw("params").filter(|parameters| is_object(parameters)) {
            let parameters = Object::read(parameters, place.field("params"))?;
            if let Some(data) = parameters.raw("data") {
                return self.read_payload(data, &parameters.place.field("data"));
            }
        }
        if !self.read_record(&answer)? {
            self.other += 1;
        }
        Ok(())
    }

    fn read_payload(&mut self, raw: &RawValue, place: &Place<'_>) -> Result<(), ImportError> {
        let mut understood = false;
        if is_object(raw) {
            understood = self.read_record(&Object::read(raw, place.clone())?)?;
        }
        for (index, element) in elements(raw).unwrap_or_default().into_iter().enumerate() {
            if is_object(element) {
                understood |= self.read_record(&Object::read(element, place.element(index))?)?;
            }
        }
        if !understood {
            self.other += 1;
        }
        Ok(())
    }

    /// Keeps what an object says; false when it is none of the records above (a trade, a book, a chart, …).
    fn read_record(&mut self, object: &Object<'_>) -> Result<bool, ImportError> {
        if object.has("index_name") && object.has("price") {
            return self.read_index(object);
        }
        // Trades carry a mark as well, but no open interest.
        let is_definition = object.has("kind");
        let is_quote = object.has("mark_price") && object.has("open_interest");
        if !object.has("instrument_name") || !(is_definition || is_quote) {
            return Ok(false);
        }
        let text = object.text("instrument_name")?.ok_or_else(|| object.refuse("instrument_name", "a name"))?;
        let instrument = self.instruments.entry(text).or_insert_with_key(|text| Instrument {
            name: text.parse(),
            combination: false,
            definition: None,
            quotes: Vec::new(),
        });
        let declared = object.text("kind")?.is_some_and(|kind| kind.ends_with("_combo"));
        instrument.combination |= declared || object.has("combo_state");
        let readable = !instrument.combination && instrument.name.is_ok();
        if is_definition {
            self.definitions += 1;
            instrument.definition = readable.then(|| Definition::read(object)).transpose()?;
        } else {
            self.quotes += 1;
            if readable {
                instrument.quotes.push(Quote::read(object)?);
            }
        }
        Ok(true)
    }

    fn read_index(&mut self, object: &Object<'_>) -> Result<bool, ImportError> {
        let name = object.text("index_name")?.unwrap_or_default().to_ascii_uppercase();
        let (base, quote) =
            name.split_once('_').ok_or_else(|| object.refuse("index_name", "a pair such as \"btc_usd\""))?;
        let price = object.amount("price")?.filter(|price| *price > Price::ZERO);
        self.indices.push(IndexPrice {
            base: base.into(),
            quote: quote.into(),
            time: moment(object, "timestamp")?,
            price: price.ok_or_else(|| object.refuse("price", "a price above 0"))?,
        });
        Ok(true)
    }
}

impl Definition {
    fn read(object: &Object<'_>) -> Result<Self, ImportError> {
        let kind = match object.text("instrument_type")? {
            Some(kind) => Some(kind),
            None => object.text("future_type")?,
        };
        let base = object.text("base_currency")?;
        let quote = object.text("quote_currency")?;
        let settle = object.text("settlement_currency")?;
        // What settles in the coin it is about is inverse; of old option listings only the quote says so.
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
            inverse,
            index_quote: price_index.and_then(|name| Some(name.split_once('_')?.1.to_ascii_uppercase())),
            quote,
            settle,
            contract_size: positive("contract_size")?.map(|size| Quantity::from_raw(size.raw())),
            expiry: object.time("expiration_timestamp")?.filter(|time| time.micros() < NEVER_MICROS),
            strike: positive("strike")?,
            right,
            fee_rate: object.decimal("taker_commission")?,
            active: object.flag("is_active")?.unwrap_or(true),
        })
    }
}

impl Quote {
    fn read(object: &Object<'_>) -> Result<Self, ImportError> {
        let ticker = object.has("timestamp");
        // Null and zero both mean that there is none.
        let price = |key: &str| Ok::<_, ImportError>(object.amount(key)?.filter(|price| *price != Price::ZERO));
        let (bid, ask) = if ticker { ("best_bid_price", "best_ask_price") } else { ("bid_price", "ask_price") };
        let stats = object.object("stats")?;
        let counts = stats.as_ref().unwrap_or(object);
        let greeks = object.object("greeks")?;
        Ok(Self {
            time: moment(object, if ticker { "timestamp" } else { "creation_timestamp" })?,
            ticker,
            closed: object.text("state")?.as_deref() == Some("closed"),
            mark: object.amount("mark_price")?,
            iv: object.percent("mark_iv")?.filter(|iv| *iv != Ratio::ZERO),
            index: price("index_price")?,
            // Becomes the word "expired" when there is no delivery to estimate.
            delivery: object.decimal("estimated_delivery_price").unwrap_or(None).filter(|price| *price > Price::ZERO),
            forward: price("underlying_price")?,
            rate: object.decimal("interest_rate")?,
            delta: greeks.map(|greeks| greeks.decimal("delta")).transpose()?.flatten(),
            funding_rate_8h: object.decimal("funding_8h")?,
            bid: price(bid)?,
            ask: price(ask)?,
            open_interest: object.amount("open_interest")?,
            volume: counts.amount("volume")?,
            volume_usd: counts.amount("volume_usd")?,
        })
    }
}

fn moment(object: &Object<'_>, key: &str) -> Result<Timestamp, ImportError> {
    object.time(key)?.ok_or_else(|| object.refuse(key, "milliseconds since 1970"))
}

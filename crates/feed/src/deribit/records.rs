//! Collects the content of all answers, by instrument.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use units::{Price, Timestamp};

use super::ImportError;
use super::definition::Definition;
use super::json::{Object, Place, elements, is_nested, is_object};
use super::quote::Quote;
use super::states::{self, Frame};
use crate::report::{Left, shortened};
use crate::{Name, NotName};

/// The depth to which a text is searched for answers: in arrays, in envelopes, beside fields that other programs add.
const DEPTH_MAX: usize = 8;

/// The content of all answers.
#[derive(Debug, Default)]
pub struct Records<'a> {
    /// The records of each instrument, by its name.
    pub instruments: BTreeMap<String, Instrument<'a>>,
    /// Prices of `deribit_price_index` frames, in order of reading.
    pub indices: Vec<IndexPrice>,
    /// The number of listings read.
    pub definitions: usize,
    /// The number of marks read.
    pub quotes: usize,
    /// The answers and frames with neither listing nor mark, with the place of the first.
    pub other: Option<Left>,
    /// Error answers of the venue.
    pub errors: Vec<String>,
}

/// The content of the answers about one instrument.
#[derive(Debug)]
pub struct Instrument<'a> {
    /// The name in parts, or the reason why it names no single instrument.
    pub name: Result<Name, NotName>,
    /// Whether some answer calls it a combination.
    pub combination: bool,
    /// Its listings, merged.
    pub definition: Option<Definition>,
    /// Whether two of its listings differ.
    pub redefined: bool,
    /// Its marks, one per moment and source.
    pub quotes: Vec<Quote>,
    /// The number of changes of its ticker without a snapshot before them.
    pub orphans: usize,
    definitions: Vec<Definition>,
    frames: Vec<Frame<'a>>,
}

/// A price index (`deribit_price_index` frames).
#[derive(Debug)]
pub struct IndexPrice {
    pub base: String,
    pub quote: String,
    pub time: Timestamp,
    pub price: Price,
}

impl<'a> Records<'a> {
    /// Reads a value of a text: one or more answers, in envelopes, as frames of subscriptions, or bare.
    pub fn read(&mut self, raw: &'a RawValue, place: &Place<'a>) -> Result<(), ImportError> {
        if !self.read_value(raw, place, None, 0)? {
            self.count_other(place);
        }
        Ok(())
    }

    /// Merges the answers about each instrument.
    pub fn close(&mut self) -> Result<(), ImportError> {
        for instrument in self.instruments.values_mut() {
            (instrument.definition, instrument.redefined) =
                Definition::merged(std::mem::take(&mut instrument.definitions));
            let (quotes, orphans) = states::quotes(std::mem::take(&mut instrument.frames))?;
            instrument.quotes.extend(quotes);
            instrument.orphans = orphans;
            if instrument.combination {
                instrument.quotes.clear();
            }
        }
        Ok(())
    }

    /// Records the market data in a value at any depth; false when it holds none. Answers inside it without market data
    /// are counted.
    fn read_value(
        &mut self,
        raw: &'a RawValue,
        place: &Place<'a>,
        seen: Option<i64>,
        depth: usize,
    ) -> Result<bool, ImportError> {
        if depth > DEPTH_MAX {
            return Ok(false);
        }
        if is_object(raw) {
            return self.read_object(&Object::read(raw, place.clone())?, seen, depth);
        }
        let mut silent = Vec::new();
        let mut understood = false;
        for (index, element) in elements(raw).unwrap_or_default().into_iter().enumerate() {
            let place = place.element(index);
            if is_nested(element) && self.read_value(element, &place, seen, depth + 1)? {
                understood = true;
            } else {
                silent.push(place);
            }
        }
        if understood {
            for place in &silent {
                self.count_other(place);
            }
        }
        Ok(understood)
    }

    fn read_object(&mut self, object: &Object<'a>, seen: Option<i64>, depth: usize) -> Result<bool, ImportError> {
        if !object.has("instrument_name")
            && let Some(error) = object.raw("error")
        {
            self.errors.push(error_of(error, &object.place)?);
            return Ok(true);
        }
        if self.read_record(object, seen)? {
            return Ok(true);
        }
        let seen = object.raw("usOut").and_then(|raw| raw.get().parse().ok()).or(seen);
        let mut understood = false;
        for (key, value) in object.fields().filter(|(_, value)| is_nested(value)) {
            understood |= self.read_value(value, &object.place.field(key), seen, depth + 1)?;
        }
        let is_answer = ["result", "params", "info"].iter().any(|field| object.has(field));
        if is_answer && !understood {
            self.count_other(&object.place);
        }
        Ok(understood || is_answer)
    }

    fn count_other(&mut self, place: &Place<'_>) {
        let left = self.other.get_or_insert_with(|| Left { count: 0, first: place.to_string() });
        left.count += 1;
    }

    /// Records an object; false when it is not a record (a trade, a book, a position, a chart, …). Its instrument is
    /// noted all the same.
    fn read_record(&mut self, object: &Object<'a>, seen: Option<i64>) -> Result<bool, ImportError> {
        if object.has("index_name") && object.has("price") {
            return self.read_index(object);
        }
        let frame = Frame::read(object)?;
        let is_definition = Definition::is_in(object);
        let is_quote = frame.is_none() && Quote::is_in(object);
        let is_record = frame.is_some() || is_definition || is_quote;
        let name = match object.text("instrument_name") {
            Ok(Some(name)) => name,
            _ if is_record && object.has("instrument_name") => return Err(object.refuse("instrument_name", "a name")),
            _ => return Ok(false),
        };
        let declared = object.text("kind").ok().flatten().is_some_and(|kind| kind.ends_with("_combo"));
        let instrument = self.instruments.entry(name).or_insert_with_key(|name| Instrument::named(name));
        instrument.combination |= declared || object.has("combo_state");
        let readable = instrument.name.is_ok();
        self.definitions += usize::from(is_definition);
        self.quotes += usize::from(is_quote || frame.is_some());
        if readable {
            instrument.frames.extend(frame);
            if is_definition {
                instrument.definitions.push(Definition::read(object, seen)?);
            }
            if is_quote {
                instrument.quotes.push(Quote::read(object)?);
            }
        }
        Ok(is_record)
    }

    fn read_index(&mut self, object: &Object<'_>) -> Result<bool, ImportError> {
        let name = object.text("index_name")?.unwrap_or_default().to_ascii_uppercase();
        let (base, quote) =
            name.split_once('_').ok_or_else(|| object.refuse("index_name", "a pair such as \"btc_usd\""))?;
        let price = object.amount("price")?.filter(|price| *price > Price::ZERO);
        self.indices.push(IndexPrice {
            base: base.into(),
            quote: quote.into(),
            time: object.moment("timestamp")?,
            price: price.ok_or_else(|| object.refuse("price", "a price above 0"))?,
        });
        Ok(true)
    }
}

impl Instrument<'_> {
    fn named(name: &str) -> Self {
        Self {
            name: name.parse(),
            combination: false,
            definition: None,
            redefined: false,
            quotes: Vec::new(),
            orphans: 0,
            definitions: Vec::new(),
            frames: Vec::new(),
        }
    }
}

/// The message of an error answer, with its place.
fn error_of(error: &RawValue, place: &Place<'_>) -> Result<String, ImportError> {
    if !is_object(error) {
        return Ok(format!("{place}: the venue answered the error {}", shortened(error.get())));
    }
    let error = Object::read(error, place.field("error"))?;
    let code = error.raw("code").map_or("without code", RawValue::get);
    let message = error.text("message")?.unwrap_or_default();
    Ok(format!("{place}: the venue answered error {code}, {message}"))
}

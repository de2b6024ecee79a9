//! Reads JSON one level at a time: the values of an object are read on demand, and each error has a path.
//!
//! Values stay the text that the venue sent (`RawValue`), so numbers are exact, and nested values are read only on
//! demand. Numbers, times and truth values may be in quotes, since other programs write the venue's answers that way.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::str::FromStr;

use serde_json::value::RawValue;
use units::{Decimal, NotDecimal, Quantity, Timestamp};

use super::ImportError;
use crate::report::shortened;

/// The first microsecond of the year 10000.
const MICROS_END: i64 = 253_402_300_800_000_000;
/// One microsecond, counted in 10⁻¹⁸ milliseconds.
const MICROSECOND: i128 = Quantity::ONE.raw() / 1000;

/// The place of a value.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// The file, as the caller names it.
    pub file: &'a str,
    /// The line on which its JSON text begins, from 1.
    pub line: usize,
    /// The path inside that text, such as `result[3]`.
    pub path: String,
}

/// Written as `answers.json, line 3, result[1]`.
impl std::fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}, line {}", self.file, self.line)?;
        if self.path.is_empty() { Ok(()) } else { write!(formatter, ", {}", self.path) }
    }
}

/// An object split into its fields, with the values still unread.
#[derive(Clone, Debug)]
pub struct Object<'a> {
    fields: BTreeMap<String, &'a RawValue>,
    /// The place of the object.
    pub place: Place<'a>,
}

impl Place<'_> {
    /// The place of field `key` of the value at this place.
    pub fn field(&self, key: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        Self { path: format!("{}{dot}{key}", self.path), ..self.clone() }
    }

    /// The place of element `index` of the value at this place.
    pub fn element(&self, index: usize) -> Self {
        Self { path: format!("{}[{index}]", self.path), ..self.clone() }
    }

    /// The error for the value `found` at this place.
    pub fn refuse(self, found: &str, expected: impl std::fmt::Display) -> ImportError {
        let path = if self.path.is_empty() { "the answer".into() } else { self.path };
        ImportError::Field {
            file: self.file.into(),
            line: self.line,
            path,
            found: shortened(found),
            expected: expected.to_string(),
        }
    }
}

/// Whether `raw` is an object.
pub fn is_object(raw: &RawValue) -> bool {
    raw.get().starts_with('{')
}

/// Whether `raw` is an object or an array.
pub fn is_nested(raw: &RawValue) -> bool {
    raw.get().starts_with(['{', '['])
}

/// The elements of an array; none when `raw` is not an array.
pub fn elements(raw: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(raw.get()).ok()
}

/// The content of a quoted text, else the value as it is written.
fn unquoted(raw: &str) -> Cow<'_, str> {
    let text = || serde_json::from_str(raw).ok().map(Cow::Owned);
    raw.starts_with('"').then(text).flatten().unwrap_or(Cow::Borrowed(raw))
}

impl<'a> Object<'a> {
    /// Reads the object in `raw`.
    pub fn read(raw: &'a RawValue, place: Place<'a>) -> Result<Self, ImportError> {
        match serde_json::from_str(raw.get()) {
            Ok(fields) => Ok(Self { fields, place }),
            Err(_) => Err(place.refuse(raw.get(), "an object")),
        }
    }

    /// The value of a field, as it is written; none when it is absent or null.
    pub fn raw(&self, key: &str) -> Option<&'a RawValue> {
        self.fields.get(key).copied().filter(|raw| raw.get() != "null")
    }

    /// Every field and its value.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.fields.iter().map(|(key, raw)| (key.as_str(), *raw))
    }

    /// Adds the fields of the objects in `keys` to this object: `greeks.delta` for the field `delta` of `greeks`.
    pub fn flatten(&mut self, keys: &[&str]) -> Result<(), ImportError> {
        for key in keys {
            if let Some(inner) = self.object(key)? {
                self.fields.remove(*key);
                self.fields.extend(inner.fields().map(|(name, raw)| (format!("{key}.{name}"), raw)));
            }
        }
        Ok(())
    }

    /// Replaces fields by those of `change`.
    pub fn overlay(&mut self, change: Self) {
        self.fields.extend(change.fields);
        self.place = change.place;
    }

    /// Whether the field exists, null or not.
    pub fn has(&self, key: &str) -> bool {
        self.fields.contains_key(key)
    }

    /// The object in a field.
    pub fn object(&self, key: &str) -> Result<Option<Self>, ImportError> {
        self.raw(key).map(|raw| Self::read(raw, self.place.field(key))).transpose()
    }

    /// The text in a field.
    pub fn text(&self, key: &str) -> Result<Option<String>, ImportError> {
        self.value(key, "a text", |raw| serde_json::from_str(raw).ok())
    }

    /// The truth value in a field.
    pub fn flag(&self, key: &str) -> Result<Option<bool>, ImportError> {
        self.value(key, "true or false", |raw| unquoted(raw).to_ascii_lowercase().parse().ok())
    }

    /// The number in a field.
    pub fn decimal<T: Decimal>(&self, key: &str) -> Result<Option<T>, ImportError> {
        self.shifted(key, 0)
    }

    /// The number in a field in per cent.
    pub fn percent<T: Decimal>(&self, key: &str) -> Result<Option<T>, ImportError> {
        self.shifted(key, -2)
    }

    /// The number in a field, refused when it is negative, or above 0 and smaller than the 18th decimal.
    pub fn amount<T>(&self, key: &str) -> Result<Option<T>, ImportError>
    where
        T: Decimal + FromStr<Err = NotDecimal> + PartialOrd + Default,
    {
        let Some(amount) = self.decimal::<T>(key)? else { return Ok(None) };
        if amount < T::default() {
            return Err(self.refuse(key, "a number not below 0"));
        }
        if amount == T::default()
            && let Some(Err(vanished)) = self.raw(key).map(|raw| unquoted(raw.get()).parse::<T>())
        {
            return Err(self.refuse(key, vanished));
        }
        Ok(Some(amount))
    }

    /// The moment in a field in milliseconds since 1970.
    pub fn time(&self, key: &str) -> Result<Option<Timestamp>, ImportError> {
        self.value(key, "milliseconds since 1970, up to the year 9999", |raw| {
            let milliseconds = Quantity::cut(&unquoted(raw), 0).ok()?;
            let micros = i64::try_from(milliseconds.raw().div_euclid(MICROSECOND)).ok()?;
            (0..MICROS_END).contains(&micros).then(|| Timestamp::from_micros(micros))
        })
    }

    /// The moment in a field that is required.
    pub fn moment(&self, key: &str) -> Result<Timestamp, ImportError> {
        self.time(key)?.ok_or_else(|| self.refuse(key, "milliseconds since 1970"))
    }

    /// All fields as they are written, used to sort objects.
    pub fn content(&self) -> Vec<(String, &'a str)> {
        self.fields().map(|(key, raw)| (key.to_owned(), raw.get())).collect()
    }

    /// The error for a field.
    pub fn refuse(&self, key: &str, expected: impl std::fmt::Display) -> ImportError {
        let found = self.fields.get(key).map_or("nothing", |raw| raw.get());
        self.place.field(key).refuse(found, expected)
    }

    fn shifted<T: Decimal>(&self, key: &str, shift: i64) -> Result<Option<T>, ImportError> {
        let Some(raw) = self.raw(key) else { return Ok(None) };
        T::cut(&unquoted(raw.get()), shift).map(Some).map_err(|expected| self.refuse(key, expected))
    }

    fn value<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ImportError> {
        let Some(raw) = self.raw(key) else { return Ok(None) };
        read(raw.get()).map(Some).ok_or_else(|| self.refuse(key, expected))
    }
}

//! JSON one level at a time: an object whose values are read when they are asked for, each refusal with its path.
//!
//! Values stay the text the venue sent (`RawValue`), so numbers are exact and no nesting is followed that is not asked
//! for.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde_json::value::RawValue;
use units::{NotDecimal, Timestamp};

use super::ImportError;
use crate::decimal;
use crate::report::shortened;

/// The last millisecond of the year 9999.
const MILLISECONDS_MAX: i64 = 253_402_300_799_999;

/// Where a value stands.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// The file, as the caller calls it.
    pub file: &'a str,
    /// The line its JSON text begins on, from 1.
    pub line: usize,
    /// The path inside that text, such as `result[3]`.
    pub path: String,
}

/// An object of which only the fields are known.
#[derive(Clone, Debug)]
pub struct Object<'a> {
    fields: BTreeMap<String, &'a RawValue>,
    /// Where it stands.
    pub place: Place<'a>,
}

impl Place<'_> {
    /// The field `key` of what stands here.
    pub fn field(&self, key: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        Self { path: format!("{}{dot}{key}", self.path), ..self.clone() }
    }

    /// The element `index` of what stands here.
    pub fn element(&self, index: usize) -> Self {
        Self { path: format!("{}[{index}]", self.path), ..self.clone() }
    }

    /// The refusal of `found` at this place.
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

/// The elements of an array; none when `raw` is something else.
pub fn elements(raw: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(raw.get()).ok()
}

impl<'a> Object<'a> {
    /// The object in `raw`.
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

    /// Whether the field is there, null or not.
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
        self.value(key, "true or false", |raw| raw.parse().ok())
    }

    /// The number in a field.
    pub fn decimal<T: FromStr<Err = NotDecimal>>(&self, key: &str) -> Result<Option<T>, ImportError> {
        self.shifted(key, 0)
    }

    /// The number in a field that counts per cent.
    pub fn percent<T: FromStr<Err = NotDecimal>>(&self, key: &str) -> Result<Option<T>, ImportError> {
        self.shifted(key, -2)
    }

    /// The number in a field, refused when it is negative.
    pub fn amount<T>(&self, key: &str) -> Result<Option<T>, ImportError>
    where
        T: FromStr<Err = NotDecimal> + PartialOrd + Default,
    {
        let amount = self.decimal::<T>(key)?;
        if amount.as_ref().is_some_and(|amount| *amount < T::default()) {
            return Err(self.refuse(key, "a number not below 0"));
        }
        Ok(amount)
    }

    /// The moment in a field that counts milliseconds since 1970.
    pub fn time(&self, key: &str) -> Result<Option<Timestamp>, ImportError> {
        self.value(key, "milliseconds since 1970, up to the year 9999", |raw| {
            let milliseconds = raw.parse::<i64>().ok().filter(|count| (0..=MILLISECONDS_MAX).contains(count))?;
            Some(Timestamp::from_micros(milliseconds * 1000))
        })
    }

    /// The refusal of a field.
    pub fn refuse(&self, key: &str, expected: impl std::fmt::Display) -> ImportError {
        let found = self.fields.get(key).map_or("nothing", |raw| raw.get());
        self.place.field(key).refuse(found, expected)
    }

    fn shifted<T: FromStr<Err = NotDecimal>>(&self, key: &str, shift: i64) -> Result<Option<T>, ImportError> {
        let Some(raw) = self.raw(key) else { return Ok(None) };
        decimal::parse(raw.get(), shift).map(Some).map_err(|expected| self.refuse(key, expected))
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

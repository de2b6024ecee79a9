//! Converts the tree of a parameter file into the type that a method reads. An error has the path of the wrong field.
//!
//! This is one deserializer that is not generic: a wrapper that tracks paths, such as `serde_path_to_error`, makes the
//! compiler generate the whole reading code of every parameter type several times.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};
use toml::Value;

use model::Invalid;

/// Converts a tree into a `T`.
pub(super) fn convert<T: DeserializeOwned>(tree: &Value) -> Result<T, Invalid> {
    T::deserialize(Node(tree)).map_err(|Misfit { path, problem }| {
        let path = if path.is_empty() { ".".to_owned() } else { path };
        Invalid { path, problem }
    })
}

/// A value that does not fit the type: where it stands below the value that is being read, and why it does not fit.
#[derive(Debug)]
struct Misfit {
    path: String,
    problem: String,
}

impl Misfit {
    /// The same, seen from the value that holds this one as its `segment`: a name, or an index in brackets.
    fn below(self, segment: &str) -> Self {
        let joint = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        Self { path: format!("{segment}{joint}{}", self.path), problem: self.problem }
    }
}

impl std::fmt::Display for Misfit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.path, self.problem)
    }
}

impl std::error::Error for Misfit {}

impl Error for Misfit {
    fn custom<T: std::fmt::Display>(problem: T) -> Self {
        Self { path: String::new(), problem: problem.to_string() }
    }
}

/// A value of the tree.
struct Node<'de>(&'de Value);

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Boolean(truth) => visitor.visit_bool(*truth),
            Value::Datetime(_) => Err(Misfit::invalid_type(Unexpected::Other("date or time"), &visitor)),
            Value::Array(items) => {
                let mut list = List { items: items.iter(), index: 0 };
                let read = visitor.visit_seq(&mut list)?;
                all_read(list.items.len(), items.len(), "fewer elements in array")?;
                Ok(read)
            }
            Value::Table(table) => {
                let mut fields = Fields { fields: table.iter(), value: None };
                let read = visitor.visit_map(&mut fields)?;
                all_read(fields.fields.len(), table.len(), "fewer elements in map")?;
                Ok(read)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::String(variant) => visitor.visit_enum(BorrowedStrDeserializer::new(variant)),
            Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_)
            | Value::Table(_) => {
                Err(Misfit::invalid_type(Unexpected::Other(self.0.type_str()), &"one of a few words as text"))
            }
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// Refuses a list or table of which the type read only a part.
fn all_read(left: usize, length: usize, expected: &str) -> Result<(), Misfit> {
    if left == 0 { Ok(()) } else { Err(Misfit::invalid_length(length, &expected)) }
}

/// The elements of an array.
struct List<'de> {
    items: std::slice::Iter<'de, Value>,
    index: usize,
}

impl<'de> SeqAccess<'de> for List<'de> {
    type Error = Misfit;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Misfit> {
        let Some(item) = self.items.next() else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        seed.deserialize(Node(item)).map(Some).map_err(|misfit| misfit.below(&format!("[{index}]")))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// The fields of a table, and the one whose name was read last.
struct Fields<'de> {
    fields: toml::map::Iter<'de, String, Value>,
    value: Option<(&'de str, &'de Value)>,
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = Misfit;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Misfit> {
        let Some((name, value)) = self.fields.next() else { return Ok(None) };
        self.value = Some((name, value));
        let key: BorrowedStrDeserializer<'_, Misfit> = BorrowedStrDeserializer::new(name);
        seed.deserialize(key).map(Some).map_err(|misfit| misfit.below(name))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Misfit> {
        let (name, value) = self.value.take().ok_or_else(|| Misfit::custom("a value was read before its name"))?;
        seed.deserialize(Node(value)).map_err(|misfit| misfit.below(name))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.fields.len())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        count: u32,
        name: Option<String>,
        direction: Direction,
        rows: Vec<[bool; 2]>,
        shares: BTreeMap<String, Share>,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    enum Direction {
        Up,
        Down,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Share(units::Ratio);

    const SAMPLE: &str = "count = 3\ndirection = \"Down\"\nrows = [[true, false]]\n[shares]\nBTC = \"0.5\"\n";

    fn read(text: &str) -> Result<Sample, String> {
        let tree = toml::from_str::<toml::Table>(text).unwrap();
        convert(&Value::Table(tree)).map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn a_tree_becomes_its_type() {
        let sample = read(SAMPLE).unwrap();
        assert_eq!((sample.count, sample.name, sample.direction), (3, None, Direction::Down));
        assert_eq!((sample.rows, sample.shares.len()), (vec![[true, false]], 1));
    }

    /// Every kind of error has the path of the field, the value found, and what was expected.
    #[test]
    fn a_misfit_has_the_path_of_its_field() {
        for (from, to, message) in [
            ("count = 3", "count = -1", "count: invalid value: integer `-1`, expected u32"),
            ("count = 3", "count = \"3\"", "count: invalid type: string \"3\", expected u32"),
            ("count = 3", "count = 2026-01-01", "count: invalid type: date or time, expected u32"),
            ("count = 3", "", ".: missing field `count`"),
            ("count = 3", "count = 3\ncolour = 1", "colour: unknown field `colour`, expected one of `count`, `name`"),
            ("\"Down\"", "\"Away\"", "direction: unknown variant `Away`, expected `Up` or `Down`"),
            ("\"Down\"", "1", "direction: invalid type: integer, expected one of a few words as text"),
            ("true, false", "true, 1", "rows[0][1]: invalid type: integer `1`, expected a boolean"),
            ("true, false", "true, false, true", "rows[0]: invalid length 3, expected fewer elements in array"),
            ("true, false", "true", "rows[0]: invalid length 1, expected an array of length 2"),
            ("\"0.5\"", "0.5", "shares.BTC: invalid type: floating point `0.5`, expected a decimal number as text"),
            ("\"0.5\"", "\"half\"", "shares.BTC: invalid value: \"half\", expected a decimal number"),
            ("\"0.5\"", "{ a = 1 }", "shares.BTC: invalid type: map, expected a decimal number as text"),
        ] {
            let refused = read(&SAMPLE.replacen(from, to, 1)).unwrap_err();
            assert!(refused.starts_with(message), "{refused} starts with {message}");
        }
    }
}

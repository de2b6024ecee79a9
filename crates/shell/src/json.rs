//! Writes JSON for people and programs: two spaces per level, and safe to show on a terminal.
//!
//! A document has the same content as `serde_json` would write. It is written here because with `serde_json` half of
//! the time of a long document goes into three passes over each of its texts, which are mostly numbers: whether they
//! are valid, whether a quotation mark must be escaped, and whether a character could move a terminal. Here there is
//! one pass.

use std::fmt::Write as _;

use model::is_harmless;
use serde::Serialize;
use serde::ser::{Error as _, Serializer};

/// The separator of two values, and the indentation of the second.
const COMMA_AND_LINE: &str = ",\n                                ";
/// The number of spaces per level.
const LEVEL: usize = 2;

/// The bytes that are allocated before the length of a text is known.
const USUAL: usize = 1 << 14;

/// JSON as it looks at `depth` within a document: every value and every field has its own line.
pub fn pretty(value: &impl Serialize, depth: usize) -> String {
    written(value, depth, usize::MAX)
}

/// The same, but values more than `levels` deeper stay on the line of the value that contains them: an entry of a list
/// of positions is one line.
pub fn in_lines(value: &impl Serialize, depth: usize, levels: usize) -> String {
    written(value, depth, depth + levels)
}

fn written(value: &impl Serialize, depth: usize, deepest: usize) -> String {
    let mut writer = Writer { out: String::with_capacity(USUAL), depth, deepest };
    value.serialize(&mut writer).expect("a document of text and lists is JSON");
    writer.out
}

/// The reason why a value cannot be written as JSON.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unwritable(String);

impl serde::ser::Error for Unwritable {
    fn custom<Why: std::fmt::Display>(why: Why) -> Self {
        Self(why.to_string())
    }
}

/// Writes values one after the other.
struct Writer {
    out: String,
    /// The depth of the next value in the document.
    depth: usize,
    /// The deepest level at which values have their own lines.
    deepest: usize,
}

impl Writer {
    /// Begins a line, after a comma unless it is the first.
    #[inline]
    fn line(&mut self, after_comma: bool) {
        if self.depth > self.deepest {
            self.out.push_str(if after_comma { ", " } else { "" });
            return;
        }
        let (begin, end) = (usize::from(!after_comma), 2 + LEVEL * self.depth);
        if let Some(line) = COMMA_AND_LINE.get(begin..end) {
            self.out.push_str(line);
            return;
        }
        // This depth is beyond any of our documents.
        self.out.push_str(&COMMA_AND_LINE[begin..2]);
        self.out.extend(std::iter::repeat_n(' ', LEVEL * self.depth));
    }

    /// Opens a list or an object.
    fn open(&mut self, opening: char, closing: char) -> Items<'_> {
        self.out.push(opening);
        self.depth += 1;
        Items { writer: self, empty: true, closing, around: false }
    }

    /// Opens a list or an object that is the only field of an object.
    fn open_variant(&mut self, variant: &'static str, opening: char, closing: char) -> Items<'_> {
        self.out.push('{');
        self.depth += 1;
        self.line(false);
        self.name(variant);
        Items { around: true, ..self.open(opening, closing) }
    }

    /// Closes a list or an object, on a line of its own unless it is empty.
    fn close(&mut self, empty: bool, closing: char) {
        let has_lines = !empty && self.depth <= self.deepest;
        self.depth -= 1;
        if has_lines {
            self.line(false);
        }
        self.out.push(closing);
    }

    /// Writes the name of a field, which needs no escape, and the separator before its value.
    fn name(&mut self, name: &'static str) {
        debug_assert!(is_plain(name), "a field has a plain name: {name}");
        self.out.push('"');
        self.out.push_str(name);
        self.out.push_str("\": ");
    }

    fn text(&mut self, text: &str) {
        self.out.push('"');
        if is_plain(text) {
            self.out.push_str(text);
        } else {
            self.escape(text);
        }
        self.out.push('"');
    }

    fn escape(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let plain = rest.bytes().position(|byte| !is_plain_byte(byte)).unwrap_or(rest.len());
            let (simple, others) = rest.split_at(plain);
            self.out.push_str(simple);
            let mut characters = others.chars();
            let Some(character) = characters.next() else { return };
            rest = characters.as_str();
            match character {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                harmless if is_harmless(harmless) => self.out.push(harmless),
                other => {
                    for unit in other.encode_utf16(&mut [0; 2]) {
                        // Writing to a text in memory cannot fail.
                        let _ = write!(self.out, "\\u{unit:04x}");
                    }
                }
            }
        }
    }

    fn number(&mut self, number: impl std::fmt::Display) -> Result<(), Unwritable> {
        write!(self.out, "{number}").map_err(Unwritable::custom)
    }
}

/// Whether a text needs no escape in JSON and is safe on a terminal: visible ASCII without quotes and backslashes. Most
/// texts are numbers of up to twenty bytes, so that eight are looked at together.
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    match bytes.last_chunk() {
        // The last eight are looked at in any case, also where that is for the second time.
        Some(last) => bytes.as_chunks().0.iter().all(|word| is_plain_word(*word)) && is_plain_word(*last),
        None => bytes.iter().all(|byte| is_plain_byte(*byte)),
    }
}

/// [`is_plain_byte`] for eight bytes together.
fn is_plain_word(word: [u8; 8]) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const TOPS: u64 = ONES << 7;
    let word = u64::from_le_bytes(word);
    // The top bit of the lowest byte that is below `least` is set; which bits above it are set is of no interest.
    let any_below = |word: u64, least: u8| word.wrapping_sub(ONES * u64::from(least)) & !word;
    let any_is = |byte: u8| any_below(word ^ (ONES * u64::from(byte)), 1);
    let from_delete_on = word | word.wrapping_add(ONES);
    (any_below(word, b' ') | any_is(b'"') | any_is(b'\\') | from_delete_on) & TOPS == 0
}

fn is_plain_byte(byte: u8) -> bool {
    matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~')
}

/// A list or an object that is being written.
struct Items<'a> {
    writer: &'a mut Writer,
    empty: bool,
    closing: char,
    /// Whether it is the only field of an object, which ends with it.
    around: bool,
}

impl Items<'_> {
    fn next(&mut self) {
        self.writer.line(!self.empty);
        self.empty = false;
    }

    fn item<Value: Serialize + ?Sized>(&mut self, value: &Value) -> Result<(), Unwritable> {
        self.next();
        value.serialize(&mut *self.writer)
    }

    fn field<Value: Serialize + ?Sized>(&mut self, name: &'static str, value: &Value) -> Result<(), Unwritable> {
        self.next();
        self.writer.name(name);
        value.serialize(&mut *self.writer)
    }

    fn close(self) {
        self.writer.close(self.empty, self.closing);
        if self.around {
            self.writer.close(false, '}');
        }
    }
}

impl<'a> Serializer for &'a mut Writer {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Items<'a>;
    type SerializeTupleStruct = Items<'a>;
    type SerializeTupleVariant = Items<'a>;
    type SerializeMap = Items<'a>;
    type SerializeStruct = Items<'a>;
    type SerializeStructVariant = Items<'a>;

    fn serialize_bool(self, value: bool) -> Result<(), Unwritable> {
        self.number(value)
    }

    fn serialize_i8(self, value: i8) -> Result<(), Unwritable> {
        self.number(value)
    }

    fn serialize_i16(self, value: i16) -> Result<(), Unwritable> {
        self.number(value)
    }

    fn serialize_i32(self, value: i32) -> Result<(), Unwritable> {
        self.number(value)
    }

    fn serialize_i64(self, value: i64) -> Result<(), Unwritable> {
        self.number(value)
    }

    fn serialize_i128(self, value: i128) -> Result<(), Unwritable> {
        self.number(value)
    }

    fn serialize_u8(self, value: u8) -> Result<(), Unwritable> {
        self.number(value)
    }

    fn serialize_u16(self, value: u16) -> Result<(), Unwritable> {
        self.number(value)
    }

    fn serialize_u32(self, value: u32) -> Result<(), Unwritable> {
        self.number(value)
    }

    fn serialize_u64(self, value: u64) -> Result<(), Unwritable> {
        self.number(value)
    }

    fn serialize_u128(self, value: u128) -> Result<(), Unwritable> {
        self.number(value)
    }

    fn serialize_f32(self, value: f32) -> Result<(), Unwritable> {
        self.serialize_f64(value.into())
    }

    /// A value that is not a number becomes null.
    fn serialize_f64(self, value: f64) -> Result<(), Unwritable> {
        match serde_json::Number::from_f64(value) {
            Some(number) => self.number(number),
            None => self.serialize_unit(),
        }
    }

    fn serialize_char(self, value: char) -> Result<(), Unwritable> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Unwritable> {
        self.text(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Unwritable> {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> Result<(), Unwritable> {
        self.serialize_unit()
    }

    fn serialize_some<Value: Serialize + ?Sized>(self, value: &Value) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Unwritable> {
        self.out.push_str("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unwritable> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Unwritable> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<Value: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &Value,
    ) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<Value: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &Value,
    ) -> Result<(), Unwritable> {
        let mut object = self.open('{', '}');
        object.field(variant, value)?;
        object.close();
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'a>, Unwritable> {
        Ok(self.open('[', ']'))
    }

    fn serialize_tuple(self, _: usize) -> Result<Items<'a>, Unwritable> {
        Ok(self.open('[', ']'))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Items<'a>, Unwritable> {
        Ok(self.open('[', ']'))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items<'a>, Unwritable> {
        Ok(self.open_variant(variant, '[', ']'))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Items<'a>, Unwritable> {
        Ok(self.open('{', '}'))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Items<'a>, Unwritable> {
        Ok(self.open('{', '}'))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items<'a>, Unwritable> {
        Ok(self.open_variant(variant, '{', '}'))
    }
}

impl serde::ser::SerializeMap for Items<'_> {
    type Ok = ();
    type Error = Unwritable;

    /// A key is text, or a number in quotes.
    fn serialize_key<Key: Serialize + ?Sized>(&mut self, key: &Key) -> Result<(), Unwritable> {
        self.next();
        let begin = self.writer.out.len();
        key.serialize(&mut *self.writer)?;
        match self.writer.out.as_bytes().get(begin) {
            Some(b'"') => {}
            Some(b'-' | b'0'..=b'9') => {
                self.writer.out.insert(begin, '"');
                self.writer.out.push('"');
            }
            _ => return Err(Unwritable::custom("a key that is neither text nor a number")),
        }
        self.writer.out.push_str(": ");
        Ok(())
    }

    fn serialize_value<Value: Serialize + ?Sized>(&mut self, value: &Value) -> Result<(), Unwritable> {
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), Unwritable> {
        self.close();
        Ok(())
    }
}

/// The ways in which serde passes the items of a list, or the fields of an object.
macro_rules! compound {
    ($($way:ident: $function:ident),*; $($named:ident),*) => {
        $(impl serde::ser::$way for Items<'_> {
            type Ok = ();
            type Error = Unwritable;

            fn $function<Value: Serialize + ?Sized>(&mut self, value: &Value) -> Result<(), Unwritable> {
                self.item(value)
            }

            fn end(self) -> Result<(), Unwritable> {
                self.close();
                Ok(())
            }
        })*
        $(impl serde::ser::$named for Items<'_> {
            type Ok = ();
            type Error = Unwritable;

            fn serialize_field<Value: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &Value,
            ) -> Result<(), Unwritable> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), Unwritable> {
                self.close();
                Ok(())
            }
        })*
    };
}

compound! {
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field;
    SerializeStruct,
    SerializeStructVariant
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    /// One value of each form that serde can pass.
    #[derive(Serialize)]
    struct Every {
        unit: (),
        nothing: Option<u8>,
        some: Option<i128>,
        numbers: (u8, i8, u16, i16, u32, i32, u64, i64, u128),
        doubles: Vec<f64>,
        letter: char,
        marker: Marker,
        wrapped: Wrapped,
        pair: Pair,
        variants: Vec<Variant>,
        by_number: BTreeMap<i32, bool>,
        by_name: BTreeMap<String, [u8; 1]>,
        #[serde(flatten)]
        rest: Pair2,
        tagged: Tagged,
    }

    #[derive(Serialize)]
    struct Marker;

    #[derive(Serialize)]
    struct Wrapped(&'static str);

    #[derive(Serialize)]
    struct Pair(f32, bool);

    #[derive(Serialize)]
    struct Pair2 {
        first: &'static str,
        second: Vec<Vec<u8>>,
    }

    #[derive(Serialize)]
    enum Variant {
        Unit,
        Newtype(Vec<u8>),
        Tuple(u8, Vec<()>),
        Struct { field: u8, other: Option<bool> },
        Empty {},
    }

    #[derive(Serialize)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    enum Tagged {
        OfPair(Pair2),
    }

    fn every() -> Every {
        let rest = || Pair2 { first: "a", second: vec![vec![], vec![1, 2]] };
        Every {
            unit: (),
            nothing: None,
            some: Some(i128::MIN),
            numbers: (1, -1, 2, -2, 3, -3, u64::MAX, i64::MIN, u128::MAX),
            doubles: vec![0.0, -0.0, 1.0, 0.1, 1e-5, 1e-7, 1e15, 1e16, 1e300, 5e-324, f64::NAN, f64::INFINITY],
            letter: '\n',
            marker: Marker,
            wrapped: Wrapped("\"\\\n\r\t\u{8}\u{c}\u{1}−é"),
            pair: Pair(0.5, false),
            variants: vec![
                Variant::Unit,
                Variant::Newtype(vec![]),
                Variant::Newtype(vec![7]),
                Variant::Tuple(1, vec![(), ()]),
                Variant::Struct { field: 1, other: None },
                Variant::Empty {},
            ],
            by_number: [(-1, true), (20, false)].into(),
            by_name: [("a \"name\"".to_owned(), [7])].into(),
            rest: rest(),
            tagged: Tagged::OfPair(rest()),
        }
    }

    #[test]
    fn it_says_what_any_other_json_says() {
        assert_eq!(pretty(&every(), 0), serde_json::to_string_pretty(&every()).unwrap());
        let in_one_line = in_lines(&every(), 0, 0).replace(", ", ",").replace(": ", ":");
        assert_eq!(in_one_line, serde_json::to_string(&every()).unwrap());
    }

    #[test]
    fn it_looks_the_same_at_every_depth() {
        let mut value = json!([1, "a\n\"−", null, [], {}, {"b": [[]], "c": {"d": {}}}, [[1], [2, 3]]]);
        for _ in 0..40 {
            assert_eq!(pretty(&value, 0), serde_json::to_string_pretty(&value).unwrap());
            value = Value::from_iter([("within", value)]);
        }
    }

    #[test]
    fn what_lies_deep_stands_on_one_line() {
        let value = json!({"account": "a", "positions": [{"entry": 1, "greeks": [2, 3]}, {}], "notes": []});
        let text = r#"{
    "account": "a",
    "notes": [],
    "positions": [
      {"entry": 1, "greeks": [2, 3]},
      {}
    ]
  }"#;
        assert_eq!(in_lines(&value, 1, 2), text);
    }

    #[test]
    fn each_byte_is_plain_or_not_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for place in 0..8 {
                for around in [b' ', b'0', b'!', b'#', b'[', b']', b'~'] {
                    let mut word = [around; 8];
                    word[place] = byte;
                    assert_eq!(is_plain_word(word), is_plain_byte(byte), "{word:?}");
                }
            }
        }
        for length in 0..20 {
            let text = "7".repeat(length);
            assert!(is_plain(&text));
            for place in 0..length {
                let mut text = text.clone();
                text.replace_range(place..=place, "\"");
                assert!(!is_plain(&text), "{text}");
            }
        }
        assert!(!is_plain_word(*b"\"\"\"\"\"\"\"\"") && !is_plain_word([0; 8]) && !is_plain_word([0xff; 8]));
    }

    #[test]
    fn no_text_can_move_a_terminal() {
        let name = "a\u{202e}\u{7f}\u{9b}\u{e0041}\u{1b}é";
        let text = pretty(&json!({ name: [name] }), 0);
        assert!(text.chars().all(|character| character == '\n' || is_harmless(character)), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json!({ name: [name] }));
    }

    #[test]
    fn a_key_is_text_or_a_number() {
        let keys: BTreeMap<Vec<u8>, u8> = [(vec![1], 1)].into();
        let mut writer = Writer { out: String::new(), depth: 0, deepest: 0 };
        let refused = keys.serialize(&mut writer).unwrap_err();
        assert_eq!(refused.to_string(), "a key that is neither text nor a number");
    }
}

//! JSON for people, two spaces a level, as `serde_json` writes it too; but a new line and what it is indented by are
//! written at once. Documents of many accounts are mostly short lines.

use std::io::{Result, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use crate::printer::escaped;

/// What separates two values, and what the second is indented by.
const COMMA_AND_LINE: &[u8] = b",\n                                ";
/// Spaces of a level.
const LEVEL: usize = 2;

/// Bytes that there is room for before the length of a text is known.
const USUAL: usize = 1 << 14;

/// JSON for people, as it looks `depth` levels within a document: every value and every field has a line of its own.
pub fn pretty(value: &impl Serialize, depth: usize) -> String {
    written(value, Indented { depth, deepest: usize::MAX, filled: false })
}

/// The same, where what lies more than `levels` deeper stands on the line of what it belongs to: an entry of a list of
/// positions is one line.
pub fn in_lines(value: &impl Serialize, depth: usize, levels: usize) -> String {
    written(value, Indented { depth, deepest: depth + levels, filled: false })
}

fn written(value: &impl Serialize, format: Indented) -> String {
    let mut bytes = Vec::with_capacity(USUAL);
    value.serialize(&mut Serializer::with_formatter(&mut bytes, format)).expect("a document of text and lists is JSON");
    escaped(String::from_utf8(bytes).expect("JSON is text"))
}

/// Writes values and fields on lines of their own.
struct Indented {
    depth: usize,
    /// Levels that have lines of their own.
    deepest: usize,
    /// Whether the list or object that ends next has anything in it.
    filled: bool,
}

impl Indented {
    /// Begins a line, after a comma where something stands before it.
    fn line<W: ?Sized + Write>(&self, writer: &mut W, after_comma: bool) -> Result<()> {
        if self.depth > self.deepest {
            return if after_comma { writer.write_all(b", ") } else { Ok(()) };
        }
        let (begin, end) = (usize::from(!after_comma), 2 + LEVEL * self.depth);
        if let Some(line) = COMMA_AND_LINE.get(begin..end) {
            return writer.write_all(line);
        }
        // Deeper than any of our documents.
        writer.write_all(&COMMA_AND_LINE[begin..2])?;
        (0..self.depth).try_for_each(|_| writer.write_all(&COMMA_AND_LINE[2..2 + LEVEL]))
    }

    fn begin<W: ?Sized + Write>(&mut self, writer: &mut W, bracket: &[u8]) -> Result<()> {
        self.depth += 1;
        self.filled = false;
        writer.write_all(bracket)
    }

    fn end<W: ?Sized + Write>(&mut self, writer: &mut W, bracket: &[u8]) -> Result<()> {
        if self.filled && self.depth <= self.deepest {
            self.depth -= 1;
            self.line(writer, false)?;
        } else {
            self.depth -= 1;
        }
        writer.write_all(bracket)
    }
}

impl Formatter for Indented {
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.begin(writer, b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.end(writer, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> Result<()> {
        self.line(writer, !first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> Result<()> {
        self.filled = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.begin(writer, b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.end(writer, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> Result<()> {
        self.line(writer, !first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        writer.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> Result<()> {
        self.filled = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn it_looks_like_any_other_json_for_people() {
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
}

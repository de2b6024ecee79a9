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

/// JSON for people, as it looks `depth` levels within a document.
pub fn pretty(value: &impl Serialize, depth: usize) -> String {
    let mut bytes = Vec::with_capacity(USUAL);
    value
        .serialize(&mut Serializer::with_formatter(&mut bytes, Indented { depth, filled: false }))
        .expect("a document of text and lists is JSON");
    escaped(String::from_utf8(bytes).expect("JSON is text"))
}

/// Writes every value and every field on a line of its own.
struct Indented {
    depth: usize,
    /// Whether the list or object that ends next has anything in it.
    filled: bool,
}

impl Indented {
    /// Begins a line, after a comma where something stands before it.
    fn line<W: ?Sized + Write>(&self, writer: &mut W, after_comma: bool) -> Result<()> {
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
        self.depth -= 1;
        if self.filled {
            self.line(writer, false)?;
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
}

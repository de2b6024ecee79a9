//! Recognises the kind of a file by its beginning, so that one kind is never written over another, and so that a
//! message about a file of the wrong kind names its kind.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The number of bytes that decide, for a text in memory as for a file.
pub const BEGINNING: u16 = u16::MAX;
/// Kinds of binary files by their first bytes.
const MAGIC: [(&[u8], &str); 10] = [
    (b"redb\x1a\x0a\xa9\x0d\x0a", JOURNAL),
    (b"PAR1", "a parquet file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"PK\x03\x04", "a zip file"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xef\xbb\xbf", "text with a UTF-8 byte-order mark"),
    (b"\xff\xfe\0\0", "UTF-32 text"),
    (b"\0\0\xfe\xff", "UTF-32 text"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
];
/// The name of a file with plain text of any content ends in one of these.
const PLAIN: [&str; 4] = ["txt", "text", "log", "out"];
/// The number of first fields by which a JSON object without a format is known.
const FIELDS: usize = 3;

/// The kind of a file or of a text, in words that follow "found".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind(String);

impl Kind {
    /// The kind of these bytes; none when there are none.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..usize::from(BEGINNING)).unwrap_or(bytes);
        let known = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic));
        let words = match known {
            _ if bytes.is_empty() => return None,
            Some((_, words)) => (*words).to_owned(),
            None => match std::str::from_utf8(bytes).or_else(|error| match error.error_len() {
                // The last character may be cut in two at the end of the beginning.
                None => std::str::from_utf8(&bytes[..error.valid_up_to()]),
                Some(_) => Err(error),
            }) {
                Ok(text) if text.contains('\0') => without_mark(bytes).to_owned(),
                Ok(text) => of_text(text.trim_start()),
                Err(_) => without_mark(bytes).to_owned(),
            },
        };
        Some(Self(words))
    }

    /// The kind of a file; none when it is missing or empty. Text that is not ours is known by the extension of its
    /// name.
    pub fn of_file(file: &Path) -> std::io::Result<Option<Self>> {
        let mut bytes = Vec::new();
        match File::open(file) {
            Ok(open) => open.take(u64::from(BEGINNING)).read_to_end(&mut bytes)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let kind = Self::of(&bytes);
        if kind != Some(Self::text()) {
            return Ok(kind);
        }
        let end = file.extension().map(|end| end.to_string_lossy().to_lowercase());
        Ok(Some(match end {
            Some(end) if PLAIN.contains(&end.as_str()) => Self::text(),
            Some(end) => Self(format!("a .{end} file")),
            None => Self("text in a file whose name does not end in .txt".to_owned()),
        }))
    }

    /// The kind of plain text, such as a table.
    pub fn text() -> Self {
        Self("text".to_owned())
    }

    /// The kind of a picture, such as an SVG.
    pub fn picture() -> Self {
        Self("a picture".to_owned())
    }

    /// Whether it is a journal.
    pub fn is_journal(&self) -> bool {
        self.0 == JOURNAL
    }

    /// Whether no text document can begin like that.
    pub fn is_no_text(&self) -> bool {
        MAGIC.iter().any(|(_, words)| self.0 == *words) || self.0 == UTF_16
    }

    /// Whether a command can print this kind on standard output: text, a manual page, or JSON.
    pub fn is_answer(&self) -> bool {
        *self == Self::text() || self.0 == MANUAL || self.0.contains(JSON) || self.0.starts_with(OURS)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

const JOURNAL: &str = "a journal";
const UTF_16: &str = "UTF-16 text";
const JSON: &str = "JSON";
const OURS: &str = "a upm.";
const MANUAL: &str = "a manual page";
/// The first line of the manual pages that programs print here; it defines how to write an apostrophe.
const MANUAL_BEGINS: &str = ".ie \\n(.g .ds Aq";

/// The kind of bytes that are not UTF-8 and have no mark: UTF-16 has a zero in every second byte of ASCII.
fn without_mark(bytes: &[u8]) -> &'static str {
    let pairs = bytes.chunks_exact(2).take(64);
    let (count, zeros) = pairs.fold((0_u32, [0_u32; 2]), |(count, [first, second]), pair| {
        (count + 1, [first + u32::from(pair[0] == 0), second + u32::from(pair[1] == 0)])
    });
    match zeros {
        [0, half] | [half, 0] if 2 * half > count => UTF_16,
        _ => "a binary file",
    }
}

fn of_text(text: &str) -> String {
    let begins = |with| text.starts_with(with);
    if begins("<svg") || (begins("<?xml") && text.contains("<svg")) {
        return Kind::picture().0;
    }
    if begins(MANUAL_BEGINS) {
        return MANUAL.to_owned();
    }
    if !begins("{") && !begins("[") {
        return Kind::text().0;
    }
    let mut fields = Fields::default();
    // A document may be longer than its beginning: the fields read before the end are enough.
    let _ = Beginning(&mut fields).deserialize(&mut serde_json::Deserializer::from_str(text));
    match fields {
        Fields { format: Some(format), .. } => format!("a {format} document"),
        Fields { names, .. } if names.is_empty() => JSON.to_owned(),
        Fields { names, .. } => format!("{JSON} that begins with {}", names.join(", ")),
    }
}

/// The first fields of the first object, and its format without the version.
#[derive(Default)]
struct Fields {
    format: Option<String>,
    names: Vec<String>,
}

struct Beginning<'a>(&'a mut Fields);

impl<'de> DeserializeSeed<'de> for Beginning<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Beginning<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object or a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            if name == "format" && self.0.format.is_none() {
                let format: String = map.next_value()?;
                self.0.format = Some(format.split('/').next().unwrap_or_default().chars().take(40).collect());
                continue;
            }
            if self.0.names.len() < FIELDS {
                self.0.names.push(name);
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        list.next_element_seed(Beginning(self.0))?;
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(bytes: &[u8]) -> String {
        Kind::of(bytes).map_or_else(|| "nothing".to_owned(), |kind| kind.to_string())
    }

    #[test]
    fn a_kind_is_told_from_the_beginning() {
        for (bytes, kind) in [
            (&b""[..], "nothing"),
            (b"redb\x1a\x0a\xa9\x0d\x0a rest", "a journal"),
            (b"<svg xmlns=\"x\">", "a picture"),
            (b" {\"format\": \"upm.market/1\", \"time\"", "a upm.market document"),
            (b"{\"accounts\": [], \"format\": \"upm.portfolio/1\"}", "a upm.portfolio document"),
            (b"{\"a\": 1, \"b\": {\"x\": 2}, \"c\": 3, \"d\": 4}\n{\"a\": 1}", "JSON that begins with a, b, c"),
            (b"[{\"method\": 1}]", "JSON that begins with method"),
            (b"equity  12\n", "text"),
            (b".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n.TH upm 1", "a manual page"),
            (b"\xef\xbb\xbf{}", "text with a UTF-8 byte-order mark"),
            (b"\xff\xfe{\0}\0", "UTF-16 text"),
            (b"{\0\"\0f\0o\0r\0m\0", "UTF-16 text"),
            (b"\0{\0\"\0f\0o\0r\0m", "UTF-16 text"),
            (b"\x00\x01\x02\xff\xfe", "a binary file"),
        ] {
            assert_eq!(words(bytes), kind, "{bytes:?}");
        }
    }

    #[test]
    fn a_long_text_is_of_the_kind_that_its_beginning_has() {
        let long = "é".repeat(usize::from(BEGINNING));
        for cut in 0..4 {
            // The rest cannot be told from the beginning, and the last character of the beginning may be cut in two.
            let text = [" ".repeat(cut).as_bytes(), long.as_bytes(), b"\0\xff"].concat();
            assert_eq!(Kind::of(&text), Some(Kind::text()));
        }
        assert_eq!(
            words(format!("{{\"a\": \"{long}\", \"format\": \"upm.x/1\"}}").as_bytes()),
            "JSON that begins with a"
        );
    }

    #[test]
    fn a_list_does_not_end_with_its_first_object() {
        assert_eq!(words(b"[{\"format\": \"upm.x/1\"}, {\"format\": \"upm.y/1\"}]"), "a upm.x document");
    }
}

//! What is wrong with a document, and where.

use serde::de::DeserializeOwned;

/// A document that cannot be accepted: the path of the field, and the value found with what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct Invalid {
    /// Where in the document, such as `instruments[3].mark`; `.` is the document itself.
    pub path: String,
    /// What was found and what was expected.
    pub problem: String,
}

impl Invalid {
    /// `found` stands at `path` where `expected` should.
    pub fn new(path: impl Into<String>, found: impl std::fmt::Display, expected: impl std::fmt::Display) -> Self {
        Self { path: path.into(), problem: format!("found {found}, expected {expected}") }
    }

    /// Nothing stands at `path` where `expected` should.
    pub fn missing(path: impl Into<String>, expected: impl std::fmt::Display) -> Self {
        Self { path: path.into(), problem: format!("missing, expected {expected}") }
    }
}

/// Where a part of a document stands in the whole.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    /// Its path; empty for the document itself.
    pub path: String,
    /// Lines before it.
    pub lines: usize,
    /// Bytes before it in its first line.
    pub column: usize,
}

impl Origin {
    /// The path of something in this part.
    fn path(&self, inner: &str) -> String {
        // A field may be named "": then the part itself is the nearest thing with a name.
        let inner = if inner == "." { "" } else { inner };
        match (self.path.as_str(), inner) {
            ("", "") => ".".to_owned(),
            ("", inner) => inner.to_owned(),
            (outer, "") => outer.to_owned(),
            (outer, inner) if inner.starts_with('[') => format!("{outer}{inner}"),
            (outer, inner) => format!("{outer}.{inner}"),
        }
    }

    fn place(&self, (line, column): (usize, usize)) -> (usize, usize) {
        (line + self.lines, if line == 1 { column + self.column } else { column })
    }
}

/// Reads JSON into a document type; an error names the path of the field.
pub fn read_json<T: DeserializeOwned>(text: &str) -> Result<T, Invalid> {
    read_json_at(text, &Origin::default(), |place| place)
}

/// Reads a part of a document. `place` gives the line and the column of the whole document for those of this text.
pub(crate) fn read_json_at<T: DeserializeOwned>(
    text: &str,
    origin: &Origin,
    place: impl Fn((usize, usize)) -> (usize, usize),
) -> Result<T, Invalid> {
    let words = |error: &serde_json::Error| {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let (to_line, to_column) = place(origin.place((line, column)));
        match text.strip_suffix(&format!(" at line {line} column {column}")) {
            Some(words) => format!("{words} at line {to_line} column {to_column}"),
            None => text,
        }
    };
    let mut reader = serde_json::Deserializer::from_str(text);
    let document = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = origin.path(&error.path().to_string());
        let problem = words(error.inner());
        missing_field(&path, &problem).unwrap_or(Invalid { path, problem })
    })?;
    reader.end().map_err(|error| Invalid { path: origin.path(""), problem: words(&error) })?;
    Ok(document)
}

/// What a required field holds, for the message when it is not there.
const REQUIRED: &[(&str, &str)] = &[
    ("format", "the name and version of the format, such as \"upm.market/1\""),
    ("time", "an RFC 3339 time such as \"2026-05-08T08:00:00Z\""),
    ("expiry", "an RFC 3339 time such as \"2026-05-08T08:00:00Z\""),
    ("assets", "a list of assets, each with asset and price"),
    ("underlyings", "a list of underlyings, each with underlying and index"),
    ("instruments", "a list of instruments"),
    ("accounts", "a list of accounts"),
    ("asset", "the name of an asset"),
    ("underlying", "the name of an underlying"),
    ("instrument", "the name of an instrument"),
    ("account", "a name"),
    ("quote", "the name of the asset that the mark is written in"),
    ("settle", "the name of the asset that profit is paid in"),
    ("kind", "\"spot\", \"perpetual\", \"future\" or \"option\""),
    ("payoff", "\"linear\" or \"inverse\""),
    ("side", "\"buy\" or \"sell\""),
    ("name", "a name"),
    ("about", "how it was computed"),
    ("families", "a list of families of scenarios"),
    ("family", "a name"),
    ("aggregation", "\"worst\" or \"expected_shortfall\""),
    ("scenarios", "a list of scenarios"),
    ("vol", "a list of decimal numbers as text, one for each underlying"),
];

/// serde says that a field is missing, at the path of its parent; this says which field and what it should hold.
fn missing_field(parent: &str, problem: &str) -> Option<Invalid> {
    let field = problem.strip_prefix("missing field `")?.split('`').next()?;
    let expected = REQUIRED.iter().find(|(name, _)| *name == field).map(|(_, expected)| *expected);
    let path = if parent == "." { field.to_owned() } else { format!("{parent}.{field}") };
    Some(Invalid::missing(path, expected.unwrap_or("a decimal number as text, such as \"12.5\"")))
}

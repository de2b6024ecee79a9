//! Reads JSON into document types and reports all problems at once.
//!
//! A valid document is read once. An invalid one is read again piece by piece: each error is noted, a stand-in replaces
//! the faulty value, and reading goes on, so that one answer names every field that must be corrected.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::Segment;

use crate::Invalid;
use crate::problems::{Problems, entry_of};

/// The most errors that are searched for in one entry of a list.
const OF_AN_ENTRY: usize = 50;

/// The position of a part within the whole document.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    /// The path of the part; empty for the document itself.
    pub path: String,
    /// The number of lines before the part.
    pub lines: usize,
    /// The number of bytes before the part in its first line.
    pub column: usize,
}

impl Origin {
    /// The path, in the whole document, of a path within this part.
    fn path(&self, inner: &str) -> String {
        // A field may have the name "": then the part itself is the nearest thing with a name.
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

/// Reads JSON into a document type; the error names the path of every field that is wrong.
pub fn read_json<T: DeserializeOwned>(text: &str) -> Result<T, Invalid> {
    let origin = Origin::default();
    typed(text, &origin, |place| place).map_err(|first| piecewise::<T>(text, &origin, &first).1.told().unwrap_or(first))
}

/// Reads a part of a document. `place` translates a line and column of this text into those of the whole document.
pub(crate) fn read_part<T: DeserializeOwned>(
    text: &str,
    origin: &Origin,
    place: impl Fn((usize, usize)) -> (usize, usize),
) -> Result<(T, Problems), Problems> {
    let first = match typed(text, origin, place) {
        Ok(document) => return Ok((document, Problems::default())),
        Err(first) => first,
    };
    match piecewise(text, origin, &first) {
        (Some(document), problems) => Ok((document, problems)),
        (None, problems) => Err(problems),
    }
}

/// Reads a document of this format as far as it can be read, so that further problems can be found in it.
pub(crate) fn read_document<T: DeserializeOwned>(text: &str, format: &str) -> Result<(T, Problems), Invalid> {
    let origin = Origin::default();
    let first = match typed(text, &origin, |place| place) {
        Ok(document) => return Ok((document, Problems::default())),
        Err(first) => first,
    };
    if let Some(other) = other_format(text, format) {
        return Err(other);
    }
    match piecewise(text, &origin, &first) {
        (Some(document), problems) => Ok((document, problems)),
        (None, problems) => Err(problems.told().unwrap_or(first)),
    }
}

/// The error for a document of another format. Every field would be wrong then, so only this is reported.
pub(crate) fn other_format(text: &str, format: &str) -> Option<Invalid> {
    let Ok(Value::Object(root)) = serde_json::from_str(text) else { return None };
    let found = root.get("format")?.as_str()?;
    (found != format).then(|| Invalid::new("format", found, format))
}

/// Reads the whole text and stops at the first error.
fn typed<T: DeserializeOwned>(
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
    let document = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| invalid(&origin.path(&error.path().to_string()), &words(error.inner())))?;
    reader.end().map_err(|error| Invalid::said(&origin.path(""), &words(&error)))?;
    Ok(document)
}

fn invalid(path: &str, problem: &str) -> Invalid {
    match missing(problem) {
        Some(field) => {
            let path = if path == "." { field.to_owned() } else { format!("{path}.{field}") };
            Invalid::missing(path, of_field(field).0)
        }
        None => Invalid::said(path, problem),
    }
}

/// Required fields: the name, a description for the message when the field is missing, and a stand-in.
const REQUIRED: &[(&str, &str, &str)] = &[
    ("format", "the name and version of the format, such as \"upm.market/1\"", "\"\""),
    ("time", "an RFC 3339 time such as \"2026-05-08T08:00:00Z\"", "\"2020-01-01T00:00:00Z\""),
    ("expiry", "an RFC 3339 time such as \"2026-05-08T08:00:00Z\"", "\"2200-01-01T00:00:00Z\""),
    ("assets", "a list of assets, each with asset and price", "[]"),
    ("underlyings", "a list of underlyings, each with underlying and index", "[]"),
    ("instruments", "a list of instruments", "[]"),
    ("accounts", "a list of accounts", "[]"),
    ("asset", "the name of an asset", "\"?\""),
    ("underlying", "the name of an underlying", "\"?\""),
    ("instrument", "the name of an instrument", "\"?\""),
    ("account", "a name", "\"?\""),
    ("quote", "the name of the asset that the mark is written in", "\"?\""),
    ("settle", "the name of the asset that profit is paid in", "\"?\""),
    ("kind", "\"spot\", \"perpetual\", \"future\" or \"option\"", "\"perpetual\""),
    ("payoff", "\"linear\" or \"inverse\"", "\"linear\""),
    ("side", "\"buy\" or \"sell\"", "\"buy\""),
    ("right", "\"call\" or \"put\"", "\"call\""),
    ("name", "a name", "\"?\""),
    ("about", "how it was computed", "\"?\""),
    ("families", "a list of families of scenarios", "[]"),
    ("family", "a name", "\"?\""),
    ("aggregation", "\"worst\" or \"expected_shortfall\"", "\"worst\""),
    ("scenarios", "a list of scenarios", "[]"),
    ("price", "a decimal number as text, such as \"12.5\"", "\"1\""),
    ("vol", "a list of decimal numbers as text, one for each underlying", "[]"),
    ("positions", "a list of positions", "[]"),
    ("balances", "a list of balances", "[]"),
    ("orders", "a list of orders", "[]"),
    ("expiries", "a list of expiries", "[]"),
    ("depth", "a list of levels", "[]"),
    ("basket", "an object with parts and rebalanced", "{\"parts\": [], \"rebalanced\": \"2020-01-01T00:00:00Z\"}"),
    ("parts", "a list of parts, each with underlying and units or weight", "[]"),
    ("rebalanced", "an RFC 3339 time such as \"2026-05-08T08:00:00Z\"", "\"2020-01-01T00:00:00Z\""),
];
/// The description and the stand-in of every field that is not listed above.
pub(crate) const A_NUMBER: (&str, &str) = ("a decimal number as text, such as \"12.5\"", "\"1\"");

fn of_field(field: &str) -> (&'static str, &'static str) {
    let known = REQUIRED.iter().find(|(name, ..)| *name == field);
    known.map_or(A_NUMBER, |(_, expected, stand_in)| (*expected, *stand_in))
}

fn stand_in(field: &str) -> Value {
    serde_json::from_str(of_field(field).1).expect("a stand-in is JSON")
}

/// The name of the missing field in an error of serde, which gives the path of the parent.
fn missing(problem: &str) -> Option<&str> {
    problem.strip_prefix("missing field `")?.split('`').next()
}

/// All errors of a text in which `first` was found, and the document with stand-ins where one can be made.
fn piecewise<T: DeserializeOwned>(text: &str, origin: &Origin, first: &Invalid) -> (Option<T>, Problems) {
    let mut problems = Problems::default();
    let root = match serde_json::from_str(text) {
        Ok(Value::Object(root)) => root,
        // A value that is not an object is reported like an invalid entry, without its line.
        Ok(mut other) if !origin.path.is_empty() => {
            mend::<T>(&mut other, &mut problems, &|path| origin.path(path));
            return (None, problems);
        }
        Ok(_) | Err(_) => {
            problems.note(first.clone());
            return (None, problems);
        }
    };
    let (mut root, lists) = without_lists(root);
    let whole = mend::<T>(&mut root, &mut problems, &|path| origin.path(path));
    for (name, entries) in lists {
        if whole && root.get(&name).is_none() {
            // The field is unknown and has been reported as such.
            continue;
        }
        let mut kept = Vec::with_capacity(entries.len());
        for (place, entry) in entries.into_iter().enumerate() {
            let mut alone = root.clone();
            alone[&name] = Value::Array(vec![entry]);
            let (from, to) = (format!("{name}[0]"), format!("{name}[{place}]"));
            let renamed = |path: &str| match path.strip_prefix(&from) {
                Some(rest) => origin.path(&(to.clone() + rest)),
                None => origin.path(path),
            };
            if whole && !mend::<T>(&mut alone, &mut problems, &renamed) {
                // This entry cannot be mended: an empty stand-in replaces it.
                alone[&name] = Value::Array(vec![Value::Object(Map::new())]);
                mend::<T>(&mut alone, &mut Problems::default(), &renamed);
                problems.pass_over(origin.path(&to));
            }
            kept.extend(alone[&name].get_mut(0).map(Value::take));
        }
        root[&name] = Value::Array(kept);
    }
    // The first error may be one that the pieces do not show, such as a field that is given twice.
    if !problems.is_at(&first.path) {
        problems.note(first.clone());
    }
    (T::deserialize(&root).ok(), problems)
}

/// The fields of a document with empty lists, and the former contents of these lists.
fn without_lists(mut root: Map<String, Value>) -> (Value, Vec<(String, Vec<Value>)>) {
    let mut lists = Vec::new();
    for (name, value) in &mut root {
        if let Value::Array(entries) = value {
            lists.push((name.clone(), std::mem::take(entries)));
        }
    }
    (Value::Object(root), lists)
}

/// Replaces the wrong values of `document` by stand-ins until it can be read; returns whether it can be read.
fn mend<T: DeserializeOwned>(document: &mut Value, problems: &mut Problems, renamed: &dyn Fn(&str) -> String) -> bool {
    let mut before = None;
    for _ in 0..OF_AN_ENTRY {
        let Err(error) = serde_path_to_error::deserialize::<_, T>(&*document) else { return true };
        let problem = error.inner().to_string();
        let invalid = invalid(&renamed(&error.path().to_string()), &problem);
        if before.as_ref() == Some(&invalid.path) {
            return false;
        }
        before = Some(invalid.path.clone());
        problems.note(invalid.clone());
        let Some(field) = replace(document, error.path().iter(), &problem) else { return false };
        problems.pass_over(invalid.path.clone());
        if stand_in(&field) != stand_in("") && !problem.starts_with("unknown field") {
            // An entry without its kind or its names means nothing, so later problems in it are not reported.
            problems.pass_over(entry_of(&invalid.path).to_owned());
        }
    }
    false
}

/// Replaces the wrong value at a path; returns the name of the field, or none where it has no name.
fn replace<'a>(document: &mut Value, path: impl Iterator<Item = &'a Segment>, problem: &str) -> Option<String> {
    let mut path: Vec<&Segment> = path.collect();
    let field = match missing(problem) {
        Some(field) => field.to_owned(),
        None => match path.pop()? {
            Segment::Map { key } => key.clone(),
            Segment::Seq { .. } | Segment::Enum { .. } | Segment::Unknown => return None,
        },
    };
    let mut parent = document;
    for segment in path {
        parent = match segment {
            Segment::Map { key } => parent.get_mut(key)?,
            Segment::Seq { index } => parent.get_mut(index)?,
            Segment::Enum { .. } | Segment::Unknown => return None,
        };
    }
    let fields = parent.as_object_mut()?;
    if problem.starts_with("unknown field") {
        fields.remove(&field);
    } else {
        fields.insert(field.clone(), stand_in(&field));
    }
    Some(field)
}

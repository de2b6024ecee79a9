//! JSON into document types, with everything that is wrong with it at once.
//!
//! A document that is right is read once. One that is wrong is read again piece by piece: each error is noted, a
//! stand-in takes its place, and reading goes on, so that one answer names every field to be mended.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::Segment;

use crate::Invalid;
use crate::problems::{Problems, entry_of};

/// Of one entry of a list at most so many errors are found.
const OF_AN_ENTRY: usize = 50;

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

/// Reads JSON into a document type; the error names the path of every field that is wrong.
pub fn read_json<T: DeserializeOwned>(text: &str) -> Result<T, Invalid> {
    let origin = Origin::default();
    typed(text, &origin, |place| place).map_err(|first| piecewise::<T>(text, &origin, &first).1.told().unwrap_or(first))
}

/// Reads a part of a document. `place` gives the line and the column of the whole document for those of this text.
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

/// Reads a document of that format as far as it can be read, for what else is wrong with it to be found.
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

/// That a document is of another format: then every field would be wrong, and only this is said.
pub(crate) fn other_format(text: &str, format: &str) -> Option<Invalid> {
    let Ok(Value::Object(root)) = serde_json::from_str(text) else { return None };
    let found = root.get("format")?.as_str()?;
    (found != format).then(|| Invalid::new("format", found, format))
}

/// Reads the whole text; the first error ends it.
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

/// What a required field holds, for the message when it is not there, and a stand-in for it.
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
];
const A_NUMBER: (&str, &str) = ("a decimal number as text, such as \"12.5\"", "\"1\"");

fn of_field(field: &str) -> (&'static str, &'static str) {
    let known = REQUIRED.iter().find(|(name, ..)| *name == field);
    known.map_or(A_NUMBER, |(_, expected, stand_in)| (*expected, *stand_in))
}

fn stand_in(field: &str) -> Value {
    serde_json::from_str(of_field(field).1).expect("a stand-in is JSON")
}

/// serde says that a field is missing, at the path of its parent.
fn missing(problem: &str) -> Option<&str> {
    problem.strip_prefix("missing field `")?.split('`').next()
}

/// Every error of a text that `first` was found in, and the document with stand-ins, where one can be made of it.
fn piecewise<T: DeserializeOwned>(text: &str, origin: &Origin, first: &Invalid) -> (Option<T>, Problems) {
    let mut problems = Problems::default();
    let root = match serde_json::from_str(text) {
        Ok(Value::Object(root)) => root,
        // What stands in place of an entry is said like an entry that is wrong, without its line.
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
            // The field is unknown, and was told as such.
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
                // Nothing can be made of this entry: another stands in for it.
                alone[&name] = Value::Array(vec![Value::Object(Map::new())]);
                mend::<T>(&mut alone, &mut Problems::default(), &renamed);
                problems.pass_over(origin.path(&to));
            }
            kept.extend(alone[&name].get_mut(0).map(Value::take));
        }
        root[&name] = Value::Array(kept);
    }
    // What the pieces do not show, such as a field that stands twice.
    if !problems.is_at(&first.path) {
        problems.note(first.clone());
    }
    (T::deserialize(&root).ok(), problems)
}

/// The fields of a document with its lists emptied, and what was in them.
fn without_lists(mut root: Map<String, Value>) -> (Value, Vec<(String, Vec<Value>)>) {
    let mut lists = Vec::new();
    for (name, value) in &mut root {
        if let Value::Array(entries) = value {
            lists.push((name.clone(), std::mem::take(entries)));
        }
    }
    (Value::Object(root), lists)
}

/// Puts stand-ins where `document` is wrong until it can be read; whether it can.
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
            // Without its kind or its names an entry means nothing.
            problems.pass_over(entry_of(&invalid.path).to_owned());
        }
    }
    false
}

/// Replaces what is wrong at a path; the name of the field, or nothing where it has none.
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

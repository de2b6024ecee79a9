//! The JSON Schemas of the documents: kept in files, generated from types, and documents checked against them.

use std::path::PathBuf;

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use crate::WRITE_SCHEMAS;

/// The side of a document that a schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What a program reads: what it would refuse is refused.
    Read,
    /// What a program writes: fields that are always there are required.
    Written,
}

/// The folder of the schemas, which the program `upm` embeds.
pub fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../cli/schemas"))
}

/// The file with the schema of `name`, a format such as `upm.market/1` or the name of a document without one.
pub fn file(name: &str) -> PathBuf {
    folder().join(format!("{}.json", name.replace('/', "-")))
}

/// Insists that the file of a schema is what the type of the document gives now; writes it under [`WRITE_SCHEMAS`].
pub fn is_current<Document: JsonSchema>(name: &str, side: Side) {
    let settings = SchemaSettings::draft2020_12();
    let settings = if side == Side::Read { settings.for_deserialize() } else { settings.for_serialize() };
    is_current_of(name, settings.into_generator().into_root_schema_for::<Document>());
}

/// The same as [`is_current`], for a schema that was made otherwise.
pub fn is_current_of(name: &str, schema: Schema) {
    let text = serde_json::to_string_pretty(&finished(name, schema)).expect("a schema is JSON") + "\n";
    let file = file(name);
    if std::env::var_os(WRITE_SCHEMAS).is_some() {
        std::fs::write(&file, &text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == text,
        "{}: not what the types say, expected the file that `cargo xtask schemas` writes",
        file.display()
    );
}

/// A schema with its name, the constant `format`, and descriptions without links into the code.
fn finished(name: &str, mut schema: Schema) -> Schema {
    schema.insert("$id".to_owned(), json!(format!("urn:upm:{name}")));
    schema.insert("title".to_owned(), json!(name));
    if let Some(format) = schema.get_mut("properties").and_then(|properties| properties.get_mut("format")) {
        *format = json!({"const": name, "description": "The name of the format."});
    }
    Plain.transform(&mut schema);
    schema
}

/// Removes from descriptions what only links in the documentation of the code.
struct Plain;

impl Transform for Plain {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(Value::String(description)) = schema.get_mut("description") {
            *description = description.replace("[`", "`").replace("`]", "`").replace('\n', " ");
        }
        transform_subschemas(self, schema);
    }
}

/// The kept schema of `name`.
fn kept(name: &str) -> Value {
    let file = file(name);
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Whether a document is a schema.
pub fn is_schema(document: &Value) -> bool {
    jsonschema::draft202012::meta::is_valid(document)
}

/// The kept schema of `name`, ready to check documents. Making it takes longer than a check.
#[derive(Debug)]
pub struct Checker(jsonschema::Validator);

impl Checker {
    /// Reads the schema of `name`.
    pub fn of(name: &str) -> Self {
        Self::new(&kept(name))
    }

    /// Reads the schema of a part of the documents of `name`: the one that it defines as `part`.
    pub fn of_part(name: &str, part: &str) -> Self {
        Self::new(&json!({"$ref": format!("#/$defs/{part}"), "$defs": kept(name)["$defs"]}))
    }

    fn new(schema: &Value) -> Self {
        Self(jsonschema::draft202012::new(schema).unwrap_or_else(|error| panic!("{error}: {schema}")))
    }

    /// The problems of a document, each with its place in the document.
    pub fn problems(&self, document: &Value) -> Vec<String> {
        self.0.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }
}

/// Insists that every line of a text is a document as the schema of `name` says, and that there is a line.
pub fn valid_lines(name: &str, text: &str) {
    let checker = Checker::of(name);
    assert!(!text.is_empty(), "{name}: no line");
    for line in text.lines() {
        let document = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(checker.problems(&document), Vec::<String>::new(), "{name}: {line}");
    }
}

/// Insists that a document is as the schema of `name` says.
pub fn valid(name: &str, document: &Value) {
    assert_eq!(Checker::of(name).problems(document), Vec::<String>::new(), "{name}: {document}");
}

/// Insists that a document is as the schema of its `format` says; a document without one passes.
pub fn valid_by_format(document: &Value) {
    if let Some(format) = document.get("format").and_then(Value::as_str) {
        valid(format, document);
    }
}

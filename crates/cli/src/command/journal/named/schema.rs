//! The schema of a record in names: that of a record as it is kept, with what [`super::named`] changes.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::{Map, Value, json};

use crate::record::RecordDocument;

/// Fields with a number, or another reference, that a name replaces.
const REPLACED: [&str; 15] = [
    "account",
    "counterparty",
    "auctioned",
    "from",
    "to",
    "instrument",
    "asset",
    "quote",
    "settle",
    "underlying",
    "follows",
    "location",
    "feed",
    "fund",
    "principal",
];

/// Lists of numbers, or of numbers with data, that names replace.
const LISTS: [&str; 6] = ["markets", "indices", "forwards", "assets", "vols", "marks"];

/// Lots and what they become beside the name of an instrument.
const LOTS: [(&str, &str); 2] = [("lots", "contracts"), ("open", "contracts_open")];

/// Adds names to the schema of a record. Numbers stay allowed: those that the state does not know are left as they are.
struct InNames;

impl Transform for InNames {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(Value::Object(fields)) = schema.get_mut("properties") else { return };
        for name in REPLACED {
            if let Some(field) = fields.get_mut(name) {
                or_a_name(field);
            }
        }
        for list in LISTS {
            if let Some(items) = fields.get_mut(list).and_then(|list| list.get_mut("items")) {
                match items.get_mut("prefixItems") {
                    Some(Value::Array(parts)) => parts.iter_mut().take(1).for_each(or_a_name),
                    _ => or_a_name(items),
                }
            }
        }
        let becoming = if fields.contains_key("instrument") { contracts(fields) } else { Vec::new() };
        if let Some(Value::Array(required)) = schema.get_mut("required") {
            required.retain(|name| !becoming.iter().any(|lots| name == lots));
        }
    }
}

/// Adds the fields that lots become; returns the names of those that are no longer always there.
fn contracts(fields: &mut Map<String, Value>) -> Vec<&'static str> {
    let found: Vec<_> = LOTS.into_iter().filter(|(lots, _)| fields.contains_key(*lots)).collect();
    for (_, contracts) in &found {
        let contracts_schema = json!({"$ref": "#/$defs/Quantity"});
        fields.insert((*contracts).to_owned(), contracts_schema);
    }
    found.into_iter().map(|(lots, _)| lots).collect()
}

fn or_a_name(schema: &mut Value) {
    *schema = json!({"anyOf": [{"type": "string"}, schema.take()]});
}

#[test]
fn the_schema_is_current() {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<RecordDocument>();
    InNames.transform(&mut schema);
    testdata::schema::is_current_of("record-named", schema);
}

//! JSON Schemas of the parameter files, from the types that read them.

use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema, generate::SchemaSettings, json_schema};
use serde_json::{Value, json};
use units::Ratio;

use super::{deribit, derive, paradex, universal};

/// The schema of every method's parameter file, by the name of the method.
pub fn parameters() -> Vec<(&'static str, Schema)> {
    vec![
        (universal::ABOUT.name, schema::<universal::rules::Rules>()),
        (deribit::portfolio::ABOUT.name, schema::<deribit::portfolio::PmParameters>()),
        (deribit::standard::ABOUT.name, schema::<deribit::standard::SmParameters>()),
        (paradex::portfolio::ABOUT.name, schema::<paradex::portfolio::PortfolioParameters>()),
        (paradex::cross::ABOUT.name, schema::<paradex::cross::CrossParameters>()),
        (derive::pmrm2::ABOUT.name, schema::<derive::pmrm2::Pmrm2Parameters>()),
        (derive::pmrm::ABOUT.name, schema::<derive::pmrm::PmrmParameters>()),
        (derive::standard::ABOUT.name, schema::<derive::standard::StandardParameters>()),
    ]
}

/// The schema of a parameter file with these rules: the rules, each value bare or with its evidence, and `about`.
fn schema<Rules: JsonSchema>() -> Schema {
    let mut generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
    let (number, about) = (generator.subschema_for::<Ratio>(), generator.subschema_for::<AboutFile>());
    let mut schema = generator.into_root_schema_for::<Rules>();
    Leaves { number }.transform(&mut schema);
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.insert("about".to_owned(), about.to_value());
    }
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.push(json!("about"));
    }
    schema
}

/// The description of a parameter file.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used: the reader takes the fields out of a table")]
#[schemars(rename = "About")]
struct AboutFile {
    /// The method that the file was written for.
    method: String,
    /// The day on which the values were valid.
    as_of: String,
    /// The publication or person that says so.
    source: String,
}

/// Makes every number a decimal text, and lets every value stand in a table with its evidence.
struct Leaves {
    number: Schema,
}

impl Transform for Leaves {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        if schema.get("type") == Some(&json!("number")) {
            *schema = self.number.clone();
        }
        for places in ["properties", "additionalProperties"] {
            match schema.get_mut(places) {
                Some(Value::Object(fields)) if places == "properties" => fields.values_mut().for_each(with_evidence),
                Some(values @ Value::Object(_)) => with_evidence(values),
                _ => {}
            }
        }
    }
}

/// A value as it is, or in a table `{ value, reason, as_of, source }`.
fn with_evidence(value: &mut Value) {
    let bare = value.take();
    let description = bare.get("description").cloned();
    let mut either = json_schema!({"anyOf": [bare, {
        "type": "object",
        "properties": {"value": bare, "reason": true, "as_of": true, "source": true},
        "required": ["value"],
        "additionalProperties": false,
    }]});
    if let Some(description) = description {
        either.insert("description".to_owned(), description);
    }
    *value = either.to_value();
}

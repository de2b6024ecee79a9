//! One record of a journal, in readable form.

use engine::{Command, Event, Principal};
use journal::Record;
use serde::Serialize;
use serde_json::Value;
use serde_json::ser::Formatter;
use shell::failure::Failure;
use shell::table::paragraph;
use units::Timestamp;

use crate::history::broken;

/// The reason why a record always becomes JSON.
pub const JSON: &str = "what the engine says is JSON";

/// A record in the form of JSON.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RecordDocument {
    pub sequence: u64,
    previous: String,
    hash: String,
    time: Timestamp,
    principal: Principal,
    command: Command,
    events: Vec<Event>,
    /// The hash of the state after these events, if one was taken.
    state: Option<String>,
}

impl RecordDocument {
    /// Decodes `record` of the journal in `file`.
    pub fn new(file: &str, record: &Record) -> Result<Self, Failure> {
        let (envelope, events) = sequencer::decode(file, record).map_err(broken)?;
        Ok(Self {
            sequence: record.sequence,
            previous: record.previous.to_string(),
            hash: record.hash().to_string(),
            time: record.time,
            principal: envelope.principal,
            command: envelope.command,
            events,
            state: record.state.map(|hash| hash.to_string()),
        })
    }

    /// The names of the fields in which two records differ.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let fields = [
            ("previous", self.previous != other.previous),
            ("time", self.time != other.time),
            ("principal", self.principal != other.principal),
            ("command", self.command != other.command),
            ("events", self.events != other.events),
            ("state", self.state != other.state),
        ];
        fields.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect()
    }
}

/// A record for people: one line for the command and one for every event.
pub fn text(record: &Value) -> String {
    let line = |lead: &str, value: &Value| {
        let words = value.as_str().map_or_else(|| words(value), str::to_owned);
        paragraph(&format!("  {lead}"), 12, &words)
    };
    let mut text = String::new();
    for field in ["time", "previous", "hash", "principal", "command", "events", "state"] {
        match &record[field] {
            Value::Null => {}
            Value::Array(events) => text.extend(events.iter().map(|event| line("event", event))),
            value => text += &line(field, value),
        }
    }
    text
}

/// JSON with a space after every comma and colon, so that it can be broken into lines.
fn words(value: &Value) -> String {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Spaced);
    value.serialize(&mut serializer).expect(JSON);
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        writer.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_can_be_broken_into_lines() {
        let value = serde_json::json!({"a": [1, "b,c:d"], "e": {}});
        assert_eq!(words(&value), r#"{"a": [1, "b,c:d"], "e": {}}"#);
    }

    #[test]
    fn the_schema_is_current() {
        testdata::schema::is_current::<RecordDocument>("record", testdata::schema::Side::Written);
    }
}

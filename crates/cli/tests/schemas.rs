//! The JSON Schemas say what the reader and the program do: samples, documents in the pages and real answers are valid,
//! and what the reader refuses for its shape is not. Answers of other tests are checked where they are read.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod common;

use std::path::Path;

use common::journal::Day;
use common::{PORTFOLIO, answer, document, path, root, sample, simulated, upm, upm_reading, written};
use serde_json::{Value, json};
use testdata::schema::{Checker, is_schema, valid, valid_by_format, valid_lines};
use testdata::{MARKET, edited};

fn read(file: impl AsRef<Path>) -> String {
    let file = file.as_ref();
    std::fs::read_to_string(file).unwrap_or_else(|why| panic!("{}: {why}", file.display()))
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|why| panic!("{why}: {text}"))
}

/// Insists that a schema refuses a document that differs from a valid one only in the named way.
fn refused(checker: &Checker, document: &Value, what: &str) {
    assert!(!checker.problems(document).is_empty(), "the schema allows {what}: {document}");
}

#[test]
fn the_samples_are_valid() {
    for name in ["market.json", "portfolio.json", "scenarios.json"] {
        let document = parsed(&read(sample(name)));
        assert!(document["format"].is_string(), "{name}");
        valid_by_format(&document);
    }
    valid_lines("run-command", &read(sample("venue.jsonl")));
    valid("upm.market/1", &parsed(MARKET));
    valid("upm.portfolio/1", &parsed(PORTFOLIO));
}

#[test]
fn the_documents_in_the_pages_are_valid() {
    let mut checked = Vec::new();
    for page in ["docs/formats.md", "docs/venue.md"] {
        for block in read(root().join(page)).split("```json\n").skip(1) {
            let text = block.split("```").next().unwrap_or_default();
            // Where a page leaves something out, it writes an ellipsis.
            let Ok(value) = serde_json::from_str::<Value>(text) else {
                assert!(text.contains('…'), "{page}: {text}");
                continue;
            };
            if let Some(format) = value["format"].as_str() {
                valid(format, &value);
                checked.push(format.to_owned());
            } else if value.get("basket").is_some() {
                let underlying = Checker::of_part("upm.market/1", "UnderlyingDocument");
                assert_eq!(underlying.problems(&value), Vec::<String>::new(), "{page}: {text}");
                checked.push("a basket".to_owned());
            } else {
                let step = Checker::of_part("upm.plan/1", "StepDocument");
                assert_eq!(step.problems(&value), Vec::<String>::new(), "{page}: {text}");
                checked.push("a step".to_owned());
            }
        }
    }
    assert_eq!(checked, ["upm.market/1", "a basket", "upm.portfolio/1", "a step", "upm.scenarios/1"]);
}

#[test]
fn answers_about_a_book_are_valid() {
    let [market, portfolio, scenarios] = ["market.json", "portfolio.json", "scenarios.json"].map(sample);
    let book = ["--market", &market, "--portfolio", &portfolio, "--output", "json"];
    let mut answers = vec![
        document(&[&["margin"][..], &book, &["--all-scenarios", "--scenarios", &scenarios]].concat()),
        document(&[&["compare"][..], &book].concat()),
        document(&[&["stress"][..], &book, &["--account", "short strangle"]].concat()),
        document(&[&["stress"][..], &book, &["--scenario", "prices unchanged, vol up"]].concat()),
        document(&[&["margin", "--summary"][..], &book].concat()),
        document(&[&["plan"][..], &book, &["--account", "delta-hedged book", "--less", "750000"]].concat()),
        document(
            &[&["what-if"][..], &book, &["--account", "short strangle", "--trade", "BTC_USDC-PERPETUAL -1"]].concat(),
        ),
    ];
    for method in
        ["deribit", "deribit-standard", "paradex", "paradex-cross", "derive", "derive-pmrm", "derive-standard"]
    {
        answers.push(document(&[&["margin"][..], &book, &["--method", method]].concat()));
    }
    let formats: Vec<&str> = answers.iter().filter_map(|answer| answer["format"].as_str()).collect();
    let expected = [
        "upm.assessment/1",
        "upm.comparison/1",
        "upm.stress/1",
        "upm.stress-scenario/1",
        "upm.summary/1",
        "upm.plan/1",
        "upm.what-if/1",
    ];
    assert_eq!(formats[..7], expected);
    valid("methods", &document(&["methods", "--output", "json"]));
}

#[test]
fn answers_about_a_journal_are_valid() {
    let mut day = Day::whole("schemas.journal");
    let file = path("schemas.journal");
    let genesis =
        written("schemas-genesis.json", &sequencer::Genesis::new("2026-04-22T00:00:00Z".parse().unwrap()).text());
    valid_by_format(&parsed(&read(genesis)));
    day.one_more("56700");
    drop(day);
    let (crowd, _) = simulated("schemas-crowd.journal", 6, 60);
    let moment = path("schemas-moment");
    let _ = std::fs::remove_dir_all(&moment);
    for journal in [&file, &crowd] {
        valid_lines("record", &answer(&["journal", "export", journal]));
        valid_lines("record-named", &answer(&["journal", "export", "--names", journal]));
        document(&["journal", "verify", journal, "--output", "json"]);
        document(&["journal", "replay", journal, "--output", "json"]);
    }
    document(&["journal", "extract", &file, "--to", &moment, "--output", "json"]);
    for name in ["market.json", "portfolio.json"] {
        valid_by_format(&parsed(&read(Path::new(&moment).join(name))));
    }
    document(&["explain", "alice", "--journal", &file, "--output", "json"]);
    let cases = document(&["journal", "cases", &crowd, "--output", "json"]);
    let case = cases["cases"][0]["case"].to_string();
    document(&["explain", "--case", &case, "--journal", &crowd, "--output", "json"]);
    // Journals that differ, and one without the head that is asked for.
    valid_by_format(&parsed(&upm(&["journal", "diff", &file, &crowd, "--output", "json"]).out));
    let head = "0".repeat(64);
    let report = upm(&["journal", "verify", &file, "--head", &head, "--output", "json"]);
    assert_eq!(report.status, 1, "{}", report.err);
    let report = parsed(&report.out);
    assert_eq!(report["sound"], false);
    valid_by_format(&report);
}

#[test]
fn answers_of_a_run_are_valid() {
    let file = path("schemas-run.journal");
    let _ = std::fs::remove_file(&file);
    let run = upm_reading(&["run", "--journal", &file, "--begin"], &read(sample("venue.jsonl")));
    assert_eq!(run.status, 0, "{}", run.err);
    valid_lines("run-answer", &run.out);
    assert!(run.out.contains("\"refused\"") && run.out.contains("\"duty\""), "{}", run.out);
}

/// Every parameter file is valid in the form of JSON, and not without one of its tables.
#[test]
fn parameter_files_are_valid() {
    for method in margin::method::METHODS {
        let checker = Checker::of(&format!("params-{}", method.about.name));
        let plain = toml_as_json(method.params);
        assert_eq!(checker.problems(&plain), Vec::<String>::new());
        for key in plain.as_object().unwrap().keys().filter(|key| *key != "engine") {
            let mut without = plain.clone();
            without.as_object_mut().unwrap().remove(key);
            refused(&checker, &without, &format!("a file without {key}"));
        }
        let mut stray = plain;
        stray["stray"] = json!("1");
        refused(&checker, &stray, "a stray table");
    }
}

fn toml_as_json(text: &str) -> Value {
    serde_json::to_value(text.parse::<toml::Table>().unwrap()).unwrap()
}

/// Every field of a document, as pointers to it.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                found.push(format!("{at}/{key}"));
                places(value, &format!("{at}/{key}"), found);
            }
        }
        Value::Array(items) => {
            for (place, value) in items.iter().enumerate() {
                places(value, &format!("{at}/{place}"), found);
            }
        }
        _ => {}
    }
}

/// A document that is read from one or two texts: a market, or a portfolio beside its market.
fn reads(name: &str, document: &Value) -> bool {
    match name {
        "upm.market/1" => model::Market::parse(&document.to_string()).is_ok(),
        "upm.portfolio/1" => {
            let market = model::Market::parse(MARKET).unwrap();
            model::Portfolio::parse(&document.to_string(), &market).is_ok()
        }
        _ => sequencer::Genesis::parse(&document.to_string()).is_ok(),
    }
}

/// Takes every field away, renames it, and gives it a value of every other type. Where the schema allows what is left, the
/// reader refuses it at most for its meaning; where the reader takes it, the schema allows it.
#[test]
fn what_the_reader_refuses_for_its_shape_is_refused() {
    let genesis = sequencer::Genesis::new("2026-04-22T00:00:00Z".parse().unwrap()).text();
    for (name, text) in [("upm.market/1", MARKET), ("upm.portfolio/1", PORTFOLIO), ("upm.genesis/1", &genesis)] {
        let whole = parsed(text);
        let checker = Checker::of(name);
        assert!(reads(name, &whole) && checker.problems(&whole).is_empty(), "{name}");
        let mut all = Vec::new();
        places(&whole, "", &mut all);
        for pointer in &all {
            let found = whole.pointer(pointer).unwrap();
            let without = edited(whole.clone(), pointer, Value::Null);
            let stray = edited(whole.clone(), &format!("{pointer}_stray"), found.clone());
            let others = [json!("NaN"), json!(7), json!(1.5), json!(true), json!([]), json!({}), json!([[1]])];
            let changed = others.into_iter().map(|other| edited(whole.clone(), pointer, other));
            for document in changed.chain([without, stray]) {
                let (allowed, taken) = (checker.problems(&document).is_empty(), reads(name, &document));
                assert!(allowed || !taken, "{name}: {pointer}: the reader takes what the schema refuses: {document}");
                let shape = shape_is_wrong(name, &document);
                assert!(!allowed || !shape, "{name}: {pointer}: the schema allows a wrong shape: {document}");
            }
        }
    }
}

/// Whether a document cannot be read into its type at all, whatever it means.
fn shape_is_wrong(name: &str, document: &Value) -> bool {
    let document = document.clone();
    match name {
        "upm.market/1" => serde_json::from_value::<model::MarketDocument>(document).is_err(),
        "upm.portfolio/1" => serde_json::from_value::<model::PortfolioDocument>(document).is_err(),
        _ => serde_json::from_value::<sequencer::Genesis>(document).is_err(),
    }
}

#[test]
fn commands_that_cannot_be_read_are_refused() {
    let line = |principal: Value, command: Value| json!({"time": "2026-11-29T12:00:00Z", "principal": principal, "command": command});
    valid("run-command", &line(json!("System"), json!("Tick")));
    valid("run-command", &line(json!({"Owner": 1}), json!({"Cancel": {"account": 0, "order": 7}})));
    let checker = Checker::of("run-command");
    for (document, what) in [
        (line(json!("System"), json!("Tock")), "an unknown command"),
        (line(json!("Boss"), json!("Tick")), "an unknown principal"),
        (line(json!({"Owner": "1"}), json!("Tick")), "a number as text"),
        (line(json!("Governance"), json!({"ListLocation": {"name": 7}})), "a name that is a number"),
        (line(json!("Governance"), json!({"ListLocation": {}})), "a command without its field"),
        (line(json!({"Owner": 1}), json!({"Cancel": {"account": -1, "order": 7}})), "a negative number of an account"),
        (json!({"principal": "System", "command": "Tick"}), "a line without a time"),
        (json!({"time": "noon", "principal": "System", "command": "Tick"}), "a time that is none"),
    ] {
        refused(&checker, &document, what);
        let run = upm_reading(&["run", "--journal", &path("schemas-none.journal"), "--begin"], &document.to_string());
        assert_eq!(run.status, 2, "{what}: {}", run.err);
    }
}

#[test]
fn upm_prints_the_schemas() {
    let list = answer(&["schema"]);
    for name in ["upm.market/1", "upm.assessment/1", "run-command", "upm.cascade/1", "params-derive"] {
        assert!(list.contains(name), "{name}: {list}");
        let schema = parsed(&answer(&["schema", name]));
        assert_eq!(schema["title"], *name);
        assert!(is_schema(&schema), "{name}");
    }
    let run = upm(&["schema", "upm.market/2"]);
    assert_eq!((run.status, run.out.as_str()), (2, ""));
    assert!(run.err.contains("upm.market/2") && run.err.contains("upm.market/1"), "{}", run.err);
}

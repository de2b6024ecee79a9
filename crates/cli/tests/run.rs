//! `upm run`: an engine on a journal, driven by lines of JSON.

mod common;

use common::{answer, path, sample, upm, upm_reading, written};
use serde_json::Value;

/// The path of a journal that does not exist yet.
fn fresh(name: &str) -> String {
    let file = path(name);
    let _ = std::fs::remove_file(&file);
    file
}

fn lines(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"))).collect()
}

fn head(file: &str) -> String {
    let said = answer(&["journal", "verify", file, "--output", "json"]);
    let said: Value = serde_json::from_str(&said).expect("JSON");
    said["head"].as_str().expect("the hash of the last record").to_owned()
}

fn is_duty(line: &Value, duty: &str) -> bool {
    line["duty"].as_str().is_some_and(|found| found.starts_with(duty))
}

#[test]
fn a_venue_is_run_from_a_file_of_commands() {
    let file = fresh("run.journal");
    let run = upm(&["run", "--journal", &file, "--begin", &sample("venue.jsonl")]);
    assert_eq!(run.status, 0, "{}", run.err);
    let told = lines(&run.out);
    // Every command is answered once, in order.
    let commands = std::fs::read_to_string(sample("venue.jsonl")).expect("a sample").lines().count();
    let answered: Vec<u64> = told.iter().filter_map(|line| line["line"].as_u64()).collect();
    assert_eq!(answered, (1..=u64::try_from(commands).expect("few")).collect::<Vec<_>>());
    // Alice may not withdraw the margin that her position needs; the duties of the venue alone liquidate her.
    let refused: Vec<&Value> = told.iter().filter(|line| line["line"].is_u64() && !line["refused"].is_null()).collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0]["refused"]["why"].as_str().is_some_and(|why| why.contains("margin")), "{refused:?}");
    let done = |duty: &str| told.iter().any(|line| is_duty(line, duty) && line["refused"].is_null());
    assert!(done("tick") && done("liquidate account 0") && done("measure"), "{}", run.out);
    assert!(run.err.contains("commands          39 taken, 1 refused"), "{}", run.err);
    let explained = answer(&["explain", "alice", "--journal", &file]);
    assert!(explained.contains("BTC-PERP"), "{explained}");
    assert!(answer(&["journal", "cases", &file]).contains("alice"));
    assert!(answer(&["journal", "verify", &file]).contains("sound"));
}

#[test]
fn the_same_commands_make_the_same_journal() {
    let [first, again, exported] = ["run-1.journal", "run-2.journal", "run-3.journal"].map(fresh);
    let begin = |file: &str| answer(&["run", "--journal", file, "--begin", &sample("venue.jsonl")]);
    assert_eq!(begin(&first), begin(&again));
    assert_eq!(head(&first), head(&again));
    // The exported records, including the engine's own commands, make the same journal again.
    let records = written("run-3.jsonl", &answer(&["journal", "export", &first]));
    answer(&["run", "--journal", &exported, "--genesis", &first, "--no-duties", &records]);
    assert_eq!(head(&exported), head(&first));
}

#[test]
fn a_journal_is_gone_on_with_and_nothing_happens_twice() {
    let file = fresh("run-on.journal");
    let all = std::fs::read_to_string(sample("venue.jsonl")).expect("a sample");
    let (before, after) = all.split_at(all.match_indices('\n').nth(20).expect("more lines").0 + 1);
    let first = upm_reading(&["run", "--journal", &file, "--begin"], before);
    assert_eq!((first.status, lines(&first.out).iter().filter(|line| line["line"].is_u64()).count()), (0, 21));
    let second = upm_reading(&["run", "--journal", &file, "--each"], after);
    assert_eq!(second.status, 0, "{}", second.err);
    assert!(second.err.contains("19 taken, 0 refused"), "{}", second.err);
    // The same commands again: they lie in the past, and change nothing.
    let head_before = head(&file);
    let third = upm_reading(&["run", "--journal", &file], before);
    assert!(third.err.contains("0 taken, 21 refused") && third.status == 0, "{}", third.err);
    assert!(lines(&third.out).iter().all(|line| !line["refused"].is_null() || line["duty"].is_string()));
    assert_eq!(head(&file), head_before);
}

#[test]
fn a_line_that_is_no_command_ends_the_run_and_what_was_before_stays() {
    let file = fresh("run-bad.journal");
    let command = r#"{"time": "2026-11-29T12:00:00Z", "principal": "Governance", "command": {"ListLocation": {"name": "ethereum"}}}"#;
    let wrong = command.replace("\"name\": \"ethereum\"", "\"name\": 7");
    let run = upm_reading(&["run", "--journal", &file, "--begin"], &format!("{command}\n\n{wrong}\n{command}\n"));
    assert_eq!(run.status, 2);
    assert!(run.err.starts_with("upm: -: line 3: command"), "{}", run.err);
    assert!(run.err.contains("1 taken, 0 refused"), "{}", run.err);
    assert_eq!(lines(&run.out).len(), 1, "{}", run.out);
    let exported = answer(&["journal", "export", &file]);
    assert!(exported.contains("ethereum"), "{exported}");
    for (input, expected) in [
        ("no JSON", "line 1"),
        ("{\"time\": \"2026-11-29T12:00:00Z\"}", "principal"),
        ("{\"time\": \"noon\", \"principal\": \"System\", \"command\": \"Tick\"}", "time"),
        ("{\"time\": \"2026-11-29T12:00:00Z\", \"principal\": \"System\", \"command\": \"Tock\"}", "command"),
    ] {
        let run = upm_reading(&["run", "--journal", &file], input);
        assert!(run.status == 2 && run.err.contains(expected), "{input}: {}", run.err);
    }
}

/// The engine lists no basket of other underlyings. Terms that name one are refused, for without it they would be those of
/// another underlying.
#[test]
fn an_underlying_that_is_a_basket_is_refused() {
    let file = fresh("run-basket.journal");
    let commands = std::fs::read_to_string(sample("venue.jsonl")).expect("a sample");
    let listing = commands.lines().find(|line| line.contains("ListUnderlying")).expect("it lists BTC");
    let basket = r#"{"parts": [{"underlying": "BTC", "units": "1"}], "rebalanced": "2026-11-01T00:00:00Z"}"#;
    let listing = listing.replacen(r#""name""#, &format!(r#""basket": {basket}, "name""#), 1);
    let run = upm_reading(&["run", "--journal", &file, "--begin"], &listing);
    assert!(run.status == 2 && run.err.contains("command.ListUnderlying.basket: unknown field"), "{}", run.err);
}

#[test]
fn a_journal_begins_only_where_that_is_asked_for() {
    let file = fresh("run-none.journal");
    let none = upm(&["run", "--journal", &file, &sample("venue.jsonl")]);
    assert_eq!(none.status, 2);
    assert!(none.err.contains("--begin"), "{}", none.err);
    assert!(std::fs::metadata(&file).is_err(), "nothing was written");
    let empty = upm_reading(&["run", "--journal", &file, "--begin"], "");
    assert!(empty.status == 2 && empty.err.contains("no command"), "{}", empty.err);
    let other = sample("market.json");
    let market = upm(&["run", "--journal", &file, "--genesis", &other, &sample("venue.jsonl")]);
    assert!(market.status == 2 && market.err.contains("market.json"), "{}", market.err);
    let journal = upm(&["run", "--journal", &other, &sample("venue.jsonl")]);
    assert!(journal.status != 0 && journal.err.contains("market.json"), "{}", journal.err);
}

/// A genesis with which no engine makes sense is refused, and every field that is wrong is named; so is the encoding of a
/// text that no document may have.
#[test]
fn a_genesis_that_makes_no_sense_is_refused() {
    let genesis = sequencer::Genesis::new("2026-11-29T12:00:00Z".parse().expect("a time")).text();
    let begin = |genesis: &str, name: &str| {
        let (journal, document) =
            (fresh(&format!("genesis-{name}.journal")), written(&format!("{name}.json"), genesis));
        let run = upm(&["run", "--journal", &journal, "--genesis", &document, &sample("venue.jsonl")]);
        if run.status != 0 {
            assert!(std::fs::metadata(&journal).is_err(), "{name}: nothing is written");
        }
        run
    };
    assert_eq!(begin(&genesis, "sound").status, 0);
    let policy =
        genesis.replace("\"max_orders\":200", "\"max_orders\":0").replace("\"interval\":10000000", "\"interval\":-1");
    let run = begin(&policy, "policy");
    assert_eq!(run.status, 2);
    assert!(run.err.contains("policy.json: policy.max_orders: found 0, expected 1 to 1000000"), "{}", run.err);
    assert!(run.err.contains("policy.liquidation.interval: found -1, expected above 0"), "{}", run.err);
    let method = begin(&genesis.replace("[margin]", "[margins]"), "method");
    assert!(method.status == 2 && method.err.contains("method.json: method."), "{}", method.err);
    let marked = begin(&format!("\u{feff}{genesis}"), "marked");
    let expected = "marked.json: found text with a UTF-8 byte-order mark, expected UTF-8 text";
    assert!(marked.status == 2 && marked.err.contains(expected), "{}", marked.err);
    let word = begin("no genesis", "word");
    assert!(word.status == 2 && word.err.contains("word.json: .: "), "{}", word.err);
}

#[test]
fn answers_go_into_a_file_also_where_the_run_ends_early() {
    let (file, answers) = (fresh("run-file.journal"), fresh("run-file.jsonl"));
    let command = r#"{"time": "2026-11-29T12:00:00Z", "principal": "Governance", "command": {"ListLocation": {"name": "ethereum"}}}"#;
    let arguments = ["run", "--journal", &file, "--begin", "--output-file", &answers];
    let run = upm_reading(&arguments, &format!("{command}\nno command\n"));
    assert_eq!((run.status, run.out.as_str()), (2, ""));
    let told = lines(&std::fs::read_to_string(&answers).expect("what was taken is told"));
    assert!(told.iter().any(|line| line["line"] == 1 && line["sequence"] == 0), "{told:?}");
}

#[test]
fn a_command_with_a_wrong_date_moves_no_clock() {
    let file = fresh("run-date.journal");
    answer(&["run", "--journal", &file, "--begin", &sample("venue.jsonl")]);
    let before = head(&file);
    for time in ["2027-05-29T12:00:00Z", "2036-01-01T00:00:00Z", "2020-01-01T00:00:00Z"] {
        let command = format!(r#"{{"time": "{time}", "principal": "System", "command": "Tick"}}"#);
        let run = upm_reading(&["run", "--journal", &file], &command);
        let told = lines(&run.out);
        assert!(told.len() == 1 && !told[0]["refused"].is_null(), "{time}: {}", run.out);
        assert!(run.err.contains("duties            0 done, 0 refused"), "{}", run.err);
        assert_eq!(head(&file), before, "{time}");
    }
}

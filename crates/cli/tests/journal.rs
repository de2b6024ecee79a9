//! `upm journal` and `upm explain` over the journal of a day, and of a simulated run.

mod common;

use common::journal::Day;
use common::{Run, answer, document, path, simulated, upm};
use journal::Hash;
use serde_json::Value;

/// The journal of a whole day, in a file of its own: a journal has one reader at a time.
fn day(name: &str) -> String {
    drop(Day::whole(name));
    path(name)
}

/// The JSON output of a run, for any exit status.
fn json(run: &Run) -> Value {
    serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", run.out, run.err))
}

fn lines(file: &str, more: &[&str]) -> Vec<Value> {
    let text = answer(&[&["journal", "export", file], more].concat());
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// The last record that judges the account with this number, as exported.
fn judged(records: &[Value], account: u64) -> (u64, Value) {
    let found = records.iter().rev().find_map(|record| {
        let events = record["events"].as_array()?;
        let event = events.iter().find(|event| event["Judged"]["account"] == account)?;
        Some((record["sequence"].as_u64()?, event["Judged"].clone()))
    });
    found.expect("the account was judged")
}

#[test]
fn a_sound_journal_is_verified() {
    let file = day("verify.journal");
    let run = upm(&["journal", "verify", &file]);
    assert_eq!(run.status, 0, "{}", run.err);
    assert!(run.out.contains("sound") && run.err.contains("records checked in"), "{}{}", run.out, run.err);
    let document = document(&["journal", "verify", &file, "--output", "json"]);
    let last = document["count"].as_u64().unwrap() - 1;
    assert_eq!(document["format"], "upm.journal-report/1");
    assert_eq!((&document["sound"], &document["records"]), (&true.into(), &serde_json::json!([0, last])));
    assert_eq!(document["head"], lines(&file, &[]).last().unwrap()["hash"]);
}

#[test]
fn a_head_that_was_kept_elsewhere_is_asked_for() {
    let file = day("kept.journal");
    let printed = document(&["journal", "verify", &file, "--output", "json"]);
    let (head, last) = (printed["head"].as_str().unwrap().to_owned(), printed["head_sequence"].as_u64().unwrap());
    assert_eq!(last + 1, printed["count"].as_u64().unwrap());
    assert!(answer(&["journal", "verify", &file]).contains(&format!("record {last}, {head}")));

    let mut longer = Day::whole("kept-longer.journal");
    longer.one_more("56000");
    drop(longer);
    let longer = path("kept-longer.journal");
    let met = document(&["journal", "verify", &longer, "--head", &head.to_uppercase(), "--output", "json"]);
    assert_eq!((&met["kept_head"]["hash"], &met["kept_head"]["sequence"]), (&head.clone().into(), &last.into()));
    let since = met["kept_head"]["records_since"].as_u64().unwrap();
    assert_eq!(met["head_sequence"].as_u64().unwrap(), last + since);
    assert!(answer(&["journal", "verify", &longer, "--head", &head]).contains("met after record"));

    // The journal without its last records is sound, but does not contain the head that was kept.
    let lost = met["head"].as_str().unwrap();
    let run = upm(&["journal", "verify", &file, "--head", lost]);
    assert_eq!((run.status, run.out.as_str()), (1, ""), "{}", run.err);
    assert!(
        run.err.contains(&format!("found no record with the hash {lost} among {} records", last + 1)),
        "{}",
        run.err
    );
    let run = upm(&["journal", "verify", &file, "--head", "12ab"]);
    assert!(run.status == 2 && run.err.contains("found 4 characters, expected the 64 hexadecimal"), "{}", run.err);
}

#[test]
fn a_snapshot_is_met_and_shortens_nothing() {
    let mut day = Day::whole("snapshot.journal");
    day.snapshot();
    day.one_more("56900");
    drop(day);
    let file = path("snapshot.journal");
    let document = document(&["journal", "verify", &file, "--output", "json"]);
    let snapshot = document["snapshot"].as_u64().unwrap();
    assert!(snapshot > 0 && snapshot < document["count"].as_u64().unwrap(), "{document}");
    assert!(answer(&["journal", "verify", &file]).contains("met"));
}

#[test]
fn a_replay_leads_to_the_same_state_whole_and_in_part() {
    let file = day("replay.journal");
    let verified = document(&["journal", "verify", &file, "--output", "json"]);
    let state = document(&["journal", "replay", &file, "--output", "json"]);
    assert_eq!((&state["format"], &state["state"]), (&"upm.state/1".into(), &verified["state"]));
    let last = state["sequence"].as_u64().unwrap();
    let same = document(&["journal", "replay", &file, "--until", &last.to_string(), "--output", "json"]);
    assert_eq!(same, state);
    let earlier = document(&["journal", "replay", &file, "--until", "20", "--output", "json"]);
    assert_ne!(earlier["state"], state["state"]);
    assert_eq!(earlier["sequence"], 20);

    let account = |name: &str| {
        let accounts = state["accounts"].as_array().unwrap();
        accounts.iter().find(|account| account["account"] == name).unwrap().clone()
    };
    assert_eq!((&account("alice")["status"], &account("bob")["status"]), (&"liquidation".into(), &"healthy".into()));
    assert_eq!(account("carol")["health"], Value::Null);
    assert_eq!(state["prices"][0]["validity"], "valid");
    let table = upm(&["journal", "replay", &file]);
    assert!(table.err.contains(" a second"), "{}", table.err);
    for words in ["alice", "liquidation", "BTC index", "custody", "BTC-PERP", state["state"].as_str().unwrap()] {
        assert!(table.out.contains(words), "{words}: {}", table.out);
    }
}

#[test]
fn an_export_is_a_chain_of_readable_records() {
    let file = day("export.journal");
    let records = lines(&file, &[]);
    for (place, pair) in records.windows(2).enumerate() {
        assert_eq!((&pair[0]["sequence"], &pair[1]["previous"]), (&place.into(), &pair[0]["hash"]));
    }
    assert_eq!(records[0]["principal"], "Governance");
    assert_eq!(records[0]["command"]["ListUnderlying"]["name"], "BTC");
    assert!(records.iter().all(|record| !record["events"].as_array().unwrap().is_empty()));
    assert_eq!(lines(&file, &["--from", "5", "--to", "7"]), records[5..=7]);
    assert_eq!(lines(&file, &["--from", "120"]), records[120..]);
}

#[test]
fn a_reader_of_an_export_that_has_seen_enough_is_no_failure() {
    use std::io::Read;
    let file = day("pipe.journal");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_upm"))
        .args(["journal", "export", &file])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdout.take().unwrap().read_exact(&mut [0; 10]).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn journals_are_the_same_or_part_at_a_record() {
    let (first, second) = (day("diff-a.journal"), day("diff-b.journal"));
    assert!(answer(&["journal", "diff", &first, &second]).starts_with("the same"));
    assert!(answer(&["journal", "diff", &first, &first]).starts_with("the same"));

    let mut longer = Day::whole("diff-c.journal");
    longer.one_more("56000");
    drop(longer);
    let longer = path("diff-c.journal");
    let run = upm(&["journal", "diff", &first, &longer, "--output", "json"]);
    let document = json(&run);
    assert_eq!((run.status, &document["same"]), (1, &false.into()));
    assert_eq!(document["sequence"], lines(&first, &[]).len());
    assert_eq!((&document["first"], &document["what"]), (&Value::Null, &"the first journal ends before it".into()));
    let named = json(&upm(&["journal", "diff", &first, &longer, "--names", "--output", "json"]));
    let feeds = [&document, &named].map(|document| &document["second"]["command"]["Report"]["feed"]);
    assert_eq!(feeds, [&serde_json::json!({"Index": 0}), &"BTC index".into()]);

    drop(Day::begin("diff-d.journal"));
    let other = path("diff-d.journal");
    let run = upm(&["journal", "diff", &other, &longer]);
    let place = format!("record {} differs · the first journal ends before it", lines(&other, &[]).len());
    assert!(run.status == 1 && run.out.starts_with(&place), "{}", run.out);
    let (other, _) = simulated("diff-e.journal", 1, 2);
    let run = upm(&["journal", "diff", &first, &other]);
    assert!(run.status == 1 && run.out.starts_with("record 0 differs · previous hash"), "{}", run.out);
    assert!(run.out.contains("they began with another time and policy"), "{}", run.out);
}

#[test]
fn an_explanation_recomputes_what_was_judged_to_the_last_digit() {
    let file = day("explain.journal");
    let records = lines(&file, &[]);
    let (sequence, recorded) = judged(&records, 0);
    for at in [sequence.to_string(), (records.len() - 1).to_string()] {
        let document = document(&["explain", "alice", "--journal", &file, "--at", &at, "--output", "json"]);
        assert_eq!(
            (&document["format"], &document["standing"]["verdict"]),
            (&"upm.explanation/1".into(), &"same".into())
        );
        let judged = &document["judged"];
        assert_eq!((&judged["sequence"], &judged["same"]), (&sequence.into(), &true.into()));
        for figure in ["status", "equity", "initial_margin", "maintenance_margin"] {
            assert_eq!(judged["recomputed"][figure], recorded[figure], "{figure}");
        }
    }
    // Just after that record no price has moved: the page of the moment has the figures of the judgement.
    let at = sequence.to_string();
    let moment = document(&["explain", "alice", "--journal", &file, "--at", &at, "--output", "json"]);
    let explained = &moment["explanation"]["at_mark"];
    for figure in ["status", "equity", "initial_margin", "maintenance_margin"] {
        assert_eq!(explained[figure], recorded[figure], "{figure}");
    }
    let state = document(&["journal", "replay", &file, "--until", &at, "--output", "json"]);
    assert_eq!(state["state"], moment["state"]);
}

#[test]
fn a_moment_before_the_engine_has_judged_is_no_difference() {
    let file = day("owed.journal");
    let (sequence, _) = judged(&lines(&file, &[]), 0);
    let before = (sequence - 1).to_string();
    let document = document(&["explain", "alice", "--journal", &file, "--at", &before, "--output", "json"]);
    assert_eq!(document["standing"]["verdict"], "not_judged_yet");
    assert!(answer(&["explain", "alice", "--journal", &file, "--at", &before]).contains("not judged yet"));
}

#[test]
fn an_explanation_for_people_says_what_a_risk_officer_asks() {
    let file = day("page.journal");
    let page = answer(&["explain", "alice", "--journal", &file]);
    for words in [
        "alice · just after record",
        "recorded liquidation, recomputed liquidation: the same",
        "last judged",
        "every price it depends on is valid",
        "parameters",
        "core: ",
        "BTC-CALL",
        "haircut",
        "at slow average",
        "BTC index",
        "valid: agreed",
        "volatility surface",
        "state",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(answer(&["explain", "bob", "--journal", &file]).contains("never otherwise than it began"));
    assert!(answer(&["explain", "carol", "--journal", &file]).contains("carol"));
}

#[test]
fn pages_fit_a_hundred_columns_and_carry_no_colour_into_a_pipe() {
    let file = day("width.journal");
    let shorter = path("width-2.journal");
    drop(Day::begin("width-2.journal"));
    for arguments in [
        &["journal", "verify", &file][..],
        &["journal", "replay", &file],
        &["journal", "diff", &file, &shorter],
        &["explain", "alice", "--journal", &file],
    ] {
        let run = upm(arguments);
        let long = |line: &&str| line.chars().count() > 100 && !line.contains(&file) && !line.contains(&shorter);
        assert_eq!(run.out.lines().find(long), None, "{arguments:?}");
        assert!(!run.out.is_empty() && !run.out.contains('\x1b'), "{arguments:?}: {}", run.err);
    }
}

#[test]
fn a_simulated_run_can_be_verified_replayed_exported_and_explained() {
    let (file, ended) = simulated("sim.journal", 1, 200);
    let verified = document(&["journal", "verify", &file, "--output", "json"]);
    assert_eq!((&verified["sound"], &verified["state"]), (&true.into(), &ended.into()));
    assert!(verified["states_met"].as_u64().unwrap() > 0, "{verified}");

    let state = document(&["journal", "replay", &file, "--output", "json"]);
    assert_eq!(state["state"], verified["state"]);
    let records = lines(&file, &[]);
    assert_eq!(records.len(), usize::try_from(verified["count"].as_u64().unwrap()).unwrap());
    let mut judgements = 0;
    for record in &records {
        for event in record["events"].as_array().unwrap() {
            let Some(account) = event["Judged"]["account"].as_u64() else { continue };
            judgements += 1;
            let name = &state["accounts"][usize::try_from(account).unwrap()]["account"];
            let at = record["sequence"].to_string();
            let run = upm(&["explain", name.as_str().unwrap(), "--journal", &file, "--at", &at, "--output", "json"]);
            assert_eq!(run.status, 0, "{name} at {at}: {}{}", run.out, run.err);
            assert_eq!(json(&run)["judged"]["same"], true, "{name} at {at}: {}", run.out);
            if judgements == 5 {
                return;
            }
        }
    }
    assert!(judgements > 0, "nobody was judged");
}

#[test]
fn a_damaged_snapshot_is_named() {
    let mut day = Day::whole("spoilt.journal");
    day.snapshot();
    drop(day);
    let file = path("spoilt.journal");
    let mut bytes = std::fs::read(&file).unwrap();
    let carol = |bytes: &[u8]| bytes.windows(5).rposition(|part| part == b"carol").expect("an account of that name");
    let place = carol(&bytes);
    bytes[place] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let run = upm(&["journal", "verify", &file]);
    assert!(run.status == 1 && run.err.contains(": snapshot: found "), "{}", run.err);
    // The records are sound, and a replay begins with the first of them.
    assert_eq!(upm(&["journal", "replay", &file]).status, 0);
}

#[test]
fn a_journal_cut_short_is_refused_at_its_first_lost_record_and_what_is_left_is_saved() {
    let file = day("cut.journal");
    let records = lines(&file, &[]);
    let mut bytes = std::fs::read(&file).unwrap();
    // In a journal that is older than this one, the log has no copies of these records any more.
    let log = 8_192 + (8 << 20);
    bytes[8_192..log].fill(0);
    let hash: Hash = records[records.len() / 2]["hash"].as_str().unwrap().parse().unwrap();
    let end = log + bytes[log..].windows(32).position(|found| *found == hash.0).expect("the record is there") + 32;
    std::fs::write(&file, &bytes[..end]).unwrap();
    let saved = path("saved.journal");
    let _ = std::fs::remove_file(&saved);
    let document = document(&["journal", "salvage", &file, &saved, "--output", "json"]);
    let last = document["records"][1].as_u64().unwrap();
    assert!(last > 0 && last + 1 < u64::try_from(records.len()).unwrap(), "{document}");
    assert_eq!(lines(&saved, &[]), records[..=usize::try_from(last).unwrap()]);
    assert_eq!(upm(&["journal", "verify", &saved]).status, 0);

    let found = format!("{file}: record {}: file length: found {end} bytes", last + 1);
    for command in ["verify", "replay", "export"] {
        let run = upm(&["journal", command, &file]);
        assert_eq!((run.status, run.out.as_str()), (1, ""));
        assert!(run.err.contains(&found) && run.err.contains("upm journal salvage --help"), "{}", run.err);
    }
    let run = upm(&["journal", "salvage", &file, &saved]);
    assert!(run.status == 2 && run.err.contains("expected no file or an empty one"), "{}", run.err);
    assert_eq!(std::fs::read(&file).unwrap(), bytes[..end]);
}

#[test]
fn what_was_dropped_by_a_compaction_is_not_guessed() {
    let mut day = Day::whole("compacted.journal");
    let place = day.compact();
    day.one_more("56900");
    drop(day);
    let file = path("compacted.journal");
    let verified = document(&["journal", "verify", &file, "--output", "json"]);
    assert_eq!((&verified["sound"], &verified["records"][0]), (&true.into(), &place.into()));
    let state = document(&["journal", "replay", &file, "--output", "json"]);
    assert_eq!(state["state"], verified["state"]);
    assert!(answer(&["explain", "alice", "--journal", &file]).contains("just after record"));
    assert_eq!(lines(&file, &[])[0]["sequence"], place);
    for arguments in
        [&["journal", "replay", &file, "--until", "5"][..], &["explain", "bob", "--journal", &file, "--at", "5"]]
    {
        let run = upm(arguments);
        assert_eq!((run.status, run.out.as_str()), (2, ""), "{}", run.err);
        assert!(run.err.contains(&format!("found 5, expected a record of {file}: {place} to ")), "{}", run.err);
    }
}

#[test]
fn an_export_as_it_stands_is_a_script_for_the_laboratory() {
    let script = answer(&["journal", "export", &day("script.journal"), "--to", "5"]);
    let commands = sim::shrink::from_lines(&script).unwrap();
    assert_eq!((commands.len(), commands[0].principal), (6, engine::Principal::Governance));
}

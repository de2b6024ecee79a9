//! Portfolios of many accounts: the answer is the same on any number of threads, contains the hash of all input, and is
//! written whole or not at all.

mod common;

use std::path::Path;

use common::{Run, path, sample, upm, upm_reading, written};
use model::{Market, Portfolio};
use serde_json::{Value, json};

/// A portfolio with every sample account `times` times, and the names of its accounts.
fn crowd(times: usize) -> Value {
    let text = std::fs::read_to_string(sample("portfolio.json")).expect("the sample is there");
    let mut document: Value = serde_json::from_str(&text).expect("the sample is JSON");
    let accounts = document["accounts"].as_array().expect("a list").clone();
    let copies = (0..times).flat_map(|copy| {
        accounts.iter().cloned().map(move |mut account| {
            account["account"] = json!(format!("{} {copy}", account["account"].as_str().expect("a name")));
            account
        })
    });
    document["accounts"] = copies.collect();
    document
}

fn run(command: &str, portfolio: &str, more: &[&str]) -> Run {
    let market = sample("market.json");
    upm(&[&[command, "--market", &market, "--portfolio", portfolio], more].concat())
}

#[test]
fn the_answer_has_the_same_bytes_on_any_number_of_threads() {
    let portfolio = written("crowd-threads.json", &crowd(12).to_string());
    let few = written("crowd-few.json", &crowd(2).to_string());
    let commands = [
        ("margin", "whole", &[][..], &portfolio),
        ("margin", "summary", &["--summary"], &portfolio),
        ("compare", "whole", &[], &few),
        ("stress", "whole", &[], &few),
    ];
    for (command, form, more, portfolio) in commands {
        for output in ["json", "table"] {
            let [printed, file] =
                ["printed", "file"].map(|what| path(&format!("crowd-{command}-{form}-{output}-{what}.out")));
            let one = run(command, portfolio, &[more, &["--output", output, "--threads", "1"]].concat());
            assert_eq!((one.status, one.err.as_str()), (0, ""), "{command}");
            std::fs::write(&printed, &one.out).unwrap();
            let many =
                run(command, portfolio, &[more, &["--output", output, "--threads", "3", "--out", &file]].concat());
            let report = format!("written           {file}\n");
            assert_eq!((many.status, many.out.as_str(), many.err.as_str()), (0, "", report.as_str()), "{command}");
            assert!(std::fs::read(&file).unwrap() == one.out.as_bytes(), "{command}, {form}, --output {output}");
        }
    }
}

#[test]
fn the_document_is_whole_and_carries_the_hash_of_its_portfolio() {
    let document = crowd(5);
    let text = serde_json::to_string_pretty(&document).unwrap();
    let market = Market::parse(&std::fs::read_to_string(sample("market.json")).unwrap()).unwrap();
    let portfolio = Portfolio::parse(&text, &market).unwrap();
    for command in ["margin", "compare", "stress"] {
        let market = sample("market.json");
        let piped = upm_reading(&[command, "--market", &market, "--portfolio", "-", "--output", "json"], &text);
        let answered: Value = serde_json::from_str(&piped.out).unwrap();
        let names: Vec<&str> =
            answered["accounts"].as_array().unwrap().iter().map(|one| one["account"].as_str().unwrap()).collect();
        assert!(names.iter().eq(portfolio.accounts.iter().map(|account| &account.name)), "{command}: {names:?}");
        let hash = if command == "compare" { &answered["portfolio"] } else { &answered["hashes"]["portfolio"] };
        assert_eq!(hash.as_str(), Some(portfolio.hash.as_str()), "{command}");
        assert!(answered["format"].as_str().unwrap().starts_with("upm."), "{command}");
    }
}

#[test]
fn an_error_at_the_end_leaves_no_half_answer() {
    let mut document = crowd(5);
    let last = document["accounts"].as_array().unwrap().len() - 1;
    document["accounts"][last]["balances"][0]["asset"] = json!("DOGE");
    let portfolio = written("crowd-wrong.json", &document.to_string());
    for command in ["margin", "compare", "stress"] {
        let folder = path(&format!("crowd-{command}"));
        std::fs::create_dir_all(&folder).unwrap();
        let file = Path::new(&folder).join("answer.json").display().to_string();
        let sound = sample("portfolio.json");
        assert_eq!(run(command, &sound, &["--output", "json", "--out", &file]).status, 0);
        let before = std::fs::read(&file).unwrap();
        let message =
            format!("crowd-wrong.json: accounts[{last}].balances[0].asset: found \"DOGE\", expected an asset of");
        let printed = run(command, &portfolio, &["--output", "json"]);
        assert_eq!((printed.status, printed.out.as_str()), (2, ""), "{command}");
        assert!(printed.err.contains(&message), "{}", printed.err);
        let filed = run(command, &portfolio, &["--output", "json", "--out", &file]);
        assert_eq!((filed.status, filed.out.as_str()), (2, ""), "{command}");
        assert!(filed.err.contains(&message), "{}", filed.err);
        assert!(std::fs::read(&file).unwrap() == before, "{command}");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing lies beside it");
    }
}

#[test]
fn everything_that_is_wrong_is_told_in_the_order_of_the_document() {
    let mut document = crowd(5);
    document["accounts"][40]["account"] = document["accounts"][3]["account"].clone();
    document["accounts"][7]["colour"] = json!("red");
    document["accounts"][21]["positions"][1]["instrument"] = json!("BTC-PERPETUALS");
    let portfolio = written("crowd-several.json", &document.to_string());
    let expected = [
        "accounts[7].colour: unknown field `colour`",
        "accounts[21].positions[1].instrument: found \"BTC-PERPETUALS\"",
        &format!("accounts[40].account: found {} again", document["accounts"][3]["account"]),
    ];
    for threads in ["1", "3"] {
        let run = run("margin", &portfolio, &["--threads", threads]);
        assert_eq!((run.status, run.out.as_str()), (2, ""));
        let lines: Vec<&str> = run.err.lines().collect();
        assert_eq!(lines.len(), 3, "{}", run.err);
        assert!(lines.iter().zip(expected).all(|(line, expected)| line.contains(expected)), "{}", run.err);
    }
}

#[test]
fn of_very_much_that_is_wrong_a_hundred_things_are_told() {
    let mut document = crowd(20);
    let accounts = document["accounts"].as_array_mut().unwrap();
    for account in &mut *accounts {
        account["colour"] = json!("red");
        account["balances"][0]["asset"] = json!("DOGE");
    }
    let more = 2 * accounts.len() - 100;
    let portfolio = written("crowd-hundred.json", &document.to_string());
    let told = |threads: &str| run("margin", &portfolio, &["--threads", threads]);
    let (one, three) = (told("1"), told("3"));
    assert_eq!((one.status, one.out.as_str()), (2, ""));
    let problems: Vec<&str> = one.err.lines().filter(|line| line.contains("accounts[")).collect();
    assert_eq!(problems.len(), 100, "{}", one.err);
    assert!(one.err.contains(&format!(": .: found {more} more problems, expected none")), "{}", one.err);
    assert!(one.err.contains("--price DOGE=1"), "{}", one.err);
    assert_eq!(one.err, three.err);
}

#[test]
fn white_space_without_end_is_no_portfolio() {
    let run = upm_reading(&["margin", "--market", &sample("market.json"), "--portfolio", "-"], &" \n".repeat(200_000));
    assert_eq!((run.status, run.out.as_str()), (2, ""));
    assert_eq!(run.err, "upm: -: found nothing but white space, expected UTF-8 text\n");
}

#[test]
fn the_end_of_a_long_document_counts() {
    let text = format!(r#"{{"format":"upm.portfolio/1","accounts":{}}}"#, crowd(20)["accounts"]);
    for (cut, message) in [
        (&text[..text.len() - 2], "accounts: EOF while parsing a list"),
        (&text[..text.len() - 900], "EOF while parsing "),
        (&format!("{text}]"), ".: trailing characters at line 1 column "),
        (&text.replacen("\"format\":", "\"formats\":", 1), "formats: unknown field `formats`"),
    ] {
        let portfolio = written("crowd-cut.json", cut);
        let run = run("margin", &portfolio, &[]);
        assert_eq!((run.status, run.out.as_str()), (2, ""), "{message}");
        assert!(run.err.contains(message), "{}", run.err);
    }
}

#[test]
fn one_account_of_many_is_answered_and_all_are_checked() {
    let mut document = crowd(5);
    let portfolio = written("crowd-one.json", &document.to_string());
    let more = ["--account", "calendar 4", "--output", "json"];
    let one: Value = serde_json::from_str(&run("margin", &portfolio, &more).out).unwrap();
    assert_eq!(one["accounts"].as_array().unwrap().len(), 1);
    let missing = run("margin", &portfolio, &["--account", "nobody"]);
    assert_eq!((missing.status, missing.out.as_str()), (2, ""));
    assert!(missing.err.contains("found no \"nobody\", expected one of 45 accounts, such as "), "{}", missing.err);
    let misspelt = run("margin", &portfolio, &["--account", "calender 4"]);
    assert!(misspelt.err.contains("expected one of 45 accounts, such as calendar 4, "), "{}", misspelt.err);
    document["accounts"][30]["account"] = json!("");
    let portfolio = written("crowd-one-wrong.json", &document.to_string());
    assert_eq!(run("margin", &portfolio, &more).status, 2);
}

#[test]
fn a_pipe_may_be_named_as_the_file_of_the_answer() {
    let portfolio = written("crowd-null.json", &crowd(1).to_string());
    assert_eq!(run("margin", &portfolio, &["--out", "/dev/null"]).status, 0);
    assert!(!Path::new("/dev/null").is_file());
    let into_nothing = run("margin", &portfolio, &["--out", "no/such/folder/answer.json"]);
    assert_eq!((into_nothing.status, into_nothing.out.as_str()), (1, ""));
    assert!(into_nothing.err.contains("no/such/folder/answer.json: "), "{}", into_nothing.err);
}

//! `upm margin` and `upm compare` on the bundled samples: the document, the tables, and that they add up.

mod common;

use common::{PORTFOLIO, answer, document, sample, upm, upm_reading, written};
use margin::method::METHODS;
use serde_json::Value;
use testdata::MARKET;
use units::Money;

fn book(command: &str) -> Vec<String> {
    let [market, portfolio] = ["market.json", "portfolio.json"].map(sample);
    [command, "--market", &market, "--portfolio", &portfolio].map(str::to_owned).to_vec()
}

fn with(mut arguments: Vec<String>, more: &[&str]) -> Vec<String> {
    arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
    arguments
}

fn money(value: &Value) -> Money {
    value.as_str().expect("an amount is text").parse().expect("an amount is a decimal number")
}

fn sum(list: &Value, field: &str) -> Money {
    let amounts = list.as_array().expect("a list").iter().map(|part| money(&part[field]));
    amounts.fold(Money::ZERO, |sum, amount| sum.plus(amount).expect("in range"))
}

#[test]
fn the_document_is_that_of_the_contract_and_adds_up() {
    for method in METHODS {
        let name = method.about.name;
        let document = document(&with(book("margin"), &["--output", "json", "--method", name]));
        let keys: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys.len(), 6, "{keys:?}");
        assert_eq!((&document["format"], &document["method"]), (&"upm.assessment/1".into(), &name.into()));
        for hash in ["market", "portfolio", "params", "scenarios"] {
            assert_eq!(document["hashes"][hash].as_str().unwrap().len(), 64, "{name}: {hash}");
        }
        for account in document["accounts"].as_array().unwrap() {
            let whose = format!("{name}: {}", account["account"]);
            let core = money(&account["core"]["loss"]);
            let [initial, maintenance] = ["initial", "maintenance"].map(|field| sum(&account["charges"], field));
            assert_eq!(core.plus(initial).unwrap(), money(&account["initial_margin"]), "{whose}");
            assert_eq!(core.plus(maintenance).unwrap(), money(&account["maintenance_margin"]), "{whose}");
            let [positions, balances] = ["positions", "balances"].map(|list| sum(&account[list], "contribution"));
            assert_eq!(positions.plus(balances).unwrap(), core, "{whose}");
            let [positions, balances] = ["positions", "balances"].map(|list| sum(&account[list], "value"));
            assert_eq!(positions.plus(balances).unwrap(), money(&account["equity"]), "{whose}");
            assert!(account.get("scenarios").is_none(), "{whose}");
        }
    }
}

#[test]
fn a_summary_says_what_the_assessment_says() {
    for method in METHODS {
        let name = method.about.name;
        let arguments = with(book("margin"), &["--output", "json", "--method", name]);
        let (whole, summary) = (document(&arguments), document(&with(arguments, &["--summary"])));
        assert_eq!((&summary["format"], &summary["hashes"]), (&"upm.summary/1".into(), &whole["hashes"]), "{name}");
        let accounts = whole["accounts"].as_array().unwrap().iter().zip(summary["accounts"].as_array().unwrap());
        for (whole, summary) in accounts {
            let fields = summary.as_object().unwrap();
            assert_eq!(fields.len(), 9, "{name}: {fields:?}");
            for (field, value) in fields {
                assert_eq!(*value, whole[field], "{name}: {} of {}", field, whole["account"]);
            }
        }
    }
}

#[test]
fn a_summary_has_a_row_for_each_account_and_the_sums_of_the_rows() {
    let dollars = |value: &Value, up: bool| {
        let exact = money(value).to_f64();
        if up { exact.ceil() } else { exact.floor() }
    };
    let mut unknown = 0;
    for method in METHODS.iter().map(|method| method.about.name) {
        let accounts = document(&with(book("margin"), &["--output", "json", "--method", method]));
        let accounts = accounts["accounts"].as_array().unwrap().clone();
        let text = answer(&with(book("margin"), &["--summary", "--method", method]));
        let lines: Vec<&str> = text.lines().collect();
        let (rows, below) = lines[3..].split_at(accounts.len());
        let mut sums = [0.0; 3];
        for (row, account) in rows.iter().zip(&accounts) {
            let cells = row.strip_prefix(&format!("  {}", account["account"].as_str().unwrap())).expect(row);
            let cells: Vec<&str> = cells.split_whitespace().collect();
            assert_eq!(cells[4], account["status"].as_str().unwrap(), "{row}");
            let known = account["requirement"]["state"] != "unknown";
            unknown += usize::from(!known);
            let fields = [("counted_equity", false), ("initial_margin", true), ("maintenance_margin", true)];
            for (place, (field, up)) in fields.into_iter().enumerate() {
                if known || place == 0 {
                    let expected = dollars(&account[field], up);
                    assert_eq!(cells[place].replace(',', ""), format!("{expected}"), "{method}: {field}: {row}");
                    sums[place] += expected;
                } else {
                    assert_eq!(cells[place], "unknown", "{method}: {field}: {row}");
                }
            }
        }
        assert!(below[0].trim().chars().all(|rule| rule == '─'), "{text}");
        let printed = below[1].strip_prefix(&format!("  {} accounts ", accounts.len())).expect(below[1]);
        let printed: Vec<String> = printed.split_whitespace().map(|cell| cell.replace(',', "")).collect();
        assert_eq!(printed, sums.map(|sum| format!("{sum}")), "{method}");
        let noted = text.contains("leave out the accounts whose requirement is not known");
        assert_eq!(noted, rows.iter().any(|row| row.ends_with("unknown")), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }
    assert!(unknown > 0, "some accounts of the samples are not known at a venue");
}

#[test]
fn a_summary_of_one_account_is_one_row_and_explains_nothing() {
    let text = answer(&with(book("margin"), &["--summary", "--account", "calendar"]));
    assert!(text.contains("  1 account ") && text.contains("\n  1 healthy; all amounts in USD\n"), "{text}");
    let refused = upm(&with(book("margin"), &["--summary", "--all-scenarios"]));
    assert_eq!(refused.status, 2, "{}", refused.err);
    assert!(refused.err.contains("--all-scenarios") && refused.err.contains("--summary"), "{}", refused.err);
}

#[test]
fn every_scenario_is_there_when_asked_for() {
    let document =
        document(&with(book("margin"), &["--output", "json", "--all-scenarios", "--account", "short strangle"]));
    let scenarios = document["accounts"][0]["scenarios"].as_array().unwrap();
    assert!(scenarios.len() > 90, "{}", scenarios.len());
    assert!(
        scenarios.iter().all(|one| one["family"].is_string() && one["scenario"].is_string() && one["pnl"].is_string())
    );
}

#[test]
fn a_scenario_document_adds_its_families_and_changes_the_hash() {
    let scenarios = sample("scenarios.json");
    let arguments = with(book("margin"), &["--output", "json", "--account", "pair trade"]);
    let (without, with) = (document(&arguments), document(&with(arguments, &["--scenarios", &scenarios])));
    let families = |document: &Value| document["accounts"][0]["families"].as_array().unwrap().len();
    assert_eq!(families(&with), families(&without) + 3);
    assert_ne!(with["hashes"]["scenarios"], without["hashes"]["scenarios"]);
    assert_eq!(with["hashes"]["params"], without["hashes"]["params"]);
}

#[test]
fn tables_fit_a_hundred_columns_and_carry_no_colour_into_a_pipe() {
    let mut texts: Vec<String> =
        METHODS.iter().map(|method| answer(&with(book("margin"), &["--method", method.about.name]))).collect();
    texts.push(answer(&with(book("margin"), &["--all-scenarios"])));
    texts.push(answer(&book("compare")));
    texts.push(answer(&with(book("compare"), &["--notes"])));
    texts.push(answer(&["methods"]));
    for method in METHODS {
        texts.push(answer(&["params", "show", method.about.name]));
    }
    for line in texts.iter().flat_map(|text| text.lines()) {
        assert!(line.chars().count() <= 100, "{line}");
        assert!(!line.contains('\x1b') && line.trim_end() == line, "{line:?}");
    }
}

#[test]
fn tables_of_the_largest_and_the_smallest_accounts_fit_too() {
    let market = written("corner-market.json", MARKET);
    for (quantity, amount) in [
        ("0.000000000000000001", "0.000000000000000001"),
        ("-123456.123456789012345678", "0.123456789012345678"),
        ("-1000000000000", "100000000000000000000"),
    ] {
        let portfolio = PORTFOLIO.replace("\"-1\"", &format!("\"{quantity}\"")).replace("25000", amount);
        let portfolio =
            written("corner-portfolio.json", &portfolio.replace("alice", &"a\\u0007\\u001b[31m".repeat(30)));
        let text = answer(&["margin", "--market", &market, "--portfolio", &portfolio]);
        for line in text.lines() {
            assert!(line.chars().count() <= 100 && !line.contains(char::is_control), "{line:?}");
        }
    }
}

/// The amounts of a row of the text: its last `count` cells.
fn amounts(row: &str, count: usize) -> Vec<Money> {
    let cells: Vec<&str> =
        row.split("  ").map(str::trim).filter(|cell| !cell.is_empty() && !cell.ends_with('%')).collect();
    let amounts = cells[cells.len() - count..].iter().map(|cell| cell.replace(',', "").parse());
    amounts.collect::<Result<_, _>>().unwrap_or_else(|_| panic!("expected {count} amounts: {row}"))
}

/// Rows under the head that begins with `head`, until the line above the sums; and the sums.
fn section<'a>(text: &'a str, head: &str) -> Option<(Vec<&'a str>, &'a str)> {
    let mut lines = text.lines().skip_while(|line| !line.trim_start().starts_with(head)).skip(1);
    let rows: Vec<&str> = lines.by_ref().take_while(|line| !line.contains('─')).collect();
    lines.next().map(|sums| (rows, sums))
}

fn check_sums(text: &str, head: &str, count: usize) {
    let (rows, sums) = section(text, head).unwrap_or_else(|| panic!("expected the section {head:?}:\n{text}"));
    let mut total = vec![Money::ZERO; count];
    for row in rows {
        for (total, amount) in total.iter_mut().zip(amounts(row, count)) {
            *total = total.plus(amount).expect("in range");
        }
    }
    assert_eq!(total, amounts(sums, count), "{head} does not add up:\n{text}");
}

#[test]
fn what_is_printed_adds_up() {
    for method in METHODS {
        let text = answer(&with(book("margin"), &["--method", method.about.name]));
        for sheet in text.split("\n\n\n") {
            check_sums(sheet, "why", 2);
            check_sums(sheet, "what offsets save", 1);
            check_sums(sheet, "position ", 3);
            check_sums(sheet, "balance ", 3);
        }
    }
}

#[test]
fn one_document_may_come_from_standard_input() {
    let (market, portfolio) = (written("pipe-market.json", MARKET), written("pipe-portfolio.json", PORTFOLIO));
    let from_files = answer(&["margin", "--market", &market, "--portfolio", &portfolio, "--output", "json"]);
    let piped = ["margin", "--market", "-", "--portfolio", &portfolio, "--output", "json"];
    assert_eq!(upm_reading(&piped, MARKET).out, from_files);
    let piped = ["margin", "--market", &market, "--portfolio", "-", "--output", "json"];
    assert_eq!(upm_reading(&piped, PORTFOLIO).out, from_files);
}

#[test]
fn parameters_from_a_file_replace_the_built_in_ones() {
    let file = common::root().join("crates/margin/params/universal/2026-11-30.toml").display().to_string();
    let arguments = with(book("margin"), &["--output", "json", "--account", "covered call"]);
    assert_eq!(answer(&with(arguments.clone(), &["--params", &file])), answer(&arguments));
}

#[test]
fn a_comparison_has_every_method_for_every_account() {
    let comparison = document(&with(book("compare"), &["--output", "json"]));
    assert_eq!(comparison["format"], "upm.comparison/1");
    for account in comparison["accounts"].as_array().unwrap() {
        let names: Vec<&str> =
            account["methods"].as_array().unwrap().iter().map(|one| one["method"].as_str().unwrap()).collect();
        assert_eq!(names, METHODS.iter().map(|method| method.about.name).collect::<Vec<_>>());
    }
}

#[test]
fn a_comparison_says_what_margin_says() {
    let arguments = ["--output", "json", "--account", "calendar"];
    let comparison = document(&with(book("compare"), &arguments));
    for line in comparison["accounts"][0]["methods"].as_array().unwrap() {
        let run = upm(&with(with(book("margin"), &arguments), &["--method", line["method"].as_str().unwrap()]));
        match line.get("refused") {
            Some(why) => assert!(run.status == 2 && run.err.contains(why.as_str().unwrap()), "{}", run.err),
            None => assert_eq!(line["assessment"], serde_json::from_str::<Value>(&run.out).unwrap()["accounts"][0]),
        }
    }
}

/// 753,000 USDC borrowed against coin: Deribit's documents do not give its margin for that, and Paradex accepts no
/// coin.
#[test]
fn what_is_not_known_is_never_the_cheapest() {
    let arguments = with(book("compare"), &["--account", "coin on credit"]);
    let text = answer(&arguments);
    let row = |method: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(&format!("{method} "))).expect("a row");
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(row("deribit"), ["deribit", "unknown", "unknown", "unknown", "–", "unknown"], "{text}");
    assert_eq!(row("paradex")[..4], ["paradex", "unknown", "unknown", "862,483"], "{text}");
    let lines = document(&with(arguments, &["--output", "json"]))["accounts"][0]["methods"].clone();
    let known = lines.as_array().unwrap().iter().filter(|line| line["assessment"]["requirement"]["state"] == "known");
    let least = known.min_by_key(|line| money(&line["assessment"]["initial_margin"])).unwrap()["method"].clone();
    let crowned: Vec<&str> = text.lines().filter(|line| line.ends_with(" 1.00")).collect();
    assert!(matches!(crowned[..], [one] if one.trim_start().starts_with(least.as_str().unwrap())), "{text}");
    let deribit = &lines[1]["assessment"];
    assert_eq!(
        (&deribit["status"], &deribit["excess"], &deribit["health"]),
        (&"unknown".into(), &Value::Null, &Value::Null)
    );
    assert!(deribit["requirement"]["reasons"][0].as_str().unwrap().contains("owed"));
}

/// A venue that accepts no coin is compared by the margin of the risk; the collateral that it does not accept is in a
/// column.
#[test]
fn what_is_not_accepted_stands_in_its_own_column() {
    let text = answer(&with(book("compare"), &["--account", "covered call"]));
    assert!(text.contains("not accepted"), "{text}");
    let paradex = text.lines().find(|line| line.trim_start().starts_with("paradex ")).expect("a row");
    let times: f64 = paradex.split_whitespace().last().unwrap().parse().unwrap();
    assert!(times < 5.0 && paradex.contains("2,156,209") && paradex.contains("bankrupt"), "{text}");
    assert!(text.contains("not accepted, counts for nothing: BTC, 2,156,209 USD"), "{text}");
    let sheet = answer(&with(book("margin"), &["--account", "covered call", "--method", "paradex"]));
    assert!(sheet.contains("limit") && sheet.contains("not accepted"), "{sheet}");
    let trade = ["--trade", "BTC_USDC-PERPETUAL -1", "--account", "covered call", "--method", "paradex"];
    assert!(answer(&with(book("what-if"), &trade)).contains("not accepted"));
}

#[test]
fn a_plan_needs_a_requirement_that_is_known() {
    let run = upm(&with(book("plan"), &["--account", "coin on credit", "--method", "deribit"]));
    assert!(run.status == 2 && run.err.contains("USDC: what Deribit requires is not known"), "{}", run.err);
}

#[test]
fn methods_are_described_with_all_their_doubts() {
    let described = document(&["methods", "--output", "json"]);
    for (method, described) in METHODS.iter().zip(described.as_array().unwrap()) {
        assert_eq!(described["method"], method.about.name);
        assert_eq!(described["uncertain"].as_array().unwrap().len(), method.about.uncertain.len());
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    use std::io::Read;
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_upm"))
        .args(with(book("margin"), &["--all-scenarios", "--output", "json"]))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdout.take().unwrap().read_exact(&mut [0; 10]).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn a_comparison_of_fortunes_fits_a_hundred_columns() {
    for amount in ["900000000", "5000000000", "262315800668074.5", "99999999999999999"] {
        let text = std::fs::read_to_string(sample("portfolio.json")).unwrap();
        let portfolio = written("fortune-portfolio.json", &text.replacen("350000", amount, 1));
        let arguments = ["compare", "--market", &sample("market.json"), "--portfolio", &portfolio];
        let text = answer(&with(arguments.map(str::to_owned).to_vec(), &["--account", "delta-hedged book"]));
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        assert!(METHODS.iter().all(|method| text.contains(&format!("\n  {} ", method.about.name))), "{text}");
    }
}

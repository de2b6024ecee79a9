//! `upm journal cases` and `upm explain --case`: the liquidations in a journal.

mod common;

use common::journal::Day;
use common::{answer, document, path, simulated, upm};
use serde_json::Value;

/// Ticks of each simulated run.
const TICKS: u64 = 60;

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn number(value: &Value) -> f64 {
    text(value).parse().expect("a number")
}

fn case(file: &str, number: &Value) -> Value {
    document(&["explain", "--case", &number.to_string(), "--journal", file, "--output", "json"])
}

/// The events of a record, as they are kept.
fn records(file: &str) -> Vec<Value> {
    answer(&["journal", "export", file])
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect()
}

/// The facts of a case in the journal itself: the records where it was opened and closed, and the payments of funds for
/// it.
fn facts(records: &[Value], number: u64) -> (u64, Option<u64>, u64) {
    let all = records.iter().flat_map(|record| {
        list(&record["events"]).iter().map(move |event| (record["sequence"].as_u64().expect("a number"), event))
    });
    let all: Vec<(u64, &Value)> = all.collect();
    let opened = all.iter().find(|(_, event)| event["CaseOpened"]["epoch"] == number).expect("it was opened");
    let account = opened.1["CaseOpened"]["account"].as_u64().expect("a number");
    let closed = all.iter().find(|(at, event)| *at >= opened.0 && event["CaseClosed"]["account"] == account);
    (opened.0, closed.map(|(at, _)| *at), account)
}

/// Every step of a time line, and every wait.
fn entries<'a>(case: &'a Value, kind: &str) -> Vec<&'a Value> {
    list(&case["timeline"]).iter().filter(|entry| entry["entry"] == kind).collect()
}

/// Crossings, fills, auctions, bids, take-overs, funds and deleveraging, halts, outages and prices that are not valid.
#[test]
fn every_case_is_listed_followed_and_decided_again() {
    let mut payers = std::collections::BTreeSet::new();
    let (mut steps, mut waits) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
    let mut asked = std::collections::BTreeSet::new();
    for seed in [1, 15, 24] {
        let file = simulated(&format!("cases-{seed}.journal"), seed, TICKS).0;
        let cases = document(&["journal", "cases", &file, "--output", "json"]);
        assert_eq!(cases["format"], "upm.cases/1");
        let records = records(&file);
        let opened = records
            .iter()
            .flat_map(|record| list(&record["events"]))
            .filter(|event| event["CaseOpened"] != Value::Null);
        assert_eq!(list(&cases["cases"]).len(), opened.count());
        for listed in list(&cases["cases"]) {
            let found = case(&file, &listed["case"]);
            assert_eq!((&found["format"], &found["same"]), (&"upm.case/1".into(), &true.into()), "{found}");
            for field in ["account", "opened", "closed", "why", "cost", "covered", "bill", "ended"] {
                assert_eq!(found[field], listed[field], "{field}");
            }
            let (begun, ended, _) = facts(&records, listed["case"].as_u64().expect("a number"));
            assert_eq!((&listed["opened"]["sequence"], &listed["closed"]["sequence"]), (&begun.into(), &ended.into()));
            is_a_story(&found);
            begins(&found, &listed["opened"]["sequence"]);
            payers.extend(list(&found["bill"]).iter().map(|line| text(&line["what"]).to_owned()));
            steps.extend(entries(&found, "step").iter().map(|step| text(&step["what"]).to_owned()));
            waits.extend(entries(&found, "wait").iter().map(|wait| text(&wait["what"]).to_owned()));
            let in_vain = entries(&found, "wait").into_iter().filter(|wait| wait["asked"] != 0);
            asked.extend(in_vain.map(|wait| text(&wait["what"]).to_owned()));
        }
    }
    for step in
        ["judged", "offered", "crossed", "filled", "auctioned", "bid", "taken_over", "covered", "deleveraged", "closed"]
    {
        assert!(steps.contains(step), "{step}: {steps:?}");
    }
    for payer in ["market", "fee", "premium", "fund", "backstop", "winner"] {
        assert!(payers.contains(payer), "{payer}: {payers:?}");
    }
    for wait in ["due", "taker", "bids", "cure", "market", "recovery", "price", "silence"] {
        assert!(waits.contains(wait), "{wait}: {waits:?}");
    }
    // For each request in vain the reason is given.
    assert!(asked.contains("recovery") && !asked.contains("due"), "{asked:?}");
}

/// A case that the engine itself opens says so: no other party changed the account.
fn begins(case: &Value, opened: &Value) {
    let steps = entries(case, "step");
    let first = steps.iter().find(|step| step["sequence"] == *opened).expect("the step that opened it");
    let words = list(&first["words"]).iter().map(text).collect::<Vec<_>>().join(" ");
    assert!(words.starts_with("Case ") && !words.contains("From outside"), "{first}");
    if first["what"] == "judged" {
        let found = "The engine looked at the account and found it below its maintenance margin: the case was opened.";
        assert!(words.contains(found), "{first}");
    } else {
        assert_ne!(first["what"], "outside", "{first}");
    }
}

/// The steps are in order of time and without a gap, each with its reason and the figures on which it was decided, and
/// the bill adds up.
fn is_a_story(case: &Value) {
    let steps = entries(case, "step");
    let mut last = 0;
    for step in &steps {
        let sequence = step["sequence"].as_u64().expect("a number");
        assert!(sequence > last || last == 0, "{step}");
        last = sequence;
        assert_eq!((&step["same"], &step["recorded"]), (&true.into(), &step["recomputed"]), "{step}");
        assert!(list(&step["words"]).iter().all(|words| !text(words).is_empty()), "{step}");
        assert!(!list(&step["words"]).is_empty(), "{step}");
        for trade in list(&step["trades"]) {
            assert!(number(&trade["contracts"]) > 0.0 && number(&trade["index"]) != 0.0, "{trade}");
        }
    }
    for wait in entries(case, "wait") {
        assert!(wait["seconds"].as_i64().expect("a number") >= 0 && !text(&wait["words"]).is_empty(), "{wait}");
        assert!(wait["asked"] == 0 || !text(&wait["words"]).contains("nobody has asked"), "{wait}");
    }
    // Funds, backstops and bidders: the payments in the steps equal the lines of the bill.
    let paid = steps.iter().flat_map(|step| list(&step["payments"]));
    let paid: f64 = paid.filter(|one| one["why"] == "cover of a loss").map(|one| number(&one["usd"])).sum();
    let billed = list(&case["bill"]).iter().filter(|line| line["what"] == "fund");
    let billed: f64 = billed.map(|line| number(&line["usd"])).sum();
    assert!((paid - billed).abs() < 1e-9, "{paid} {billed}");
    let total = |costs: &[&str]| -> f64 {
        let lines = list(&case["bill"]).iter().filter(|line| costs.contains(&text(&line["what"])));
        lines.map(|line| number(&line["usd"])).sum()
    };
    assert!((total(&["market", "fee", "premium", "equity"]) - number(&case["cost"])).abs() < 1e-9, "{case}");
    assert!((total(&["fund", "backstop", "bidder", "winner"]) - number(&case["covered"])).abs() < 1e-9, "{case}");
}

#[test]
fn the_story_of_a_case_is_readable() {
    let file = simulated("cases-page.journal", 20, TICKS).0;
    let table = answer(&["journal", "cases", &file]);
    for words in
        ["staged 14", "clear of warning", "open at the end of the journal", "fund of ETH", "is below maintenance"]
    {
        assert!(table.contains(words), "{words}: {table}");
    }
    let page = answer(&["explain", "--case", "2", "--journal", &file]);
    for words in [
        "case 2 · staged 14",
        "below since     2026-11-22T00:25:25Z, record 285",
        "the same to the last digit",
        "Case 2 begins in ETH, OIL",
        "The engine looked at the account and found it below its maintenance margin: the case was opened.",
        "It offers to buy 21.",
        "ETH-PERP at 2,461.3 or better",
        "is out, and nobody has taken it; halted and left out: OIL-PERP",
        "a transfer between accounts. Account 0 pays it 40 USD, transfer",
        "Custody at ethereum pays it",
        "The case ends: it is clear of the warning",
        "paid by the account",
    ] {
        let flat = page.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(&words.split_whitespace().collect::<Vec<_>>().join(" ")), "{words}: {page}");
    }
    for text in [&table, &page] {
        let long = |line: &&str| line.chars().count() > 100 && !line.contains(&file);
        assert_eq!(text.lines().find(long), None);
        assert!(!text.contains('\x1b') && !text.contains("account 9"), "{text}");
    }
}

#[test]
fn a_journal_without_a_case_says_so() {
    let file = simulated("no-cases.journal", 2, TICKS).0;
    assert!(answer(&["journal", "cases", &file]).contains("no liquidation"));
    let run = upm(&["explain", "--case", "1", "--journal", &file]);
    assert!(run.status == 2 && run.err.contains("--case: found 1") && run.err.contains("has no cases"), "{}", run.err);
    assert_eq!(upm(&["explain", "--journal", &file]).status, 2);
    assert_eq!(upm(&["explain", "alice", "--case", "1", "--journal", &file]).status, 2);
}

#[test]
fn an_export_in_names_has_no_numbers_for_what_has_a_name() {
    drop(Day::whole("names.journal"));
    let file = path("names.journal");
    let lines = answer(&["journal", "export", &file, "--names"]);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert_eq!(lines.len(), records(&file).len());
    let events = |name: &str| -> Vec<Value> {
        let all = lines.iter().flat_map(|line| list(&line["events"]));
        all.filter(|event| event[name] != Value::Null).map(|event| event[name].clone()).collect()
    };
    let position = |account: &str, contracts: &str| {
        let of = |event: &Value| {
            event["account"] == account
                && event["position"]["instrument"] == "BTC-PERP"
                && event["position"]["contracts"] == contracts
        };
        events("Positioned").iter().any(of)
    };
    assert!(position("alice", "1") && position("bob", "-1"));
    assert!(
        events("Moved")
            .iter()
            .any(|moved| moved["from"] == "alice" && moved["to"] == "fees" && moved["asset"] == "USD")
    );
    assert!(events("Quoted").iter().all(|quoted| quoted["feed"] == "BTC index"));
    assert!(events("Marked").iter().any(|marked| marked["marks"][0][0] == "BTC-PERP"));
    assert!(events("Ordered").iter().all(|ordered| ordered["order"]["contracts"] == "0.01"));
    assert!(events("Judged").iter().all(|judged| judged["account"] == "alice"));
    let order = lines.iter().find(|line| line["command"]["Place"] != Value::Null).expect("an order");
    assert_eq!(
        (&order["principal"], &order["command"]["Place"]["instrument"]),
        (&"owner 2".into(), &"BTC-PERP".into())
    );
}

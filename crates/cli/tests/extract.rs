//! `upm journal extract`: documents of a moment from which `upm margin` gives the numbers of the engine.

mod common;

use common::journal::Day;
use common::{answer, document, path, simulated, upm};
use serde_json::Value;

/// A free path for documents.
fn place(name: &str) -> String {
    let place = path(name);
    let _ = std::fs::remove_dir_all(&place);
    place
}

/// The assessments by `upm margin` of every account extracted to a directory.
fn margined(place: &str) -> Vec<Value> {
    let [market, portfolio, parameters] =
        ["market.json", "portfolio.json", "parameters.toml"].map(|name| format!("{place}/{name}"));
    let arguments = ["margin", "--market", &market, "--portfolio", &portfolio, "--params", &parameters];
    document(&[&arguments[..], &["--output", "json"]].concat())["accounts"].as_array().expect("a list").clone()
}

/// Checks that every account at a moment has the same assessment by the engine's own method and from the documents.
fn is_reproduced(file: &str, at: &str, name: &str) {
    let to = place(name);
    let extracted = document(&["journal", "extract", file, "--at", at, "--to", &to, "--output", "json"]);
    assert_eq!((&extracted["format"], &extracted["different"]), (&"upm.extract/1".into(), &serde_json::json!([])));
    let accounts = margined(&to);
    assert_eq!(extracted["accounts"], accounts.len());
    for account in accounts {
        let name = account["account"].as_str().expect("a name");
        let run = upm(&["explain", name, "--journal", file, "--at", at, "--output", "json"]);
        let explained: Value = serde_json::from_str(&run.out).expect("JSON");
        assert_eq!(explained["state"], extracted["state"]);
        assert_eq!(explained["explanation"]["at_mark"], account, "{file} at {at}: {name}");
    }
}

#[test]
fn a_moment_of_a_day_is_reproduced_to_the_last_digit() {
    drop(Day::whole("extract.journal"));
    let file = path("extract.journal");
    for at in ["60", "90", "120"] {
        is_reproduced(&file, at, "extract-day");
    }
    let market = std::fs::read_to_string(path("extract-day") + "/market.json").unwrap();
    let portfolio = std::fs::read_to_string(path("extract-day") + "/portfolio.json").unwrap();
    // Names and contracts: a thousand lots of a thousandth.
    assert!(market.contains("\"instrument\": \"BTC-CALL\""), "{market}");
    let portfolio: Value = serde_json::from_str(&portfolio).unwrap();
    let alice = &portfolio["accounts"][0];
    assert_eq!((&alice["account"], &alice["balances"][0]["asset"]), (&"alice".into(), &"USD".into()));
    let perpetual = serde_json::json!({"instrument": "BTC-PERP", "quantity": "1", "entry": "80000"});
    assert_eq!(alice["positions"][0], perpetual);
}

/// Coins, spot, inverse contracts, depegs, locations, ramps and liquidations; and an expired option that waits for its
/// settlement (seed 35).
#[test]
fn moments_of_simulated_runs_are_reproduced_to_the_last_digit() {
    for (seed, moments) in [(1, ["613", "1500"]), (6, ["900", "1600"])] {
        let file = simulated(&format!("extract-{seed}.journal"), seed, 60).0;
        for at in moments {
            is_reproduced(&file, at, &format!("extract-sim-{seed}"));
        }
    }
    let late = document(&[
        "journal",
        "extract",
        &simulated("extract-35.journal", 35, 60).0,
        "--to",
        &place("extract-expired"),
        "--output",
        "json",
    ]);
    assert_eq!(late["expired"][0]["instrument"], "ETH-FUT", "{late}");
}

#[test]
fn one_account_is_extracted_alone_and_the_page_says_how_to_go_on() {
    drop(Day::whole("extract-one.journal"));
    let (file, to) = (path("extract-one.journal"), place("extract-one"));
    let page = answer(&["journal", "extract", &file, "--account", "bob", "--to", &to]);
    assert!(page.contains("the engine's own assessments, to the last digit"), "{page}");
    assert!(page.contains("1 left out that may only reduce"), "{page}");
    assert!(page.contains("upm margin --market "), "{page}");
    let accounts = margined(&to);
    assert_eq!((accounts.len(), &accounts[0]["account"]), (1, &"bob".into()));
}

#[test]
fn nothing_is_written_over_and_nothing_half() {
    drop(Day::whole("extract-over.journal"));
    let (file, to) = (path("extract-over.journal"), place("extract-over"));
    std::fs::create_dir_all(&to).unwrap();
    std::fs::write(format!("{to}/kept"), "kept").unwrap();
    let run = upm(&["journal", "extract", &file, "--to", &to]);
    assert_eq!((run.status, run.out.as_str()), (2, ""));
    assert!(run.err.contains("found a directory that holds something"), "{}", run.err);
    let run = upm(&["journal", "extract", &file, "--to", &format!("{to}/kept")]);
    assert!(run.status == 2 && run.err.contains("found a file"), "{}", run.err);
    assert_eq!(std::fs::read_dir(&to).unwrap().count(), 1);

    let none = place("extract-none");
    let run = upm(&["journal", "extract", &file, "--account", "alcie", "--to", &none]);
    assert!(run.status == 2 && run.err.contains("an account such as alice"), "{}", run.err);
    let run = upm(&["journal", "extract", &file, "--at", "1", "--to", &none]);
    assert!(run.status == 2 && run.err.contains("accounts: found none yet"), "{}", run.err);
    assert!(!std::path::Path::new(&none).exists());
}

//! A check that checked nothing fails with a message; an option without effect is refused.

mod common;

use common::{UPM, sample, upm, written};
use journal::Store;

fn refused(arguments: &[&str], message: &str) {
    let run = upm(arguments);
    assert_eq!((run.status, run.out.as_str()), (2, ""), "{arguments:?}: {}", run.err);
    assert!(run.err.starts_with("upm: ") && run.err.contains(message), "{arguments:?}: {}", run.err);
}

#[test]
fn an_empty_journal_is_not_sound() {
    let file = UPM.fresh("checks-empty.journal");
    drop(Store::create(&file, &sim::world::identity()).unwrap());
    for arguments in [&["journal", "verify", &file][..], &["journal", "diff", &file, &file]] {
        let run = upm(arguments);
        assert_eq!((run.status, run.out.as_str()), (1, ""), "{}", run.err);
        assert!(run.err.contains("found no record") && run.err.contains("so nothing was "), "{}", run.err);
    }
    let run = upm(&["journal", "verify", &file, "--output", "json"]);
    assert!(run.status == 1 && run.out.contains("\"sound\": false"), "{}", run.out);
}

#[test]
fn parameters_of_nothing_are_refused() {
    let empty = written("checks-empty.toml", "");
    refused(&["params", "check", "universal", &empty], "checks-empty.toml: found an empty file");
}

#[test]
fn an_option_that_does_nothing_is_refused() {
    let [market, portfolio] = ["market.json", "portfolio.json"].map(sample);
    let book = ["--market", &market, "--portfolio", &portfolio];
    let with = |command: &'static str, more: &[&'static str]| -> Vec<String> {
        [&[command][..], &book, more].concat().into_iter().map(str::to_owned).collect()
    };
    for (arguments, option) in [
        (with("margin", &["--strict"]), "--strict"),
        (with("stress", &["--strict"]), "--strict"),
        (with("what-if", &["--strict", "--account", "calendar", "--trade", "BTC_USDC-PERPETUAL 1"]), "--strict"),
        (with("compare", &["--notes", "--output", "json"]), "--notes"),
        (with("margin", &["--force"]), "--force"),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        refused(&arguments, option);
    }
}

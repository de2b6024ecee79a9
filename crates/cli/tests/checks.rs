//! A check that checked nothing fails and says so; an option that does nothing is refused.

mod common;

use common::{path, sample, upm, written};
use journal::{Identity, Store};

fn refused(arguments: &[&str], message: &str) {
    let run = upm(arguments);
    assert_eq!((run.status, run.out.as_str()), (2, ""), "{arguments:?}: {}", run.err);
    assert!(run.err.starts_with("upm: ") && run.err.contains(message), "{arguments:?}: {}", run.err);
}

#[test]
fn an_empty_journal_is_not_sound() {
    let file = path("checks-empty.journal");
    let _ = std::fs::remove_file(&file);
    let identity = Identity { shard: 0, genesis: sim::world::genesis().text() };
    drop(Store::create(&file, &identity).unwrap());
    for arguments in [&["journal", "verify", &file][..], &["journal", "diff", &file, &file]] {
        let run = upm(arguments);
        assert_eq!((run.status, run.out.as_str()), (1, ""), "{}", run.err);
        assert!(run.err.contains("found no record") && run.err.contains("so nothing was "), "{}", run.err);
    }
    let run = upm(&["journal", "verify", &file, "--output", "json"]);
    assert!(run.status == 1 && run.out.contains("\"sound\": false"), "{}", run.out);
}

/// Until it is whole, a kept journal does not bear its name.
#[test]
fn an_interrupted_run_leaves_no_journal() {
    let file = path("checks-interrupted.journal");
    let _ = std::fs::remove_file(&file);
    let mut run = std::process::Command::new(env!("CARGO_BIN_EXE_upm"))
        .args(["sim", "--seed", "1", "--ticks", "100000", "--keep", &file])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(!std::path::Path::new(&file).exists());
}

#[test]
fn a_simulation_of_nothing_is_refused() {
    refused(&["sim", "--seed", "1", "--ticks", "0"], "--ticks");
    refused(&["sim", "crash", "--kills", "0"], "--kills");
    let script = written("checks-script.jsonl", "\n\n");
    refused(&["sim", "--script", &script], "checks-script.jsonl: found ");
    let folder = path("checks-full-folder");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(std::path::Path::new(&folder).join("a file"), "a").unwrap();
    refused(&["sim", "crash", "--kills", "1", "--dir", &folder], "found files in it, expected an empty folder");
    refused(&["sim", "incident", "S-00"], "no such incident");
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
    let script = written("checks-option.jsonl", "{}");
    refused(&["sim", "--seed", "1", "--threads", "2"], "--threads");
    refused(&["sim", "--script", &script, "--threads", "2"], "--threads");
    refused(&["sim", "--script", &script, "--ticks", "5"], "--ticks");
}

//! Files that commands write: whole or not at all, and never over a file of another kind.

mod common;

use common::{PORTFOLIO, UPM, answer, path, sample, simulated, upm, written};

fn book(command: &str, more: &[&str]) -> Vec<String> {
    let [market, portfolio] = ["market.json", "portfolio.json"].map(sample);
    let book = [command, "--market", &market, "--portfolio", &portfolio];
    book.into_iter().chain(more.iter().copied()).map(str::to_owned).collect()
}

#[test]
fn an_answer_in_a_file_is_the_answer_on_standard_output() {
    let file = path("writing-answer.txt");
    let run = upm(&book("margin", &["--account", "calendar", "--output-file", &file]));
    assert_eq!((run.status, run.out.as_str()), (0, ""), "{}", run.err);
    assert!(run.err.ends_with(&format!("written           {file}\n")), "{}", run.err);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), answer(&book("margin", &["--account", "calendar"])));
    // Again: a table over a table.
    assert_eq!(upm(&book("margin", &["--account", "calendar", "--output-file", &file])).status, 0);
}

#[test]
fn nothing_is_written_over_another_kind() {
    let portfolio = written("writing-portfolio.json", PORTFOLIO);
    let strangle = ["--account", "short strangle"];
    let cases = [
        book("stress", &[&strangle[..], &["--svg", &portfolio]].concat()),
        book("margin", &["--output-file", &portfolio]),
        book("margin", &["--output", "json", "--output-file", &portfolio]),
        ["methods", "--output", "json", "--output-file", &portfolio].map(str::to_owned).to_vec(),
    ];
    for arguments in cases {
        let run = upm(&arguments);
        assert_eq!((run.status, run.out.as_str()), (2, ""), "{arguments:?}: {}", run.err);
        assert!(run.err.contains("found a upm.portfolio document, expected "), "{}", run.err);
        assert_eq!(std::fs::read_to_string(&portfolio).unwrap(), PORTFOLIO);
    }
    let forced = book("stress", &[&strangle[..], &["--svg", &portfolio, "--force"]].concat());
    assert_eq!(upm(&forced).status, 0);
    assert!(std::fs::read_to_string(&portfolio).unwrap().starts_with("<svg"));
}

#[test]
fn force_without_a_file_is_refused() {
    let run = upm(&book("margin", &["--force"]));
    assert_eq!(run.status, 2, "{}", run.err);
    assert!(run.err.starts_with("upm: --force: found without a file to write"), "{}", run.err);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_exit_status_1_with_the_file_named() {
    let run = upm(&book("margin", &["--output-file", "/dev/full"]));
    assert_eq!(run.status, 1, "{}", run.err);
    assert!(run.err.starts_with("upm: /dev/full: No space left on device"), "{}", run.err);
    let (journal, _) = simulated("writing.journal", 1, 3);
    let run = upm(&["journal", "export", &journal, "--output-file", "/dev/full"]);
    assert_eq!(run.status, 1, "{}", run.err);
    assert!(run.err.starts_with("upm: /dev/full: No space left on device"), "{}", run.err);
}

#[test]
fn what_cannot_be_written_has_one_exit_status() {
    for arguments in [
        book("margin", &["--output-file", "no/such/a.txt"]),
        book("stress", &["--account", "calendar", "--svg", "no/such/a.svg"]),
    ] {
        let run = upm(&arguments);
        assert_eq!((run.status, run.out.as_str()), (1, ""), "{arguments:?}: {}", run.err);
        assert!(run.err.contains("no/such/a.") && run.err.contains("a file that can be written"), "{}", run.err);
    }
}

#[test]
fn an_export_that_fails_leaves_no_file() {
    let ((journal, _), file) = (simulated("writing-flipped.journal", 1, 3), UPM.fresh("writing-flipped.jsonl"));
    let mut bytes = std::fs::read(&journal).unwrap();
    let place = bytes.windows(10).rposition(|bytes| bytes.starts_with(b"account 1")).expect("an account of that name");
    bytes[place] ^= 1;
    std::fs::write(&journal, bytes).unwrap();
    let run = upm(&["journal", "export", &journal, "--output-file", &file]);
    assert_eq!(run.status, 1, "{}", run.err);
    assert!(!std::path::Path::new(&file).exists());
}

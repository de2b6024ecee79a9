//! Completions and manual pages: every command that `--help` lists is in them.

mod common;

use common::{UPM, answer, path, upm};
use testdata::help::commands;
use testdata::manual::{SHELLS, check_completions, check_pages};

#[test]
fn every_command_is_found() {
    let commands = commands(&UPM);
    for known in [&["margin"][..], &["completions"], &["man"], &["journal", "verify"]] {
        assert!(commands.iter().any(|command| command == known), "{known:?} is not in {commands:?}");
    }
}

#[test]
fn every_command_has_a_page_and_every_page_that_one_names_is_there() {
    check_pages(&UPM, "upm");
}

#[test]
fn completions_of_every_shell_have_every_command() {
    check_completions(&UPM, "upm", &["output-file", "all-scenarios"]);
}

#[test]
fn an_unknown_shell_is_refused_with_those_that_are_known() {
    let run = upm(&["completions", "tcsh"]);
    assert_eq!((run.status, run.out.as_str()), (2, ""));
    assert!(run.err.starts_with("upm: invalid value 'tcsh' for '<SHELL>'\n"), "{}", run.err);
    assert!(run.err.contains(&format!("[possible values: {}]", SHELLS.join(", "))), "{}", run.err);
    assert_eq!(upm(&["completions"]).status, 2);
}

#[test]
fn an_unknown_command_has_no_page_and_the_known_ones_are_named() {
    for (words, problem) in [
        (&["marginn"][..], "upm: COMMAND: found \"marginn\" after upm, expected one of margin, compare, "),
        (&["journal", "verfy"], "upm: COMMAND: found \"verfy\" after upm journal, expected one of cases, verify, "),
        (&["margin", "it"], "upm: COMMAND: found \"it\" after upm margin, expected no further word"),
        (&["help"], "upm: COMMAND: found \"help\" after upm, expected one of "),
    ] {
        let run = upm(&[&["man"][..], words].concat());
        assert_eq!((run.status, run.out.as_str()), (2, ""), "{words:?}");
        assert!(run.err.starts_with(problem), "{}", run.err);
    }
}

#[test]
fn a_page_in_a_file_is_replaced_by_a_page_and_by_nothing_else() {
    let file = path("manual-upm.1");
    let _ = std::fs::remove_file(&file);
    let to = ["--output-file", &file];
    for words in [&["man"][..], &["man", "margin"]] {
        let run = upm(&[words, &to].concat());
        assert_eq!((run.status, run.out.as_str()), (0, ""), "{}", run.err);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), answer(words));
    }
    let run = upm(&[&["methods"][..], &to].concat());
    assert_eq!(run.status, 2, "{}", run.err);
    assert!(run.err.contains("found a manual page, expected "), "{}", run.err);
}

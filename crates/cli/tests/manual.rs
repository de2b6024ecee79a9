//! Completions and manual pages: every command that `--help` lists is in them.

mod common;

use std::collections::BTreeSet;

use common::{answer, path, upm};

const SHELLS: [&str; 5] = ["bash", "elvish", "fish", "powershell", "zsh"];

/// The commands below one, as its help lists them; clap's own `help` is none of them.
fn below(command: &[String]) -> Vec<Vec<String>> {
    let help = answer(&[command, &["--help".to_owned()]].concat());
    let Some((_, list)) = help.split_once("\nCommands:\n") else { return Vec::new() };
    let lines = list.lines().take_while(|line| line.starts_with("  "));
    // A line that is indented further goes on with the words of the one before.
    let names = lines.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(|name| [command, &[name.to_owned()]].concat()).collect()
}

/// Every command, upm itself first.
fn commands() -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    let mut next = 0;
    while let Some(command) = all.get(next) {
        let further = below(command);
        all.extend(further);
        next += 1;
    }
    for known in ["margin", "completions", "man"] {
        assert!(all.contains(&vec![known.to_owned()]), "{known} is not in {all:?}");
    }
    assert!(all.contains(&["journal", "verify"].map(str::to_owned).to_vec()), "{all:?}");
    all
}

/// What the page of a command is called, such as upm-journal-verify.
fn paged(command: &[String]) -> String {
    [&["upm".to_owned()][..], command].concat().join("-")
}

/// A page without what is escaped in it.
fn plain(page: &str) -> String {
    page.replace("\\-", "-").replace("\\fB", "").replace("\\fI", "").replace("\\fR", "")
}

#[test]
fn every_command_has_a_page_and_every_page_that_one_names_is_there() {
    let commands = commands();
    for command in &commands {
        let page = plain(&answer(&[&["man".to_owned()][..], command].concat()));
        let name = paged(command);
        assert!(
            page.contains(&format!("\n.TH {name} 1 \"\" \"upm {}\" upm\n", env!("CARGO_PKG_VERSION"))),
            "{name}: {page}"
        );
        assert!(page.contains(&format!("\n.SH NAME\n{name} - ")), "{name}: {page}");
        for part in [".SH SYNOPSIS", ".SH DESCRIPTION", ".SH OPTIONS", "--output-file", ".SH EXAMPLE\n.nf\n  upm "] {
            assert!(page.contains(part), "{name} has no {part}: {page}");
        }
        assert!(!page.contains('\u{fffd}'), "{name}: {page}");
        let listed: BTreeSet<String> =
            page.lines().filter_map(|line| line.strip_suffix("(1)")).map(str::to_owned).collect();
        let below = commands.iter().filter(|other| other.len() == command.len() + 1 && other.starts_with(command));
        let below: BTreeSet<String> = below.map(|other| paged(other)).collect();
        assert_eq!(listed, below, "{name}");
    }
}

#[test]
fn completions_of_every_shell_have_every_command() {
    let commands = commands();
    for shell in SHELLS {
        let script = answer(&["completions", shell]);
        assert!(!script.contains('\u{fffd}'), "{shell}");
        let is_name = |character: char| character.is_ascii_alphanumeric() || character == '-';
        let words: BTreeSet<&str> = script.split(|character| !is_name(character)).collect();
        for name in commands.iter().flatten() {
            assert!(words.contains(name.as_str()), "{shell} does not complete {name}");
        }
        assert!(script.contains("output-file") && script.contains("all-scenarios"), "{shell}");
    }
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

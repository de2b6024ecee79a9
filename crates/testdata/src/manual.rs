//! Manual pages and completions of a program: every command that its help lists must be in them.

use std::collections::BTreeSet;

use crate::help::commands;
use crate::program::Program;

/// The shells that completions are written for.
pub const SHELLS: [&str; 5] = ["bash", "elvish", "fish", "powershell", "zsh"];

/// Insists that every command of the program called `name` has a manual page with its parts, and that a page names exactly
/// the pages of the commands below it.
pub fn check_pages(program: &Program, name: &str) {
    let commands = commands(program);
    for command in &commands {
        let page = plain(&program.answer(&[&["man".to_owned()][..], command].concat()));
        let called = paged(name, command);
        let head = format!("\n.TH {called} 1 \"\" \"{name} {}\" {name}\n", env!("CARGO_PKG_VERSION"));
        assert!(page.contains(&head), "{called}: {page}");
        assert!(page.contains(&format!("\n.SH NAME\n{called} - ")), "{called}: {page}");
        for part in [".SH SYNOPSIS", ".SH DESCRIPTION", ".SH OPTIONS", "--output-file", ".SH EXAMPLE\n.nf\n  upm"] {
            assert!(page.contains(part), "{called} has no {part}: {page}");
        }
        assert!(!page.contains('\u{fffd}'), "{called}: {page}");
        let listed: BTreeSet<String> =
            page.lines().filter_map(|line| line.strip_suffix("(1)")).map(str::to_owned).collect();
        let below = commands.iter().filter(|other| other.len() == command.len() + 1 && other.starts_with(command));
        let below: BTreeSet<String> = below.map(|other| paged(name, other)).collect();
        assert_eq!(listed, below, "{called}");
    }
}

/// Insists that the script of every shell completes every command of the program called `name`, some of its `options`, and
/// nothing but that program.
pub fn check_completions(program: &Program, name: &str, options: &[&str]) {
    let commands = commands(program);
    for shell in SHELLS {
        let script = program.answer(&["completions", shell]);
        assert!(!script.contains('\u{fffd}'), "{shell}");
        let is_name = |character: char| character.is_ascii_alphanumeric() || character == '-';
        let words: BTreeSet<&str> = script.split(|character| !is_name(character)).collect();
        for word in commands.iter().flatten() {
            assert!(words.contains(word.as_str()), "{shell} does not complete {word}");
        }
        assert!(options.iter().all(|option| script.contains(option)), "{shell}");
        let begins = match shell {
            "bash" => format!(" -o bashdefault -o default {name}\n"),
            "elvish" => format!("set edit:completion:arg-completer[{name}] = "),
            "fish" => format!("complete -c {name} "),
            "powershell" => format!("Register-ArgumentCompleter -Native -CommandName '{name}' "),
            _ => format!("#compdef {name}\n"),
        };
        assert!(script.contains(&begins), "{shell} completes another program than {name}: {script}");
    }
}

/// What the page of a command is called, such as upm-journal-verify.
fn paged(name: &str, command: &[String]) -> String {
    [&[name.to_owned()][..], command].concat().join("-")
}

/// A page without what is escaped in it.
fn plain(page: &str) -> String {
    page.replace("\\-", "-").replace("\\fB", "").replace("\\fI", "").replace("\\fR", "")
}

//! Checks the invariants of the architecture: layers, lints, citations, docs, venues, embedded files, words that do not
//! belong in the tree.

mod circles;
mod citations;
mod docs;
mod embedded;
mod venues;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, ExitCode};

use serde_json::Value;

/// What the core and all above it use to work on many threads: it depends on no other crate.
const POOL: &str = "pool";

/// The layers of the core. A crate may depend on the crates before it, and on the external crates in its row.
///
/// Above the core (`feed` and later) external crates are chosen freely; this list is short on purpose: pure,
/// deterministic, few.
const CORE: &[(&str, &[&str])] = &[
    ("units", &["arrayvec", "itoa", "schemars", "serde", "thiserror", "time", "zmij"]),
    ("marks", &["schemars", "serde", "thiserror"]),
    ("model", &["blake3", "memchr", "schemars", "serde", "serde_json", "serde_path_to_error", "thiserror"]),
    ("pricing", &[]),
    ("margin", &["blake3", "schemars", "serde", "serde_json", "thiserror", "toml"]),
    ("liquidation", &["schemars", "serde", "thiserror"]),
    ("engine", &["blake3", "postcard", "schemars", "serde", "thiserror"]),
];

/// The layers above the core: a crate may use the core, and the shell crates before it.
const SHELL: &[&str] = &[
    "dice",
    "audit",
    "feed",
    "upm",
    "journal",
    "sequencer",
    "operator",
    "sim",
    "incidents",
    "cascade",
    "attack",
    "shell",
    "lab",
    "cli",
    "testdata",
    "xtask",
];

/// Crates that simulate, break rules on purpose, or check the engine: only the program `upm-lab` contains them.
const LABORATORY: &[&str] = &["dice", "audit", "sim", "incidents", "cascade", "attack", "lab"];

/// Words that must not be in a finished tree, in two halves so that this file does not contain them.
const BANNED: &[(&str, &str)] = &[
    ("TO", "DO"),
    ("FIX", "ME"),
    ("dbg", "!("),
    ("todo", "!("),
    ("unimplemented", "!("),
    ("/work", "/"),
    ("crates", ".io"),
    ("#[ign", "ore"),
];

/// Prints the problems of the tree.
pub fn command() -> ExitCode {
    let problems = check(root());
    for problem in &problems {
        println!("{problem}");
    }
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The root of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the root")
}

/// Names that the core must not use: it opens no file, prints nothing, asks for nothing and starts nothing.
const OUTSIDE: &[&str] = &[
    "std::fs",
    "std::env",
    "std::net",
    "std::thread",
    "std::process",
    "std::io",
    "SystemTime",
    "Instant",
    "println!",
    "print!(",
];

/// Runs every check and returns the problems.
pub fn check(root: &Path) -> Vec<String> {
    let mut problems = layers(&metadata(root));
    let files = tracked_files(root);
    if !files.iter().any(|file| file.ends_with("src/lib.rs")) {
        problems.push("git lists no source file, so nothing was checked".to_owned());
    }
    problems.extend(words(root, &files));
    problems.extend(heads(root, &files));
    problems.extend(short_docs(root, &files));
    problems.extend(outside(root, &files));
    problems.extend(options(root, &files));
    problems.extend(embedded::check(root, &files));
    problems.extend(rule_ids(root, &files));
    problems.extend(citations::check(root, &files));
    problems.extend(venues::check(root, &files));
    problems.extend(circles::check(root, &files));
    problems
}

fn metadata(root: &Path) -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .expect("cargo runs: it started this program");
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

/// The name of a crate in the layers: its package name without the prefix of the project.
fn layer_of(package: &Value) -> &str {
    let name = package["name"].as_str().unwrap_or_default();
    name.strip_prefix("upm-").unwrap_or(name)
}

/// Checks that crates depend only on layers below, and that every crate keeps the lints of the workspace.
fn layers(metadata: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    if packages.is_empty() {
        problems.push("cargo metadata names no package, so no layer was checked".to_owned());
    }
    let members: BTreeSet<&str> = packages.iter().map(layer_of).collect();
    for package in packages {
        let name = layer_of(package);
        let core = CORE.iter().position(|(layer, _)| *layer == name);
        if core.is_none() && name != POOL && !SHELL.contains(&name) {
            problems.push(format!("{name}: a crate without a place in the layers (xtask/src/tidy.rs)"));
        }
        let manifest = package["manifest_path"].as_str().unwrap_or_default();
        let text = std::fs::read_to_string(manifest).unwrap_or_default();
        if !text.contains("[lints]\nworkspace = true") {
            problems.push(format!("{name}: Cargo.toml does not take the lints of the workspace"));
        }
        for dependency in package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default() {
            if dependency["kind"].as_str() == Some("dev") {
                continue;
            }
            let wanted = layer_of(dependency);
            if name == POOL {
                problems.push(format!("{POOL} depends on {wanted}: it is below every other crate"));
            }
            if wanted == POOL {
                continue;
            }
            if LABORATORY.contains(&wanted) && !LABORATORY.contains(&name) {
                problems.push(format!("{name} depends on {wanted}: that belongs to the laboratory alone"));
            }
            let Some(layer) = core else {
                let place = |whose: &str| SHELL.iter().position(|known| *known == whose);
                if place(wanted).is_some() && place(wanted) >= place(name) {
                    problems.push(format!("{name} depends on {wanted}: a crate sees only those below it"));
                }
                continue;
            };
            let below = CORE[..layer].iter().any(|(lower, _)| *lower == wanted);
            let allowed = CORE[layer].1.contains(&wanted);
            if members.contains(wanted) && !below {
                problems.push(format!("{name} depends on {wanted}: a crate sees only those below it"));
            } else if !members.contains(wanted) && !allowed {
                problems.push(format!("{name} depends on {wanted}: not among the external crates of the core"));
            }
        }
    }
    problems
}

fn tracked_files(root: &Path) -> Vec<String> {
    let output =
        Command::new("git").args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(root).output();
    let listed = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    listed.lines().filter(|file| root.join(file).is_file()).map(str::to_owned).collect()
}

fn has_extension(file: &str, extensions: &[&str]) -> bool {
    Path::new(file).extension().is_some_and(|found| extensions.iter().any(|extension| found == *extension))
}

fn words(root: &Path, files: &[String]) -> Vec<String> {
    let read = |file: &String| std::fs::read_to_string(root.join(file)).unwrap_or_default();
    let own = |file: &&String| !has_extension(file, &["lock"]);
    let mut problems = Vec::new();
    for file in files.iter().filter(own) {
        for (number, line) in read(file).lines().enumerate() {
            for (first, second) in BANNED {
                if line.contains(&format!("{first}{second}")) {
                    problems.push(format!("{file}:{}: \"{first}{second}\" does not belong in the tree", number + 1));
                }
            }
        }
    }
    problems
}

/// Checks that every source file of a crate begins with its purpose.
fn heads(root: &Path, files: &[String]) -> Vec<String> {
    let source = |file: &&String| has_extension(file, &["rs"]) && file.contains("/src/");
    let headless = |file: &&String| !std::fs::read_to_string(root.join(file)).unwrap_or_default().starts_with("//!");
    files
        .iter()
        .filter(source)
        .filter(headless)
        .map(|file| format!("{file}: starts without `//!` saying what it is for"))
        .collect()
}

/// Checks that no doc comment in a crate's sources is too short to say something.
fn short_docs(root: &Path, files: &[String]) -> Vec<String> {
    let sources = files.iter().filter(|file| has_extension(file, &["rs"]) && file.contains("/src/"));
    let read = |file: &String| std::fs::read_to_string(root.join(file)).unwrap_or_default();
    sources.flat_map(|file| docs::check(file, &read(file))).collect()
}

/// Checks that the core uses no names of the outside world, except in its tests.
fn outside(root: &Path, files: &[String]) -> Vec<String> {
    let core = |file: &&String| CORE.iter().any(|(name, _)| file.starts_with(&format!("crates/{name}/src/")));
    let mut problems = Vec::new();
    for file in files.iter().filter(core) {
        let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for word in OUTSIDE.iter().filter(|word| line.contains(**word)) {
                problems.push(format!("{file}:{}: {word} has no place below the line", number + 1));
            }
        }
    }
    problems
}

/// Libraries besides the core whose messages are read by people without a command line.
const LIBRARIES: &[&str] = &["feed", "upm", "journal", "sequencer"];

/// Checks that no message of a library names an option such as `--strict`: the command line adds its own hint.
fn options(root: &Path, files: &[String]) -> Vec<String> {
    let names = || CORE.iter().map(|(name, _)| *name).chain(LIBRARIES.iter().copied());
    let library = |file: &&String| names().any(|name| file.starts_with(&format!("crates/{name}/src/")));
    let mut problems = Vec::new();
    for file in files.iter().filter(library) {
        let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            if let Some(option) = option_in(line) {
                problems.push(format!("{file}:{}: {option} is an option of the command line", number + 1));
            }
        }
    }
    problems
}

/// The first word of a line that looks like a command-line option.
fn option_in(line: &str) -> Option<&str> {
    let words = line.split(|character: char| !(character.is_ascii_alphanumeric() || character == '-'));
    words.into_iter().find(|word| {
        word.strip_prefix("--").is_some_and(|name| name.starts_with(|first: char| first.is_ascii_lowercase()))
    })
}

/// Checks that a test cites every rule of the methodology, and that every rule that code cites exists.
fn rule_ids(root: &Path, files: &[String]) -> Vec<String> {
    let text = std::fs::read_to_string(root.join("docs/methodology.md")).unwrap_or_default();
    let defined: BTreeSet<String> =
        text.split("**").skip(1).step_by(2).filter_map(|bold| ids(bold).into_iter().next()).collect();
    let mut tested = BTreeSet::new();
    let mut cited: BTreeMap<String, String> = BTreeMap::new();
    for file in files.iter().filter(|file| has_extension(file, &["rs", "case"])) {
        let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
        // The audit's second books exist only for tests to compare with.
        let is_test = ["/tests/", "/cases/", "crates/audit/"].iter().any(|place| file.contains(place));
        let unit_tests = text.find("#[cfg(test)]").unwrap_or(text.len());
        for id in ids(&text) {
            cited.entry(id).or_insert_with(|| file.clone());
        }
        tested.extend(ids(if is_test { &text } else { &text[unit_tests..] }));
    }
    let untested = defined.difference(&tested).map(|id| format!("docs/methodology.md: no test cites {id}"));
    let unknown = cited
        .iter()
        .filter(|(id, _)| !defined.contains(*id))
        .map(|(id, file)| format!("{file}: cites {id}, which docs/methodology.md does not define"));
    untested.chain(unknown).collect()
}

/// The rule numbers in a text, such as `VAL-1` or `P-11`.
fn ids(text: &str) -> BTreeSet<String> {
    const PREFIXES: &[&str] = &["VAL", "SCN", "FAM", "CHG", "REQ", "P"];
    let words = text.split(|character: char| !(character.is_ascii_alphanumeric() || character == '-'));
    words
        .filter(|word| {
            word.split_once('-').is_some_and(|(prefix, number)| {
                PREFIXES.contains(&prefix)
                    && !number.is_empty()
                    && number.len() <= 2
                    && number.bytes().all(|byte| byte.is_ascii_digit())
            })
        })
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        assert_eq!(check(root()), Vec::<String>::new());
    }

    #[test]
    fn an_arrow_that_points_up_is_found() {
        let metadata = serde_json::json!({"packages": [
            {"name": "units", "manifest_path": "", "dependencies": [{"name": "margin"}, {"name": "rand"}]},
            {"name": "margin", "manifest_path": "", "dependencies": [{"name": "units"}, {"name": "proptest", "kind": "dev"}]},
            {"name": "stray", "manifest_path": "", "dependencies": []},
            {"name": "upm-cli", "manifest_path": "", "dependencies": [{"name": "upm-sim"}, {"name": "upm-audit", "kind": "dev"}]},
            {"name": "upm-lab", "manifest_path": "", "dependencies": [{"name": "upm-sim"}, {"name": "upm-cli"}]},
        ]});
        let problems = layers(&metadata);
        assert!(problems.iter().any(|problem| problem.contains("units depends on margin")));
        assert!(problems.iter().any(|problem| problem.contains("units depends on rand")));
        assert!(problems.iter().any(|problem| problem.contains("stray: a crate without a place")));
        assert!(!problems.iter().any(|problem| problem.contains("margin depends on")));
        assert!(problems.iter().any(|problem| problem.contains("cli depends on sim: that belongs to the laboratory")));
        assert!(problems.iter().any(|problem| problem.contains("lab depends on cli")));
        assert!(!problems.iter().any(|problem| problem.contains("cli depends on audit")));
        assert!(!problems.iter().any(|problem| problem.contains("lab depends on sim")));
    }

    #[test]
    fn an_option_in_a_message_is_found() {
        assert_eq!(option_in(r#"#[error("{why}, and --strict forbids it")]"#), Some("--strict"));
        assert_eq!(option_in("let change = after - -before; // a -- b"), None);
    }

    #[test]
    fn ids_are_whole_words() {
        let found: Vec<String> = ids("CHG-1: see (P-11), REQ-2/REQ-3; UTF-8, P-100, XP-1").into_iter().collect();
        assert_eq!(found, ["CHG-1", "P-11", "REQ-2", "REQ-3"]);
    }
}

//! All checks of the code in one command: the same here and in CI.

mod tools;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use crate::tidy;

/// The seed of the random cases of properties, so that two runs on one checkout test the same cases; `cargo test` alone
/// uses other cases every time.
const SEED: &str = "PROPTEST_RNG_SEED";
const DEFAULT_SEED: &str = "20261129";

/// Coverage counters for the fuzzer, by flags that a stable compiler accepts.
const FUZZ_FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";

/// The fuzz targets, each with a folder of seeds, and their iterations: a short fixed number, so that a run takes the same
/// time everywhere.
const FUZZ_TARGETS: &[(&str, u32)] = &[
    ("market", 50_000),
    ("portfolio", 50_000),
    ("params", 50_000),
    ("scenarios", 50_000),
    ("deribit", 50_000),
    ("chain", 50_000),
    ("journal", 3_000),
    ("engine", 100),
];

/// The documents whose `sh` blocks are run, in this order.
const DOCUMENTS: &[&str] = &["README.md", "docs/guide.md", "docs/venue.md"];

/// A named part of the run.
type Step = (&'static str, fn(&Path) -> Result<(), String>);

/// Runs all steps; the first failure ends the run. Missing tools are installed if requested, and in CI.
#[expect(clippy::disallowed_methods, reason = "how long a step takes is told to a person and decides nothing")]
pub fn command(installs: bool) -> ExitCode {
    let root = tidy::root();
    let tools = if installs || is_ci() { tools::install } else { tools::require };
    let steps: &[Step] = &[
        ("tools", tools),
        ("format", |root| cargo(root, &["fmt", "--all", "--check"])),
        ("tidy", tidy_tree),
        ("lints", |root| cargo(root, &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])),
        ("tests", tests),
        ("documentation", documentation),
        ("fuzz targets", fuzz),
        ("the documents' commands in a fresh clone", documents),
        ("reference vectors", vectors),
        ("simulation", simulation),
        ("attack", attack),
    ];
    let all = Instant::now();
    let done = steps.iter().enumerate().try_for_each(|(number, (name, step))| {
        println!("── {} of {}: {name}", number + 1, steps.len());
        let begun = Instant::now();
        step(root).map_err(|problem| format!("{name} failed: {problem}"))?;
        println!("  {} s", begun.elapsed().as_secs());
        Ok(())
    });
    let removed = remove(&clone_of(root));
    match done.and(removed) {
        Ok(()) => {
            println!("ci: all {} steps passed in {} s", steps.len(), all.elapsed().as_secs());
            ExitCode::SUCCESS
        }
        Err(problem) => {
            println!("ci: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Whether this is a CI run, in which nobody watches and the recorded data beside the project must be present.
fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

fn tidy_tree(root: &Path) -> Result<(), String> {
    let problems = tidy::check(root);
    if problems.is_empty() { Ok(()) } else { Err(format!("\n  {}", problems.join("\n  "))) }
}

/// Runs every test, and reports the tests that were skipped because a file of `../shared` is absent.
fn tests(root: &Path) -> Result<(), String> {
    let seed = std::env::var(SEED).unwrap_or_else(|_| DEFAULT_SEED.to_owned());
    let folder = root.join("target");
    let record = folder.join("skipped-tests");
    let failed = |error: std::io::Error| format!("{}: {error}", record.display());
    std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&record, "")).map_err(failed)?;
    let mut tests = Command::new(env!("CARGO"));
    run(tests.args(["test", "--workspace", "--quiet"]).env(testdata::SKIPPED, &record).env(SEED, &seed), root)?;
    println!("  properties: random cases of {SEED}={seed}");
    println!("{}", skipped(&std::fs::read_to_string(&record).map_err(failed)?));
    Ok(())
}

/// The skipped tests in a record, in words: their number and their names, each once however many files it missed.
fn skipped(record: &str) -> String {
    let names: BTreeSet<&str> = record.lines().collect();
    let mut said = format!("  skipped tests, because a file of ../shared is absent: {}", names.len());
    for name in names {
        said.push_str("\n    ");
        said.push_str(name);
    }
    said
}

/// Recomputes the committed reference vectors of the venues.
fn vectors(root: &Path) -> Result<(), String> {
    let suite = |suite| released(root, &["--package", "xtask", "--", "vectors", suite]);
    ["derive", "black76"].into_iter().try_for_each(suite)
}

/// Simulates seeds with every fault, checks that every broken rule is noticed, and kills a writing process; bounded, so
/// that a run takes minutes.
fn simulation(root: &Path) -> Result<(), String> {
    let asked: &[&[&str]] =
        &[&["run", "--seeds", "1..24", "--ticks", "200"], &["canaries"], &["crash", "--kills", "20"]];
    asked.iter().try_for_each(|arguments| released(root, &[&["--package", "upm-lab", "--"], *arguments].concat()))
}

/// Attacks the margins of every underlying of the sample: no book may lose more on a kind of day, as a part of its
/// maintenance margin, than docs/attack.md says.
fn attack(root: &Path) -> Result<(), String> {
    let limits = ["grid=1", "surface=1.25", "basis=1", "expiry=1", "depeg=1"];
    let limits = limits.iter().flat_map(|limit| ["--limit", *limit]);
    let sample = ["--package", "upm-lab", "--", "attack", "--market", "samples/market.json"];
    released(root, &sample.into_iter().chain(limits).collect::<Vec<_>>())
}

fn documentation(root: &Path) -> Result<(), String> {
    run(
        Command::new(env!("CARGO"))
            .args(["doc", "--workspace", "--no-deps", "--quiet"])
            .env("RUSTDOCFLAGS", "-D warnings"),
        root,
    )
}

fn fuzz(root: &Path) -> Result<(), String> {
    let folder = root.join("fuzz");
    // With a target named, the flags apply to the targets alone: build scripts need no counters.
    let host = host()?;
    let build = ["build", "--release", "--quiet", "--target", &host];
    run(Command::new(env!("CARGO")).args(build).env("RUSTFLAGS", FUZZ_FLAGS).env_remove("CARGO_TARGET_DIR"), &folder)?;
    for (target, runs) in FUZZ_TARGETS {
        let found = folder.join("target/corpus").join(target);
        std::fs::create_dir_all(&found).map_err(|error| format!("{}: {error}", found.display()))?;
        let output = Command::new(folder.join("target").join(&host).join("release").join(target))
            .arg(format!("-runs={runs}"))
            .args(["-seed=1", "-max_len=16384", "-rss_limit_mb=4096", "-timeout=60"])
            .arg(&found)
            .arg(folder.join("seeds").join(target))
            .current_dir(&folder)
            .output()
            .map_err(|error| format!("{target}: {error}"))?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if !output.status.success() {
            return Err(format!("{target} found an input that it does not survive\n{said}"));
        }
        println!("  {target}: {}", said.lines().rfind(|line| line.starts_with("Done")).unwrap_or("done"));
    }
    Ok(())
}

/// The target triple of this machine.
fn host() -> Result<String, String> {
    let output = Command::new("rustc").arg("-vV").output().map_err(|error| format!("rustc: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc -vV names no host".to_owned())
}

/// The folder of a clone of the committed files. All steps in release are built from it, so that they are built once.
fn clone_of(root: &Path) -> PathBuf {
    root.join("target/fresh")
}

/// A command in the clone that uses the build folder of everything else.
fn in_clone(root: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("CARGO_TARGET_DIR", root.join("target"));
    command
}

/// Runs a program of the clone in release.
fn released(root: &Path, arguments: &[&str]) -> Result<(), String> {
    run(in_clone(root, env!("CARGO")).args(["run", "--quiet", "--release"]).args(arguments), &clone_of(root))
}

/// Runs every command in the documents' `sh` blocks in a fresh clone, except those that would run this step again.
fn documents(root: &Path) -> Result<(), String> {
    let clone = clone_of(root);
    remove(&clone)?;
    run(Command::new("git").args(["clone", "--quiet", "."]).arg(&clone), root)?;
    // A build makes this folder, where it is not told to build elsewhere as here; documents write into it.
    std::fs::create_dir_all(clone.join("target")).map_err(|error| format!("{}: {error}", clone.display()))?;
    for name in DOCUMENTS {
        let text = std::fs::read_to_string(clone.join(name)).map_err(|error| format!("{name}: {error}"))?;
        let lines = shell_lines(&text);
        if lines.is_empty() {
            return Err(format!("{name} has no commands, so none was run"));
        }
        println!("  {name}");
        for line in lines.into_iter().filter(|line| !line.contains("xtask ci") && !line.contains("xtask bench")) {
            println!("  $ {line}");
            run(in_clone(root, "sh").args(["-c", line]).stdout(Stdio::null()), &clone)?;
        }
    }
    Ok(())
}

/// Removes a folder. While the sources of a clone are there, files built from it would pass for built from here after
/// the next change.
fn remove(folder: &Path) -> Result<(), String> {
    if !folder.exists() {
        return Ok(());
    }
    std::fs::remove_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))
}

/// The lines of every fenced block marked `sh`.
fn shell_lines(text: &str) -> Vec<&str> {
    let mut inside = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```sh";
        } else if inside && !line.trim().is_empty() && !line.trim_start().starts_with('#') {
            lines.push(line.trim());
        }
    }
    lines
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<(), String> {
    run(Command::new(env!("CARGO")).args(arguments), root)
}

fn run(command: &mut Command, folder: &Path) -> Result<(), String> {
    let status = command.current_dir(folder).status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}")) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn skipped_tests_are_counted_once_and_named() {
        assert_eq!(super::skipped(""), "  skipped tests, because a file of ../shared is absent: 0");
        let record = "chain-0f3a one_from_shared\nbars-77 two_from_shared\nchain-0f3a one_from_shared\n";
        let expected = "  skipped tests, because a file of ../shared is absent: 2\n    \
                        bars-77 two_from_shared\n    chain-0f3a one_from_shared";
        assert_eq!(super::skipped(record), expected);
    }

    /// A document that is renamed or loses its commands would otherwise be noticed only in a run of many minutes.
    #[test]
    fn every_document_that_is_run_has_commands() {
        for name in super::DOCUMENTS {
            let text = std::fs::read_to_string(crate::tidy::root().join(name)).unwrap();
            assert!(!super::shell_lines(&text).is_empty(), "{name}");
        }
    }

    #[test]
    fn only_sh_blocks_are_commands() {
        let text = "```sh\ncargo demo\n# a comment\n\n  upm methods\n```\n```json\n{}\n```\ntext\n";
        assert_eq!(super::shell_lines(text), ["cargo demo", "upm methods"]);
    }
}

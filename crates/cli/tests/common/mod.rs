//! Runs the program as a user does.

#![expect(dead_code, reason = "every test file uses its own part")]

pub mod journal;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a run left behind.
#[derive(Debug)]
pub struct Run {
    pub status: i32,
    pub out: String,
    pub err: String,
}

/// The root of the repository, where examples are run.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A bundled sample.
pub fn sample(name: &str) -> String {
    root().join("samples").join(name).display().to_string()
}

/// Runs `upm` at the root of the repository, with nothing on standard input.
pub fn upm<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Run {
    upm_reading(arguments, "")
}

/// Runs `upm` with a text on standard input.
pub fn upm_reading<S: AsRef<std::ffi::OsStr>>(arguments: &[S], input: &str) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_upm"))
        .args(arguments)
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // A program that fails early closes its input: that is its right.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("the program ends");
    Run {
        status: output.status.code().expect("the program was not killed"),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// Runs `upm` and insists on success.
pub fn answer<S: AsRef<std::ffi::OsStr> + std::fmt::Debug>(arguments: &[S]) -> String {
    let run = upm(arguments);
    assert_eq!(run.status, 0, "{arguments:?}: {}", run.err);
    run.out
}

/// Runs `upm` and reads the JSON it answers with.
pub fn document<S: AsRef<std::ffi::OsStr> + std::fmt::Debug>(arguments: &[S]) -> Value {
    serde_json::from_str(&answer(arguments)).expect("the answer is JSON")
}

/// A file for one test; the name is unique to it.
pub fn path(name: &str) -> String {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).display().to_string()
}

/// Writes a file for one test; the name is unique to it.
pub fn written(name: &str, text: &str) -> String {
    let file = path(name);
    std::fs::write(&file, text).expect("the directory for tests is writable");
    file
}

/// An account in [`MARKET`].
pub const PORTFOLIO: &str = r#"{
  "format": "upm.portfolio/1",
  "accounts": [{"account": "alice", "balances": [{"asset": "USDC", "amount": "25000"}],
    "positions": [{"instrument": "BTC-CALL", "quantity": "2", "entry": "3000"},
                  {"instrument": "BTC-PERP", "quantity": "-1", "entry": "80000"}]}]}"#;

//! Runs `upm` as a user does.

#![expect(dead_code, reason = "every test file uses its own part")]

pub mod journal;

use std::ffi::OsStr;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sim::keep::{Witness, keep};
use sim::run::run_with;
use testdata::program::{self, Program};

/// The result of a run.
pub type Run = program::Run;

/// The program under test.
pub const UPM: Program = Program { file: env!("CARGO_BIN_EXE_upm"), folder: env!("CARGO_TARGET_TMPDIR") };

/// The root of the repository, in which examples are run.
pub fn root() -> PathBuf {
    program::root()
}

/// A bundled sample.
pub fn sample(name: &str) -> String {
    program::sample(name)
}

/// Runs `upm` at the root of the repository, with nothing on standard input.
pub fn upm<S: AsRef<OsStr>>(arguments: &[S]) -> Run {
    UPM.run(arguments)
}

/// Runs `upm` with a text on standard input.
pub fn upm_reading<S: AsRef<OsStr>>(arguments: &[S], input: &str) -> Run {
    UPM.run_reading(arguments, input)
}

/// Runs `upm` and insists on success.
pub fn answer<S: AsRef<OsStr> + Debug>(arguments: &[S]) -> String {
    UPM.answer(arguments)
}

/// Runs `upm` and reads the JSON it answers with.
pub fn document<S: AsRef<OsStr> + Debug>(arguments: &[S]) -> Value {
    UPM.document(arguments)
}

/// The path of a file for one test; the name is unique to it.
pub fn path(name: &str) -> String {
    UPM.path(name)
}

/// Writes a file for one test; the name is unique to it.
pub fn written(name: &str, text: &str) -> String {
    UPM.written(name, text)
}

/// Writes the journal of a simulated run into a file of that name, as `upm-lab run --keep` does. Returns the path and
/// the hash of the state at the end of the run.
pub fn simulated(name: &str, seed: u64, ticks: u64) -> (String, String) {
    let file = UPM.fresh(name);
    let ended = keep_run(file.as_ref(), seed, ticks);
    (file, ended)
}

/// Writes the journal of a simulated run into a new file. Returns the hash of the state at the end of the run.
pub fn keep_run(file: &Path, seed: u64, ticks: u64) -> String {
    let mut witness = Witness::new(|_| {});
    let outcome = run_with(&sim::Options::new(seed, ticks), &mut witness);
    assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
    keep(file, &witness.into_accepted(), |_| {}).expect("a new file in a folder that is writable");
    outcome.hash
}

/// An account in [`MARKET`].
pub const PORTFOLIO: &str = r#"{
  "format": "upm.portfolio/1",
  "accounts": [{"account": "alice", "balances": [{"asset": "USDC", "amount": "25000"}],
    "positions": [{"instrument": "BTC-CALL", "quantity": "2", "entry": "3000"},
                  {"instrument": "BTC-PERP", "quantity": "-1", "entry": "80000"}]}]}"#;

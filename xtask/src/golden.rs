//! `cargo xtask golden`: writes the golden journals by which tests notice a changed encoding.

use std::process::{Command, ExitCode};

use crate::tidy;

/// The environment variable that makes the test write.
const WRITE: &str = "UPM_GOLDEN_WRITE";

/// Writes the golden journal of the present versions, and the readable form of every golden journal.
pub fn command() -> ExitCode {
    let test = ["test", "--quiet", "--package", "upm-sequencer", "--test", "golden", "the_golden_files_can_be_written"];
    let status = Command::new(env!("CARGO")).args(test).env(WRITE, "1").current_dir(tidy::root()).status();
    match status {
        Ok(status) if status.success() => {
            println!("written: crates/sequencer/tests/golden/journals; `git diff` shows what has changed");
            ExitCode::SUCCESS
        }
        Ok(status) => {
            eprintln!("the golden files were not written: the test ended with {status}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("cargo did not start: {error}");
            ExitCode::FAILURE
        }
    }
}

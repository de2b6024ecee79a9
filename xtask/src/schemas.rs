//! `cargo xtask schemas`: writes the JSON Schema of every document from the types that read and write it.
//!
//! The types of many documents are private to their programs, so the tests beside them know how: each compares a file
//! with what its type says, and writes the file when it is told to.

use std::process::{Command, ExitCode};

use crate::tidy::root;

/// What the names of the tests that compare schemas begin with.
const TESTS: &str = "the_schema_is_current";

/// Runs the tests of the schemas so that they write the files.
pub fn command() -> ExitCode {
    let tests = ["test", "--quiet", "--package", "upm-cli", "--package", "upm-lab", "--bins", TESTS];
    let status = Command::new(env!("CARGO")).args(tests).env(testdata::WRITE_SCHEMAS, "1").current_dir(root()).status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cargo test: {error}");
            ExitCode::FAILURE
        }
    }
}

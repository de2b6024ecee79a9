//! `cargo xtask bench`: the benchmarks, in a workspace of their own so that the product depends on no peer.

use std::path::Path;
use std::process::{Command, ExitCode};

/// Builds `bench/` in release and runs it; it installs the programs that it measures against, prints a table and writes
/// `target/bench.json`.
pub fn command(arguments: &[&str]) -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the root");
    let status = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--release", "--"])
        .args(arguments)
        .current_dir(root.join("bench"))
        .env_remove("CARGO_TARGET_DIR")
        .status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => {
            eprintln!("bench ended with {status}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("bench did not start: {error}");
            ExitCode::FAILURE
        }
    }
}

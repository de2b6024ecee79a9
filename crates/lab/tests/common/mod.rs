//! Runs `upm-lab` as a user does.

use testdata::program::Program;

/// The program that is tested.
pub const LAB: Program = Program { file: env!("CARGO_BIN_EXE_upm-lab"), folder: env!("CARGO_TARGET_TMPDIR") };

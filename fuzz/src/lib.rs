//! What several fuzz targets need: bytes as small choices, commands for an engine, damage to a journal.

pub mod commands;
pub mod damage;
pub mod input;

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::sync::{Mutex, PoisonError};

/// The message of the last panic.
static SAID: Mutex<String> = Mutex::new(String::new());

/// Keeps the fuzzer from ending at a panic that the code under test catches. Called once, before the first input.
pub fn keep_going() {
    set_hook(Box::new(|panic| *SAID.lock().unwrap_or_else(PoisonError::into_inner) = panic.to_string()));
}

/// Runs the test of one input. Ends the process with the message of a panic that nothing has caught.
pub fn survive(test: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(test)).is_err() {
        eprintln!("{}", SAID.lock().unwrap_or_else(PoisonError::into_inner));
        std::process::abort();
    }
}

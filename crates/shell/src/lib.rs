//! The terminal code that the programs of the project share: reading, printing, writing files and failing.
//!
//! ```text
//! files ──▶ input ──▶ a command ──▶ Answer ──▶ Program ──▶ standard output, or a file by draft
//!                        └───▶ Failure ──────────▶ standard error, exit status 1 or 2
//! ```
//!
//! | module | purpose |
//! |---|---|
//! | [`program`] | the end of a run: prints the answer or the failure under the name of the program |
//! | [`failure`] | a command without an answer |
//! | [`printer`] | answers, tones, and text that is safe for a terminal |
//! | [`table`], [`canvas`], [`json`] | tables and paragraphs, pictures, documents |
//! | [`progress`] | the progress of long work |
//! | [`input`] | texts from files or standard input |
//! | [`draft`], [`sink`] | files that are there whole or not at all, written at once or piece by piece |
//! | [`kind`] | the kind of a file, so that one kind is not written over another |
//! | [`threads`] | the option for a number of threads |
//! | [`completions`], [`manual`] | shell completions and manual pages, both from the declared arguments |
//!
//! This crate knows no command, no account and no margin.

mod ahead;
pub mod canvas;
pub mod completions;
pub mod draft;
pub mod failure;
pub mod input;
pub mod json;
pub mod kind;
pub mod manual;
pub mod printer;
pub mod program;
pub mod progress;
pub mod sink;
pub mod table;
pub mod threads;

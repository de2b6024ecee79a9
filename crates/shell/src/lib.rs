//! What the programs of the project share on a terminal: how they read, print, write files and fail.
//!
//! ```text
//! files ──▶ input ──▶ a command ──▶ Answer ──▶ Program ──▶ standard output, or a file by draft
//!                        └───▶ Failure ──────────▶ standard error, exit status 1 or 2
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`program`] | the end of a run: prints the answer or the failure under the name of the program |
//! | [`failure`] | why a command has no answer |
//! | [`printer`] | answers, tones, and what a terminal may be sent |
//! | [`table`], [`canvas`], [`json`] | tables and paragraphs, pictures, documents |
//! | [`progress`] | how far long work has come |
//! | [`input`] | texts from files or standard input |
//! | [`draft`], [`sink`] | files that are there whole or not at all, written at once or piece by piece |
//! | [`kind`] | what a file is, so that one kind is not written over another |
//! | [`parallel`] | work on many threads with its results in order |
//! | [`completions`], [`manual`] | what a shell completes, and manual pages, both from the declared arguments |
//!
//! Nothing here knows a command, an account or a margin.

mod ahead;
pub mod canvas;
pub mod completions;
pub mod draft;
pub mod failure;
pub mod input;
pub mod json;
pub mod kind;
pub mod manual;
pub mod parallel;
pub mod printer;
pub mod program;
pub mod progress;
pub mod sink;
pub mod table;

//! The error for an invalid document: the problem and its path.

use crate::shortened;

/// The most characters of a found value that a message repeats.
const FOUND_MAX: usize = 120;
/// The most characters of another library's message that an error repeats.
const SAID_MAX: usize = 400;

/// The error for a document that is refused: the path of the field, the value found and the value expected.
///
/// When a document has several problems, `path` is that of the first; the others follow in `problem`, each on a line of
/// its own with its path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct Invalid {
    /// The path of the field in the document, such as `instruments[3].mark`; `.` is the document itself.
    pub path: String,
    /// The value found and the value expected.
    pub problem: String,
}

impl Invalid {
    /// An error at `path`: the document has `found` where `expected` is required.
    pub fn new(path: impl Into<String>, found: impl std::fmt::Display, expected: impl std::fmt::Display) -> Self {
        let found = shortened(&found.to_string(), FOUND_MAX);
        Self { path: path.into(), problem: format!("found {found}, expected {expected}") }
    }

    /// An error at `path`: the field is missing, and `expected` is required.
    pub fn missing(path: impl Into<String>, expected: impl std::fmt::Display) -> Self {
        Self { path: path.into(), problem: format!("missing, expected {expected}") }
    }

    /// An error at `path` in the words of the library that read the document.
    pub fn said(path: &str, problem: &str) -> Self {
        Self { path: shortened(path, SAID_MAX), problem: shortened(problem, SAID_MAX) }
    }
}

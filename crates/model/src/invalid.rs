//! What is wrong with a document, and where.

use crate::shortened;

/// Longer values are not repeated in full.
const FOUND_MAX: usize = 120;
/// Nor is what another library says of one.
const SAID_MAX: usize = 400;

/// A document that cannot be accepted: the path of the field, and the value found with what was expected.
///
/// Of a document in which more is wrong, the path is that of the first problem; the others follow in `problem`, each on a
/// line of its own, with its path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct Invalid {
    /// Where in the document, such as `instruments[3].mark`; `.` is the document itself.
    pub path: String,
    /// What was found and what was expected.
    pub problem: String,
}

impl Invalid {
    /// `found` stands at `path` where `expected` should.
    pub fn new(path: impl Into<String>, found: impl std::fmt::Display, expected: impl std::fmt::Display) -> Self {
        let found = shortened(&found.to_string(), FOUND_MAX);
        Self { path: path.into(), problem: format!("found {found}, expected {expected}") }
    }

    /// Nothing stands at `path` where `expected` should.
    pub fn missing(path: impl Into<String>, expected: impl std::fmt::Display) -> Self {
        Self { path: path.into(), problem: format!("missing, expected {expected}") }
    }

    /// What is wrong at `path` in the words of the library that reads it.
    pub fn said(path: &str, problem: &str) -> Self {
        Self { path: shortened(path, SAID_MAX), problem: shortened(problem, SAID_MAX) }
    }
}

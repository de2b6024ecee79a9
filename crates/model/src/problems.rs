//! Everything that is wrong with one document, collected while it is validated.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::{Invalid, nearest};

/// So many problems are told; of more it is said how many.
const TOLD: usize = 100;

/// What is wrong with a document, as far as it was found; of more than a hundred problems only the count is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    found: Vec<Invalid>,
    more: usize,
    /// Fields that hold a stand-in for what could not be read, and entries that mean nothing because of one: what is
    /// wrong with these is no fault of the document.
    stand_ins: BTreeSet<String>,
}

impl Problems {
    /// One more that reading has found.
    pub fn note(&mut self, invalid: Invalid) {
        if self.found.len() < TOLD {
            self.found.push(invalid);
        } else {
            self.more += 1;
        }
    }

    /// All that were found in another part of the document.
    pub fn append(&mut self, other: Self) {
        self.more += other.more;
        for invalid in other.found {
            self.note(invalid);
        }
    }

    /// The value where nothing is wrong, else what is.
    pub fn or_value<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }

    /// One more that validation has found.
    pub(crate) fn add(&mut self, invalid: Invalid) {
        let is_passed_over = [invalid.path.as_str(), entry_of(&invalid.path)].map(|path| self.stand_ins.contains(path));
        if !is_passed_over.contains(&true) {
            self.note(invalid);
        }
    }

    /// The value, or nothing and one more problem.
    pub(crate) fn check<T>(&mut self, value: Result<T, Invalid>) -> Option<T> {
        value.map_err(|invalid| self.add(invalid)).ok()
    }

    /// What would be wrong at `path`, a field or an entry of a list, is not told: a stand-in lies there.
    pub(crate) fn pass_over(&mut self, path: String) {
        self.stand_ins.insert(path);
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether there is one at that path.
    pub(crate) fn is_at(&self, path: &str) -> bool {
        self.found.iter().any(|invalid| invalid.path == path)
    }

    /// `name` stands at `path` and is none of `known`, which are called `expected`. The nearest of them are named.
    pub(crate) fn unknown<'a>(
        &mut self,
        path: String,
        name: &str,
        expected: &str,
        known: impl Iterator<Item = &'a str>,
    ) {
        // Names are only compared for problems that are told.
        let near = if self.found.len() < TOLD { nearest(name, known) } else { Vec::new() };
        let such = if near.is_empty() { String::new() } else { format!(" such as {}", near.join(", ")) };
        self.add(Invalid::new(path, format_args!("\"{name}\""), format_args!("{expected}{such}")));
    }

    /// That there is none, or all of them as one.
    pub(crate) fn done(self) -> Result<(), Invalid> {
        self.told().map_or(Ok(()), Err)
    }

    /// All of them as one; none where nothing is wrong.
    pub fn told(self) -> Option<Invalid> {
        let mut found = self.found.into_iter();
        let mut first = found.next()?;
        for other in found {
            // Writing to a text cannot fail.
            let _ = write!(first.problem, "\n{other}");
        }
        if self.more > 0 {
            let _ = write!(first.problem, "\n.: found {} more problems, expected none", self.more);
        }
        Some(first)
    }
}

impl From<Invalid> for Problems {
    fn from(invalid: Invalid) -> Self {
        Self { found: vec![invalid], ..Self::default() }
    }
}

/// The entry of a list of the document that a path leads into, such as `instruments[3]`.
pub(crate) fn entry_of(path: &str) -> &str {
    path.split_inclusive(']').next().unwrap_or_default()
}

//! Collects all problems of one document while it is validated.

use std::collections::BTreeSet;
use std::fmt::{Display, Write};

use crate::{Invalid, nearest};

/// The number of problems that are reported in full; beyond it only their count is reported.
const TOLD: usize = 100;

/// The problems of a document found so far; beyond a hundred only their number is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    found: Vec<Invalid>,
    more: usize,
    /// Paths of fields that hold a stand-in for a value that could not be read, and of entries that became meaningless
    /// because of one. Problems at these paths are not faults of the document, so they are not reported.
    stand_ins: BTreeSet<String>,
}

impl Problems {
    /// Adds a problem that was found while reading.
    pub fn note(&mut self, invalid: Invalid) {
        if self.found.len() < TOLD {
            self.found.push(invalid);
        } else {
            self.more += 1;
        }
    }

    /// Adds all problems of another part of the document.
    pub fn append(&mut self, other: Self) {
        self.more += other.more;
        for invalid in other.found {
            self.note(invalid);
        }
    }

    /// The value when there are no problems, else the problems.
    pub fn or_value<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }

    /// Notes a number that is not from `least` to `most`.
    pub fn within<T: PartialOrd + Display>(&mut self, path: &str, found: T, (least, most): (T, T)) {
        if found < least || found > most {
            self.note(Invalid::new(path, found, format_args!("{least} to {most}")));
        }
    }

    /// Notes a number that is not above `low`, or is above `most`.
    pub fn above<T: PartialOrd + Display>(&mut self, path: &str, found: T, (low, most): (T, T)) {
        if found <= low || found > most {
            self.note(Invalid::new(path, found, format_args!("above {low} and at most {most}")));
        }
    }

    /// Adds a problem that was found while validating, unless a stand-in lies at its path.
    pub(crate) fn add(&mut self, invalid: Invalid) {
        let is_passed_over = [invalid.path.as_str(), entry_of(&invalid.path)].map(|path| self.stand_ins.contains(path));
        if !is_passed_over.contains(&true) {
            self.note(invalid);
        }
    }

    /// The value; or none, with its problem added.
    pub(crate) fn check<T>(&mut self, value: Result<T, Invalid>) -> Option<T> {
        value.map_err(|invalid| self.add(invalid)).ok()
    }

    /// Marks `path`, a field or an entry of a list, as a stand-in: later problems there are not reported.
    pub(crate) fn pass_over(&mut self, path: String) {
        self.stand_ins.insert(path);
    }

    /// Whether there are no problems.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether a problem with this path was found.
    pub(crate) fn is_at(&self, path: &str) -> bool {
        self.found.iter().any(|invalid| invalid.path == path)
    }

    /// Whether a problem was found, or a stand-in lies, at this path or inside it.
    pub(crate) fn has_in(&self, path: &str) -> bool {
        let inside =
            |found: &str| found.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
        self.found.iter().any(|invalid| inside(&invalid.path)) || self.stand_ins.iter().any(|found| inside(found))
    }

    /// Adds the problem that `name` at `path` is not in `known`, whose members the message calls `expected`; the
    /// message suggests the most similar names.
    pub(crate) fn unknown<'a>(
        &mut self,
        path: String,
        name: &str,
        expected: &str,
        known: impl Iterator<Item = &'a str>,
    ) {
        // Similar names are searched only for problems that are reported in full.
        let near = if self.found.len() < TOLD { nearest(name, known) } else { Vec::new() };
        let such = if near.is_empty() { String::new() } else { format!(" such as {}", near.join(", ")) };
        self.add(Invalid::new(path, format_args!("\"{name}\""), format_args!("{expected}{such}")));
    }

    /// Succeeds when there are no problems, else fails with all of them as one error.
    pub(crate) fn done(self) -> Result<(), Invalid> {
        self.told().map_or(Ok(()), Err)
    }

    /// All problems as one error; none when there are none.
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

/// The list entry that a path leads into, such as `instruments[3]`.
pub(crate) fn entry_of(path: &str) -> &str {
    path.split_inclusive(']').next().unwrap_or_default()
}

//! Why a command has no answer.

use std::fmt::Display;

/// A command without an answer. Its text is one line: file, field, value found, what was expected.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// The input or the command is wrong; exit status 2.
    Wrong(String),
    /// Anything else; exit status 1.
    Broken(String),
}

impl Failure {
    /// `problem` lies in what was read from `place`: a file, or an argument.
    pub fn wrong(place: impl Display, problem: impl Display) -> Self {
        Self::Wrong(format!("{place}: {problem}"))
    }
}

impl Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Wrong(why) | Self::Broken(why) => formatter.write_str(why),
        }
    }
}

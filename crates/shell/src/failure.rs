//! The failure of a command.

use std::fmt::Display;

/// A command without an answer. Its text has a line for each problem: file, field, value found, value expected. An
/// indented line belongs to the line before.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// The input or the command is wrong; exit status 2.
    Wrong(String),
    /// Anything else; exit status 1.
    Broken(String),
}

impl Failure {
    /// A failure because of `problem` in the input from `place`: a file, or an argument. Each line of `problem` that is
    /// not indented is a problem of its own.
    pub fn wrong(place: impl Display, problem: impl Display) -> Self {
        let problem = problem.to_string();
        let line = |line: &str| if line.starts_with(' ') { line.to_owned() } else { format!("{place}: {line}") };
        Self::Wrong(problem.lines().map(line).collect::<Vec<_>>().join("\n"))
    }

    /// A failure that is not the fault of the input, in the words of the error.
    pub fn broken(error: impl Display) -> Self {
        Self::Broken(error.to_string())
    }
}

impl Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Wrong(why) | Self::Broken(why) => formatter.write_str(why),
        }
    }
}

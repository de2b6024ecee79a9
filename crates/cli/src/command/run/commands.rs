//! Reads commands: one line of JSON each, as soon as the line is complete.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use engine::{Envelope, Principal};
use model::read_json;
use serde::Deserialize;
use units::Timestamp;

use shell::failure::Failure;
use shell::input::Reader;

/// A command with the number of its line, from 1.
pub struct Command {
    pub line: u64,
    pub envelope: Envelope,
}

impl Command {
    /// Whether it is the command with which the engine ends every batch: judge the accounts that the batch has changed.
    pub fn is_watch(&self) -> bool {
        self.envelope.command == engine::Command::Watch
    }
}

/// The required fields of a line; other fields of a record are ignored.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(expecting = "a command, an object with time, principal and command")]
struct Line {
    time: Timestamp,
    principal: Principal,
    command: engine::Command,
}

/// The lines of a file or of standard input.
pub struct Commands {
    name: String,
    source: BufReader<Box<dyn Read + Send>>,
    line: u64,
    /// The first command, once it was read for its time and not yet executed.
    first: Option<Command>,
}

impl Commands {
    pub fn open(file: &Path) -> Result<Self, Failure> {
        let (source, _) = Reader::default().open(file)?;
        Ok(Self { name: file.display().to_string(), source: BufReader::new(source), line: 0, first: None })
    }

    /// The time of the first command, before any is executed.
    pub fn begin(&mut self) -> Result<Timestamp, Failure> {
        let first = self.next()?;
        let first = first.ok_or_else(|| Failure::wrong(&self.name, "found no command, expected one to begin with"))?;
        let time = first.envelope.time;
        self.first = Some(first);
        Ok(time)
    }

    /// The next command; none at the end.
    pub fn next(&mut self) -> Result<Option<Command>, Failure> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        loop {
            let mut bytes = Vec::new();
            self.line += 1;
            let read = self.source.read_until(b'\n', &mut bytes);
            let length = read.map_err(|error| self.wrong(format_args!("{error}, expected a file that can be read")))?;
            if length == 0 {
                return Ok(None);
            }
            if bytes.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let text = std::str::from_utf8(&bytes);
            let text = text.map_err(|_| self.wrong("found a stray byte, expected UTF-8 text"))?;
            let Line { time, principal, command } = read_json(text).map_err(|invalid| self.wrong(invalid))?;
            return Ok(Some(Command { line: self.line, envelope: Envelope { time, principal, command } }));
        }
    }

    fn wrong(&self, problem: impl std::fmt::Display) -> Failure {
        Failure::wrong(format_args!("{}: line {}", self.name, self.line), problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_current() {
        testdata::schema::is_current::<Line>("run-command", testdata::schema::Side::Read);
    }
}

//! The results of commands and duties, one line of JSON each.

use std::path::Path;

use engine::{Event, Reject};
use journal::Head;
use operator::{Done, Duty};
use sequencer::Answer;
use serde::Serialize;
use units::Timestamp;

use crate::amount::exact;
use shell::draft::Destination;
use shell::failure::Failure;
use shell::json::in_lines;
use shell::sink::Sink;

/// A line of the answer.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Line<'a> {
    #[serde(flatten)]
    asked: Asked,
    #[serde(flatten)]
    became: Became<'a>,
}

/// The origin of a result: the command of a line, or a duty.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
enum Asked {
    Command { line: u64 },
    Duty { duty: String, time: Timestamp },
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
enum Became<'a> {
    /// The command is record `sequence` of the journal.
    Taken {
        sequence: u64,
        events: &'a [Event],
    },
    Refused {
        refused: Refusal<'a>,
    },
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Refusal<'a> {
    code: u16,
    why: String,
    reject: &'a Reject,
}

/// The lines written, and their number by kind.
pub struct Answers {
    sink: Sink,
    taken: u64,
    refused: u64,
    duties: u64,
    duties_refused: u64,
}

impl Answers {
    pub fn new(to: &Destination) -> Result<Self, Failure> {
        Ok(Self { sink: Sink::new(to)?, taken: 0, refused: 0, duties: 0, duties_refused: 0 })
    }

    /// The number of commands that the engine has taken.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    pub fn command(&mut self, line: u64, answer: &Answer) -> Result<(), Failure> {
        *if matches!(answer, Answer::Accepted { .. }) { &mut self.taken } else { &mut self.refused } += 1;
        self.write(Asked::Command { line }, answer)
    }

    pub fn duty(&mut self, time: Timestamp, Done { duty, answer }: &Done) -> Result<(), Failure> {
        self.duties += 1;
        self.duties_refused += u64::from(!matches!(answer, Answer::Accepted { .. }));
        self.write(Asked::Duty { duty: words(*duty), time }, answer)
    }

    fn write(&mut self, asked: Asked, answer: &Answer) -> Result<(), Failure> {
        let became = match answer {
            Answer::Accepted { sequence, events } => Became::Taken { sequence: *sequence, events },
            Answer::Refused(reject) => {
                Became::Refused { refused: Refusal { code: reject.code(), why: reject.to_string(), reject } }
            }
        };
        self.sink.write(&(in_lines(&Line { asked, became }, 0, 0) + "\n")).map(|_| ())
    }

    /// Prints all durable results; returns whether they still have a reader.
    pub fn flush(&mut self) -> Result<bool, Failure> {
        self.sink.flush()
    }

    /// Ends the lines and completes the file, if any.
    pub fn finish(self) -> Result<(), Failure> {
        self.sink.finish()
    }

    /// A report of the run for people.
    pub fn report(&self, journal: &Path, head: Head) -> String {
        format!(
            "commands          {} taken, {} refused\nduties            {} done, {} refused\njournal           {}, {} records, head {}\n",
            exact(self.taken),
            exact(self.refused),
            exact(self.duties - self.duties_refused),
            exact(self.duties_refused),
            journal.display(),
            exact(head.sequence),
            head.hash,
        )
    }
}

/// The reason why a run ended early, with a report of the work done before.
pub fn with(failure: Failure, report: &str) -> Failure {
    let done = format!("\n{report}").trim_end().replace('\n', "\n  ");
    match failure {
        Failure::Wrong(why) => Failure::Wrong(why + &done),
        Failure::Broken(why) => Failure::Broken(why + &done),
    }
}

/// A duty in words.
fn words(duty: Duty) -> String {
    match duty {
        Duty::Resume => "resume".to_owned(),
        Duty::Activate(proposal) => format!("activate proposal {proposal}"),
        Duty::Tick => "tick".to_owned(),
        Duty::Expire(instrument) => format!("expire instrument {}", instrument.0),
        Duty::Fund(instrument) => format!("pay funding of instrument {}", instrument.0),
        Duty::Interest => "charge interest".to_owned(),
        Duty::Settle(instrument) => format!("settle variation of instrument {}", instrument.0),
        Duty::Measure => "measure cascades".to_owned(),
        Duty::Liquidate(account) => format!("liquidate account {}", account.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_current() {
        testdata::schema::is_current::<Line<'static>>("run-answer", testdata::schema::Side::Written);
    }
}

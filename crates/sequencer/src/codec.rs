//! The encodings of a journal's contents: commands, events and states, each with the number of its version in front.
//!
//! ```text
//! command of a record   version u16 │ envelope
//! events of a record    version u16 │ version u16 of the state that the record's state hash is taken of │ events
//! snapshot              version u16 │ state
//! ```
//!
//! Everything is written by postcard, the versions too. Each piece tells its own version, so a journal that was gone on
//! with after an upgrade is read record by record. A version that was released is never changed: a change of a type that
//! is written raises the version, and [`Encoding::versions`] keeps a reader of the old one that makes the present type of
//! it. `tests/golden` holds a journal of every version.

use engine::{Envelope, Event, State};
use journal::{Draft, Hash, Record};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ReplayError;

/// Bytes to begin with: the command of a fill and its events fit, so that their memory does not grow byte by byte.
const ROOM: usize = 256;

/// The versions in which this program writes, by what is written.
pub const VERSIONS: Versions = Versions { command: 1, events: 1, state: 1 };

/// The versions of the three encodings in a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// The version of an envelope: a command with its time and principal.
    pub command: u16,
    /// The version of the events of one record.
    pub events: u16,
    /// The version of a state, in a snapshot and below a state hash.
    pub state: u16,
}

/// How one kind of content is written, and how each of its versions is read.
pub struct Encoding<T: 'static, W: ?Sized = T> {
    /// The kind of content, for messages.
    pub what: &'static str,
    /// The version in which it is written.
    pub current: u16,
    /// Appends a value in the current version to bytes.
    pub write: fn(&W, Vec<u8>) -> Vec<u8>,
    /// Every version that can be read.
    pub versions: &'static [Version<T>],
}

/// A version of an encoding.
pub struct Version<T> {
    /// The number that is written in front of the content.
    pub number: u16,
    /// Reads the content into the present type.
    pub read: fn(&[u8]) -> Result<T, postcard::Error>,
}

impl<T, W: ?Sized> Encoding<T, W> {
    /// The value in the current version, after its number.
    fn encode(&self, value: &W) -> Vec<u8> {
        (self.write)(value, append(&self.current, Vec::with_capacity(ROOM)))
    }

    /// Reads the content after a version number.
    fn decode(&self, version: u16, content: &[u8]) -> Result<T, Unread> {
        let read = self.known(version)?.read;
        read(content).map_err(|error| Unread::Content { what: self.what, why: error.to_string() })
    }

    /// Reads a version number and the content after it.
    fn decode_whole(&self, bytes: &[u8]) -> Result<T, Unread> {
        let (version, content) = number(self.what, bytes)?;
        self.decode(version, content)
    }

    /// The version with this number; an error where it cannot be read.
    fn known(&self, number: u16) -> Result<&Version<T>, Unread> {
        self.versions.iter().find(|known| known.number == number).ok_or_else(|| {
            let known = self.versions.iter().map(|known| known.number.to_string()).collect();
            Unread::Version { what: self.what, found: number, known }
        })
    }
}

/// The reason why a piece of a journal cannot be decoded.
#[derive(Debug)]
pub enum Unread {
    /// It is of a version that this program does not read.
    Version { what: &'static str, found: u16, known: Vec<String> },
    /// It is of a known version and does not hold its content.
    Content { what: &'static str, why: String },
}

impl Unread {
    /// The error for the record, or the snapshot before the record, with this sequence.
    pub fn at(self, file: &str, sequence: u64) -> ReplayError {
        let file = file.to_owned();
        match self {
            Self::Version { what, found, known } => {
                ReplayError::Version { file, sequence, what, found, known: known.join(" or ") }
            }
            Self::Content { what, why } => ReplayError::Encoding { file, sequence, what, why },
        }
    }
}

/// The encodings of everything in a journal.
pub struct Codec {
    /// Commands, each with its time and principal.
    pub commands: Encoding<Envelope>,
    /// The events of one record, in order.
    pub events: Encoding<Vec<Event>, [Event]>,
    /// States, as snapshots hold them.
    pub states: Encoding<State>,
}

/// The encodings of this program.
pub const CODEC: Codec = Codec {
    commands: Encoding {
        what: "command",
        current: VERSIONS.command,
        write: append,
        versions: &[Version { number: 1, read: exactly }],
    },
    events: Encoding {
        what: "events",
        current: VERSIONS.events,
        write: append,
        versions: &[Version { number: 1, read: exactly }],
    },
    states: Encoding {
        what: "state",
        current: VERSIONS.state,
        write: append,
        versions: &[Version { number: 1, read: exactly }],
    },
};

/// A decoded record.
pub struct Decoded {
    /// The command with its time and principal.
    pub envelope: Envelope,
    /// The events, in order.
    pub events: Vec<Event>,
    /// The version of the state that the record's state hash was taken of.
    pub hashed: u16,
}

impl Codec {
    /// A command and its events as a record, with the hash of the state after them where one was taken.
    pub fn draft(&self, envelope: &Envelope, events: &[Event], state: Option<Hash>) -> Draft {
        let versions = append(&self.states.current, append(&self.events.current, Vec::with_capacity(ROOM)));
        Draft {
            time: envelope.time,
            command: self.commands.encode(envelope),
            events: (self.events.write)(events, versions),
            state,
        }
    }

    /// Decodes the command and the events of a record.
    pub fn decode(&self, record: &Record) -> Result<Decoded, Unread> {
        let envelope = self.commands.decode_whole(&record.command)?;
        let (version, rest) = number(self.events.what, &record.events)?;
        let (hashed, content) = number(self.states.what, rest)?;
        let events = self.events.decode(version, content)?;
        self.states.known(hashed)?;
        Ok(Decoded { envelope, events, hashed })
    }

    /// The state of a snapshot, and whether it was written in the current version.
    pub fn decode_state(&self, bytes: &[u8]) -> Result<(State, bool), Unread> {
        let (version, content) = number(self.states.what, bytes)?;
        Ok((self.states.decode(version, content)?, version == self.states.current))
    }
}

/// A command and its events as a record, with the hash of the state after them where one was taken.
pub fn draft(envelope: &Envelope, events: &[Event], state: Option<Hash>) -> Draft {
    CODEC.draft(envelope, events, state)
}

/// Decodes the command and the events of a record of the journal in `file`.
pub fn decode(file: &str, record: &Record) -> Result<(Envelope, Vec<Event>), ReplayError> {
    let decoded = CODEC.decode(record).map_err(|unread| unread.at(file, record.sequence))?;
    Ok((decoded.envelope, decoded.events))
}

/// A state as the bytes of a snapshot.
pub fn encode_state(state: &State) -> Vec<u8> {
    CODEC.states.encode(state)
}

/// The state of the snapshot before record `sequence` of the journal in `file`.
pub fn decode_state(file: &str, sequence: u64, bytes: &[u8]) -> Result<State, ReplayError> {
    let (state, _) = CODEC.decode_state(bytes).map_err(|unread| unread.at(file, sequence))?;
    Ok(state)
}

/// Appends a value to bytes.
fn append<T: Serialize + ?Sized>(value: &T, bytes: Vec<u8>) -> Vec<u8> {
    postcard::to_extend(value, bytes).expect("plain data is written to memory")
}

/// Reads bytes that hold one value and nothing else.
fn exactly<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, postcard::Error> {
    let (value, rest) = postcard::take_from_bytes(bytes)?;
    if rest.is_empty() { Ok(value) } else { Err(postcard::Error::DeserializeBadEncoding) }
}

/// The version number in front of a piece, and the bytes after it.
fn number<'a>(what: &'static str, bytes: &'a [u8]) -> Result<(u16, &'a [u8]), Unread> {
    postcard::take_from_bytes(bytes).map_err(|error| Unread::Content { what, why: error.to_string() })
}

#[cfg(test)]
mod tests;

//! The contents of a journal, and the only way in which they are written as bytes.
//!
//! Everything in a journal is *sealed*, that is, protected by its own hash:
//!
//! ```text
//! kind u16 │ version u16 │ body (postcard) │ BLAKE3 of everything before, 32 bytes
//! ```
//!
//! Integers of the header are little-endian. The hash at the end is the checksum of a record, its identity, and the
//! `previous` of the record after it. A version may change the body, never the frame.

use serde::{Deserialize, Serialize, Serializer};
use units::Timestamp;

use crate::error::{Damage, Defect, Flaw};
use crate::hash::Hash;

/// The format of the journals that this crate writes.
pub const FORMAT: &str = "upm.journal/1";

/// The most bytes that the command and the events of one record may have together.
pub const RECORD_BYTES_MAX: usize = 16 << 20;

const HEADER_BYTES: usize = 4;
const HASH_BYTES: usize = 32;
const VERSION: u16 = 1;

/// The identity of a journal. Two journals of different identity share no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The shard that the commands belong to.
    pub shard: u32,
    /// A text that identifies the initial state, such as the hash of the parameters. Opaque here.
    pub genesis: String,
}

impl Identity {
    /// The position before the first record: the `previous` of record 0 is the hash of the sealed identity, which
    /// covers the shard, the [`FORMAT`] and the genesis text.
    pub fn genesis_head(&self) -> Head {
        Head { shard: self.shard, sequence: 0, hash: self.seal().1 }
    }

    pub(crate) fn seal(&self) -> (Vec<u8>, Hash) {
        seal(Kind::Identity, &IdentityBody { format: FORMAT, shard: self.shard, genesis: &self.genesis })
    }

    pub(crate) fn unseal(bytes: &[u8]) -> Result<Self, Flaw> {
        let (body, _) = unseal::<IdentityBody<'_>>(Kind::Identity, bytes)?;
        if body.format != FORMAT {
            return Err(Flaw::new(Defect::Version, format!("{:?}", body.format), format!("{FORMAT:?}")));
        }
        Ok(Self { shard: body.shard, genesis: body.genesis.to_owned() })
    }
}

/// A position of the chain. Its hash stands for all records before `sequence`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The shard of the journal.
    pub shard: u32,
    /// The sequence of the next record, which equals the number of records before it.
    pub sequence: u64,
    /// The hash of the record before, or of the identity when there is none.
    pub hash: Hash,
}

impl Head {
    /// Seals `draft` as the record at this position, and moves to the next position.
    pub(crate) fn extend(&mut self, draft: &Draft) -> Vec<u8> {
        let body = Body {
            shard: self.shard,
            sequence: self.sequence,
            previous: self.hash.0,
            time: draft.time.micros(),
            command: Bytes(&draft.command),
            events: Bytes(&draft.events),
            state: draft.state.map(|hash| hash.0),
        };
        let (bytes, hash) = seal(Kind::Record, &body);
        *self = Self { sequence: self.sequence + 1, hash, ..*self };
        bytes
    }

    /// Reads the bytes stored at this position of the journal in `file`, and moves to the next position. Refuses bytes
    /// that are not exactly the next record of this chain.
    pub(crate) fn admit(&mut self, file: &str, bytes: &[u8]) -> Result<Record, Damage> {
        let (record, hash) = Record::unseal(bytes).map_err(|flaw| flaw.at(file, self.sequence))?;
        record.follows(self).map_err(|flaw| flaw.at(file, self.sequence))?;
        *self = Self { sequence: self.sequence + 1, hash, ..*self };
        Ok(record)
    }
}

/// A record before it is appended: the journal gives it its shard, sequence and `previous`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The time of the command, as given in the command.
    pub time: Timestamp,
    /// The command as the engine wrote it. Opaque here.
    pub command: Vec<u8>,
    /// The events that the engine decided. Opaque here.
    pub events: Vec<u8>,
    /// The hash of the state after these events, if the engine computed one.
    pub state: Option<Hash>,
}

/// One command and its events, at their place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The shard of the journal.
    pub shard: u32,
    /// The place in the journal, from 0 and without gaps.
    pub sequence: u64,
    /// The hash of the record before.
    pub previous: Hash,
    /// The time of the command, as given in the command.
    pub time: Timestamp,
    /// The command as the engine wrote it.
    pub command: Vec<u8>,
    /// The events that the engine decided.
    pub events: Vec<u8>,
    /// The hash of the state after these events, if the engine computed one.
    pub state: Option<Hash>,
}

impl Record {
    /// The record as bytes. The last 32 of them are its [`hash`](Self::hash).
    pub fn encode(&self) -> Vec<u8> {
        self.seal().0
    }

    /// Reads bytes that [`encode`](Self::encode) wrote: the record that `file` holds at `sequence`.
    pub fn decode(file: &str, sequence: u64, bytes: &[u8]) -> Result<Self, Damage> {
        let (record, _) = Self::unseal(bytes).map_err(|flaw| flaw.at(file, sequence))?;
        if record.sequence != sequence {
            return Err(Flaw::new(Defect::Sequence, record.sequence, sequence).at(file, sequence));
        }
        Ok(record)
    }

    /// The identity of the record, and the `previous` of the next.
    pub fn hash(&self) -> Hash {
        self.seal().1
    }

    /// Checks that this is the record at `place`; the error gives the reason why not.
    pub(crate) fn follows(&self, place: &Head) -> Result<(), Flaw> {
        if self.shard != place.shard {
            return Err(Flaw::new(Defect::Shard, self.shard, place.shard));
        }
        if self.sequence != place.sequence {
            return Err(Flaw::new(Defect::Sequence, self.sequence, place.sequence));
        }
        if self.previous != place.hash {
            return Err(Flaw::new(Defect::Previous, self.previous, place.hash));
        }
        Ok(())
    }

    fn seal(&self) -> (Vec<u8>, Hash) {
        let body = Body {
            shard: self.shard,
            sequence: self.sequence,
            previous: self.previous.0,
            time: self.time.micros(),
            command: Bytes(&self.command),
            events: Bytes(&self.events),
            state: self.state.map(|hash| hash.0),
        };
        seal(Kind::Record, &body)
    }

    fn unseal(bytes: &[u8]) -> Result<(Self, Hash), Flaw> {
        let (body, hash) = unseal::<Body<'_>>(Kind::Record, bytes)?;
        let record = Self {
            shard: body.shard,
            sequence: body.sequence,
            previous: Hash(body.previous),
            time: Timestamp::from_micros(body.time),
            command: body.command.0.to_vec(),
            events: body.events.0.to_vec(),
            state: body.state.map(Hash),
        };
        Ok((record, hash))
    }
}

/// A state to start from, instead of replaying from the first record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The position of this state: the next record to apply is `at.sequence`.
    pub at: Head,
    /// The hash of the state.
    pub state: Hash,
    /// The state. Opaque here.
    pub bytes: Vec<u8>,
    /// Newer snapshots that were skipped because they are damaged. A program that starts from this snapshot should
    /// report them.
    pub passed_over: Vec<Damage>,
}

/// The description of a snapshot without its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    pub at: Head,
    pub state: Hash,
    pub length: u64,
    pub digest: Hash,
}

impl Label {
    pub(crate) fn new(at: Head, state: Hash, bytes: &[u8]) -> Self {
        let length = u64::try_from(bytes.len()).expect("what is in memory is counted in 64 bits");
        Self { at, state, length, digest: Hash::of(bytes) }
    }

    pub(crate) fn seal(&self) -> Vec<u8> {
        let body = LabelBody { at: self.at.into(), state: self.state.0, length: self.length, digest: self.digest.0 };
        seal(Kind::Snapshot, &body).0
    }

    /// The snapshot with this `label` and `bytes`, stored at `sequence` of a journal of `shard`.
    pub(crate) fn unseal(label: &[u8], shard: u32, sequence: u64, bytes: Vec<u8>) -> Result<Snapshot, Flaw> {
        let (body, _) = unseal::<LabelBody>(Kind::Snapshot, label)?;
        let label =
            Self { at: body.at.into(), state: Hash(body.state), length: body.length, digest: Hash(body.digest) };
        if label.at.shard != shard {
            return Err(Flaw::new(Defect::Shard, label.at.shard, shard));
        }
        if label.at.sequence != sequence {
            return Err(Flaw::new(Defect::Sequence, label.at.sequence, sequence));
        }
        let found = Self::new(label.at, label.state, &bytes);
        if found.length != label.length {
            return Err(Flaw::new(Defect::Snapshot, format!("{} bytes", found.length), label.length));
        }
        if found.digest != label.digest {
            return Err(Flaw::new(Defect::Snapshot, found.digest, label.digest));
        }
        Ok(Snapshot { at: label.at, state: label.state, bytes, passed_over: Vec::new() })
    }
}

/// The positions at which the kept records begin and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub base: Head,
    pub head: Head,
    /// The number of writes so far, so that two bounds are equal only after the same write.
    pub writes: u64,
}

impl Bounds {
    pub(crate) fn seal(&self) -> Vec<u8> {
        seal(Kind::Bounds, &BoundsBody { base: self.base.into(), head: self.head.into(), writes: self.writes }).0
    }

    pub(crate) fn unseal(bytes: &[u8]) -> Result<Self, Flaw> {
        let (body, _) = unseal::<BoundsBody>(Kind::Bounds, bytes)?;
        Ok(Self { base: body.base.into(), head: body.head.into(), writes: body.writes })
    }
}

/// The kinds of sealed bytes. Numbers are never reused.
#[derive(Clone, Copy)]
enum Kind {
    Identity,
    Bounds,
    Record,
    Snapshot,
}

impl Kind {
    fn number(self) -> u16 {
        match self {
            Self::Identity => 1,
            Self::Bounds => 2,
            Self::Record => 3,
            Self::Snapshot => 4,
        }
    }
}

/// A sealed piece that was found among other bytes.
pub(crate) enum Piece {
    Identity(Identity),
    Bounds(Bounds),
    Record(Record, Hash),
}

impl Piece {
    /// The sealed piece at the start of `bytes`, and its length; other bytes may follow.
    pub(crate) fn first(bytes: &[u8]) -> Option<(Self, usize)> {
        let (header, body) = bytes.split_first_chunk::<HEADER_BYTES>()?;
        let [kind_low, kind_high, version @ ..] = *header;
        if version != VERSION.to_le_bytes() {
            return None;
        }
        let whole = |rest: usize| bytes.get(..bytes.len() - rest + HASH_BYTES);
        let kind = u16::from_le_bytes([kind_low, kind_high]);
        let (sealed, piece) = if kind == Kind::Record.number() {
            let sealed = bytes.get(..sealed_length(bytes)?)?;
            (sealed, Record::unseal(sealed).map(|(record, hash)| Self::Record(record, hash)))
        } else if kind == Kind::Bounds.number() {
            let sealed = whole(rest::<BoundsBody>(body)?)?;
            (sealed, Bounds::unseal(sealed).map(Self::Bounds))
        } else if kind == Kind::Identity.number() {
            let sealed = whole(rest::<IdentityBody<'_>>(body)?)?;
            (sealed, Identity::unseal(sealed).map(Self::Identity))
        } else {
            return None;
        };
        Some((piece.ok()?, sealed.len()))
    }
}

/// The length of the sealed record at the start of `bytes`, as its fields tell it; other bytes may follow, or too few.
pub(crate) fn sealed_length(bytes: &[u8]) -> Option<usize> {
    Some(bytes.len() - rest::<Body<'_>>(bytes.get(HEADER_BYTES..)?)? + HASH_BYTES)
}

/// The number of bytes after the fields of a `T`.
fn rest<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<usize> {
    postcard::take_from_bytes::<T>(body).ok().map(|(_, rest)| rest.len())
}

fn seal(kind: Kind, body: &impl Serialize) -> (Vec<u8>, Hash) {
    let mut bytes = Vec::with_capacity(256);
    bytes.extend_from_slice(&kind.number().to_le_bytes());
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    let mut bytes = postcard::to_extend(body, bytes).expect("writing numbers and bytes to memory does not fail");
    let hash = Hash::of(&bytes);
    bytes.extend_from_slice(&hash.0);
    (bytes, hash)
}

fn unseal<'a, T: Deserialize<'a>>(kind: Kind, bytes: &'a [u8]) -> Result<(T, Hash), Flaw> {
    let short = || Flaw::new(Defect::Encoding, format!("{} bytes", bytes.len()), "a header, a body and a checksum");
    let (sealed, checksum) = bytes.split_last_chunk::<HASH_BYTES>().ok_or_else(short)?;
    let (header, body) = sealed.split_first_chunk::<HEADER_BYTES>().ok_or_else(short)?;
    let hash = Hash::of(sealed);
    if hash.0 != *checksum {
        return Err(Flaw::new(Defect::Checksum, hash, Hash(*checksum)));
    }
    let [kind_low, kind_high, version_low, version_high] = *header;
    let found = u16::from_le_bytes([kind_low, kind_high]);
    if found != kind.number() {
        return Err(Flaw::new(Defect::Kind, found, kind.number()));
    }
    let version = u16::from_le_bytes([version_low, version_high]);
    if version != VERSION {
        return Err(Flaw::new(Defect::Version, version, VERSION));
    }
    let unread = |error: postcard::Error| Flaw::new(Defect::Encoding, error, "the fields of this version");
    let (value, rest) = postcard::take_from_bytes(body).map_err(unread)?;
    if !rest.is_empty() {
        return Err(Flaw::new(Defect::Encoding, format!("{} bytes after the last field", rest.len()), "none"));
    }
    Ok((value, hash))
}

#[derive(Serialize, Deserialize)]
struct IdentityBody<'a> {
    format: &'a str,
    shard: u32,
    genesis: &'a str,
}

#[derive(Serialize, Deserialize)]
struct HeadBody {
    shard: u32,
    sequence: u64,
    hash: [u8; 32],
}

#[derive(Serialize, Deserialize)]
struct BoundsBody {
    base: HeadBody,
    head: HeadBody,
    writes: u64,
}

#[derive(Serialize, Deserialize)]
struct LabelBody {
    at: HeadBody,
    state: [u8; 32],
    length: u64,
    digest: [u8; 32],
}

#[derive(Serialize, Deserialize)]
struct Body<'a> {
    shard: u32,
    sequence: u64,
    previous: [u8; 32],
    time: i64,
    #[serde(borrow)]
    command: Bytes<'a>,
    #[serde(borrow)]
    events: Bytes<'a>,
    state: Option<[u8; 32]>,
}

/// Bytes serialized in one piece, where serde would serialize them one by one.
#[derive(Deserialize)]
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl From<Head> for HeadBody {
    fn from(head: Head) -> Self {
        Self { shard: head.shard, sequence: head.sequence, hash: head.hash.0 }
    }
}

impl From<HeadBody> for Head {
    fn from(body: HeadBody) -> Self {
        Self { shard: body.shard, sequence: body.sequence, hash: Hash(body.hash) }
    }
}

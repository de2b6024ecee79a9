//! The hash that identifies a record together with all records before it.

use std::fmt;
use std::str::FromStr;

/// A BLAKE3 hash. As text it is 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The error for a text that is not a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("found {0} characters, expected the 64 hexadecimal digits of a hash")]
pub struct NoHash(usize);

impl FromStr for Hash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        let refused = || NoHash(text.chars().count());
        let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
        let bytes = digits.ok_or_else(refused)?;
        let (pairs, []) = bytes.as_chunks::<2>() else { return Err(refused()) };
        let bytes: Result<Vec<u8>, _> = pairs.iter().map(|[high, low]| u8::try_from(high * 16 + low)).collect();
        bytes.ok().and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or_else(refused)
    }
}

//! Holds the hash that ties each record to the one before it.

use std::{fmt, str::FromStr};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

use crate::error::VerifyError;

/// The SHA-256 (FIPS 180-4) of a record. Its text is 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecordHash([u8; 32]);

impl RecordHash {
    /// What the first record has in place of the hash of one before it: zeros.
    pub const GENESIS: Self = Self([0; 32]);

    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for RecordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for RecordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordHash({self})")
    }
}

impl FromStr for RecordHash {
    type Err = VerifyError;

    /// Reads the 64 digits; nothing around them is skipped, and upper case is refused.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        let right_length = HEXLOWER.decode_len(text.len()) == Ok(bytes.len());
        if !right_length || HEXLOWER.decode_mut(text.as_bytes(), &mut bytes).is_err() {
            return Err(VerifyError::NotAHash);
        }
        Ok(Self(bytes))
    }
}

impl Serialize for RecordHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RecordHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// How far a log has come: the number of its records and the hash of the newest. It stands for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Head {
    /// The number of records, which is also the sequence number of the newest.
    pub records: u64,
    /// The newest record's hash, or [`RecordHash::GENESIS`] when there is none.
    pub hash: RecordHash,
}

impl Head {
    /// The head of an empty log.
    pub(crate) const START: Self = Self { records: 0, hash: RecordHash::GENESIS };
}

/// The number and the hash: `17 records, head 0f3a...`.
impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records, head {}", self.records, self.hash)
    }
}

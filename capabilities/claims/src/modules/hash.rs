//! The hash by which a token names the module that it belongs to.

use std::{fmt, str::FromStr};

use data_encoding::HEXUPPER;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{error::ClaimsError, modules::file::ModuleFile};

/// The SHA-256 of a module without its token.
///
/// It is taken of the module with all section sizes written as short as possible, bodies untouched, so it stays the same when
/// a tool writes the same sections with longer sizes. Its text form is 64 upper-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleHash([u8; 32]);

impl ModuleHash {
    /// The hash of a module, signed or not.
    ///
    /// # Errors
    /// [`ClaimsError::MalformedModule`].
    pub fn of(wasm: &[u8]) -> Result<Self, ClaimsError> {
        Ok(ModuleFile::read(wasm)?.hash())
    }

    pub(crate) fn from_digest(digest: impl Into<[u8; 32]>) -> Self {
        Self(digest.into())
    }

    /// The 32 bytes of the hash.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ModuleHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 64];
        f.pad(HEXUPPER.encode_mut_str(&self.0, &mut text))
    }
}

impl fmt::Debug for ModuleHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModuleHash({self})")
    }
}

impl FromStr for ModuleHash {
    type Err = ClaimsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        if text.len() != 64 || HEXUPPER.decode_mut(text.as_bytes(), &mut bytes).is_err() {
            return Err(ClaimsError::MalformedHash);
        }
        Ok(Self(bytes))
    }
}

impl Serialize for ModuleHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ModuleHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

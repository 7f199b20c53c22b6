//! Names a module by its hash, as a token does.

use std::fmt;

use data_encoding::HEXUPPER;
use serde::{Serialize, Serializer};

/// The SHA-256 of a module without its token.
///
/// It is taken of the module with all section sizes written as short as possible, bodies untouched,
/// so it stays the same when a tool writes the same sections with longer sizes. Its text form is 64
/// upper-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleHash([u8; 32]);

impl ModuleHash {
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

impl Serialize for ModuleHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

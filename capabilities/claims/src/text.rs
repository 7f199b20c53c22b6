//! Reads keys and hashes from text, strictly.

use std::str::FromStr;

use data_encoding::HEXUPPER;
use serde::{Deserialize, Deserializer, de};

use crate::{
    error::ClaimsError,
    keys::{KeyKind, PublicKey, nkeys},
    modules::ModuleHash,
};

impl PublicKey {
    /// Reads the 56-character text form. Nothing around it is skipped.
    ///
    /// # Errors
    /// [`ClaimsError::MalformedKey`] for a wrong length, alphabet, checksum or prefix, for a secret
    /// seed, and for bytes that are no key to trust. The text itself is never repeated in the
    /// error, for it might be a secret.
    pub fn parse(text: &str) -> Result<Self, ClaimsError> {
        let (kind, bytes) = nkeys::decode_public(text)?;
        Ok(Self::checked(kind, bytes)?)
    }
}

impl FromStr for PublicKey {
    type Err = ClaimsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl FromStr for KeyKind {
    type Err = ClaimsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or(ClaimsError::MalformedKey {
            reason: "its kind is none of account, cluster, module, server, operator, user, provider, curve; name one of these",
        })
    }
}

impl FromStr for ModuleHash {
    type Err = ClaimsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        if text.len() != 64 || HEXUPPER.decode_mut(text.as_bytes(), &mut bytes).is_err() {
            return Err(ClaimsError::MalformedHash);
        }
        Ok(Self::from_digest(bytes))
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for ModuleHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

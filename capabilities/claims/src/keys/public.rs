//! Public keys: what tells accounts, modules and operators apart.

use std::{fmt, str::FromStr};

use ed25519_dalek::{Signature, VerifyingKey};
use jsonwebtoken::{
    Algorithm,
    crypto::JwtVerifier,
    signature::{Error as SignatureError, Verifier},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{error::ClaimsError, keys::nkeys};

/// What a key stands for. The kind is part of the key's text, which it gives the first letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyKind {
    /// `A`: signs modules on behalf of whoever is trusted.
    Account,
    /// `C`: a cluster of hosts.
    Cluster,
    /// `M`: a module, the identity of an actor.
    Module,
    /// `N`: a server or host.
    Server,
    /// `O`: vouches for accounts.
    Operator,
    /// `U`: a user.
    User,
    /// `V`: a capability provider.
    Provider,
    /// `X`: key agreement on Curve25519; such a key cannot sign.
    Curve,
}

impl KeyKind {
    /// Every kind, in the order of the letters.
    pub const ALL: [Self; 8] = [
        Self::Account,
        Self::Cluster,
        Self::Module,
        Self::Server,
        Self::Operator,
        Self::User,
        Self::Provider,
        Self::Curve,
    ];

    /// The first letter of the text form of a public key of this kind.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::Account => 'A',
            Self::Cluster => 'C',
            Self::Module => 'M',
            Self::Server => 'N',
            Self::Operator => 'O',
            Self::User => 'U',
            Self::Provider => 'V',
            Self::Curve => 'X',
        }
    }

    /// The prefix byte of the text form: the place of the letter in the base32 alphabet, shifted to the byte's upper five bits.
    pub(crate) fn prefix(self) -> u8 {
        match self {
            Self::Account => 0,
            Self::Cluster => 2 << 3,
            Self::Module => 12 << 3,
            Self::Server => 13 << 3,
            Self::Operator => 14 << 3,
            Self::User => 20 << 3,
            Self::Provider => 21 << 3,
            Self::Curve => 23 << 3,
        }
    }

    pub(crate) fn of_prefix(prefix: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.prefix() == prefix)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Cluster => "cluster",
            Self::Module => "module",
            Self::Server => "server",
            Self::Operator => "operator",
            Self::User => "user",
            Self::Provider => "provider",
            Self::Curve => "curve",
        }
    }
}

/// The lower-case English name, as [`FromStr`] reads it.
impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
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

/// A public key with its kind.
///
/// The text form is that of NATS nkeys: base32 of a prefix byte, the 32 bytes of the key and a CRC-16/XMODEM, 56 characters.
/// A value of this type has a right checksum, and its bytes are the canonical encoding of a point on the curve that is not
/// of small order (a signature by such a *weak* point would be valid for almost any message).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey {
    kind: KeyKind,
    bytes: [u8; 32],
}

impl PublicKey {
    /// Reads the 56-character text form. Nothing around it is skipped.
    ///
    /// # Errors
    /// [`ClaimsError::MalformedKey`] for a wrong length, alphabet, checksum or prefix, for a secret seed, and for bytes that
    /// are no key to trust. The text itself is never repeated in the error, for it might be a secret.
    pub fn parse(text: &str) -> Result<Self, ClaimsError> {
        let (kind, bytes) = nkeys::decode_public(text)?;
        if kind != KeyKind::Curve {
            refuse_unsafe_point(&bytes)?;
        }
        Ok(Self { kind, bytes })
    }

    /// For keys that were just derived from a secret, which makes their point a good one.
    pub(crate) fn derived(kind: KeyKind, bytes: [u8; 32]) -> Self {
        Self { kind, bytes }
    }

    /// What the key stands for.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The key's 32 bytes without prefix and checksum (RFC 8032 §5.1.5).
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// The same key when it is of the kind that `role` asks for; `role` says in the error what the key was to be.
    ///
    /// # Errors
    /// [`ClaimsError::WrongKeyKind`] when it is of another kind.
    pub fn of_kind(self, expected: KeyKind, role: &'static str) -> Result<Self, ClaimsError> {
        if self.kind == expected {
            Ok(self)
        } else {
            Err(ClaimsError::WrongKeyKind { role, expected, key: self })
        }
    }

    /// Whether these 64 bytes are this key's signature of the message.
    ///
    /// The strict check of RFC 8032: a scalar that is not reduced, a point that is not canonical and points of small order are all
    /// refused, so one message and one key have no second valid spelling of a signature.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        self.kind != KeyKind::Curve
            && VerifyingKey::from_bytes(&self.bytes)
                .is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
    }
}

fn refuse_unsafe_point(bytes: &[u8; 32]) -> Result<(), ClaimsError> {
    let key = VerifyingKey::from_bytes(bytes).map_err(|_| ClaimsError::MalformedKey {
        reason: "its bytes are not a point on the curve; get it anew from its owner",
    })?;
    if key.is_weak() {
        return Err(ClaimsError::MalformedKey {
            reason: "its point has a small order, which makes it worthless; do not use it, get another from its owner",
        });
    }
    if key.to_edwards().compress().to_bytes() != *bytes {
        return Err(ClaimsError::MalformedKey {
            reason: "its bytes are not the canonical form of their point; get it anew from its owner",
        });
    }
    Ok(())
}

/// The 56-character text form.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = [0; nkeys::PUBLIC_LENGTH];
        f.pad(nkeys::encode_public(self.kind, &self.bytes, &mut buffer))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl FromStr for PublicKey {
    type Err = ClaimsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

/// Lets the key verify wherever code is written against `jsonwebtoken`'s traits; this crate's own tokens take that road too.
impl Verifier<Vec<u8>> for PublicKey {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        if self.verifies(message, signature) { Ok(()) } else { Err(SignatureError::new()) }
    }
}

impl JwtVerifier for PublicKey {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

//! Names an account, a module or an operator by its public key, and checks signatures with it.

use std::fmt;

use ed25519_dalek::{Signature, VerifyingKey};
use jsonwebtoken::{
    Algorithm,
    crypto::JwtVerifier,
    signature::{Error as SignatureError, Verifier},
};
use serde::{Serialize, Serializer};

use crate::keys::{
    KeyKind,
    nkeys::{self, Malformed},
};

/// A public key with its kind.
///
/// The text form is that of NATS nkeys: base32 of a prefix byte, the 32 bytes of the key and a
/// CRC-16/XMODEM, 56 characters. A value of this type has a right checksum, and its bytes are the
/// canonical encoding of a point on the curve that is not of small order (a signature by such a
/// *weak* point would be valid for almost any message).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey {
    kind: KeyKind,
    bytes: [u8; 32],
}

impl PublicKey {
    /// A key of bytes that anybody may have written.
    ///
    /// # Errors
    /// [`Malformed`] for bytes that are no key to trust.
    pub(crate) fn checked(kind: KeyKind, bytes: [u8; 32]) -> Result<Self, Malformed> {
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

    /// Whether these 64 bytes are this key's signature of the message.
    ///
    /// The strict check of RFC 8032: a scalar that is not reduced, a point that is not canonical
    /// and points of small order are all refused, so one message and one key have no second valid
    /// spelling of a signature.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        self.kind != KeyKind::Curve
            && VerifyingKey::from_bytes(&self.bytes)
                .is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
    }
}

fn refuse_unsafe_point(bytes: &[u8; 32]) -> Result<(), Malformed> {
    let key = VerifyingKey::from_bytes(bytes)
        .map_err(|_| Malformed("its bytes are not a point on the curve; get it anew from its owner"))?;
    if key.is_weak() {
        return Err(Malformed(
            "its point has a small order, which makes it worthless; do not use it, get another from its owner",
        ));
    }
    if key.to_edwards().compress().to_bytes() != *bytes {
        return Err(Malformed(
            "its bytes are not the canonical form of their point; get it anew from its owner",
        ));
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

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Lets the key verify wherever code is written against `jsonwebtoken`'s traits; this crate's own
/// tokens take that road too.
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

//! Reads and writes rotation tokens, by which the old key of an account or operator hands over to a new one.
//!
//! The old key signs the token, which names both; the new key has signed its acceptance inside, so
//! that nobody can be made the successor of a key against the will of whoever holds the new one,
//! nor by a slip of the hand.

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::signature::Verifier;
use serde::{Deserialize, Serialize};

use crate::{
    error::{ClaimsError, RotationError},
    keys::{KeyPair, PublicKey},
    tokens::{
        Label,
        claims::Claims,
        json::present,
        times::{Times, time_setters},
        token::{self, Token},
    },
};

/// What the new key signs begins so. No token does: theirs begins with the base64 of a JSON object.
const ACCEPTANCE: &[u8] = b"wascc: this key takes over\n";
/// The most bytes of a reason.
const LONGEST_REASON: usize = 1024;

/// What a rotation's token says beside who, to whom and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AboutRotation {
    /// The kind of both keys, in words.
    rotates: String,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The new key's signature of all the rest, in base64url.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    accepted: Option<String>,
}

/// What a rotation's token says, both signatures checked.
///
/// From [`handover`](Self::handover) on the new key stands for the old one wherever a policy holds
/// this token; until [`overlap_end`](Self::overlap_end) the old one counts beside it, and then no
/// more. It gives the new key nothing that the old one did not have: see
/// [`TrustPolicy::rotation`](crate::TrustPolicy::rotation).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotationClaims {
    claims: Claims<AboutRotation>,
    handover: u64,
    overlap_end: u64,
}

impl RotationClaims {
    /// Reads a rotation's token and checks the signatures of both keys.
    ///
    /// # Errors
    /// [`ClaimsError::MalformedToken`], [`ClaimsError::UnsupportedAlgorithm`],
    /// [`ClaimsError::TokenTooLarge`], [`ClaimsError::WrongKeyKind`] when the keys are not two
    /// accounts or two operators, [`ClaimsError::Forged`], and [`RotationError::NoTime`],
    /// [`RotationError::Circle`], [`RotationError::NotAccepted`] or [`RotationError::Kind`].
    pub fn verify(text: &str) -> Result<Self, ClaimsError> {
        let token = Token::<AboutRotation>::parse(text)?;
        let from = rotatable(token.claims.issuer)?;
        token.claims.subject.of_kind(from.kind(), "the new key of a rotation")?;
        if !token.is_signed_by(&from) {
            return Err(ClaimsError::Forged {
                subject: Label::new(None, token.claims.subject),
                issuer: from,
            });
        }
        Self::of(token.claims)
    }

    fn of(claims: Claims<AboutRotation>) -> Result<Self, ClaimsError> {
        let (from, to) = (claims.issuer, claims.subject);
        if from == to {
            return Err(RotationError::Circle { key: from }.into());
        }
        let (Some(handover), Some(overlap_end)) = (claims.not_before, claims.expires) else {
            return Err(RotationError::NoTime { key: from }.into());
        };
        if overlap_end <= handover {
            return Err(ClaimsError::NeverValid { not_before: handover, expires: overlap_end });
        }
        if claims.about.rotates != from.kind().to_string() {
            return Err(RotationError::Kind { key: from }.into());
        }
        let accepted = claims.about.accepted.as_ref();
        let signature = accepted.and_then(|text| BASE64URL_NOPAD.decode(text.as_bytes()).ok());
        let message = acceptance(&claims)?;
        if signature.is_none_or(|signature| Verifier::verify(&to, &message, &signature).is_err()) {
            return Err(RotationError::NotAccepted { from, to }.into());
        }
        Ok(Self { claims, handover, overlap_end })
    }

    /// The old key, which signed the token (`iss`).
    #[must_use]
    pub fn from(&self) -> PublicKey {
        self.claims.issuer
    }

    /// The new key (`sub`).
    #[must_use]
    pub fn to(&self) -> PublicKey {
        self.claims.subject
    }

    /// The token's own id (`jti`).
    #[must_use]
    pub fn id(&self) -> &str {
        &self.claims.id
    }

    /// When the token was issued, in seconds since 1970 (`iat`).
    #[must_use]
    pub fn issued_at(&self) -> u64 {
        self.claims.issued_at
    }

    /// The first second in which the new key counts, since 1970 (`nbf`).
    #[must_use]
    pub fn handover(&self) -> u64 {
        self.handover
    }

    /// The second from which on the old key is refused, since 1970 (`exp`).
    #[must_use]
    pub fn overlap_end(&self) -> u64 {
        self.overlap_end
    }

    /// Why, for people.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.claims.about.reason.as_deref()
    }
}

/// What a rotation's token is to say. It needs an end of the overlap
/// ([`expires_at`](Self::expires_at)); it hands over at once unless
/// [`not_before`](Self::not_before) says when.
///
/// ```
/// use capability_claims::{KeyKind, KeyPair, RotationBuilder, RotationClaims};
///
/// let (old, new) = (KeyPair::generate(KeyKind::Account)?, KeyPair::generate(KeyKind::Account)?);
/// let token = RotationBuilder::new().reason("yearly").expires_at(1_900_000_000).issue(&old, &new)?;
/// let rotation = RotationClaims::verify(&token)?;
/// assert_eq!((rotation.from(), rotation.to()), (old.public_key(), new.public_key()));
/// # Ok::<(), capability_claims::ClaimsError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct RotationBuilder {
    times: Times,
    reason: Option<String>,
}

impl RotationBuilder {
    /// A rotation without a reason.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Why, for people: at most 1,024 bytes.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    time_setters!();

    /// Writes the token's text, signs the acceptance with the new key and the whole with the old one.
    ///
    /// # Errors
    /// [`ClaimsError::WrongKeyKind`] when the keys are not two accounts or two operators,
    /// [`RotationError::NoTime`] without an end, [`RotationError::Circle`] for one key twice,
    /// [`ClaimsError::NeverValid`], [`ClaimsError::TokenTooLarge`], [`ClaimsError::NoRandomness`].
    pub fn issue(&self, old: &KeyPair, new: &KeyPair) -> Result<String, ClaimsError> {
        let from = rotatable(old.public_key())?;
        let to = new.public_key().of_kind(from.kind(), "the new key of a rotation")?;
        if let Some(size) = self.reason.as_ref().map(String::len).filter(|size| *size > LONGEST_REASON) {
            return Err(ClaimsError::TooMany {
                what: "bytes in a reason",
                count: size,
                limit: LONGEST_REASON,
            });
        }
        let about =
            AboutRotation { rotates: from.kind().to_string(), reason: self.reason.clone(), accepted: None };
        let mut claims = self.times.claims(from, to, about)?;
        claims.not_before.get_or_insert(claims.issued_at);
        claims.about.0.accepted = Some(BASE64URL_NOPAD.encode(&new.sign(&acceptance(&claims)?)));
        let text = token::write(&claims, old)?;
        Self::check(claims).map(|()| text)
    }

    /// Nothing is issued that nobody would read.
    fn check(claims: Claims<AboutRotation>) -> Result<(), ClaimsError> {
        RotationClaims::of(claims).map(drop)
    }
}

fn rotatable(key: PublicKey) -> Result<PublicKey, ClaimsError> {
    key.of_signer("the old key of a rotation that is not an operator's")
}

/// What the new key signs: everything that the token says but for this signature.
fn acceptance(claims: &Claims<AboutRotation>) -> Result<Vec<u8>, ClaimsError> {
    let mut bare = claims.clone();
    bare.about.0.accepted = None;
    let mut message = ACCEPTANCE.to_vec();
    message.extend(token::claims_text(&bare)?);
    Ok(message)
}

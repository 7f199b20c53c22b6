//! Reads and writes tokens as text: `header.claims.signature`, each base64url without padding (RFC
//! 7515 §3.1).
//!
//! The claims are read by `jsonwebtoken`, and its two traits are the seam to the keys. Its
//! ready-made `encode` and `decode` are not used: they take their cryptography from a setting of
//! the whole process, which a library must not claim, and they do not know `Ed25519`, the name that
//! RFC 9864 gives the algorithm.

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{
    Algorithm,
    crypto::{JwtSigner, JwtVerifier},
    dangerous::insecure_decode_claims,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use untrusted_text::Shown;

use crate::{
    error::{ClaimsError, TokenPart},
    tokens::{claims::Claims, json::Object},
};

/// The largest token, in bytes. Honest ones have about one thousand.
const MAX_TOKEN: usize = 64 * 1024;
/// The only header that is ever written.
const HEADER: &str = r#"{"typ":"jwt","alg":"Ed25519"}"#;
/// The name that RFC 9864 registers, which `jsonwebtoken` does not know.
const ED25519: &str = "Ed25519";
const SIGNATURE_BYTES: usize = 64;

/// A token that was read. Its signature is not checked before [`Token::is_signed_by`] says so.
pub(crate) struct Token<'a, M> {
    pub(crate) claims: Claims<M>,
    /// What is signed: header and claims as they are written.
    message: &'a str,
    signature: Vec<u8>,
}

impl<'a, M: DeserializeOwned> Token<'a, M> {
    /// # Errors
    /// [`ClaimsError::TokenTooLarge`], [`ClaimsError::MalformedToken`],
    /// [`ClaimsError::UnsupportedAlgorithm`].
    pub(crate) fn parse(text: &'a str) -> Result<Self, ClaimsError> {
        check_size(text.len())?;
        let (message, header, signature) = split(text)?;
        check_header(header)?;
        let claims = claims_of(text)?;
        let signature = decode(TokenPart::Signature, signature)?;
        if signature.len() != SIGNATURE_BYTES {
            let reason = format!("it has {} bytes where {SIGNATURE_BYTES} belong", signature.len());
            return Err(malformed(TokenPart::Signature, reason));
        }
        Ok(Self { claims, message, signature })
    }

    /// Whether the signature is that of this key over header and claims. How it is checked is up to
    /// the key, never to the token.
    pub(crate) fn is_signed_by(&self, key: &impl JwtVerifier) -> bool {
        key.algorithm() == Algorithm::EdDSA && key.verify(self.message.as_bytes(), &self.signature).is_ok()
    }
}

/// What a token says, whoever signed it and in whatever way it claims to be signed.
pub(crate) fn claims_of<M: DeserializeOwned>(text: &str) -> Result<Claims<M>, ClaimsError> {
    let Object(claims) = insecure_decode_claims(text).map_err(|error| malformed(TokenPart::Claims, error))?;
    Ok(claims)
}

/// The text of a token as it stands in a module.
pub(crate) fn as_text(bytes: &[u8]) -> Result<&str, ClaimsError> {
    check_size(bytes.len())?;
    str::from_utf8(bytes).map_err(|error| malformed(TokenPart::Text, error))
}

/// The texts of several tokens as they stand in a module, not taken apart.
pub(crate) fn as_texts(bytes: &[u8], most: usize) -> Result<&str, ClaimsError> {
    let limit = most * (MAX_TOKEN + 1);
    if bytes.len() > limit {
        return Err(ClaimsError::TokenTooLarge { size: bytes.len(), limit });
    }
    str::from_utf8(bytes).map_err(|error| malformed(TokenPart::Text, error))
}

/// The claims as JSON, as a token has them.
pub(crate) fn claims_text<M: Serialize>(claims: &Claims<M>) -> Result<Vec<u8>, ClaimsError> {
    serde_json::to_vec(claims).map_err(|error| malformed(TokenPart::Claims, error))
}

/// Writes a token and signs it.
pub(crate) fn write<M: Serialize>(
    claims: &Claims<M>,
    key: &(impl JwtSigner + ?Sized),
) -> Result<String, ClaimsError> {
    let claims = claims_text(claims)?;
    let mut text = BASE64URL_NOPAD.encode(HEADER.as_bytes());
    text.push('.');
    BASE64URL_NOPAD.encode_append(&claims, &mut text);
    let signature = key.try_sign(text.as_bytes()).map_err(|error| malformed(TokenPart::Signature, error))?;
    text.push('.');
    BASE64URL_NOPAD.encode_append(&signature, &mut text);
    check_size(text.len())?;
    Ok(text)
}

/// Takes a token apart into what is signed, the header (the beginning of that), and the signature.
fn split(text: &str) -> Result<(&str, &str, &str), ClaimsError> {
    let parts = text.rsplit_once('.').and_then(|(message, signature)| {
        let (header, claims) = message.split_once('.')?;
        (!claims.contains('.')).then_some((message, header, signature))
    });
    parts.ok_or_else(|| malformed(TokenPart::Text, "it is not three parts with a dot between each"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    typ: String,
    alg: String,
}

fn check_header(header: &str) -> Result<(), ClaimsError> {
    let json = decode(TokenPart::Header, header)?;
    let Object(Header { typ, alg }) =
        serde_json::from_slice(&json).map_err(|error| malformed(TokenPart::Header, error))?;
    if !typ.eq_ignore_ascii_case("jwt") {
        return Err(malformed(TokenPart::Header, format!("its type is \"{typ}\", not \"jwt\"")));
    }
    if alg == ED25519 || alg.parse() == Ok(Algorithm::EdDSA) {
        Ok(())
    } else {
        Err(ClaimsError::UnsupportedAlgorithm { algorithm: alg })
    }
}

fn check_size(size: usize) -> Result<(), ClaimsError> {
    if size > MAX_TOKEN { Err(ClaimsError::TokenTooLarge { size, limit: MAX_TOKEN }) } else { Ok(()) }
}

fn decode(part: TokenPart, text: &str) -> Result<Vec<u8>, ClaimsError> {
    BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|error| malformed(part, error))
}

/// The causes quote what the token says, so they are made fit to be shown.
fn malformed(part: TokenPart, reason: impl ToString) -> ClaimsError {
    ClaimsError::MalformedToken { part, reason: Shown::new(&reason.to_string()).to_string() }
}

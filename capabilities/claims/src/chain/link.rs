//! Holds one link of a chain or a provenance: a key, and what a token says about it.

use crate::{
    keys::{KeyKind, PublicKey},
    tokens::claims::Claims,
};

/// One link of a provenance: a key, and what the token says that is about it. It can be made of the
/// claims of any kind.
///
/// The first link is trusted by its key, so there may be no token about it; then only the key is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    key: PublicKey,
    name: Option<Box<str>>,
    token: Option<Box<str>>,
    issuer: Option<PublicKey>,
    not_before: Option<u64>,
    expires: Option<u64>,
}

impl Link {
    /// A key that is trusted without a token.
    #[must_use]
    pub fn bare(key: PublicKey) -> Self {
        Self { key, name: None, token: None, issuer: None, not_before: None, expires: None }
    }

    /// What a token says, with the name that it gives.
    pub(crate) fn of<M>(claims: &Claims<M>, name: Option<&str>) -> Self {
        Self {
            key: claims.subject,
            name: name.map(Into::into),
            token: Some(claims.id.as_str().into()),
            issuer: Some(claims.issuer),
            not_before: claims.not_before,
            expires: claims.expires,
        }
    }

    /// Whom the link is about.
    #[must_use]
    pub fn key(&self) -> PublicKey {
        self.key
    }

    /// What that key stands for: operator, account or module.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.key.kind()
    }

    /// The name for people, when the token gives one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The id of the token (`jti`), when there is one.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Who issued the token: the link before, or the operator itself.
    #[must_use]
    pub fn issuer(&self) -> Option<PublicKey> {
        self.issuer
    }

    /// The first second in which the token is good, since 1970. None: at once.
    #[must_use]
    pub fn not_before(&self) -> Option<u64> {
        self.not_before
    }

    /// The second from which on the token is refused, since 1970. None: it does not expire.
    #[must_use]
    pub fn expires(&self) -> Option<u64> {
        self.expires
    }
}

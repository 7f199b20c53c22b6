//! Names modules, accounts and operators in messages.

use std::fmt;

use untrusted_text::{Shown, cut};

use crate::keys::PublicKey;

/// Whom a token is about, for messages: name and key as the token gives them, `"counter"
/// (MCATS5...)`. The name is escaped and cut.
///
/// ```
/// use bytes::Bytes;
/// use capability_claims::{ClaimsBuilder, KeyKind, KeyPair, Label, TrustPolicy, sign_module};
///
/// let account = KeyPair::generate(KeyKind::Account)?;
/// let module = KeyPair::generate(KeyKind::Module)?.public_key();
/// let signed = sign_module(b"\0asm\x01\0\0\0", &ClaimsBuilder::new(module).name("counter"), &account)?;
///
/// // Nobody trusts the account, and whom that is about can be told nevertheless.
/// let refused = TrustPolicy::nobody().verify(Bytes::from(signed.clone()), 1_800_000_000).unwrap_err();
/// let label = Label::read(&signed).expect("it has a token");
/// assert_eq!(label.to_string(), format!("\"counter\" ({module})"));
/// assert!(label.refusal(&refused).contains("\"counter\""));
/// # Ok::<(), capability_claims::ClaimsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label(Box<Named>);

/// In a box, for refusals go through every call as the error that it may have, and should be small.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    name: Option<Box<str>>,
    key: PublicKey,
}

impl Label {
    /// A name, if there is one, and a key.
    #[must_use]
    pub fn new(name: Option<&str>, key: PublicKey) -> Self {
        Self(Box::new(Named { name: name.map(|name| cut(name).into()), key }))
    }

    /// The name, when there is one; no more of it than is shown.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> PublicKey {
        self.0.key
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "\"{}\" ({})", Shown::new(name), self.key()),
            None => write!(f, "\"unnamed {}\" ({})", self.key().kind(), self.key()),
        }
    }
}

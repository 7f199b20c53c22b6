//! What a module, an account or an operator is called in messages.

use std::fmt;

use untrusted_text::{Shown, cut};

use crate::{
    error::ClaimsError,
    keys::{KeyKind, PublicKey},
    modules::extract,
    tokens::{AccountClaims, ModuleClaims, OperatorClaims, module::AboutModule, token},
};

/// Whom a token is about, for messages: name and key as the token gives them, `"counter" (MCATS5...)`. The name is escaped and
/// cut.
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
    /// Who a module says that it is, when it has a token whose claims can be read. None of it is proven: neither the signature
    /// nor the hash is looked at, so that a module that is refused for either can be called by its name.
    #[must_use]
    pub fn read(wasm: &[u8]) -> Option<Self> {
        let claims = token::claims_of::<AboutModule>(extract(wasm).ok()?).ok()?;
        let of_module = claims.subject.kind() == KeyKind::Module;
        of_module.then(|| Self::new(claims.about.name.as_deref(), claims.subject))
    }

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

    /// Why this module was refused, in words that name it: many refusals do by themselves, those of a chain or of a key that is
    /// not the module's do not.
    #[must_use]
    pub fn refusal(&self, why: &ClaimsError) -> String {
        match why.subject() {
            Some(subject) if subject == self => why.to_string(),
            _ => format!("{self}: {why}"),
        }
    }
}

impl ClaimsError {
    /// Whom the text names as the one that is refused: a module for the most part, or whom a token of its chain is about. Nothing
    /// when that is not known.
    #[must_use]
    pub fn subject(&self) -> Option<&Label> {
        match self {
            Self::Forged { subject, .. }
            | Self::Altered { subject, .. }
            | Self::Expired { subject, .. }
            | Self::NotYetValid { subject, .. }
            | Self::NotTrusted { subject, .. }
            | Self::NotSelfIssued { subject, .. }
            | Self::KeyRevoked { subject, .. }
            | Self::TokenRevoked { subject, .. }
            | Self::ActorDenied { subject }
            | Self::ActorNotAllowed { subject }
            | Self::RevisionTooLow { subject, .. }
            | Self::NeverExpires { subject, .. }
            | Self::LivesTooLong { subject, .. }
            | Self::NotGranted { subject, .. }
            | Self::CapabilityBeyondLimit { subject, .. }
            | Self::LinkBeyondLimit { subject, .. }
            | Self::OperationBeyondLimit { subject, .. } => Some(subject),
            Self::AccountExpired { account, .. } | Self::AccountNotYetValid { account, .. } => Some(account),
            Self::OperatorExpired { operator, .. } | Self::OperatorNotYetValid { operator, .. } => {
                Some(operator)
            }
            Self::BrokenChain { source, .. } => source.subject(),
            _ => self.subject_of_concept(),
        }
    }
}

impl From<&ModuleClaims> for Label {
    fn from(claims: &ModuleClaims) -> Self {
        Self::new(claims.name(), claims.subject())
    }
}

impl From<&AccountClaims> for Label {
    fn from(claims: &AccountClaims) -> Self {
        Self::new(claims.name(), claims.account())
    }
}

impl From<&OperatorClaims> for Label {
    fn from(claims: &OperatorClaims) -> Self {
        Self::new(claims.name(), claims.operator())
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

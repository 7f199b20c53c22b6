//! What a module is called in messages.

use std::fmt;

use crate::{
    claims::{AboutModule, ModuleClaims},
    error::ClaimsError,
    keys::{KeyKind, PublicKey},
    module::extract,
    shown::{Shown, cut},
    token,
};

/// A module's name and key for messages, as the module gives them: `"counter" (MCATS5...)`. The name is escaped and cut.
///
/// ```
/// use bytes::Bytes;
/// use capability_claims::{ClaimsBuilder, KeyKind, KeyPair, ModuleLabel, TrustPolicy, sign_module};
///
/// let account = KeyPair::generate(KeyKind::Account)?;
/// let module = KeyPair::generate(KeyKind::Module)?.public_key();
/// let signed = sign_module(b"\0asm\x01\0\0\0", &ClaimsBuilder::new(module).name("counter"), &account)?;
///
/// // Nobody trusts the account, and whom that is about can be told nevertheless.
/// let refused = TrustPolicy::nobody().verify(Bytes::from(signed.clone()), 1_800_000_000).unwrap_err();
/// let label = ModuleLabel::read(&signed).expect("it has a token");
/// assert_eq!(label.to_string(), format!("\"counter\" ({module})"));
/// assert!(label.refusal(&refused).contains("\"counter\""));
/// # Ok::<(), capability_claims::ClaimsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleLabel {
    name: Option<Box<str>>,
    key: PublicKey,
}

impl ModuleLabel {
    /// Who a module says that it is, when it has a token whose claims can be read. None of it is proven: neither the signature
    /// nor the hash is looked at, so that a module that is refused for either can be called by its name.
    #[must_use]
    pub fn read(wasm: &[u8]) -> Option<Self> {
        let claims = token::claims_of::<AboutModule>(extract(wasm).ok()?).ok()?;
        let of_module = claims.subject.kind() == KeyKind::Module;
        of_module.then(|| Self::new(claims.about.name.as_deref(), claims.subject))
    }

    fn new(name: Option<&str>, key: PublicKey) -> Self {
        Self { name: name.map(cut), key }
    }

    /// The name, when there is one; no more of it than is shown.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The module's key.
    #[must_use]
    pub fn key(&self) -> PublicKey {
        self.key
    }

    /// Why this module was refused, in words that name it: many refusals do by themselves, those of a chain or of a key that is
    /// not the module's do not.
    #[must_use]
    pub fn refusal(&self, why: &ClaimsError) -> String {
        let (label, why) = (self.to_string(), why.to_string());
        if why.contains(&label) { why } else { format!("{label}: {why}") }
    }
}

impl From<&ModuleClaims> for ModuleLabel {
    fn from(claims: &ModuleClaims) -> Self {
        Self::new(claims.name(), claims.subject())
    }
}

impl fmt::Display for ModuleLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" ({})", Shown(self.name().unwrap_or(ModuleClaims::UNNAMED)), self.key)
    }
}

//! Signs a module: puts a token into it.

use crate::{
    chain::Chain,
    error::ClaimsError,
    keys::{KeyKind, KeyPair, PublicKey},
    modules::{ModuleHash, file::ModuleFile, section},
    tokens::{
        module::AboutModule,
        times::{Times, time_setters},
        token,
    },
};

/// What a token is to say about a module. The issuer and the hash are added when the module is signed.
///
/// ```
/// use capability_claims::{ClaimsBuilder, KeyKind, KeyPair};
///
/// let module = KeyPair::generate(KeyKind::Module)?;
/// let claims = ClaimsBuilder::new(module.public_key())
///     .name("counter")
///     .capability("wascc:keyvalue")
///     .revision(1)
///     .expires_at(1_900_000_000);
/// # Ok::<(), capability_claims::ClaimsError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ClaimsBuilder {
    subject: PublicKey,
    times: Times,
    about: Unhashed,
}

#[derive(Debug, Clone, Default)]
struct Unhashed {
    name: Option<String>,
    tags: Vec<String>,
    caps: Vec<String>,
    revision: Option<i32>,
    version: Option<String>,
    call_alias: Option<String>,
    provider: bool,
}

impl ClaimsBuilder {
    /// Claims about the module with this key, which grant nothing and do not expire.
    #[must_use]
    pub fn new(subject: PublicKey) -> Self {
        Self { subject, times: Times::default(), about: Unhashed::default() }
    }

    /// The module's name for people.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.about.name = Some(name.into());
        self
    }

    /// Grants one more capability by its id, or calls to one more module by its key.
    #[must_use]
    pub fn capability(mut self, capability: impl Into<String>) -> Self {
        self.about.caps.push(capability.into());
        self
    }

    /// Attaches one more tag. Tags grant nothing.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.about.tags.push(tag.into());
        self
    }

    /// The revision, which should grow with each version of the module.
    #[must_use]
    pub fn revision(mut self, revision: i32) -> Self {
        self.about.revision = Some(revision);
        self
    }

    /// The version for people, such as `1.2.0`.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.about.version = Some(version.into());
        self
    }

    /// A second name under which the module may be called.
    #[must_use]
    pub fn call_alias(mut self, alias: impl Into<String>) -> Self {
        self.about.call_alias = Some(alias.into());
        self
    }

    /// Whether the module is a capability provider.
    #[must_use]
    pub fn provider(mut self, provider: bool) -> Self {
        self.about.provider = provider;
        self
    }

    time_setters!();

    fn about(&self, hash: ModuleHash) -> AboutModule {
        let Unhashed { name, tags, caps, revision, version, call_alias, provider } = self.about.clone();
        AboutModule { name, hash, tags, caps, revision, version, call_alias, provider }
    }
}

/// Signs a module: returns it with a token at its end, in place of any token that it had.
///
/// The sections are copied as bytes and never looked into, so a module may use any feature of
/// WebAssembly, and sizes that are written longer than need be stay so. [`strip`](crate::strip)
/// gives the module back as it was. A [`Chain`] that the module carries is part of what is signed.
///
/// # Errors
/// [`ClaimsError::WrongKeyKind`] when the issuer is no account or the subject no module,
/// [`ClaimsError::MalformedModule`], [`ClaimsError::NeverValid`], [`ClaimsError::TokenTooLarge`],
/// [`ClaimsError::TooMany`], [`ClaimsError::NoRandomness`], and [`ClaimsError::BrokenChain`],
/// [`ClaimsError::MultipleChains`] or [`ClaimsError::MisplacedChain`] when the module carries a
/// [`Chain`] that does not lead to the issuer or is not where it belongs, for no host would accept
/// that.
pub fn sign_module(wasm: &[u8], claims: &ClaimsBuilder, issuer: &KeyPair) -> Result<Vec<u8>, ClaimsError> {
    claims.subject.of_kind(KeyKind::Module, "the key of a module that is to be signed")?;
    let account = issuer.public_key().of_kind(KeyKind::Account, "the key that signs a module")?;
    let module = ModuleFile::read(wasm)?;
    if let Some(chain) = Chain::inside(&module)? {
        chain.leads_to(account)?;
    }
    let about = claims.about(module.hash());
    about.check_bounds()?;
    let claims = claims.times.claims(account, claims.subject, about)?;
    let token = token::write(&claims, issuer)?;
    let mut signed = module.stripped(token.len() + section::TOKEN_OVERHEAD);
    section::append_token(&mut signed, &token);
    Ok(signed)
}

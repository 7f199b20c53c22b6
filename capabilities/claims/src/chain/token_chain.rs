//! Reads, checks and embeds chains: the tokens between an operator and the account that signed a module.

use std::fmt;

use crate::{
    chain::Link,
    error::ClaimsError,
    keys::PublicKey,
    modules::{file::ModuleFile, section},
    tokens::{AccountClaims, OperatorClaims, token},
};

/// The most tokens that a chain has: an operator's and an account's.
const LONGEST: usize = 2;

/// The tokens that lead from an operator to the account that signed a module, beside the module's own token.
///
/// It is an account's token, with the operator's own token before it or without. A chain either travels inside the module, in a
/// custom section `wascc_chain` with one token on each line, or is given beside it. [`embed`](Self::embed) puts it into a module
/// *before* the module is signed, so the module's token covers it like any other section.
///
/// A value of this type holds together: each signature is right, and each token is issued by the
/// one before it. It trusts nobody; times, revocation and trust are for the
/// [`TrustPolicy`](crate::TrustPolicy) to say each time.
///
/// ```
/// use bytes::Bytes;
/// use capability_claims::{
///     AccountBuilder, Chain, ClaimsBuilder, KeyKind, KeyPair, OperatorBuilder, TrustPolicy, sign_module,
/// };
///
/// let operator = KeyPair::generate(KeyKind::Operator)?;
/// let account = KeyPair::generate(KeyKind::Account)?;
/// let module = KeyPair::generate(KeyKind::Module)?;
///
/// let root = OperatorBuilder::new().name("the house").issue(&operator)?;
/// let team = AccountBuilder::new(account.public_key()).name("team red").issue(&operator)?;
/// let chain = Chain::new([root.as_str(), team.as_str()])?;
/// let claims = ClaimsBuilder::new(module.public_key()).name("counter");
/// let signed = sign_module(&chain.embed(b"\0asm\x01\0\0\0")?, &claims, &account)?;
///
/// // Whoever trusts the operator needs to know nothing else.
/// let policy = TrustPolicy::nobody().operator(operator.public_key());
/// let verified = policy.verify(Bytes::from(signed), 1_800_000_000)?;
/// let names: Vec<_> = verified.provenance().links().iter().map(|link| link.name().unwrap_or("?")).collect();
/// assert_eq!(names, ["the house", "team red", "counter"]);
/// # Ok::<(), capability_claims::ClaimsError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Chain {
    operator: Option<OperatorClaims>,
    account: AccountClaims,
    text: String,
}

impl Chain {
    /// Reads a chain of the tokens' texts, the operator's first when it is there, and checks every
    /// signature and connection.
    ///
    /// # Errors
    /// [`ClaimsError::BrokenChain`] with the first token that does not hold and the reason,
    /// [`ClaimsError::ChainLength`] when there is not one token or two.
    pub fn new<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Result<Self, ClaimsError> {
        let mut tokens = tokens.into_iter();
        let (first, second) = (tokens.next(), tokens.next());
        let count = usize::from(first.is_some()) + usize::from(second.is_some()) + tokens.count();
        match (first, second) {
            (Some(account), None) => {
                let text = account.to_owned();
                let account = AccountClaims::verify(account).map_err(broken_after([]))?;
                Ok(Self { operator: None, account, text })
            }
            (Some(first), Some(second)) if count == LONGEST => {
                let operator = OperatorClaims::verify(first).map_err(broken_after([]))?;
                let account = AccountClaims::verify(second)
                    .and_then(|account| connected(operator.operator(), account.operator()).map(|()| account))
                    .map_err(broken_after([Link::from(&operator)]))?;
                Ok(Self { operator: Some(operator), account, text: format!("{first}\n{second}") })
            }
            _ => Err(ClaimsError::ChainLength { count, limit: LONGEST }),
        }
    }

    /// Reads a chain of a text with one token on each line. Empty lines and white space around the
    /// tokens are skipped.
    ///
    /// # Errors
    /// Those of [`new`](Self::new).
    pub fn parse(text: &str) -> Result<Self, ClaimsError> {
        Self::new(text.lines().map(str::trim).filter(|line| !line.is_empty()))
    }

    /// The chain that a module carries, when it carries one. Neither the module's token nor its
    /// hash are looked at.
    ///
    /// # Errors
    /// Those of [`new`](Self::new), [`ClaimsError::MultipleChains`], [`ClaimsError::MisplacedChain`],
    /// [`ClaimsError::MalformedModule`].
    pub fn carried_by(wasm: &[u8]) -> Result<Option<Self>, ClaimsError> {
        Self::inside(&ModuleFile::read(wasm)?)
    }

    pub(crate) fn inside(module: &ModuleFile<'_>) -> Result<Option<Self>, ClaimsError> {
        let Some(bytes) = module.chain()? else { return Ok(None) };
        token::as_texts(bytes, LONGEST).and_then(Self::parse).map(Some)
    }

    /// The module with this chain at its end, in place of any chain that it had and without any
    /// token: it is to be signed next, by the account that the chain leads to.
    ///
    /// # Errors
    /// [`ClaimsError::MalformedModule`].
    pub fn embed(&self, wasm: &[u8]) -> Result<Vec<u8>, ClaimsError> {
        let mut bare = ModuleFile::read(wasm)?.bare();
        section::append_chain(&mut bare, &self.text);
        Ok(bare)
    }

    /// The module without any chain and without any token, which counts for nothing once the chain
    /// is gone. After [`embed`](Self::embed) and signing this gives back the module that there was
    /// before.
    ///
    /// # Errors
    /// [`ClaimsError::MalformedModule`].
    pub fn remove_from(wasm: &[u8]) -> Result<Vec<u8>, ClaimsError> {
        Ok(ModuleFile::read(wasm)?.bare())
    }

    /// What the operator says of itself, when its token is part of the chain.
    #[must_use]
    pub fn operator(&self) -> Option<&OperatorClaims> {
        self.operator.as_ref()
    }

    /// What the operator says about the account.
    #[must_use]
    pub fn account(&self) -> &AccountClaims {
        &self.account
    }

    /// The tokens' texts, one on each line, as [`parse`](Self::parse) reads them.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the module's token, which comes after the chain's last one, is issued by the account
    /// that this one is about.
    pub(crate) fn leads_to(&self, issuer: PublicKey) -> Result<(), ClaimsError> {
        let tokens = self.operator().map(Link::from).into_iter().chain([Link::from(&self.account)]);
        connected(self.account.account(), issuer).map_err(broken_after(tokens))
    }
}

/// The claims without the texts, which are long.
impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").field("operator", &self.operator).field("account", &self.account).finish()
    }
}

/// That the link after these does not hold.
fn broken_after(established: impl IntoIterator<Item = Link>) -> impl FnOnce(ClaimsError) -> ClaimsError {
    move |source| {
        let established: Box<[Link]> = established.into_iter().collect();
        ClaimsError::BrokenChain { link: established.len() + 1, established, source: Box::new(source) }
    }
}

fn connected(expected: PublicKey, actual: PublicKey) -> Result<(), ClaimsError> {
    if expected == actual { Ok(()) } else { Err(ClaimsError::ChainGap { expected, actual }) }
}

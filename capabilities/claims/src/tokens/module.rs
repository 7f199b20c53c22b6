//! Holds what a module's token says.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    chain::{Chain, Link},
    error::ClaimsError,
    keys::{KeyKind, PublicKey},
    modules::ModuleHash,
    tokens::{Label, claims::Claims, json::present},
};

/// What a token says about a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AboutModule {
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    pub(crate) hash: ModuleHash,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) caps: Vec<String>,
    #[serde(rename = "rev", default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(crate) revision: Option<i32>,
    #[serde(rename = "ver", default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(crate) call_alias: Option<String>,
    #[serde(rename = "prov", default)]
    pub(crate) provider: bool,
}

/// The most capabilities in one token.
const MOST_CAPABILITIES: usize = 8192;
/// Up to so many capabilities are compared one by one, since most differ in length; among more a
/// binary search is faster.
const FEW: usize = 8;
/// The most tags in one token.
const MOST_TAGS: usize = 1024;

impl AboutModule {
    /// # Errors
    /// [`ClaimsError::TooMany`] for more capabilities or tags than any honest module has.
    pub(crate) fn check_bounds(&self) -> Result<(), ClaimsError> {
        let lists =
            [("capabilities", self.caps.len(), MOST_CAPABILITIES), ("tags", self.tags.len(), MOST_TAGS)];
        match lists.into_iter().find(|(_, count, limit)| count > limit) {
            Some((what, count, limit)) => Err(ClaimsError::TooMany { what, count, limit }),
            None => Ok(()),
        }
    }
}

/// What the token inside a module says about it.
///
/// Having a value of this type means that the token has the right shape, nothing more: whether the
/// signature holds is told by [`VerifiedModule`](crate::VerifiedModule), which only exists when it
/// does, or by [`Inspection`](crate::Inspection). Serialised it has the shape and the field names
/// that it has in the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ModuleClaims {
    claims: Claims<AboutModule>,
    /// Who vouches for the issuer, as it came with the module. Its signatures hold; whom to believe
    /// is up to the policy.
    #[serde(skip)]
    chain: Option<Arc<Chain>>,
    /// Where each capability stands in `caps`, in the order of the ids: a token may have thousands,
    /// and is asked about each of them.
    #[serde(skip)]
    order: Arc<[u16]>,
}

impl ModuleClaims {
    /// # Errors
    /// [`ClaimsError::WrongKeyKind`] when the issuer is no account or the subject no module.
    pub(crate) fn new(claims: Claims<AboutModule>) -> Result<Self, ClaimsError> {
        claims.issuer.of_kind(KeyKind::Account, "the issuer of a module's token")?;
        claims.subject.of_kind(KeyKind::Module, "the subject of a module's token")?;
        claims.about.check_bounds()?;
        let caps = &claims.about.caps;
        let mut order: Vec<u16> = (0..=u16::MAX).take(caps.len()).collect();
        order.sort_unstable_by_key(|at| &caps[usize::from(*at)]);
        Ok(Self { claims, chain: None, order: order.into() })
    }

    /// # Errors
    /// [`ClaimsError::BrokenChain`] when the chain is about another account than the issuer.
    pub(crate) fn with_chain(mut self, chain: Chain) -> Result<Self, ClaimsError> {
        chain.leads_to(self.issuer())?;
        self.chain = Some(Arc::new(chain));
        Ok(self)
    }

    /// Who vouches for the issuer, when the module carried such a chain or it was given beside it.
    /// Its signatures hold, like that of the module's token; whom to believe is up to the policy.
    #[must_use]
    pub fn chain(&self) -> Option<&Chain> {
        self.chain.as_deref()
    }

    /// The account that signed the module (`iss`).
    #[must_use]
    pub fn issuer(&self) -> PublicKey {
        self.claims.issuer
    }

    /// The module's key, its identity through all its versions (`sub`).
    #[must_use]
    pub fn subject(&self) -> PublicKey {
        self.claims.subject
    }

    /// The token's own id, different for each token (`jti`).
    #[must_use]
    pub fn id(&self) -> &str {
        &self.claims.id
    }

    /// When the token was issued, in seconds since 1970 (`iat`).
    #[must_use]
    pub fn issued_at(&self) -> u64 {
        self.claims.issued_at
    }

    /// The second from which on the token is refused, since 1970 (`exp`, RFC 7519 §4.1.4). None: it
    /// does not expire.
    #[must_use]
    pub fn expires(&self) -> Option<u64> {
        self.claims.expires
    }

    /// The first second in which the token is good, since 1970 (`nbf`). None: at once.
    #[must_use]
    pub fn not_before(&self) -> Option<u64> {
        self.claims.not_before
    }

    /// The module's name for people.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.claims.about.name.as_deref()
    }

    /// The hash of the module that was signed.
    #[must_use]
    pub fn hash(&self) -> ModuleHash {
        self.claims.about.hash
    }

    /// Words that the issuer attached. They grant nothing.
    #[must_use]
    pub fn tags(&self) -> &[String] {
        &self.claims.about.tags
    }

    /// The capabilities that the module may use, by id, and the modules that it may call, by key (`caps`).
    #[must_use]
    pub fn caps(&self) -> &[String] {
        &self.claims.about.caps
    }

    /// Whether `caps` grants this capability id or module key. The whole id counts: no patterns, no
    /// change of case.
    #[must_use]
    pub fn grants(&self, capability: &str) -> bool {
        let caps = self.caps();
        if caps.len() <= FEW {
            return caps.iter().any(|granted| granted == capability);
        }
        self.order.binary_search_by(|at| caps[usize::from(*at)].as_str().cmp(capability)).is_ok()
    }

    /// The revision, a number that grows with each version (`rev`).
    #[must_use]
    pub fn revision(&self) -> Option<i32> {
        self.claims.about.revision
    }

    /// The version for people, such as `1.2.0` (`ver`).
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.claims.about.version.as_deref()
    }

    /// A second name under which the module may be called.
    #[must_use]
    pub fn call_alias(&self) -> Option<&str> {
        self.claims.about.call_alias.as_deref()
    }

    /// Whether the module says that it is a capability provider (`prov`).
    #[must_use]
    pub fn provider(&self) -> bool {
        self.claims.about.provider
    }

    /// The revision of the claims' shape (`wascap_revision`), which tools before 2021 left out.
    #[must_use]
    pub fn claims_revision(&self) -> Option<u32> {
        self.claims.wascap_revision
    }
}

impl From<&ModuleClaims> for Label {
    fn from(claims: &ModuleClaims) -> Self {
        Self::new(claims.name(), claims.subject())
    }
}

impl From<&ModuleClaims> for Link {
    fn from(claims: &ModuleClaims) -> Self {
        Self::of(&claims.claims, claims.name())
    }
}

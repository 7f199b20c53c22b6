//! Policy as data: the same that the builder says, in a form that a file can have.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Deserializer, de};

use crate::{
    account::AccountClaims,
    error::ClaimsError,
    grants::{Grant, GrantLimit},
    keys::{KeyKind, PublicKey},
    ownership::NamePattern,
    policy::TrustPolicy,
};

/// A [`TrustPolicy`] as data, to be read from TOML or any other form that `serde` knows.
///
/// Every field may be left out; a document without any trusts nobody. Fields that are not known are refused, so that a misspelt
/// one is not silently without effect.
///
/// ```toml
/// accounts = ["A..."]
/// operators = ["O..."]
/// shared_actors = ["O..."]               # operators whose accounts may take over each other's actors
/// account_tokens = ["eyJ0eXAi..."]       # operators' words for accounts
/// clock_skew_seconds = 5
/// max_token_life_seconds = 7_776_000
///
/// [actors]
/// allowed = ["M..."]                     # left out: all that are trusted
/// denied = ["M..."]
/// minimum_revision = { "M..." = 7 }
///
/// [revoked]
/// keys = ["A..."]
/// tokens = ["the id of a token"]
///
/// [owners."A..."]                        # only this account, or this operator's accounts, may sign these
/// modules = ["M..."]
/// names = ["billing-*"]                  # one * stands for any characters
/// tags = ["payments"]
///
/// [[issuers."A...".grants]]              # the most that this account may grant
/// capability = "wascc:keyvalue"
/// links = ["default"]                    # left out: all links
/// operations = ["Get", "Set"]            # left out: all operations
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct PolicyDocument {
    /// Accounts whose modules are trusted: [`TrustPolicy::account`].
    #[serde(deserialize_with = "accounts")]
    pub accounts: Vec<PublicKey>,
    /// Operators whose accounts are trusted: [`TrustPolicy::operator`].
    #[serde(deserialize_with = "operators")]
    pub operators: Vec<PublicKey>,
    /// Operators whose accounts may take over each other's actors: [`TrustPolicy::share_actors`].
    #[serde(deserialize_with = "shared_actors")]
    pub shared_actors: Vec<PublicKey>,
    /// Texts of account tokens: [`TrustPolicy::account_token`].
    #[serde(deserialize_with = "account_tokens")]
    pub account_tokens: Vec<String>,
    /// How far clocks may differ, in seconds: [`TrustPolicy::clock_skew`].
    pub clock_skew_seconds: u64,
    /// The most seconds that a module's token may be good for: [`TrustPolicy::max_token_life`].
    pub max_token_life_seconds: Option<u64>,
    /// Which actors may run.
    pub actors: ActorRules,
    /// What counts no more.
    pub revoked: Revoked,
    /// The most that an account or operator may grant, by its key: [`TrustPolicy::limit`].
    #[serde(deserialize_with = "issuers")]
    pub issuers: BTreeMap<PublicKey, IssuerRules>,
    /// What is bound to an account or an operator, by its key.
    #[serde(deserialize_with = "owners")]
    pub owners: BTreeMap<PublicKey, OwnerRules>,
}

/// Which actors may run, in a [`PolicyDocument`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ActorRules {
    /// The only actors that may run: [`TrustPolicy::allow_actor`]. None: all that are trusted. An empty list: not one.
    #[serde(deserialize_with = "allowed_actors")]
    pub allowed: Option<Vec<PublicKey>>,
    /// Actors that may not run: [`TrustPolicy::deny_actor`].
    #[serde(deserialize_with = "denied_actors")]
    pub denied: Vec<PublicKey>,
    /// The lowest revision of an actor that may run: [`TrustPolicy::minimum_revision`].
    #[serde(deserialize_with = "minimum_revision")]
    pub minimum_revision: BTreeMap<PublicKey, i32>,
}

/// What counts no more, in a [`PolicyDocument`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Revoked {
    /// Keys of any kind: [`TrustPolicy::revoke_key`].
    #[serde(deserialize_with = "revoked_keys")]
    pub keys: Vec<PublicKey>,
    /// Ids of tokens: [`TrustPolicy::revoke_token`].
    pub tokens: Vec<String>,
}

/// The most that one issuer may grant, in a [`PolicyDocument`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct IssuerRules {
    /// What it may grant. An empty list: nothing.
    pub grants: Vec<GrantRule>,
}

/// What belongs to one account or operator, in a [`PolicyDocument`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct OwnerRules {
    /// Keys of modules: [`TrustPolicy::bind_module`].
    #[serde(deserialize_with = "owned_modules")]
    pub modules: Vec<PublicKey>,
    /// Patterns for names: [`TrustPolicy::bind_name`].
    #[serde(deserialize_with = "owned_names")]
    pub names: Vec<String>,
    /// Tags: [`TrustPolicy::bind_tag`].
    pub tags: Vec<String>,
}

/// A capability that an issuer may grant, in a [`PolicyDocument`]. See [`Grant`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GrantRule {
    /// The capability's id, or the key of a module that may be called.
    pub capability: String,
    /// The links over which it may be used. None: all. An empty list: not one.
    #[serde(default)]
    pub links: Option<Vec<Box<str>>>,
    /// The operations that may be used. None: all. An empty list: not one.
    #[serde(default)]
    pub operations: Option<Vec<Box<str>>>,
}

impl PolicyDocument {
    /// The policy that the document describes.
    ///
    /// # Errors
    /// [`ClaimsError::WrongKeyKind`] for a key in the wrong place, and the errors of [`TrustPolicy::account_token`]. A document
    /// that was deserialised has neither; one that was put together by hand may.
    pub fn into_policy(self) -> Result<TrustPolicy, ClaimsError> {
        let mut policy = TrustPolicy::nobody().clock_skew(Duration::from_secs(self.clock_skew_seconds));
        if let Some(life) = self.max_token_life_seconds {
            policy = policy.max_token_life(Duration::from_secs(life));
        }
        for account in of_kind(self.accounts, KeyKind::Account, ACCOUNTS)? {
            policy = policy.account(account);
        }
        for operator in of_kind(self.operators, KeyKind::Operator, OPERATORS)? {
            policy = policy.operator(operator);
        }
        for token in &self.account_tokens {
            policy = policy.account_token(token)?;
        }
        for (issuer, rules) in self.issuers {
            policy = policy.limit(issuer, rules.into_limit())?;
        }
        for operator in self.shared_actors {
            policy = policy.share_actors(operator)?;
        }
        for (owner, rules) in self.owners {
            policy = rules.apply(policy, owner)?;
        }
        self.actors.apply(self.revoked.apply(policy))
    }
}

impl ActorRules {
    fn apply(self, mut policy: TrustPolicy) -> Result<TrustPolicy, ClaimsError> {
        policy.only_allowed |= self.allowed.is_some();
        for actor in self.allowed.into_iter().flatten() {
            policy = policy.allow_actor(actor)?;
        }
        for actor in self.denied {
            policy = policy.deny_actor(actor)?;
        }
        for (actor, revision) in self.minimum_revision {
            policy = policy.minimum_revision(actor, revision)?;
        }
        Ok(policy)
    }
}

impl Revoked {
    fn apply(self, policy: TrustPolicy) -> TrustPolicy {
        let policy = self.keys.into_iter().fold(policy, TrustPolicy::revoke_key);
        self.tokens.into_iter().fold(policy, TrustPolicy::revoke_token)
    }
}

impl OwnerRules {
    fn apply(self, mut policy: TrustPolicy, owner: PublicKey) -> Result<TrustPolicy, ClaimsError> {
        for module in self.modules {
            policy = policy.bind_module(module, owner)?;
        }
        for pattern in &self.names {
            policy = policy.bind_name(pattern, owner)?;
        }
        for tag in self.tags {
            policy = policy.bind_tag(tag, owner)?;
        }
        Ok(policy)
    }
}

impl IssuerRules {
    fn into_limit(self) -> GrantLimit {
        let grants = self.grants.into_iter();
        grants
            .map(|rule| Grant::exactly(rule.capability.into(), rule.links, rule.operations))
            .fold(GrantLimit::nothing(), GrantLimit::and)
    }
}

const ACCOUNTS: &str = "a key in `accounts`";
const OPERATORS: &str = "a key in `operators`";

fn of_kind(keys: Vec<PublicKey>, kind: KeyKind, role: &'static str) -> Result<Vec<PublicKey>, ClaimsError> {
    keys.into_iter().map(|key| key.of_kind(kind, role)).collect()
}

/// Keys of one kind. That the kind is right is seen while the document is read, where the error still knows its place.
fn keys<'de, D: Deserializer<'de>>(
    deserializer: D,
    kind: KeyKind,
    role: &'static str,
) -> Result<Vec<PublicKey>, D::Error> {
    each(deserializer, |text| PublicKey::parse(text)?.of_kind(kind, role))
}

/// A list whose entries are read one by one, so that an error says which one is wrong.
fn each<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    read: impl Fn(&str) -> Result<T, ClaimsError>,
) -> Result<Vec<T>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let entries = texts.iter().zip(1..).map(|(text, entry)| {
        read(text).map_err(|error| de::Error::custom(format_args!("entry {entry} of the list: {error}")))
    });
    entries.collect()
}

fn revoked_keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PublicKey>, D::Error> {
    each(deserializer, PublicKey::parse)
}

fn accounts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PublicKey>, D::Error> {
    keys(deserializer, KeyKind::Account, ACCOUNTS)
}

fn operators<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PublicKey>, D::Error> {
    keys(deserializer, KeyKind::Operator, OPERATORS)
}

fn allowed_actors<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<PublicKey>>, D::Error> {
    keys(deserializer, KeyKind::Module, "a key in `actors.allowed`").map(Some)
}

fn denied_actors<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PublicKey>, D::Error> {
    keys(deserializer, KeyKind::Module, "a key in `actors.denied`")
}

fn minimum_revision<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<PublicKey, i32>, D::Error> {
    let revisions = BTreeMap::<PublicKey, i32>::deserialize(deserializer)?;
    for key in revisions.keys() {
        key.of_kind(KeyKind::Module, "a key in `actors.minimum_revision`").map_err(de::Error::custom)?;
    }
    Ok(revisions)
}

fn issuers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<PublicKey, IssuerRules>, D::Error> {
    let issuers = BTreeMap::<PublicKey, IssuerRules>::deserialize(deserializer)?;
    for key in issuers.keys().filter(|key| key.kind() != KeyKind::Operator) {
        key.of_kind(KeyKind::Account, "a key in `issuers` that is not an operator's")
            .map_err(de::Error::custom)?;
    }
    Ok(issuers)
}

fn shared_actors<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PublicKey>, D::Error> {
    keys(deserializer, KeyKind::Operator, "a key in `shared_actors`")
}

fn owners<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<PublicKey, OwnerRules>, D::Error> {
    let owners = BTreeMap::<PublicKey, OwnerRules>::deserialize(deserializer)?;
    for key in owners.keys().filter(|key| key.kind() != KeyKind::Operator) {
        key.of_kind(KeyKind::Account, "a key in `owners` that is not an operator's")
            .map_err(de::Error::custom)?;
    }
    Ok(owners)
}

fn owned_modules<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PublicKey>, D::Error> {
    keys(deserializer, KeyKind::Module, "a key in `owners.modules`")
}

fn owned_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    each(deserializer, |pattern| NamePattern::parse(pattern).map(|_| pattern.to_owned()))
}

fn account_tokens<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    each(deserializer, |token| AccountClaims::verify(token).map(|_| token.to_owned()))
}

//! Holds a policy as data: the same that the builder says, in a form that a file can have.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::read;
use crate::keys::PublicKey;

/// A [`TrustPolicy`](crate::TrustPolicy) as data, to be read from TOML or any other form that `serde` knows.
///
/// Every field may be left out; a document without any trusts nobody. Fields that are not known are
/// refused, so that a misspelt one is not silently without effect.
///
/// ```toml
/// accounts = ["A..."]
/// operators = ["O..."]
/// shared_actors = ["O..."]               # operators whose accounts may take over each other's actors
/// account_tokens = ["eyJ0eXAi..."]       # by which operators vouch for accounts
/// operator_tokens = ["eyJ0eXAi..."]      # operators' own tokens, without which they cannot vouch
/// rotations = ["eyJ0eXAi..."]            # by which one key hands over to another
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
/// since = { "A..." = 1_900_000_000 }      # the same as keys, with the second
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
///
/// [end]                                  # without it, a file that was cut off cannot be told from a whole one
/// entries = 26                           # all keys, tokens, names, numbers and grants above
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct PolicyDocument {
    /// Accounts whose modules are trusted: [`TrustPolicy::account`](crate::TrustPolicy::account).
    #[serde(deserialize_with = "read::accounts")]
    pub accounts: Vec<PublicKey>,
    /// Operators whose accounts are trusted: [`TrustPolicy::operator`](crate::TrustPolicy::operator).
    #[serde(deserialize_with = "read::operators")]
    pub operators: Vec<PublicKey>,
    /// Operators whose accounts may take over each other's actors:
    /// [`TrustPolicy::share_actors`](crate::TrustPolicy::share_actors).
    #[serde(deserialize_with = "read::shared_actors")]
    pub shared_actors: Vec<PublicKey>,
    /// Texts of account tokens: [`TrustPolicy::account_token`](crate::TrustPolicy::account_token).
    #[serde(deserialize_with = "read::account_tokens")]
    pub account_tokens: Vec<String>,
    /// Texts of operators' own tokens that are asked for:
    /// [`TrustPolicy::operator_token`](crate::TrustPolicy::operator_token).
    #[serde(deserialize_with = "read::operator_tokens")]
    pub operator_tokens: Vec<String>,
    /// Texts of rotation tokens: [`TrustPolicy::rotation`](crate::TrustPolicy::rotation).
    #[serde(deserialize_with = "read::rotations")]
    pub rotations: Vec<String>,
    /// How far clocks may differ, in seconds: [`TrustPolicy::clock_skew`](crate::TrustPolicy::clock_skew).
    pub clock_skew_seconds: u64,
    /// The most seconds that a module's token may be good for:
    /// [`TrustPolicy::max_token_life`](crate::TrustPolicy::max_token_life).
    pub max_token_life_seconds: Option<u64>,
    /// Which actors may run.
    pub actors: ActorRules,
    /// What is revoked.
    pub revoked: Revoked,
    /// The most that an account or operator may grant, by its key:
    /// [`TrustPolicy::limit`](crate::TrustPolicy::limit).
    #[serde(deserialize_with = "read::issuers")]
    pub issuers: BTreeMap<PublicKey, IssuerRules>,
    /// What is bound to an account or an operator, by its key.
    #[serde(deserialize_with = "read::owners")]
    pub owners: BTreeMap<PublicKey, OwnerRules>,
    /// The document's end, by which it says that it is whole.
    pub end: Option<PolicyEnd>,
}

/// The last table of a [`PolicyDocument`]: with it, a document that was cut off is not taken for a whole one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PolicyEnd {
    /// How many entries there are: [`PolicyDocument::entries`].
    pub entries: u64,
}

/// Which actors may run, in a [`PolicyDocument`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ActorRules {
    /// The only actors that may run: [`TrustPolicy::allow_actor`](crate::TrustPolicy::allow_actor).
    /// None: all that are trusted. An empty list: not one.
    #[serde(deserialize_with = "read::allowed_actors")]
    pub allowed: Option<Vec<PublicKey>>,
    /// Actors that are denied: [`TrustPolicy::deny_actor`](crate::TrustPolicy::deny_actor).
    #[serde(deserialize_with = "read::denied_actors")]
    pub denied: Vec<PublicKey>,
    /// The lowest revision of an actor that may run:
    /// [`TrustPolicy::minimum_revision`](crate::TrustPolicy::minimum_revision).
    #[serde(deserialize_with = "read::minimum_revision")]
    pub minimum_revision: BTreeMap<PublicKey, i32>,
}

/// What is revoked, in a [`PolicyDocument`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Revoked {
    /// Keys of any kind: [`TrustPolicy::revoke_key`](crate::TrustPolicy::revoke_key).
    #[serde(deserialize_with = "read::revoked_keys")]
    pub keys: Vec<PublicKey>,
    /// Ids of tokens: [`TrustPolicy::revoke_token`](crate::TrustPolicy::revoke_token).
    #[serde(deserialize_with = "read::token_ids")]
    pub tokens: Vec<String>,
    /// Keys with the second from which on they are revoked, since 1970:
    /// [`TrustPolicy::revoke_key_since`](crate::TrustPolicy::revoke_key_since).
    pub since: BTreeMap<PublicKey, u64>,
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
    /// Keys of modules: [`TrustPolicy::bind_module`](crate::TrustPolicy::bind_module).
    #[serde(deserialize_with = "read::owned_modules")]
    pub modules: Vec<PublicKey>,
    /// Patterns for names: [`TrustPolicy::bind_name`](crate::TrustPolicy::bind_name).
    #[serde(deserialize_with = "read::owned_names")]
    pub names: Vec<String>,
    /// Tags: [`TrustPolicy::bind_tag`](crate::TrustPolicy::bind_tag).
    #[serde(deserialize_with = "read::tags")]
    pub tags: Vec<String>,
}

/// A capability that an issuer may grant, in a [`PolicyDocument`]. See [`Grant`](crate::Grant).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GrantRule {
    /// The capability's id, or the key of a module that may be called.
    #[serde(deserialize_with = "read::capability")]
    pub capability: String,
    /// The links over which it may be used. None: all. An empty list: not one.
    #[serde(default, deserialize_with = "read::names")]
    pub links: Option<Vec<Box<str>>>,
    /// The operations that may be used. None: all. An empty list: not one.
    #[serde(default, deserialize_with = "read::names")]
    pub operations: Option<Vec<Box<str>>>,
}

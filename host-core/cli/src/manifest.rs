//! Reads the manifest of a host: whom it trusts, what it runs, and how that is linked.
//!
//! Reading is strict: an unknown field, a wrong type or a value that makes no sense is an error that names file, line and field.

mod position;
mod values;

use std::{collections::BTreeMap, num::NonZeroUsize, path::PathBuf};

use capability_provider::{CapabilityId, LinkName};
use host_audit::OnFailure;
use host_core::Isolation;
use serde::Deserialize;
use toml::Spanned;

pub(crate) use self::{
    position::{Position, Source},
    values::{Scalar, Size, Text, Time},
};

/// A manifest as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    #[serde(default)]
    pub(crate) host: HostTable,
    pub(crate) trust: Option<Spanned<TrustTable>>,
    pub(crate) audit: Option<AuditTable>,
    #[serde(default, rename = "actor")]
    pub(crate) actors: Vec<ActorTable>,
    #[serde(default, rename = "provider")]
    pub(crate) providers: Vec<Spanned<ProviderTable>>,
    #[serde(default, rename = "link")]
    pub(crate) links: Vec<LinkTable>,
}

/// `[host]`: what the host and its actors may use. What is left out is as the host has it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostTable {
    pub(crate) cache_dir: Option<PathBuf>,
    pub(crate) revision_ledger: Option<Spanned<PathBuf>>,
    pub(crate) call_deadline: Option<Time>,
    pub(crate) drain_deadline: Option<Time>,
    pub(crate) provider_deadline: Option<Time>,
    pub(crate) max_wait: Option<Time>,
    pub(crate) memory_limit: Option<Size>,
    pub(crate) payload_limit: Option<Size>,
    pub(crate) max_instances: Option<NonZeroUsize>,
    pub(crate) max_call_depth: Option<u32>,
    /// Whether actors are told the time, and given random numbers.
    pub(crate) guest_clock: Option<bool>,
    pub(crate) guest_random: Option<bool>,
    /// What calls find of earlier ones, and whether what a start drew may be the same in each.
    pub(crate) isolation: Option<IsolationName>,
    pub(crate) frozen_start: Option<bool>,
}

/// What a call finds of earlier ones in its instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum IsolationName {
    Shared,
    Pristine,
    Fresh,
}

impl From<IsolationName> for Isolation {
    fn from(name: IsolationName) -> Self {
        match name {
            IsolationName::Shared => Self::Shared,
            IsolationName::Pristine => Self::Pristine,
            IsolationName::Fresh => Self::Fresh,
        }
    }
}

/// `[trust]`: whose modules may run. Either a policy says it, or the lists do.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrustTable {
    /// A file with a policy, which is read again on SIGHUP.
    pub(crate) policy: Option<Spanned<PathBuf>>,
    /// The key that must have signed the policy.
    pub(crate) signer: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) accounts: Vec<Spanned<String>>,
    #[serde(default)]
    pub(crate) operators: Vec<Spanned<String>>,
    #[serde(default)]
    pub(crate) account_tokens: Vec<Spanned<String>>,
}

/// `[audit]`: where the host writes down what it lets in, refuses and grants.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditTable {
    pub(crate) file: Spanned<PathBuf>,
    #[serde(default)]
    pub(crate) on_failure: OnFailure,
}

/// `[[actor]]`: a signed module, and the name that links call it by.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActorTable {
    pub(crate) file: Spanned<PathBuf>,
    pub(crate) name: Option<Spanned<String>>,
    /// The tokens between an operator and the account that signed it, in place of those in the module: texts, or files.
    pub(crate) chain: Option<Vec<Spanned<String>>>,
    /// A revision that may come in although a higher one ran before.
    pub(crate) lower_revision: Option<i32>,
    /// The account or operator to whom it may go when it belongs to another.
    pub(crate) hand_over_to: Option<Spanned<String>>,
    /// Whether it is told the time, and given random numbers, whatever `[host]` says.
    pub(crate) guest_clock: Option<bool>,
    pub(crate) guest_random: Option<bool>,
    /// As under `[host]`, for this actor.
    pub(crate) isolation: Option<IsolationName>,
    pub(crate) frozen_start: Option<bool>,
}

/// `[[provider]]`: what serves a capability under a link name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProviderTable {
    pub(crate) kind: ProviderKind,
    #[serde(default)]
    pub(crate) link: Text<LinkName>,
    pub(crate) url: Option<Spanned<String>>,
}

/// The providers that this program has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ProviderKind {
    HttpServer,
    KeyvalueMemory,
    KeyvalueRedis,
    Logging,
}

/// `[[link]]`: lets an actor use a capability.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkTable {
    pub(crate) actor: Spanned<String>,
    pub(crate) capability: Spanned<Text<CapabilityId>>,
    #[serde(default)]
    pub(crate) name: Text<LinkName>,
    #[serde(default)]
    pub(crate) config: BTreeMap<String, Spanned<Scalar>>,
}

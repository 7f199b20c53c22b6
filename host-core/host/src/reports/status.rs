//! Describes what runs in a host, as a picture of one moment.

use std::fmt::{self, Display};

use capability_claims::{Link, PublicKey};
use capability_provider::{ActorId, CapabilityId, LinkKey, LinkName};
use serde::Serialize;
use untrusted_text::Shown;

use crate::{
    actors::{actor::Actor, system},
    links::wiring::LinkView,
    reports::texts::as_text,
    shared::Shared,
    trust::{
        audit::AuditHealth,
        ownership::{Handover, Succession},
    },
};

/// Everything that a host holds at one moment. Serialises to a map for tools, and displays as lines for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The actors, in the order of their ids.
    pub actors: Vec<ActorStatus>,
    /// The providers, in the order of their capabilities and link names.
    pub providers: Vec<ProviderStatus>,
    /// The links, in the order of their keys.
    pub links: Vec<LinkStatus>,
    /// The audit log; `None` when the host has none.
    pub audit: Option<AuditHealth>,
    /// How many removals and replacements have happened whose calls in flight are still waited for, or whose links are still being ended.
    pub draining: usize,
    /// How many calls into providers have outlasted their deadline and not come back: those of the providers here, of those that left, and
    /// questions for health.
    pub abandoned: usize,
}

/// One actor: what its token says, and how busy it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ActorStatus {
    /// Its identity.
    #[serde(serialize_with = "as_text")]
    pub id: ActorId,
    /// Its name for people.
    pub name: Option<String>,
    /// Its token's revision.
    pub revision: Option<i32>,
    /// Its token's version text.
    pub version: Option<String>,
    /// Who signed it.
    #[serde(serialize_with = "as_text")]
    pub issuer: PublicKey,
    /// From whom it came to that account by a handover, and on whose word; `None` when the same account brought it in.
    pub handover: Option<HandoverStatus>,
    /// When its token expires, in seconds since 1970; `None` when it does not.
    pub expires: Option<u64>,
    /// What its token grants.
    pub grants: Vec<String>,
    /// What it may use now: what the policy leaves of the grants, in words where that is not all of one. Nothing when it may
    /// not be called.
    pub allowed: Vec<String>,
    /// On whose authority it is here: from the key that the policy trusted when it came in, link by link, to the module.
    pub provenance: Vec<ProvenanceStatus>,
    /// 1 for the actor as it was added; one more with each swap.
    pub generation: u64,
    /// How many calls are in flight in this generation.
    pub calls: usize,
    /// How many calls are in flight in the generations before.
    pub draining: usize,
    /// Its instances.
    pub pool: PoolStatus,
    /// What its calls find of earlier ones in their instances: `shared`, `pristine` or `fresh`.
    pub isolation: &'static str,
    /// Why its calls get fresh instances although they are to be pristine; `None` when they do not.
    pub not_pristine: Option<String>,
}

/// The last handover of an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HandoverStatus {
    /// The account that it belonged to before.
    #[serde(serialize_with = "as_text")]
    pub from: PublicKey,
    /// On whose word it went to another.
    pub by: Handover,
}

/// One link of an actor's provenance: a key, and the token about it.
///
/// The first key may be trusted without any token; then nothing more is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ProvenanceStatus {
    /// Whom the link is about: an operator, an account or the module.
    #[serde(serialize_with = "as_text")]
    pub key: PublicKey,
    /// Its name for people.
    pub name: Option<String>,
    /// The token's id.
    pub token: Option<String>,
    /// The second from which on the token is refused, since 1970; `None` when it does not expire.
    pub expires: Option<u64>,
}

/// The instances of one actor's generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PoolStatus {
    /// How many wait for a call.
    pub idle: usize,
    /// How many serve one.
    pub in_use: usize,
    /// How many there may be.
    pub max: usize,
}

/// One provider in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ProviderStatus {
    /// The capability it serves.
    #[serde(serialize_with = "as_text")]
    pub capability: CapabilityId,
    /// The link name under which it serves it.
    #[serde(serialize_with = "as_text")]
    pub link: LinkName,
    /// Its name.
    pub name: String,
    /// How many calls into it, to make or end a link or to end itself, have outlasted their deadline and not come back.
    pub abandoned: usize,
}

/// One declared link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LinkStatus {
    /// The actor.
    #[serde(serialize_with = "as_text")]
    pub actor: ActorId,
    /// The capability.
    #[serde(serialize_with = "as_text")]
    pub capability: CapabilityId,
    /// The link's name.
    #[serde(serialize_with = "as_text")]
    pub link: LinkName,
    /// The name of the provider that serves it; `None` when the link is down.
    pub provider: Option<String>,
}

impl Shared {
    pub(crate) fn status(&self) -> Status {
        let providers = self.wiring.providers();
        let providers = providers.iter().map(|served| ProviderStatus {
            capability: served.place.capability.clone(),
            link: served.place.link.clone(),
            name: served.name.clone(),
            abandoned: served.account.abandoned(),
        });
        let now = self.policy.now();
        Status {
            actors: self.actors.all().iter().filter_map(|actor| ActorStatus::of(actor, now)).collect(),
            providers: providers.collect(),
            links: self.wiring.links(None).into_iter().map(LinkStatus::of).collect(),
            audit: self.audit.health(self.policy.waiting()),
            draining: self.behind.running(),
            abandoned: self.foreign.abandoned(),
        }
    }
}

impl ActorStatus {
    /// `None` when the actor is being removed.
    fn of(actor: &Actor, now: u64) -> Option<Self> {
        let generation = actor.current()?;
        let claims = generation.claims();
        let pool = generation.guest.pool_stats();
        let older = actor.older();
        let older = older.iter().filter(|older| older.number != generation.number);
        Some(Self {
            id: actor.id.clone(),
            name: claims.name().map(str::to_owned),
            revision: claims.revision(),
            version: claims.version().map(str::to_owned),
            issuer: claims.issuer(),
            handover: generation.succession.map(|Succession { from, by }| HandoverStatus { from, by }),
            expires: claims.expires(),
            grants: generation.rights.granted(),
            allowed: generation.rights.allowed(now),
            provenance: generation.provenance.links().iter().map(ProvenanceStatus::of).collect(),
            generation: generation.number,
            calls: generation.in_flight(),
            draining: older.map(|older| older.in_flight()).sum(),
            pool: PoolStatus { idle: pool.idle, in_use: pool.in_use, max: pool.max },
            isolation: system::name(generation.guest.isolation()),
            not_pristine: generation.guest.not_pristine().map(|reason| reason.to_string()),
        })
    }
}

impl ProvenanceStatus {
    fn of(link: &Link) -> Self {
        Self {
            key: link.key(),
            name: link.name().map(str::to_owned),
            token: link.token().map(str::to_owned),
            expires: link.expires(),
        }
    }
}

impl LinkStatus {
    fn of(view: LinkView) -> Self {
        let LinkKey { actor, capability, link } = view.key;
        Self { actor, capability, link, provider: view.served.map(|served| served.name.clone()) }
    }
}

impl Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for actor in &self.actors {
            let name = Shown::new(actor.name.as_deref().unwrap_or("unnamed"));
            let version = Shown::new(actor.version.as_deref().unwrap_or("without version"));
            write!(f, "actor {name} {version} ({}), generation {}", actor.id, actor.generation)?;
            write!(f, ", {} calls in flight, {} draining", actor.calls, actor.draining)?;
            if let Some(HandoverStatus { from, by }) = actor.handover {
                write!(f, "; belongs to {}, before to {from} ({by})", actor.issuer)?;
            }
            if let Some(reason) = &actor.not_pristine {
                write!(f, "; each call gets a fresh instance, for {reason}")?;
            }
            writeln!(f)?;
        }
        for provider in &self.providers {
            write!(f, "provider {}: {} (link `{}`)", provider.name, provider.capability, provider.link)?;
            match provider.abandoned {
                0 => writeln!(f)?,
                abandoned => writeln!(f, "; {abandoned} calls into it have not come back")?,
            }
        }
        for link in &self.links {
            write!(f, "link `{}` of {} to {}: ", link.link, link.actor, link.capability)?;
            match &link.provider {
                Some(provider) => writeln!(f, "up, {provider}")?,
                None => writeln!(f, "down, no provider")?,
            }
        }
        if self.draining > 0 {
            writeln!(f, "removals and replacements that still drain: {}", self.draining)?;
        }
        self.audit.iter().try_for_each(|audit| audit.fmt(f))
    }
}

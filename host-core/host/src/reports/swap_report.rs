//! Tells what a swap changed.

use std::{collections::HashSet, fmt};

use capability_claims::{ModuleClaims, PublicKey};
use capability_provider::ActorId;
use serde::Serialize;
use untrusted_text::Shown;

use crate::{
    actors::generation::{Generation, Prepared},
    reports::texts::as_text,
    trust::{ownership::Handover, rights::Rights},
};

/// What a swap changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SwapReport {
    /// The actor.
    #[serde(serialize_with = "as_text")]
    pub actor: ActorId,
    /// The version that served before.
    pub from: ActorVersion,
    /// The version that serves now.
    pub to: ActorVersion,
    /// What the new token grants and the old one did not.
    pub grants_gained: Vec<String>,
    /// What the old token granted and the new one does not.
    pub grants_lost: Vec<String>,
    /// What the actor may use now and could not before, the token's grants and the policy taken together: in the words of
    /// [`ActorStatus::allowed`](crate::ActorStatus::allowed).
    pub allowed_gained: Vec<String>,
    /// What the actor could use before and may not now, in the same words.
    pub allowed_lost: Vec<String>,
    /// Whether a lower revision was let in by force: lower than the one that served, or than one that the revision ledger remembers.
    pub forced: bool,
    /// On whose word the actor went to another account; `None` when the same one signed both versions.
    pub handover: Option<Handover>,
    /// How many calls of the old version were in flight at the switch. They finish there, or are ended at the drain deadline.
    pub draining: usize,
}

/// One version of an actor, as its token and its place in the host's history tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ActorVersion {
    /// 1 for the actor as it was added; one more with each swap.
    pub generation: u64,
    /// The token's revision.
    pub revision: Option<i32>,
    /// The token's version text.
    pub version: Option<String>,
    /// Who signed it.
    #[serde(serialize_with = "as_text")]
    pub issuer: PublicKey,
}

impl ActorVersion {
    fn of(generation: u64, claims: &ModuleClaims) -> Self {
        Self {
            generation,
            revision: claims.revision(),
            version: claims.version().map(str::to_owned),
            issuer: claims.issuer(),
        }
    }
}

impl fmt::Display for ActorVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.version, self.revision) {
            (Some(version), Some(revision)) => write!(f, "{} (revision {revision})", Shown::new(version)),
            (Some(version), None) => Shown::new(version).fmt(f),
            (None, Some(revision)) => write!(f, "revision {revision}"),
            (None, None) => write!(f, "generation {}", self.generation),
        }
    }
}

impl SwapReport {
    /// Whether another account signed the new version than the old one. The policy trusts both, or did.
    #[must_use]
    pub fn issuer_changed(&self) -> bool {
        self.from.issuer != self.to.issuer
    }

    /// What the tokens say of a swap that is about to happen. What the policy makes of them is told [afterwards](Self::with_allowed).
    pub(crate) fn between(
        actor: &ActorId,
        old: &Generation,
        new: &Prepared,
        handover: Option<Handover>,
    ) -> Self {
        let [before, after] = [&old.rights, &new.rights].map(|rights| rights.granted());
        Self {
            actor: actor.clone(),
            from: ActorVersion::of(old.number, old.claims()),
            to: ActorVersion::of(old.number + 1, new.rights.claims()),
            grants_gained: beyond(&after, &before),
            grants_lost: beyond(&before, &after),
            allowed_gained: Vec::new(),
            allowed_lost: Vec::new(),
            forced: revision(new.rights.claims()) < revision(old.claims()),
            handover,
            draining: 0,
        }
    }

    pub(crate) fn with_allowed(self, old: &Rights, new: &Rights, now: u64) -> Self {
        let [could, can] = [old, new].map(|rights| rights.allowed(now));
        Self { allowed_gained: beyond(&can, &could), allowed_lost: beyond(&could, &can), ..self }
    }
}

/// Those that the others do not have, in their order.
fn beyond(these: &[String], others: &[String]) -> Vec<String> {
    let others: HashSet<_> = others.iter().collect();
    these.iter().filter(|grant| !others.contains(grant)).cloned().collect()
}

impl fmt::Display for SwapReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} took the place of {}", self.actor, self.to, self.from)?;
        if self.forced {
            f.write_str(" by force")?;
        }
        if self.issuer_changed() {
            write!(f, "; signed by {}, before by {}", self.to.issuer, self.from.issuer)?;
        }
        if let Some(handover) = self.handover {
            write!(f, " ({handover})")?;
        }
        list(f, ["gained", "lost"], [&self.grants_gained, &self.grants_lost])?;
        // Where the policy sets no limits it is the same again.
        let same = self.allowed_gained == self.grants_gained && self.allowed_lost == self.grants_lost;
        if !same {
            list(f, ["may now use", "may no longer use"], [&self.allowed_gained, &self.allowed_lost])?;
        }
        write!(f, "; {} calls still drain", self.draining)
    }
}

fn list(f: &mut fmt::Formatter<'_>, words: [&str; 2], grants: [&[String]; 2]) -> fmt::Result {
    for (word, grants) in words.into_iter().zip(grants).filter(|(_, grants)| !grants.is_empty()) {
        write!(f, "; {word}: ")?;
        for (at, grant) in grants.iter().enumerate() {
            write!(f, "{}{}", if at == 0 { "" } else { ", " }, Shown::words(grant))?;
        }
    }
    Ok(())
}

/// A token without a revision counts as the first of all.
pub(crate) fn revision(claims: &ModuleClaims) -> i32 {
    claims.revision().unwrap_or(0)
}

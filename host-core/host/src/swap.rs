//! Putting another version of an actor in its place, while it serves.

use std::{collections::HashSet, fmt, sync::Arc};

use bytes::Bytes;
use capability_claims::{ModuleClaims, Owner, PublicKey};
use capability_provider::ActorId;
use serde::Serialize;
use untrusted_text::Shown;

use crate::{
    error::Error,
    generation::{Generation, Prepared},
    management::Of,
    names,
    options::SwapOptions,
    ownership::{Handover, Predecessor},
    rights::Rights,
    shared::Shared,
    status::as_text,
    steps::step,
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
    fn between(actor: &ActorId, old: &Generation, new: &Prepared, handover: Option<Handover>) -> Self {
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

    fn with_allowed(self, old: &Rights, new: &Rights, now: u64) -> Self {
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

impl Shared {
    pub(crate) fn replace_actor(
        self: &Arc<Self>,
        wasm: Bytes,
        options: &SwapOptions,
    ) -> Result<SwapReport, Error> {
        let swapped = self.swap(wasm.clone(), options);
        swapped.inspect_err(|error| self.audit.refused(&wasm, true, error, self.policy.now()))
    }

    fn swap(self: &Arc<Self>, wasm: Bytes, options: &SwapOptions) -> Result<SwapReport, Error> {
        let (id, module) = self.admit(wasm, options.chain.as_deref())?;
        options.check_key(&id, module.claims())?;
        let actor = self.actor(&id)?;
        let serving = actor.current().ok_or_else(|| Error::UnknownActor { actor: id.clone() })?;
        options.check_revision(&id, serving.claims(), module.claims())?;
        self.below_highest(&id, module.claims(), |revision| options.lets_in(revision))?;
        let place = Predecessor::of(Owner::of(serving.claims()), options.hand_over_to, module.provenance());
        place.gives_way(&id, module.claims(), &self.policy.trust(), self.policy.now())?;
        // From here on it takes time, so it is done before the turn is taken; the number is given at the switch.
        let prepared = self.start(&actor, &module)?;
        step("takes the turn");

        let _turn = self.turn(Of::Actor(id.clone()))?;
        let _changing = self.changing()?;
        // While it was compiled the actor may have been removed, even added again, or swapped by somebody else, and the policy
        // may be another.
        let here = self.actors.find(id.as_str()).filter(|here| Arc::ptr_eq(here, &actor));
        let serving = here.and_then(|actor| actor.current());
        let serving = serving.ok_or_else(|| Error::UnknownActor { actor: id.clone() })?;
        options.check_revision(&id, serving.claims(), module.claims())?;
        let below = self.below_highest(&id, module.claims(), |revision| options.lets_in(revision))?;
        let now = self.policy.now();
        prepared.rights.could_be_admitted(now)?;
        let place = Predecessor::of(Owner::of(serving.claims()), options.hand_over_to, &prepared.provenance);
        let succession = place.gives_way(&id, module.claims(), &self.policy.trust(), now)?;
        let report =
            SwapReport::between(&id, &serving, &prepared, succession.map(|succession| succession.by));
        let report = SwapReport { forced: report.forced || below, ..report };
        step("records the swap");
        self.audit.swapped(&report, &serving, &prepared, now)?;
        // The policy may have become another over the record; then the refusal follows it in the log.
        let succession = prepared.rights.admit(Some(&place), now)?;
        step("remembers the revision and takes the place");
        self.remember(&prepared.rights, below, succession)?;
        let report = report.with_allowed(&serving.rights, &prepared.rights, now);
        let next = prepared.numbered(serving.number + 1, succession.or(serving.succession));
        drop(serving);
        let draining = actor.switch(Some(next)).map_or(0, |old| self.drain(&old));
        Ok(SwapReport { draining, ..report })
    }

    /// Has the calls in flight of a retired generation ended when their time is over; returns how many there are.
    fn drain(&self, old: &Arc<Generation>) -> usize {
        let calls = old.in_flight();
        if calls > 0 {
            self.housekeeper.drain(old, self.drained());
        }
        calls
    }
}

impl SwapOptions {
    /// Another actor's module does not take this one's place, and by a mistake of its owner not that one's either.
    fn check_key(&self, offered: &ActorId, claims: &ModuleClaims) -> Result<(), Error> {
        match &self.actor {
            Some(actor) if actor != offered => Err(Error::OtherActor {
                actor: actor.clone(),
                offered: offered.clone(),
                name: names::of(claims),
            }),
            _ => Ok(()),
        }
    }

    /// A lower revision does not take the place of a higher one unless it is forced to: an old module with a valid token must
    /// not come back by accident or by somebody's wish.
    fn check_revision(
        &self,
        actor: &ActorId,
        serving: &ModuleClaims,
        offered: &ModuleClaims,
    ) -> Result<(), Error> {
        let (name, current, offered) = (names::of(offered), revision(serving), revision(offered));
        if offered < current && !self.lets_in(offered) {
            return Err(Error::RevisionTooLow { actor: actor.clone(), name, current, offered });
        }
        Ok(())
    }

    fn lets_in(&self, lower: i32) -> bool {
        self.force || self.lower_revision == Some(lower)
    }
}

/// A token without a revision counts as the first of all.
pub(crate) fn revision(claims: &ModuleClaims) -> i32 {
    claims.revision().unwrap_or(0)
}

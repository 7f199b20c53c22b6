//! Putting another version of an actor in its place, while it serves.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use capability_claims::ModuleClaims;
use capability_provider::ActorId;
use serde::Serialize;

use crate::{error::Error, generation::Generation, shared::Shared, status::as_text};

/// How a swap is to be done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SwapOptions {
    /// Whether a lower revision may take the place of a higher one. Nothing else is waived: the module is verified as ever.
    pub force: bool,
}

impl SwapOptions {
    /// A swap that refuses a lower revision.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same options with [`force`](Self::force) as given.
    #[must_use]
    pub fn force(mut self, force: bool) -> Self {
        self.force = force;
        self
    }
}

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
}

impl ActorVersion {
    fn of(generation: &Generation) -> Self {
        let claims = &generation.claims;
        Self {
            generation: generation.number,
            revision: claims.revision(),
            version: claims.version().map(str::to_owned),
        }
    }
}

impl fmt::Display for ActorVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.version, self.revision) {
            (Some(version), Some(revision)) => write!(f, "{version} (revision {revision})"),
            (Some(version), None) => f.write_str(version),
            (None, Some(revision)) => write!(f, "revision {revision}"),
            (None, None) => write!(f, "generation {}", self.generation),
        }
    }
}

impl fmt::Display for SwapReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} took the place of {}", self.actor, self.to, self.from)?;
        for (what, grants) in [("gained", &self.grants_gained), ("lost", &self.grants_lost)] {
            if !grants.is_empty() {
                write!(f, "; {what}: {}", grants.join(", "))?;
            }
        }
        write!(f, "; {} calls still drain", self.draining)
    }
}

impl Shared {
    pub(crate) fn replace_actor(
        self: &Arc<Self>,
        wasm: Bytes,
        options: SwapOptions,
    ) -> Result<SwapReport, Error> {
        let (id, module) = self.admit(wasm)?;
        let actor = self.actor(&id)?;
        let serving = actor.current().ok_or_else(|| Error::UnknownActor { actor: id.clone() })?;
        check_revision(&id, &serving.claims, module.claims(), options)?;
        // From here on it takes time, so it is done before the turn is taken; the number is given at the switch.
        let prepared = self.start(&actor, &module)?;

        let _turn = self.turn()?;
        // While it was compiled the actor may have been removed, even added again, or swapped by somebody else.
        let here = self.actors.find(id.as_str()).filter(|here| Arc::ptr_eq(here, &actor));
        let serving = here.and_then(|actor| actor.current());
        let serving = serving.ok_or_else(|| Error::UnknownActor { actor: id.clone() })?;
        check_revision(&id, &serving.claims, module.claims(), options)?;
        let next = prepared.numbered(serving.number + 1);
        let report = SwapReport {
            from: ActorVersion::of(&serving),
            to: ActorVersion::of(&next),
            grants_gained: next.grants.beyond(&serving.grants),
            grants_lost: serving.grants.beyond(&next.grants),
            draining: 0,
            actor: id,
        };
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

/// A lower revision does not take the place of a higher one unless it is forced to: an old module with a valid token must not
/// come back by accident or by somebody's wish.
fn check_revision(
    actor: &ActorId,
    serving: &ModuleClaims,
    offered: &ModuleClaims,
    options: SwapOptions,
) -> Result<(), Error> {
    let (current, offered) = (serving.revision().unwrap_or(0), offered.revision().unwrap_or(0));
    if offered < current && !options.force {
        return Err(Error::RevisionTooLow { actor: actor.clone(), current, offered });
    }
    Ok(())
}

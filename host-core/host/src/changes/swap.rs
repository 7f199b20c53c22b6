//! Puts another version of an actor in its place, while it serves.

use std::sync::Arc;

use bytes::Bytes;
use capability_claims::{ModuleClaims, Owner};
use capability_provider::ActorId;

use crate::{
    actors::{generation::Generation, names},
    changes::management::Of,
    error::Error,
    options::SwapOptions,
    reports::swap_report::{SwapReport, revision},
    shared::Shared,
    steps::step,
    trust::ownership::Predecessor,
};

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

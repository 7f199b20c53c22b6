//! Takes an actor away with all of its links.

use std::sync::Arc;

use capability_provider::ActorId;

use crate::{changes::management::Of, error::Error, shared::Shared, steps::step};

impl Shared {
    /// First the links over which requests come, so that no new ones come; then it takes no more calls; then, behind, the calls in flight
    /// are waited for, which may still use the other links; then those are ended.
    pub(crate) fn remove_actor(self: &Arc<Self>, id: &ActorId) -> Result<(), Error> {
        let turn = self.turn(Of::Actor(id.clone()))?;
        let (actor, links) = {
            let _changing = self.changing()?;
            let actor = self.actor(id)?;
            self.audit.removed(id, self.policy.now());
            let links = self.wiring.leave(&actor);
            links.iter().for_each(|(key, _)| self.audit.unlinked(key, self.policy.now()));
            (actor, links)
        };
        let (links, lines): (Vec<_>, Vec<_>) = links.into_iter().unzip();
        let ends = self.ends_of_leaving(&turn.all(), lines.into_iter().flatten().collect());
        let drained = self.drained();
        let ends = self.close_fronts(ends, drained);
        step("takes no more calls");
        actor.switch(None);
        step("is not here any more");
        self.actors.remove(id);
        drop(turn);
        self.see_off(actor, links, ends, drained);
        Ok(())
    }
}

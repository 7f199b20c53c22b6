//! Takes an actor away with all of its links.

use std::sync::Arc;

use capability_provider::ActorId;

use crate::{changes::management::Of, error::Error, shared::Shared, steps::step};

impl Shared {
    /// First the links over which requests come, so that no new ones come; then it takes no more calls; then, behind, the calls in flight
    /// are waited for, which may still use the other links; then those are ended.
    pub(crate) fn remove_actor(self: &Arc<Self>, id: &ActorId) -> Result<(), Error> {
        let turn = self.turn(Of::Actor(id.clone()))?;
        let (actor, links, mut one) = {
            let _changing = self.changing()?;
            let actor = self.actor(id)?;
            let links = self.wiring.leave(&actor);
            (actor, links, self.behind.one_more())
        };
        let (links, lines): (Vec<_>, Vec<_>) = links.into_iter().unzip();
        let drained = self.drained();
        let ends = self.ends_of_leaving(&turn.all(), lines.into_iter().flatten().collect(), drained);
        let ends = self.close_fronts(ends, drained);
        one.closed_fronts();
        step("takes no more calls");
        actor.switch(None);
        step("is not here any more");
        self.actors.remove(id);
        // No disk keeps the removal waiting, but whoever brings the actor back comes after it in the log too.
        self.audit.removed(id, self.policy.now());
        links.iter().for_each(|key| self.audit.unlinked(key, self.policy.now()));
        drop(turn);
        self.see_off(actor, links, ends, drained, one);
        Ok(())
    }
}

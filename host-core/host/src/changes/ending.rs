//! Ends the whole host.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use crate::{
    changes::{
        behind::LAST_GRACE,
        draining::End,
        management::{Of, inside},
    },
    links::place::Place,
    shared::Shared,
};

impl Shared {
    /// Ends everything, within the drain deadline and a little: the fronts first, all at once, while the requests that they accepted are
    /// answered; then nothing new begins, and what began is waited for; then links, providers and actors.
    pub(crate) fn shutdown(self: &Arc<Self>) {
        let Ok(turn) = self.turns.take(Of::End, &inside()) else {
            log::error!(
                "the host was told to shut down by a provider that it is just ending: it does so already"
            );
            return;
        };
        if self.has_ended() {
            return;
        }
        let drained = self.drained();
        self.changes.close();
        if !self.changes.wait_empty(drained) {
            log::warn!("a change of the host still waits for the disk");
        }
        let within = turn.all();
        let fronts = self.take_fronts(&within, drained);
        let left = self.close_fronts(fronts, drained);
        // Those of what was taken away a moment ago as well.
        self.behind.wait_fronts(drained);
        self.doors.close();
        self.doors.wait_empty(drained);
        self.end_actors(drained);
        if !self.behind.wait_done(drained.max(Instant::now()) + LAST_GRACE) {
            log::warn!("{} drains are left behind", self.behind.running());
        }
        self.end_providers(&within, left);
        self.end();
        self.audit.close(self.policy.now());
        if let Some(ledger) = &self.ledger {
            ledger.release();
        }
        self.housekeeper.stop();
    }

    /// The links over which providers deliver, which nobody knows any more.
    fn take_fronts(&self, within: &[Of], until: Instant) -> Vec<End> {
        let mut fronts = Vec::new();
        for link in self.wiring.links(None).into_iter().filter(|link| link.delivers) {
            fronts.extend(self.wiring.take_link(&link.key).flatten());
            self.audit.unlinked(&link.key, self.policy.now());
        }
        self.ends(within, fronts, until)
    }

    /// Nobody calls any more: waits for the calls that actors made of each other and to providers, and ends what outlasts the deadline.
    fn end_actors(&self, drained: Instant) {
        let actors = self.actors.all();
        for actor in &actors {
            actor.switch(None);
        }
        actors.iter().for_each(|actor| actor.drain(drained));
        // All are told before one is waited for.
        actors.iter().for_each(|actor| actor.interrupt());
        let ended = drained.max(Instant::now()) + LAST_GRACE;
        for actor in &actors {
            actor.end(ended);
            self.actors.remove(&actor.id);
            actor.links.clear();
        }
    }

    /// Ends the links that are left and shuts all providers down, all at once.
    fn end_providers(self: &Arc<Self>, within: &[Of], left: Vec<End>) {
        let mut lines: BTreeMap<Place, Vec<_>> = BTreeMap::new();
        for link in self.wiring.links(None) {
            let line = self.wiring.take_link(&link.key).flatten();
            lines.entry(Place::of(&link.key)).or_default().extend(line);
            self.audit.unlinked(&link.key, self.policy.now());
        }
        let mut left: BTreeMap<Place, Vec<End>> = left.into_iter().fold(BTreeMap::new(), |mut left, end| {
            left.entry(end.place()).or_default().push(end);
            left
        });
        let until = Instant::now() + LAST_GRACE;
        let mut leaving = Vec::new();
        for served in self.wiring.providers() {
            if self.wiring.remove(&served.place).is_none() {
                continue;
            }
            self.audit.dismissed(&served, self.policy.now());
            served.close();
            let mut ends = left.remove(&served.place).unwrap_or_default();
            ends.extend(self.ends(within, lines.remove(&served.place).unwrap_or_default(), until));
            leaving.push((served, ends));
        }
        self.dismiss_all(leaving, until);
    }
}

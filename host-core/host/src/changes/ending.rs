//! Ends the whole host.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use capability_provider::LinkKey;
use crossbeam_channel::bounded;

use crate::{
    actors::{actor::Actor, generation::Generation},
    changes::{
        behind::LAST_GRACE,
        draining::End,
        management::{Of, inside},
    },
    links::place::Place,
    shared::Shared,
};

/// What is over with the host, for the log to be told.
enum Over {
    Link(LinkKey),
    Provider(Place, String),
}

/// The actors that the host had, and the versions of them that served. What was counted of each is recorded when it goes, if not before.
struct Ended {
    actors: Vec<Arc<Actor>>,
    served: Vec<Arc<Generation>>,
}

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
        let mut over = Vec::new();
        let fronts = self.take_fronts(&within, drained, &mut over);
        let left = self.close_fronts(fronts, drained);
        // Those of what was taken away a moment ago as well; but a provider that shuts the host down while it ends one would wait for itself.
        if inside().is_empty() {
            self.behind.wait_fronts(drained);
        }
        self.doors.close();
        self.doors.wait_empty(drained);
        let actors = self.end_actors(drained);
        if !self.behind.wait_done(drained.max(Instant::now()) + LAST_GRACE) {
            log::warn!("{} drains are left behind", self.behind.running());
        }
        self.end_providers(&within, left, &mut over);
        self.end();
        self.close_log(actors, over, drained.max(Instant::now()) + LAST_GRACE);
        if let Some(ledger) = &self.ledger {
            ledger.release();
        }
    }

    /// The links over which providers deliver, which nobody knows any more.
    fn take_fronts(&self, within: &[Of], until: Instant, over: &mut Vec<Over>) -> Vec<End> {
        let mut fronts = Vec::new();
        for link in self.wiring.links(None).into_iter().filter(|link| link.delivers) {
            fronts.extend(self.wiring.take_link(&link.key).flatten());
            over.push(Over::Link(link.key));
        }
        self.ends(within, fronts, until)
    }

    /// Nobody calls any more: waits for the calls that actors made of each other and to providers, and ends what outlasts the deadline.
    /// Returns them, with the versions that served, so that they go when the log is closed.
    fn end_actors(&self, drained: Instant) -> Ended {
        let actors = self.actors.all();
        let served = actors.iter().filter_map(|actor| actor.switch(None)).collect();
        actors.iter().for_each(|actor| actor.drain(drained));
        // All are told before one is waited for.
        actors.iter().for_each(|actor| actor.interrupt());
        let ended = drained.max(Instant::now()) + LAST_GRACE;
        for actor in &actors {
            actor.end(ended);
            self.actors.remove(&actor.id);
            actor.links.clear();
        }
        Ended { actors, served }
    }

    /// Has the log told the rest and closed, and the host's threads ended that write to it: a disk that hangs holds up nobody beyond `until`.
    fn close_log(self: &Arc<Self>, ended: Ended, over: Vec<Over>, until: Instant) {
        let (host, now) = (Arc::clone(self), self.policy.now());
        let close = move || {
            let Ended { actors, served } = ended;
            actors.iter().for_each(|actor| actor.conclude());
            drop((actors, served));
            for over in over {
                match over {
                    Over::Link(key) => host.audit.unlinked(&key, now),
                    Over::Provider(place, name) => host.audit.dismissed(&place, &name, now),
                }
            }
            host.audit.close(now);
            host.housekeeper.stop();
        };
        if !self.audit.enabled() {
            return close();
        }
        let (closed, is_closed) = bounded(1);
        self.behind.go_on(self.behind.one_more(), move |_| {
            close();
            // Nobody may be waiting any more.
            let _told = closed.send(());
        });
        if is_closed.recv_deadline(until).is_err() {
            log::error!("the audit log is not closed, for its disk does not answer: it is left behind");
        }
    }

    /// Ends the links that are left and shuts all providers down, all at once.
    fn end_providers(self: &Arc<Self>, within: &[Of], left: Vec<End>, over: &mut Vec<Over>) {
        let mut lines: BTreeMap<Place, Vec<_>> = BTreeMap::new();
        for link in self.wiring.links(None) {
            let line = self.wiring.take_link(&link.key).flatten();
            lines.entry(Place::of(&link.key)).or_default().extend(line);
            over.push(Over::Link(link.key));
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
            over.push(Over::Provider(served.place.clone(), served.name.clone()));
            served.close();
            let mut ends = left.remove(&served.place).unwrap_or_default();
            ends.extend(self.ends(within, lines.remove(&served.place).unwrap_or_default(), until));
            leaving.push((served, ends));
        }
        self.dismiss_all(leaving, until);
    }
}

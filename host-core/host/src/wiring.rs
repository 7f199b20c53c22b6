//! Which provider stands where, and which links are declared: the owner of both maps.

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
};

use capability_provider::{ActorHandle, ActorId, LinkConfig, LinkKey};
use parking_lot::RwLock;

use crate::{
    actors::Actor,
    dispatch::LinkDispatch,
    error::Error,
    links::{LinkEntry, LinkTable},
    providers::{Place, Served},
    shared::Shared,
};

/// Providers and links. Changed by whoever has the turn; read by anybody. The lock is held for a look or a change of the
/// maps alone, never while a provider or a guest is called.
#[derive(Default)]
pub(crate) struct Wiring(RwLock<Maps>);

#[derive(Default)]
struct Maps {
    providers: BTreeMap<Place, Arc<Served>>,
    links: BTreeMap<LinkKey, Link>,
}

/// A declared link; without a line it is down.
struct Link {
    config: LinkConfig,
    line: Option<Line>,
}

/// A link that a provider has made.
#[derive(Clone)]
pub(crate) struct Line {
    key: LinkKey,
    served: Arc<Served>,
    dispatch: Weak<LinkDispatch>,
}

impl Line {
    /// Has the provider make the link.
    pub(crate) fn connect(
        host: &Arc<Shared>,
        actor: &Arc<Actor>,
        served: &Arc<Served>,
        key: &LinkKey,
        config: &LinkConfig,
    ) -> Result<Self, Error> {
        let dispatch = Arc::new(LinkDispatch::new(key.clone(), Arc::downgrade(actor), Arc::downgrade(host)));
        let line = Self { key: key.clone(), served: Arc::clone(served), dispatch: Arc::downgrade(&dispatch) };
        served.link(key, config, ActorHandle::new(key.clone(), dispatch))?;
        Ok(line)
    }

    /// Whether the provider kept its handle, so that it may deliver calls to the actor.
    pub(crate) fn delivers(&self) -> bool {
        self.dispatch.strong_count() > 0
    }

    pub(crate) fn key(&self) -> &LinkKey {
        &self.key
    }

    /// Has the provider end the link; a handle that it keeps leads nowhere from then on.
    pub(crate) fn end(&self) {
        self.served.unlink(&self.key);
        if let Some(dispatch) = self.dispatch.upgrade() {
            dispatch.end();
        }
    }
}

/// One declared link as health and status show it.
pub(crate) struct LinkView {
    pub(crate) key: LinkKey,
    /// Its provider; without one the link is down.
    pub(crate) served: Option<Arc<Served>>,
    /// Whether the provider may deliver calls over it.
    pub(crate) delivers: bool,
}

impl Wiring {
    pub(crate) fn provider(&self, place: &Place) -> Option<Arc<Served>> {
        self.0.read().providers.get(place).cloned()
    }

    /// Every provider, in the order of their places.
    pub(crate) fn providers(&self) -> Vec<Arc<Served>> {
        self.0.read().providers.values().cloned().collect()
    }

    pub(crate) fn has_link(&self, key: &LinkKey) -> bool {
        self.0.read().links.contains_key(key)
    }

    /// The declared links of one actor, or of all.
    pub(crate) fn links(&self, actor: Option<&ActorId>) -> Vec<LinkView> {
        let maps = self.0.read();
        let wanted = maps.links.iter().filter(|(key, _)| actor.is_none_or(|actor| key.actor == *actor));
        let view = |(key, link): (&LinkKey, &Link)| LinkView {
            key: key.clone(),
            served: link.served(),
            delivers: link.line.as_ref().is_some_and(Line::delivers),
        };
        wanted.map(view).collect()
    }

    /// The links that are up, of one actor or of all.
    pub(crate) fn lines(&self, actor: Option<&ActorId>) -> Vec<Line> {
        let maps = self.0.read();
        let wanted = maps.links.iter().filter(|(key, _)| actor.is_none_or(|actor| key.actor == *actor));
        wanted.filter_map(|(_, link)| link.line.clone()).collect()
    }

    /// What is declared for the provider of this place.
    pub(crate) fn declared(&self, place: &Place) -> Vec<(LinkKey, LinkConfig)> {
        let maps = self.0.read();
        let wanted = maps.links.iter().filter(|(key, _)| Place::of(key) == *place);
        wanted.map(|(key, link)| (key.clone(), link.config.clone())).collect()
    }

    pub(crate) fn add_link(&self, line: Line, config: LinkConfig) {
        let key = line.key.clone();
        self.0.write().links.insert(key, Link { config, line: Some(line) });
    }

    /// Forgets a link; returns its line when it was up. `None` when there is no such link.
    pub(crate) fn take_link(&self, key: &LinkKey) -> Option<Option<Line>> {
        self.0.write().links.remove(key).map(|link| link.line)
    }

    /// Puts a provider in its place with the links that it has made; returns the provider and lines that were there.
    pub(crate) fn install(&self, served: Arc<Served>, lines: Vec<Line>) -> (Option<Arc<Served>>, Vec<Line>) {
        let mut maps = self.0.write();
        let old = maps.providers.insert(served.place.clone(), served);
        let mut old_lines = Vec::new();
        for line in lines {
            if let Some(link) = maps.links.get_mut(&line.key) {
                old_lines.extend(link.line.replace(line));
            }
        }
        (old, old_lines)
    }

    /// Takes a provider out of its place; its links stay declared and are down. Returns it with its lines.
    pub(crate) fn remove(&self, place: &Place) -> Option<(Arc<Served>, Vec<Line>)> {
        let mut maps = self.0.write();
        let served = maps.providers.remove(place)?;
        let links = maps.links.iter_mut().filter(|(key, _)| Place::of(key) == *place);
        let lines = links.filter_map(|(_, link)| link.line.take()).collect();
        Some((served, lines))
    }

    /// Whether the same provider stands in any place.
    pub(crate) fn has_provider(&self, served: &Served) -> bool {
        self.0.read().providers.values().any(|other| other.is_same(served))
    }

    /// The links of one actor as its router reads them.
    pub(crate) fn table(&self, actor: &ActorId) -> LinkTable {
        let maps = self.0.read();
        let wanted = maps.links.iter().filter(|(key, _)| key.actor == *actor);
        LinkTable::new(wanted.map(|(key, link)| LinkEntry::new(Place::of(key), link.served())).collect())
    }
}

impl Link {
    fn served(&self) -> Option<Arc<Served>> {
        self.line.as_ref().map(|line| Arc::clone(&line.served))
    }
}

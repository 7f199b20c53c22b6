//! Knows which provider stands where, and which links are declared: the one owner of both maps.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use capability_provider::{ActorId, LinkConfig, LinkKey};
use parking_lot::RwLock;

use crate::{
    actors::actor::Actor,
    changes::management::Turn,
    links::{place::Place, providers::Served, standing::Standing, table::LinkTable},
};

/// Providers and links, with the tables that the routers read. The lock is held for a look or a change of the maps alone, never while a
/// provider or a guest is called. A change looks at what it changes, not at the other links.
#[derive(Default)]
pub(crate) struct Wiring {
    maps: RwLock<Maps>,
    /// What keeps each provider.
    pub(crate) standing: Arc<Standing>,
}

#[derive(Default)]
struct Maps {
    places: BTreeMap<Place, Stand>,
    links: BTreeMap<ActorId, BTreeMap<Place, Link>>,
    /// The number of the last link that was declared.
    declared: u64,
}

/// A place: its provider, and whose links lead there. It is kept as long as it has any of that.
#[derive(Default)]
struct Stand {
    served: Option<Arc<Served>>,
    actors: BTreeSet<ActorId>,
    /// Those who were removed and whose calls in flight may still come here.
    leaving: Vec<Arc<Actor>>,
}

/// A declared link; without a line it is down.
struct Link {
    number: u64,
    actor: Arc<Actor>,
    config: LinkConfig,
    line: Option<Line>,
}

/// A link as it was declared, for a provider that is to make it.
pub(crate) struct Declared {
    /// No other declaration has it, of the same link neither.
    pub(crate) number: u64,
    pub(crate) key: LinkKey,
    pub(crate) actor: Arc<Actor>,
    pub(crate) config: LinkConfig,
}

/// A link that a provider has made.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) key: LinkKey,
    pub(crate) served: Arc<Served>,
    /// Owned by the handle that the provider was given.
    pub(crate) delivery: Weak<Delivery>,
}

impl Line {
    /// Whether the provider kept its handle, so that it may deliver calls to the actor.
    pub(crate) fn delivers(&self) -> bool {
        self.delivery.strong_count() > 0
    }

    /// A handle that the provider keeps leads nowhere from now on.
    pub(crate) fn cut(&self) {
        cut(&self.delivery);
    }
}

/// A handle that the provider keeps leads nowhere from now on.
pub(crate) fn cut(handle: &Weak<Delivery>) {
    if let Some(delivery) = handle.upgrade() {
        delivery.end();
    }
}

/// Whether what a provider delivers over a link still reaches the actor.
#[derive(Default)]
pub(crate) struct Delivery(AtomicBool);

impl Delivery {
    /// The link is no more: a provider that kept its handle reaches nobody by it.
    fn end(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A link that a provider has made for what is not switched to yet, with the turn in which it made it: nobody else has the provider make or
/// end the same link meanwhile.
pub(crate) struct Made {
    pub(crate) line: Line,
    pub(crate) turn: Arc<Turn>,
}

/// One declared link as health and status show it.
pub(crate) struct LinkView {
    pub(crate) key: LinkKey,
    /// Its provider; without one the link is down.
    pub(crate) served: Option<Arc<Served>>,
    /// Whether the provider may deliver calls over it.
    pub(crate) delivers: bool,
}

/// Why a link that was made cannot be declared.
pub(crate) enum NotAdded {
    /// The actor was removed meanwhile.
    ActorLeft,
    /// The provider that made it stands there no more.
    ProviderLeft,
}

/// What was replaced: the provider before, the lines that it had made, and those of the new one that nobody needs any more.
pub(crate) struct Installed {
    pub(crate) old: Option<Arc<Served>>,
    pub(crate) old_lines: Vec<Line>,
    pub(crate) surplus: Vec<Made>,
}

impl Wiring {
    pub(crate) fn provider(&self, place: &Place) -> Option<Arc<Served>> {
        self.maps.read().places.get(place)?.served.clone()
    }

    /// Every provider, in the order of their places.
    pub(crate) fn providers(&self) -> Vec<Arc<Served>> {
        self.maps.read().places.values().filter_map(|stand| stand.served.clone()).collect()
    }

    pub(crate) fn has_link(&self, key: &LinkKey) -> bool {
        self.maps.read().links.get(&key.actor).is_some_and(|links| links.contains_key(&Place::of(key)))
    }

    /// The declared links of one actor, or of all.
    pub(crate) fn links(&self, actor: Option<&ActorId>) -> Vec<LinkView> {
        let maps = self.maps.read();
        let view = |(key, link): (LinkKey, &Link)| LinkView {
            key,
            served: link.line.as_ref().map(|line| Arc::clone(&line.served)),
            delivers: link.line.as_ref().is_some_and(Line::delivers),
        };
        match actor {
            Some(actor) => maps.of(actor).map(view).collect(),
            None => maps.links.keys().flat_map(|actor| maps.of(actor)).map(view).collect(),
        }
    }

    /// What is declared for the provider of this place, but for those of these numbers.
    pub(crate) fn declared(&self, place: &Place, made: &BTreeMap<u64, Made>) -> Vec<Declared> {
        self.maps.read().declared(place, made)
    }

    /// Declares a link that its provider has made, if that one stands there still and the actor is here.
    pub(crate) fn add_link(
        &self,
        line: &Line,
        actor: &Arc<Actor>,
        config: LinkConfig,
    ) -> Result<(), NotAdded> {
        let place = Place::of(&line.key);
        let mut maps = self.maps.write();
        if actor.has_left() {
            return Err(NotAdded::ActorLeft);
        }
        let stand = maps.places.get_mut(&place);
        let served =
            |stand: &&mut Stand| stand.served.as_ref().is_some_and(|there| Arc::ptr_eq(there, &line.served));
        let stand = stand.filter(served).ok_or(NotAdded::ProviderLeft)?;
        stand.actors.insert(actor.id.clone());
        maps.declared += 1;
        let link = Link { number: maps.declared, actor: Arc::clone(actor), config, line: Some(line.clone()) };
        maps.links.entry(actor.id.clone()).or_default().insert(place.clone(), link);
        let before = actor.links.put(place, Some(Arc::clone(&line.served)));
        drop(maps);
        drop(before);
        Ok(())
    }

    /// Forgets a link; returns its line when it was up. `None` when there is no such link.
    pub(crate) fn take_link(&self, key: &LinkKey) -> Option<Option<Line>> {
        let place = Place::of(key);
        let mut maps = self.maps.write();
        let link = maps.take(&key.actor, &place)?;
        let before = link.actor.links.take(&place);
        drop(maps);
        drop(before);
        Some(link.line)
    }

    /// Forgets the links of an actor, which is not linked any more from here on. Returns all of them, with their lines where they are up:
    /// until each was ended, its provider [is kept](Standing::keep). The actor's table stays, for the calls that are in flight, until it
    /// [is gone](Self::gone).
    pub(crate) fn leave(&self, actor: &Arc<Actor>) -> Vec<(LinkKey, Option<Line>)> {
        let mut maps = self.maps.write();
        actor.leave();
        let links = maps.links.remove(&actor.id).unwrap_or_default();
        let mut left = Vec::with_capacity(links.len());
        for (place, link) in links {
            let stand = maps.places.get_mut(&place).expect("a place is kept as long as links lead there");
            stand.actors.remove(&actor.id);
            if let Some(line) = &link.line {
                stand.leaving.push(Arc::clone(actor));
                self.standing.keep(line.served.address());
            }
            maps.tidy(&place);
            left.push((place.link_of(&actor.id), link.line));
        }
        left
    }

    /// No calls of an actor that left are in flight any more. `links` are those that it had.
    pub(crate) fn gone<'a>(&self, actor: &Arc<Actor>, links: impl Iterator<Item = &'a LinkKey>) {
        let mut maps = self.maps.write();
        for place in links.map(Place::of) {
            if let Some(stand) = maps.places.get_mut(&place) {
                stand.leaving.retain(|leaving| !Arc::ptr_eq(leaving, actor));
            }
            maps.tidy(&place);
        }
        drop(maps);
        actor.links.clear();
    }

    /// Puts a provider, which [is kept](Standing::keep) already, in its place with the links that it has made, if those are all that are declared.
    pub(crate) fn install(&self, served: &Arc<Served>, made: &mut BTreeMap<u64, Made>) -> Option<Installed> {
        let place = &served.place;
        let mut maps = self.maps.write();
        if !maps.declared(place, made).is_empty() {
            return None;
        }
        self.standing.stands(served.address());
        let Maps { places, links, .. } = &mut *maps;
        let stand = places.entry(place.clone()).or_default();
        let old = stand.served.replace(Arc::clone(served));
        let (mut old_lines, mut before, mut turns) = (Vec::new(), Vec::new(), Vec::new());
        for actor in &stand.actors {
            let link = links.get_mut(actor).and_then(|links| links.get_mut(place));
            let link = link.expect("whoever leads to a place has a link");
            let Made { line, turn } = made.remove(&link.number).expect("all that are declared were made");
            turns.push(turn);
            old_lines.extend(link.line.replace(line));
            before.push(link.actor.links.put(place.clone(), Some(Arc::clone(served))));
        }
        before.extend(stand.abandon(place));
        let surplus = std::mem::take(made).into_values().collect();
        drop(maps);
        drop((before, turns));
        Some(Installed { old, old_lines, surplus })
    }

    /// Takes a provider out of its place; its links stay declared and are down. Returns it with its lines.
    pub(crate) fn remove(&self, place: &Place) -> Option<(Arc<Served>, Vec<Line>)> {
        let mut maps = self.maps.write();
        let Maps { places, links, .. } = &mut *maps;
        let stand = places.get_mut(place)?;
        let served = stand.served.take()?;
        let (mut lines, mut before) = (Vec::new(), Vec::new());
        for actor in &stand.actors {
            let link = links.get_mut(actor).and_then(|links| links.get_mut(place));
            let link = link.expect("whoever leads to a place has a link");
            lines.extend(link.line.take());
            before.push(link.actor.links.put(place.clone(), None));
        }
        before.extend(stand.abandon(place));
        maps.tidy(place);
        drop(maps);
        drop(before);
        Some((served, lines))
    }
}

impl Stand {
    fn is_empty(&self) -> bool {
        self.served.is_none() && self.actors.is_empty() && self.leaving.is_empty()
    }

    /// The provider leaves: for the actors that leave too there is none any more. Returns their tables before.
    fn abandon(&mut self, place: &Place) -> Vec<Arc<LinkTable>> {
        self.leaving.drain(..).map(|actor| actor.links.put(place.clone(), None)).collect()
    }
}

impl Maps {
    fn of<'a>(&'a self, actor: &'a ActorId) -> impl Iterator<Item = (LinkKey, &'a Link)> {
        let links = self.links.get(actor).into_iter().flatten();
        links.map(|(place, link)| (place.link_of(actor), link))
    }

    fn declared(&self, place: &Place, made: &BTreeMap<u64, Made>) -> Vec<Declared> {
        let Some(stand) = self.places.get(place) else { return Vec::new() };
        let links = stand.actors.iter().map(|actor| (actor, &self.links[actor][place]));
        let wanted = links.filter(|(_, link)| !made.contains_key(&link.number));
        wanted
            .map(|(actor, link)| Declared {
                number: link.number,
                key: place.link_of(actor),
                actor: Arc::clone(&link.actor),
                config: link.config.clone(),
            })
            .collect()
    }

    fn take(&mut self, actor: &ActorId, place: &Place) -> Option<Link> {
        let links = self.links.get_mut(actor)?;
        let link = links.remove(place)?;
        if links.is_empty() {
            self.links.remove(actor);
        }
        self.forget(actor, place);
        Some(link)
    }

    /// No link of the actor leads to the place any more.
    fn forget(&mut self, actor: &ActorId, place: &Place) {
        if let Some(stand) = self.places.get_mut(place) {
            stand.actors.remove(actor);
        }
        self.tidy(place);
    }

    /// Keeps no place that has neither provider nor links.
    fn tidy(&mut self, place: &Place) {
        if self.places.get(place).is_some_and(Stand::is_empty) {
            self.places.remove(place);
        }
    }
}

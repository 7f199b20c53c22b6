//! Changes of providers and links.
//!
//! The order is the same everywhere: what is new is made first, then one switch, then what is old is ended. So calls find
//! either the old or the new, and a change that fails has changed nothing.

use std::{sync::Arc, time::Instant};

use capability_provider::{ActorId, CapabilityId, LinkConfig, LinkKey, LinkName, Provider};

use crate::{
    error::Error,
    providers::{Place, Served},
    shared::Shared,
    wiring::Line,
};

impl Shared {
    pub(crate) fn link(self: &Arc<Self>, key: &LinkKey, config: LinkConfig) -> Result<(), Error> {
        let _turn = self.turn()?;
        let actor = self.actor(&key.actor)?;
        let served = self.served(&Place::of(key))?;
        if self.wiring.has_link(key) {
            return Err(Error::LinkExists { link: key.clone() });
        }
        if !actor.current().is_some_and(|serving| serving.claims().grants(key.capability.as_str())) {
            log::warn!(
                "{key}: its token does not grant the capability, so calls over this link will be refused"
            );
        }
        self.audit.linked(key, self.policy.now())?;
        let line = Line::connect(self, &actor, &served, key, &config)
            .inspect_err(|error| self.audit.failed(Some(key), None, error, self.policy.now()))?;
        self.wiring.add_link(line, config);
        self.rewire(&key.actor);
        Ok(())
    }

    pub(crate) fn unlink(&self, key: &LinkKey) -> Result<(), Error> {
        let _turn = self.turn()?;
        self.end_link(key)
    }

    /// Ends one link. The caller has the turn.
    pub(crate) fn end_link(&self, key: &LinkKey) -> Result<(), Error> {
        let line = self.wiring.take_link(key).ok_or_else(|| Error::UnknownLink { link: key.clone() })?;
        self.rewire(&key.actor);
        self.audit.unlinked(key, self.policy.now());
        if let Some(line) = line {
            line.end();
        }
        Ok(())
    }

    pub(crate) fn add_provider(
        self: &Arc<Self>,
        link: LinkName,
        provider: Arc<dyn Provider>,
    ) -> Result<(), Error> {
        let _turn = self.turn()?;
        let served = Served::new(link, provider)?;
        match self.wiring.provider(&served.place) {
            Some(there) => Err(exists(&there)),
            None => self.install(served, None),
        }
    }

    pub(crate) fn replace_provider(
        self: &Arc<Self>,
        link: LinkName,
        provider: Arc<dyn Provider>,
    ) -> Result<(), Error> {
        let _turn = self.turn()?;
        let served = Served::new(link, provider)?;
        let old = self.served(&served.place)?;
        if old.is_same(&served) { Err(exists(&old)) } else { self.install(served, Some(&old)) }
    }

    pub(crate) fn remove_provider(&self, capability: &CapabilityId, link: &LinkName) -> Result<(), Error> {
        let _turn = self.turn()?;
        let place = Place { capability: capability.clone(), link: link.clone() };
        let (served, lines) = self.wiring.remove(&place).ok_or_else(|| unknown(&place))?;
        lines.iter().for_each(|line| self.rewire(&line.key().actor));
        self.audit.dismissed(&served, self.policy.now());
        self.dismiss(&served, &lines, self.drained());
        Ok(())
    }

    /// Has the provider make all links that are declared for its place, switches to it, and dismisses the one before.
    fn install(self: &Arc<Self>, served: Arc<Served>, old: Option<&Served>) -> Result<(), Error> {
        self.audit.provided(&served, old, self.policy.now())?;
        let lines = self
            .connect_declared(&served)
            .inspect_err(|error| self.audit.failed(None, Some(&served), error, self.policy.now()))?;
        let actors: Vec<ActorId> = lines.iter().map(|line| line.key().actor.clone()).collect();
        let (old, old_lines) = self.wiring.install(served, lines);
        actors.iter().for_each(|actor| self.rewire(actor));
        if let Some(old) = old {
            self.dismiss(&old, &old_lines, self.drained());
        }
        Ok(())
    }

    /// Makes all declared links or none.
    fn connect_declared(self: &Arc<Self>, served: &Arc<Served>) -> Result<Vec<Line>, Error> {
        let mut lines = Vec::new();
        for (key, config) in self.wiring.declared(&served.place) {
            let made =
                self.actor(&key.actor).and_then(|actor| Line::connect(self, &actor, served, &key, &config));
            match made {
                Ok(line) => lines.push(line),
                Err(error) => {
                    lines.iter().for_each(Line::end);
                    return Err(error);
                }
            }
        }
        Ok(lines)
    }

    /// Lets a provider that was taken out of its place finish its calls until `until`, ends its links, and shuts it down unless it
    /// stands in another place too.
    pub(crate) fn dismiss(&self, served: &Served, lines: &[Line], until: Instant) {
        served.retire(until);
        lines.iter().for_each(Line::end);
        if !self.wiring.has_provider(served) {
            served.shutdown();
        }
    }

    /// Shows the actor's routers the links as they are now.
    fn rewire(&self, actor: &ActorId) {
        if let Some(actor) = self.actors.find(actor.as_str()) {
            actor.links.store(self.wiring.table(&actor.id));
        }
    }

    fn served(&self, place: &Place) -> Result<Arc<Served>, Error> {
        self.wiring.provider(place).ok_or_else(|| unknown(place))
    }
}

fn unknown(place: &Place) -> Error {
    Error::UnknownProvider { capability: place.capability.clone(), link: place.link.clone() }
}

fn exists(there: &Served) -> Error {
    let Place { capability, link } = there.place.clone();
    Error::ProviderExists { capability, link, provider: there.name.clone() }
}

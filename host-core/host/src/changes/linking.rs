//! Makes and ends links, and adds, replaces and removes providers.
//!
//! The order is the same everywhere: what is new is made first, then one switch, then what is old is ended, behind whoever asked for it. So
//! calls find either the old or the new, and a change that fails has changed nothing.
//!
//! What a provider is asked for may take any time, so that nothing is locked meanwhile and whatever was looked at before is looked at again
//! at the switch: a link that was made with a provider that is there no more is made with the next, and a provider that was given all links
//! but one that was declared meanwhile makes that one too.

use std::{collections::BTreeMap, sync::Arc};

use capability_provider::{
    ActorHandle, CapabilityId, LinkConfig, LinkKey, LinkName, Provider, deadline_after,
};

use crate::{
    actors::actor::Actor,
    calls::dispatch::LinkDispatch,
    changes::{
        behind::OneMore,
        draining::End,
        foreign::{Account, MOST_OF_ONE, MOST_THREADS, Unanswered},
        management::{Of, Turn, inside},
    },
    error::Error,
    links::{
        place::Place,
        providers::{INTRODUCE, LINK, NEW, Served, UNLINK, introduce},
        wiring::{Declared, Installed, Line, Made, NotAdded},
    },
    shared::Shared,
};

impl Shared {
    pub(crate) fn link(self: &Arc<Self>, key: &LinkKey, config: LinkConfig) -> Result<(), Error> {
        let turn = self.turn(Of::Link(key.clone()))?;
        self.announce_link(key)?;
        let made = self.make_link(&turn, key, &config);
        made.inspect_err(|error| self.audit.failed(Some(key), None, error, self.policy.now()))
    }

    /// Looks whether a link can be made, and records it.
    fn announce_link(&self, key: &LinkKey) -> Result<(), Error> {
        let _changing = self.changing()?;
        let actor = self.actor(&key.actor)?;
        self.served(&Place::of(key))?;
        if self.wiring.has_link(key) {
            return Err(Error::LinkExists { link: key.clone() });
        }
        if !actor.current().is_some_and(|serving| serving.claims().grants(key.capability.as_str())) {
            log::warn!(
                "{key}: its token does not grant the capability, so calls over this link will be refused"
            );
        }
        self.audit.linked(key, self.policy.now())
    }

    /// Has the provider of this moment make a link, and declares it.
    fn make_link(self: &Arc<Self>, turn: &Turn, key: &LinkKey, config: &LinkConfig) -> Result<(), Error> {
        loop {
            let (actor, served) = (self.actor(&key.actor)?, self.served(&Place::of(key))?);
            // A provider closes only after it was taken out of its place, so the next look finds another or none.
            let Some(_makes) = served.begin_link() else { continue };
            let made = self.connect(&turn.all(), &actor, &served, key, config)?;
            let declared = match self.changing() {
                Ok(_changing) => self.wiring.add_link(&made.line, &actor, config.clone()),
                Err(error) => {
                    self.end_line(made);
                    return Err(error);
                }
            };
            match declared {
                Ok(()) => return Ok(()),
                Err(NotAdded::ProviderLeft) => self.end_line(made),
                Err(NotAdded::ActorLeft) => {
                    self.end_line(made);
                    return Err(Error::UnknownActor { actor: key.actor.clone() });
                }
            }
        }
    }

    /// Has a provider make a link, in the turn that it then has for it.
    fn connect(
        self: &Arc<Self>,
        within: &[Of],
        actor: &Arc<Actor>,
        served: &Arc<Served>,
        key: &LinkKey,
        config: &LinkConfig,
    ) -> Result<Made, Error> {
        let limit = self.limits.provider_deadline;
        let until = deadline_after(limit);
        let of = Of::Line { provider: served.address(), link: key.clone() };
        let turn = self.turns.take_until(of, within, Some(until))?;
        let late = || Error::ProviderLate { provider: served.name.clone(), doing: UNLINK, limit };
        let turn = Arc::new(turn.ok_or_else(late)?);
        if actor.has_left() {
            return Err(Error::UnknownActor { actor: key.actor.clone() });
        }
        let dispatch = Arc::new(LinkDispatch::new(key.clone(), Arc::downgrade(actor), Arc::downgrade(self)));
        let line = Line { key: key.clone(), served: Arc::clone(served), delivery: dispatch.delivery() };
        let (made, config, of_turn) = (line.clone(), config.clone(), Arc::clone(&turn));
        let make = {
            let (served, key) = (Arc::clone(served), key.clone());
            move || served.link(&key, &config, ActorHandle::new(key.clone(), dispatch))
        };
        let unmake = move |result: Result<(), Error>| {
            if result.is_ok() {
                made.served.unlink(&made.key);
            }
            made.cut();
            drop(of_turn);
        };
        let answer = self.foreign.call(&served.account, until, turn.all(), make, unmake);
        match answer.map_err(|why| self.unanswered(&served.name, LINK, why)).flatten() {
            Ok(()) => Ok(Made { line, turn }),
            Err(error) => {
                line.cut();
                Err(error)
            }
        }
    }

    pub(crate) fn unlink(self: &Arc<Self>, key: &LinkKey) -> Result<(), Error> {
        let turn = self.turn(Of::Link(key.clone()))?;
        let (line, _one) = {
            let _changing = self.changing()?;
            let unknown = || Error::UnknownLink { link: key.clone() };
            let line = self.wiring.take_link(key).ok_or_else(unknown)?;
            (line, self.behind.one_more())
        };
        let until = deadline_after(self.limits.provider_deadline);
        let ends = self.ends(&turn.all(), line.into_iter().collect(), until);
        self.end_lines(ends, until);
        self.audit.unlinked(key, self.policy.now());
        Ok(())
    }

    pub(crate) fn add_provider(
        self: &Arc<Self>,
        link: LinkName,
        provider: Arc<dyn Provider>,
    ) -> Result<(), Error> {
        let served = self.take_in(link, provider)?;
        let turn = self.turn(Of::Place(served.place.clone()))?;
        match self.wiring.provider(&served.place) {
            Some(there) => Err(exists(&there)),
            None => self.install(&turn, &served, None),
        }
    }

    pub(crate) fn replace_provider(
        self: &Arc<Self>,
        link: LinkName,
        provider: Arc<dyn Provider>,
    ) -> Result<(), Error> {
        let served = self.take_in(link, provider)?;
        let turn = self.turn(Of::Place(served.place.clone()))?;
        let old = self.served(&served.place)?;
        if old.is_same(&served) { Err(exists(&old)) } else { self.install(&turn, &served, Some(old)) }
    }

    pub(crate) fn remove_provider(
        self: &Arc<Self>,
        capability: &CapabilityId,
        link: &LinkName,
    ) -> Result<(), Error> {
        let place = Place { capability: capability.clone(), link: link.clone() };
        let turn = self.turn(Of::Place(place.clone()))?;
        let ((served, lines), mut one) = {
            let _changing = self.changing()?;
            let removed = self.wiring.remove(&place).ok_or_else(|| unknown(&place))?;
            (removed, self.behind.one_more())
        };
        let drained = self.drained();
        let ends = self.ends(&turn.all(), lines, drained);
        let ends = self.close_fronts(ends, drained);
        one.closed_fronts();
        let provider = served.name.clone();
        self.dismiss(served, ends, drained, one);
        self.audit.dismissed(&place, &provider, self.policy.now());
        Ok(())
    }

    /// Asks a new provider for its capability and name.
    fn take_in(&self, link: LinkName, provider: Arc<dyn Provider>) -> Result<Arc<Served>, Error> {
        drop(self.changing()?);
        let until = deadline_after(self.limits.provider_deadline);
        let asked = Arc::clone(&provider);
        let ask = move || introduce(&*asked);
        let answer = self.foreign.call(&Account::default(), until, inside(), ask, drop);
        let (capability, name) = answer.map_err(|why| self.unanswered(NEW, INTRODUCE, why))??;
        Ok(Served::new(Place { capability, link }, name, provider))
    }

    /// Has the provider make all links that are declared for its place, switches to it, and dismisses the one before.
    fn install(
        self: &Arc<Self>,
        turn: &Turn,
        served: &Arc<Served>,
        old: Option<Arc<Served>>,
    ) -> Result<(), Error> {
        {
            let _changing = self.changing()?;
            self.audit.provided(served, old.as_deref(), self.policy.now())?;
        }
        // It is let go where it is shut down, and not by whoever asked for this.
        drop(old);
        // From here on it is not shut down because it leaves another place, or this one where it stood before.
        self.wiring.standing.keep(served.address());
        let mut made = BTreeMap::new();
        match self.make_all(turn, served, &mut made) {
            Ok((Installed { old, old_lines, surplus }, one)) => {
                self.end_behind(surplus.into_iter().map(End::of).collect());
                if let Some(old) = old {
                    let drained = self.drained();
                    let ends = self.ends(&turn.all(), old_lines, drained);
                    self.dismiss(old, ends, drained, one);
                }
                Ok(())
            }
            Err(error) => {
                self.audit.failed(None, Some(served), &error, self.policy.now());
                let ends = made.into_values().map(End::of).collect();
                let until = deadline_after(self.limits.provider_deadline);
                self.dismiss_all(vec![(Arc::clone(served), ends)], until);
                Err(error)
            }
        }
    }

    /// Makes all declared links and switches to them; those that were made are in `made` when that fails.
    fn make_all(
        self: &Arc<Self>,
        turn: &Turn,
        served: &Arc<Served>,
        made: &mut BTreeMap<u64, Made>,
    ) -> Result<(Installed, OneMore), Error> {
        loop {
            for Declared { number, key, actor, config } in self.wiring.declared(&served.place, made) {
                // Ended and declared again since it was made: the provider ends the first before it makes the next.
                let before = made.extract_if(.., |_, made| made.line.key == key).next();
                before.into_iter().for_each(|(_, before)| self.end_line(before));
                match self.connect(&turn.all(), &actor, served, &key, &config) {
                    Ok(one) => _ = made.insert(number, one),
                    // Its links are declared no more.
                    Err(_) if actor.has_left() => {}
                    Err(error) => return Err(error),
                }
            }
            let _changing = self.changing()?;
            // Other links may have been declared meanwhile.
            if let Some(installed) = self.wiring.install(served, made) {
                return Ok((installed, self.behind.one_more()));
            }
        }
    }

    fn served(&self, place: &Place) -> Result<Arc<Served>, Error> {
        self.wiring.provider(place).ok_or_else(|| unknown(place))
    }

    /// Why a provider did not answer what it was asked for.
    pub(crate) fn unanswered(&self, provider: &str, doing: &'static str, why: Unanswered) -> Error {
        let (provider, limit) = (provider.to_owned(), self.limits.provider_deadline);
        match why {
            Unanswered::Late => Error::ProviderLate { provider, doing, limit },
            Unanswered::Stuck(held) => Error::ProviderBusy { provider, held, limit: MOST_OF_ONE },
            Unanswered::NoneFree => Error::ProviderBusy { provider, held: MOST_THREADS, limit: MOST_THREADS },
            Unanswered::NoThread(source) => Error::Thread { source },
            Unanswered::Panicked(message) => Error::ProviderPanicked { provider, doing, message },
        }
    }
}

fn unknown(place: &Place) -> Error {
    Error::UnknownProvider { capability: place.capability.clone(), link: place.link.clone() }
}

fn exists(there: &Served) -> Error {
    let Place { capability, link } = there.place.clone();
    Error::ProviderExists { capability, link, provider: there.name.clone() }
}

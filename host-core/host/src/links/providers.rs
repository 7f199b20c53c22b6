//! Holds a provider in its place, and guards every call of it against panics.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use capability_provider::{
    ActorHandle, CapabilityCall, CapabilityId, LinkConfig, LinkKey, Provider, ProviderError,
};

use crate::{
    actors::gate::{Gate, Inside},
    changes::foreign::{Account, guard},
    error::Error,
    links::place::Place,
    reports::question::Question,
};

/// A provider in its place.
///
/// A panic of a provider is its own bug and must not take an actor or the host with it: it becomes an error.
pub(crate) struct Served {
    pub(crate) place: Place,
    pub(crate) name: String,
    provider: Arc<dyn Provider>,
    calls: Gate,
    /// Links that it makes at this moment.
    makes: Gate,
    /// What it was asked for and has not come back from.
    pub(crate) account: Account,
    /// Whether it is well is asked once at a time, so that one that hangs holds one thread.
    pub(crate) well: Question<Result<(), String>>,
}

/// What a provider says of itself.
pub(crate) fn introduce(provider: &dyn Provider) -> Result<(CapabilityId, String), Error> {
    guard(|| (provider.capability(), provider.name().to_owned())).map_err(|message| Error::ProviderPanicked {
        provider: NEW.to_owned(),
        doing: INTRODUCE,
        message,
    })
}

/// A provider before it has told its name.
pub(crate) const NEW: &str = "a new provider";
pub(crate) const INTRODUCE: &str = "telling its capability and name";
pub(crate) const LINK: &str = "making a link";
pub(crate) const UNLINK: &str = "ending a link";
pub(crate) const HEALTH: &str = "telling its health";
const SHUTDOWN: &str = "shutting down";

impl Served {
    pub(crate) fn new(place: Place, name: String, provider: Arc<dyn Provider>) -> Arc<Self> {
        Arc::new(Self {
            place,
            name,
            provider,
            calls: Gate::default(),
            makes: Gate::default(),
            account: Account::default(),
            well: Question::default(),
        })
    }

    /// What tells it from others, in whatever place it stands.
    pub(crate) fn address(&self) -> usize {
        self.provider.address() as usize
    }

    /// Whether both are the same provider, be it in two places.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.address() == other.address()
    }

    /// Begins one call of an actor; `None` when the provider was taken out of its place.
    pub(crate) fn enter(&self) -> Option<Inside<'_>> {
        self.calls.enter()
    }

    /// Begins to make one link; `None` when the provider was taken out of its place.
    pub(crate) fn begin_link(&self) -> Option<Inside<'_>> {
        self.makes.enter()
    }

    /// Takes no more calls of actors and makes no more links.
    pub(crate) fn close(&self) {
        self.calls.close();
        self.makes.close();
    }

    /// Waits until `until` for the calls in flight of a provider that [takes no more](Self::close), and for the links that it makes.
    pub(crate) fn drain(&self, until: Instant) {
        self.makes.wait_empty(until);
        if !self.calls.wait_empty(until) {
            let calls = self.calls.inside();
            log::warn!("{}: {calls} calls were still in flight when it was taken away", self.name);
        }
    }

    pub(crate) fn handle(&self, call: &CapabilityCall<'_>) -> Result<Bytes, Error> {
        let answer = guard(|| self.provider.handle(call)?.wait(call));
        match answer {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(ProviderError::Unavailable { resource, reason })) => {
                Err(self.unavailable(format!("{resource} is not available: {reason}")))
            }
            Ok(Err(source)) => Err(Error::Provider {
                capability: self.place.capability.clone(),
                link: self.place.link.clone(),
                source,
            }),
            Err(message) => Err(self.panicked("handling a call", message)),
        }
    }

    /// Makes a link. As all that follows, to be asked where it may take any time (`foreign`).
    pub(crate) fn link(&self, key: &LinkKey, config: &LinkConfig, actor: ActorHandle) -> Result<(), Error> {
        match guard(|| self.provider.link(key, config, actor)) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(source)) => Err(Error::LinkFailed {
                link: key.clone(),
                provider: self.name.clone(),
                source: Box::new(source),
            }),
            Err(message) => Err(self.panicked(LINK, message)),
        }
    }

    pub(crate) fn unlink(&self, key: &LinkKey) {
        if let Err(message) = guard(|| self.provider.unlink(key)) {
            log::error!("{}", self.panicked(UNLINK, message));
        }
    }

    /// Whether it can work now, and if not, why.
    pub(crate) fn health(&self) -> Result<(), String> {
        match guard(|| self.provider.health()) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(message) => Err(self.panicked(HEALTH, message).to_string()),
        }
    }

    pub(crate) fn shutdown(&self) {
        if let Err(message) = guard(|| self.provider.shutdown()) {
            log::error!("{}", self.panicked(SHUTDOWN, message));
        }
    }

    fn unavailable(&self, reason: String) -> Error {
        let Place { capability, link } = &self.place;
        Error::CapabilityUnavailable {
            capability: capability.as_str().to_owned(),
            link: link.as_str().to_owned(),
            reason,
        }
    }

    fn panicked(&self, doing: &'static str, message: String) -> Error {
        Error::ProviderPanicked { provider: self.name.clone(), doing, message }
    }
}

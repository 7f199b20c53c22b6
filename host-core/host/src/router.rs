//! Where a host call of an actor goes: granted? linked? deliver.

use std::sync::{Arc, Weak};

use capability_claims::{Access, Clock};
use capability_contracts::is_reserved;
use capability_provider::{ActorId, CapabilityCall, LinkName};
use wapc_host::{CallOptions, HostCall, HostCallError, HostHandler, Reply};

use crate::{
    actors::Actor, error::Error, generation::Call, links::LinkCell, names, rights::Rights, shared::Shared,
};

/// The host as one generation of an actor sees it.
///
/// It knows the actor by its own knowledge, not by the guest's word: a guest cannot speak in another's name.
pub(crate) struct Router {
    actor: ActorId,
    rights: Arc<Rights>,
    links: Arc<LinkCell>,
    clock: Arc<dyn Clock>,
    host: Weak<Shared>,
}

impl HostHandler for Router {
    fn host_call(&self, call: &HostCall<'_>, reply: &mut Reply) -> Result<(), HostCallError> {
        self.route(call, reply).map_err(HostCallError::from)
    }

    fn console_log(&self, text: &str) {
        log::info!(target: "wascc::actor", "{}: {text}", self.actor);
    }
}

impl Router {
    pub(crate) fn new(actor: &Actor, rights: Arc<Rights>, host: &Arc<Shared>) -> Self {
        let (links, clock) = (Arc::clone(&actor.links), host.policy.clock());
        Self { actor: actor.id.clone(), rights, links, clock, host: Arc::downgrade(host) }
    }

    fn route(&self, call: &HostCall<'_>, reply: &mut Reply) -> Result<(), Error> {
        let now = self.clock.now();
        if ActorId::has_form_of(call.namespace) {
            let access = Access::module(call.namespace, call.operation);
            self.decide(&access, now)?;
            self.to_actor(&access, now, call, reply)
        } else {
            let link = if call.binding.is_empty() { LinkName::DEFAULT } else { call.binding };
            let access = Access::capability(call.namespace, link, call.operation);
            self.decide(&access, now)?;
            self.to_provider(&access, now, call, reply)
        }
    }

    /// The one decision on what may leave this actor: before every call to a provider and to another actor.
    fn decide(&self, access: &Access<'_>, now: u64) -> Result<(), Error> {
        self.rights.allow(access, now)?;
        if is_reserved(access.operation) {
            let (actor, operation) = (self.actor.clone(), access.operation.to_owned());
            let reserved = Error::ReservedOperation { actor, name: self.name(), operation };
            return Err(self.rights.denied(access, reserved, now));
        }
        Ok(())
    }

    fn to_provider(
        &self,
        access: &Access<'_>,
        now: u64,
        call: &HostCall<'_>,
        reply: &mut Reply,
    ) -> Result<(), Error> {
        let name = access.link.unwrap_or(LinkName::DEFAULT);
        loop {
            let table = self.links.table();
            let Some(entry) = table.find(access.capability, name) else {
                return Err(self.rights.denied(access, self.not_linked(access.capability, name), now));
            };
            let Some(served) = entry.served() else {
                return Err(down(access.capability, name));
            };
            // A provider is retired only after the table was replaced, so the next look finds the one in its place.
            let Some(_inside) = served.enter() else { continue };
            self.rights.used(access, now)?;
            let bytes = served.handle(&CapabilityCall {
                actor: &self.actor,
                link: entry.link(),
                operation: call.operation,
                payload: call.payload,
                deadline: call.deadline,
            })?;
            reply.set(bytes);
            return Ok(());
        }
    }

    fn to_actor(
        &self,
        access: &Access<'_>,
        now: u64,
        call: &HostCall<'_>,
        reply: &mut Reply,
    ) -> Result<(), Error> {
        let host = self.host.upgrade().ok_or(Error::ShuttingDown)?;
        let Some(entered) = host.actors.enter(access.capability) else {
            let actor = ActorId::new(access.capability).expect("its form was looked at");
            return Err(Error::UnknownActor { actor });
        };
        self.rights.used(access, now)?;
        let mut options = CallOptions::new().depth(call.depth.saturating_add(1));
        if let Some(deadline) = call.deadline {
            options = options.deadline(deadline);
        }
        let call = Call { operation: call.operation, payload: call.payload, options: &options, now };
        entered.deliver(&call, reply.buffer())
    }

    fn not_linked(&self, capability: &str, link: &str) -> Error {
        Error::NotLinked {
            actor: self.actor.clone(),
            name: self.name(),
            capability: names::shown(capability),
            link: names::shown(link),
        }
    }

    fn name(&self) -> Box<str> {
        names::of(self.rights.claims())
    }
}

fn down(capability: &str, link: &str) -> Error {
    Error::CapabilityUnavailable {
        capability: capability.to_owned(),
        link: link.to_owned(),
        reason: "it has no provider now".to_owned(),
    }
}

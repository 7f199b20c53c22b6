//! Where a host call of an actor goes: granted? linked? deliver.

use std::sync::{Arc, Weak};

use capability_contracts::is_reserved;
use capability_provider::{ActorId, CapabilityCall, LinkName};
use wapc_host::{CallOptions, HostCall, HostCallError, HostHandler, Reply};

use crate::{
    error::Error,
    links::LinkCell,
    policy::Grants,
    shared::{Call, Shared},
};

/// The longest name of a guest's choosing that is repeated in an error, in characters.
const LONGEST_NAME: usize = 128;

/// The host as one generation of an actor sees it.
///
/// It knows the actor by its own knowledge, not by the guest's word: a guest cannot speak in another's name.
pub(crate) struct Router {
    actor: ActorId,
    grants: Arc<Grants>,
    links: Arc<LinkCell>,
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
    pub(crate) fn new(actor: ActorId, grants: Arc<Grants>, links: Arc<LinkCell>, host: Weak<Shared>) -> Self {
        Self { actor, grants, links, host }
    }

    fn route(&self, call: &HostCall<'_>, reply: &mut Reply) -> Result<(), Error> {
        self.decide(call)?;
        if ActorId::has_form_of(call.namespace) {
            self.to_actor(call, reply)
        } else {
            self.to_provider(call, reply)
        }
    }

    /// The one decision on what may leave this actor: before every call to a provider and to another actor.
    fn decide(&self, call: &HostCall<'_>) -> Result<(), Error> {
        if !self.grants.allow(call.namespace) {
            let capability = shortened(call.namespace);
            return Err(Error::NotGranted { actor: self.actor.clone(), capability });
        }
        if is_reserved(call.operation) {
            let operation = call.operation.to_owned();
            return Err(Error::ReservedOperation { actor: self.actor.clone(), operation });
        }
        Ok(())
    }

    fn to_provider(&self, call: &HostCall<'_>, reply: &mut Reply) -> Result<(), Error> {
        let name = if call.binding.is_empty() { LinkName::DEFAULT } else { call.binding };
        loop {
            let table = self.links.table();
            let Some(entry) = table.find(call.namespace, name) else {
                return Err(self.not_linked(call.namespace, name));
            };
            let Some(served) = entry.served() else {
                return Err(down(call.namespace, name));
            };
            // A provider is retired only after the table was replaced, so the next look finds the one in its place.
            let Some(_inside) = served.enter() else { continue };
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

    fn to_actor(&self, call: &HostCall<'_>, reply: &mut Reply) -> Result<(), Error> {
        let host = self.host.upgrade().ok_or(Error::ShuttingDown)?;
        let actor = match host.actors.find(call.namespace) {
            Some(actor) => actor,
            None => host.actor(&ActorId::new(call.namespace).expect("its form was looked at"))?,
        };
        let mut options = CallOptions::new().depth(call.depth.saturating_add(1));
        if let Some(deadline) = call.deadline {
            options = options.deadline(deadline);
        }
        let call = Call { operation: call.operation, payload: call.payload, options: &options };
        host.deliver(&actor, &call, reply.buffer())
    }

    fn not_linked(&self, capability: &str, link: &str) -> Error {
        Error::NotLinked {
            actor: self.actor.clone(),
            capability: shortened(capability),
            link: shortened(link),
        }
    }
}

fn down(capability: &str, link: &str) -> Error {
    Error::CapabilityUnavailable {
        capability: capability.to_owned(),
        link: link.to_owned(),
        reason: "it has no provider now".to_owned(),
    }
}

/// A name of a guest's choosing, made fit for a message.
fn shortened(name: &str) -> String {
    name.chars().take(LONGEST_NAME).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

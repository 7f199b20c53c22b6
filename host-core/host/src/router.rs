//! Where a host call of an actor goes: granted? linked? deliver.

use std::sync::{Arc, Weak};

use capability_claims::{Access, Clock};
use capability_contracts::is_reserved;
use capability_provider::{ActorId, CapabilityCall, LinkName};
use untrusted_text::Shown;
use wapc_host::{HostCall, HostCallError, HostHandler, Reply};

use crate::{
    actors::Actor, error::Error, generation::Call, links::LinkCell, names, rights::Rights, shared::Shared,
    steps::step, uses::Allowed,
};

/// What a provider may answer with unless the owner sets a limit, in bytes: what the waPC tier takes.
const PAYLOAD_LIMIT: usize = 64 << 20;

/// The most of what an actor prints at once that goes to the log, in characters.
const LONGEST_LINE: usize = 8 * 1024;

/// The host as one generation of an actor sees it.
///
/// It knows the actor by its own knowledge, not by the guest's word: a guest cannot speak in another's name.
pub(crate) struct Router {
    actor: ActorId,
    rights: Arc<Rights>,
    links: Arc<LinkCell>,
    clock: Arc<dyn Clock>,
    host: Weak<Shared>,
    /// The most bytes that a provider may answer with.
    reply_limit: Option<usize>,
}

/// A use that was decided on and is allowed.
struct Use<'a> {
    access: Access<'a>,
    allowed: Allowed,
    now: u64,
}

impl HostHandler for Router {
    fn host_call(&self, call: &HostCall<'_>, reply: &mut Reply) -> Result<(), HostCallError> {
        self.route(call, reply).map_err(HostCallError::from)
    }

    fn console_log(&self, text: &str) {
        let text = Shown::new(text).up_to(LONGEST_LINE);
        log::info!(target: "wascc::actor", "{}: {text}", self.actor);
    }
}

impl Router {
    pub(crate) fn new(actor: &Actor, rights: Arc<Rights>, host: &Arc<Shared>) -> Self {
        let (links, clock) = (Arc::clone(&actor.links), host.policy.clock());
        let reply_limit = Some(host.limits.payload_limit.unwrap_or(PAYLOAD_LIMIT));
        Self { actor: actor.id.clone(), rights, links, clock, host: Arc::downgrade(host), reply_limit }
    }

    fn route(&self, call: &HostCall<'_>, reply: &mut Reply) -> Result<(), Error> {
        let now = self.clock.now();
        if ActorId::has_form_of(call.namespace) {
            let access = Access::module(call.namespace, call.operation);
            let allowed = self.decide(&access, now)?;
            self.to_actor(&Use { access, allowed, now }, call, reply)
        } else {
            let link = if call.binding.is_empty() { LinkName::DEFAULT } else { call.binding };
            let access = Access::capability(call.namespace, link, call.operation);
            let allowed = self.decide(&access, now)?;
            self.to_provider(&Use { access, allowed, now }, call, reply)
        }
    }

    /// The one decision on what may leave this actor: before every call to a provider and to another actor.
    fn decide(&self, access: &Access<'_>, now: u64) -> Result<Allowed, Error> {
        step("decides on a host call");
        let allowed = self.rights.allow(access, now)?;
        if is_reserved(access.operation) {
            let (actor, operation) = (self.actor.clone(), access.operation.to_owned());
            let reserved = Error::ReservedOperation { actor, name: self.name(), operation };
            return Err(self.rights.denied(access, reserved, now));
        }
        Ok(allowed)
    }

    fn to_provider(&self, used: &Use<'_>, call: &HostCall<'_>, reply: &mut Reply) -> Result<(), Error> {
        let Use { access, allowed, now } = used;
        let name = access.link.unwrap_or(LinkName::DEFAULT);
        loop {
            let table = self.links.table();
            let Some(entry) = table.find(access.capability, name) else {
                return Err(self.rights.denied(access, self.not_linked(access.capability, name), *now));
            };
            let Some(served) = entry.served() else {
                return Err(down(access.capability, name));
            };
            // A provider is retired only after the table was replaced, so the next look finds the one in its place.
            let Some(_inside) = served.enter() else { continue };
            step("uses what it may");
            self.rights.used(allowed, access, *now)?;
            let call = CapabilityCall::new(&self.actor, entry.link(), call.operation, call.payload)
                .with_deadline(call.deadline)
                .with_reply_limit(self.reply_limit);
            reply.set(served.handle(&call)?);
            return Ok(());
        }
    }

    fn to_actor(&self, used: &Use<'_>, call: &HostCall<'_>, reply: &mut Reply) -> Result<(), Error> {
        let Use { access, allowed, now } = used;
        let host = self.host.upgrade().ok_or(Error::ShuttingDown)?;
        let Some(admitted) = host.actors.admit(access.capability, *now) else {
            let actor = ActorId::new(access.capability).expect("its form was looked at");
            return Err(Error::UnknownActor { actor });
        };
        self.rights.used(allowed, access, *now)?;
        let admitted = admitted?;
        let call = Call { operation: call.operation, payload: call.payload, options: &call.nested() };
        admitted.deliver(&call, reply.buffer())
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use bytes::Bytes;
    use capability_claims::{ClaimsBuilder, KeyKind, KeyPair, TrustPolicy, sign_module};
    use capability_provider::{ActorHandle, CapabilityId, LinkConfig, LinkKey, Provider, ProviderError};
    use wapc_host::{CallOptions, CancelToken};

    use super::*;
    use crate::host::Host;

    /// Longer than any test takes.
    const LONG: Duration = Duration::from_secs(60);
    const BELL: &str = "test:bell";

    /// A provider that cancels the calls from which it is rung.
    #[derive(Default)]
    struct Bell(CancelToken);

    impl Provider for Bell {
        fn capability(&self) -> CapabilityId {
            CapabilityId::new(BELL).unwrap()
        }
        fn name(&self) -> &str {
            "bell"
        }
        fn link(&self, _: &LinkKey, _: &LinkConfig, _: ActorHandle) -> Result<(), ProviderError> {
            Ok(())
        }
        fn unlink(&self, _: &LinkKey) {}
        fn handle(&self, call: &CapabilityCall<'_>) -> Result<Bytes, ProviderError> {
            if call.operation == "Cancel" {
                self.0.cancel();
            }
            Ok(Bytes::new())
        }
    }

    /// Makes a host call and then runs `after`.
    fn calling(namespace: &str, operation: &str, after: &str) -> Vec<u8> {
        let lengths = [namespace, operation].map(str::len);
        let wat = format!(
            r#"(module
                (import "wapc" "__host_call"
                  (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
                (memory (export "memory") 1)
                (data (i32.const 64) {namespace:?}) (data (i32.const 128) {operation:?})
                (func (export "__guest_call") (param i32 i32) (result i32)
                  (drop (call $host_call (i32.const 0) (i32.const 0) (i32.const 64) (i32.const {})
                    (i32.const 128) (i32.const {}) (i32.const 0) (i32.const 0)))
                  {after}))"#,
            lengths[0], lengths[1]
        );
        wat::parse_str(wat).unwrap()
    }

    /// Calls an actor that calls another one, which calls the bell and then runs for ever; returns how that ends.
    #[track_caller]
    fn outcome(bell: &Arc<Bell>, operation: &str, options: &CallOptions) -> Error {
        let account = KeyPair::generate(KeyKind::Account).unwrap();
        let trust = TrustPolicy::nobody().account(account.public_key());
        let host = Host::builder().trust(trust).call_deadline(LONG).build().unwrap();
        let add = |wasm: &[u8], grant: &str| {
            let key = KeyPair::generate(KeyKind::Module).unwrap().public_key();
            let claims = ClaimsBuilder::new(key).capability(grant);
            host.add_actor(sign_module(wasm, &claims, &account).unwrap()).unwrap()
        };
        let inner = add(&calling(BELL, operation, "(loop $again (br $again)) (unreachable)"), BELL);
        let outer = add(&calling(inner.as_str(), "Work", "(i32.const 1)"), inner.as_str());
        host.add_provider(LinkName::default(), Arc::clone(bell) as _).unwrap();
        let link = LinkKey::new(inner, bell.capability(), LinkName::default());
        host.link(&link, LinkConfig::new()).unwrap();

        let began = Instant::now();
        let now = host.shared().policy.now();
        let admitted = host.shared().actors.admit(outer.as_str(), now).unwrap().unwrap();
        let call = Call { operation: "Begin", payload: b"", options };
        let error = admitted.deliver(&call, &mut Vec::new()).unwrap_err();
        assert!(began.elapsed() < LONG / 2, "the inner call went on to its own deadline");
        error
    }

    #[test]
    fn a_call_that_is_cancelled_ends_those_inside_it() {
        let bell = Arc::new(Bell::default());
        let error = outcome(&bell, "Cancel", &CallOptions::new().cancel(&bell.0));
        assert!(matches!(error, Error::Ended { .. }), "{error}");
    }

    #[test]
    fn a_call_whose_time_is_over_ends_those_inside_it() {
        let options = CallOptions::new().timeout(Duration::from_millis(50));
        let error = outcome(&Arc::default(), "Ring", &options);
        assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}");
    }
}

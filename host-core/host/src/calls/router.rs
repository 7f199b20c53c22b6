//! Leads each host call of an actor to where it goes: granted? linked? deliver.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use capability_claims::{Access, Clock};
use capability_contracts::is_reserved;
use capability_provider::{ActorId, Caller, CapabilityCall, LinkName};
use untrusted_text::Shown;
use wapc_host::{HostCall, HostCallError, HostHandler, Reply};

use crate::{
    actors::{actor::Actor, generation::Admitted, names},
    calls::call::{Call, Layers, Target},
    error::Error,
    links::table::LinkCell,
    shared::Shared,
    steps::step,
    trust::{
        rights::Rights,
        uses::{Allowed, Use},
    },
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
    /// The same, as others are told on whose behalf they are called.
    caller: Caller,
    rights: Arc<Rights>,
    links: Arc<LinkCell>,
    clock: Arc<dyn Clock>,
    host: Weak<Shared>,
    layers: Arc<Layers>,
    /// The most bytes that a provider may answer with.
    reply_limit: Option<usize>,
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
        let caller = Caller::actor(actor.id.as_str());
        Self {
            actor: actor.id.clone(),
            caller,
            rights,
            links,
            clock,
            host: Arc::downgrade(host),
            layers: Arc::clone(&host.layers),
            reply_limit,
        }
    }

    fn route(&self, call: &HostCall<'_>, reply: &mut Reply) -> Result<(), Error> {
        let HostCall { namespace, operation, payload, context, .. } = *call;
        if ActorId::has_form_of(namespace) {
            let host = self.host.upgrade().ok_or(Error::ShuttingDown)?;
            let context = context.nested().called_by(self.caller.clone());
            let target = Target::Actor(namespace);
            let call = Call { target, caller: Some(&self.actor), operation, payload, context: &context };
            return host.invoke(&call, || self.admit(&host, namespace, operation), reply.buffer());
        }
        let link = if call.binding.is_empty() { LinkName::DEFAULT } else { call.binding };
        let target = Target::Provider { capability: namespace, link };
        let call = Call { target, caller: Some(&self.actor), operation, payload, context };
        reply.set(match self.layers.is_empty() {
            true => self.to_provider(namespace, link, &call)?,
            false => self.layers.around(&call, |call| self.to_provider(namespace, link, call))?,
        });
        Ok(())
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

    /// The one way out of an actor to a provider.
    fn to_provider(&self, capability: &str, link: &str, call: &Call<'_>) -> Result<Bytes, Error> {
        let now = self.clock.now();
        let access = Access::capability(capability, link, call.operation);
        let mut allowed = self.decide(&access, now)?;
        loop {
            let table = self.links.table();
            let Some(entry) = table.find(capability, link) else {
                return Err(self.rights.denied(&access, self.not_linked(capability, link), now));
            };
            let Some(served) = entry.served() else {
                return Err(down(capability, link));
            };
            // A provider is retired only after the table was replaced, so the next look finds the one in its place.
            let Some(_inside) = served.enter() else { continue };
            step("uses what it may");
            if self.rights.used(allowed, &access, now)? == Use::AfterRecord {
                // The link may have been ended by now as well.
                allowed = Allowed::Known;
                continue;
            }
            let call = CapabilityCall::new(&self.actor, entry.link(), call.operation, call.payload)
                .within(call.context)
                .with_reply_limit(self.reply_limit);
            return served.handle(&call);
        }
    }

    /// Lets a call of this actor into another one.
    fn admit(&self, host: &Shared, actor: &str, operation: &str) -> Result<Admitted, Error> {
        let now = self.clock.now();
        let access = Access::module(actor, operation);
        let allowed = self.decide(&access, now)?;
        let let_in = |now| {
            let unknown = || ActorId::new(actor).expect("its form was looked at");
            host.actors.admit(actor, now).unwrap_or_else(|| Err(Error::UnknownActor { actor: unknown() }))
        };
        let admitted = let_in(now)?;
        match self.rights.used(allowed, &access, now)? {
            Use::AtOnce => Ok(admitted),
            // The other actor may have been taken away by now as well.
            Use::AfterRecord => let_in(self.clock.now()),
        }
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
    use capability_provider::{
        ActorHandle, CallContext, CancelToken, CapabilityId, LinkConfig, LinkKey, Provider, ProviderError,
        Reply,
    };

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
        fn handle<'a>(&'a self, call: &CapabilityCall<'a>) -> Result<Reply<'a>, ProviderError> {
            if call.operation == "Cancel" {
                self.0.cancel();
            }
            Ok(Bytes::new().into())
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
    fn outcome(bell: &Arc<Bell>, operation: &str, context: CallContext) -> Error {
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
        let error = host.call_within(context, &outer, "Begin", b"").unwrap_err();
        assert!(began.elapsed() < LONG / 2, "the inner call went on to its own deadline");
        error
    }

    #[test]
    fn a_call_that_is_cancelled_ends_those_inside_it() {
        let bell = Arc::new(Bell::default());
        let error = outcome(&bell, "Cancel", CallContext::new().with_cancel(&bell.0));
        assert!(matches!(error, Error::Ended { .. }), "{error}");
    }

    #[test]
    fn a_call_whose_time_is_over_ends_those_inside_it() {
        let context = CallContext::new().with_timeout(Duration::from_millis(50));
        let error = outcome(&Arc::default(), "Ring", context);
        assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}");
    }
}

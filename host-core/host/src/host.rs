//! Defines [`Host`], the public face of this crate.

use std::{
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use bytes::Bytes;
use capability_claims::{TrustPolicy, VerifiedModule};
use capability_provider::{
    ActorId, CallContext, CapabilityId, LinkConfig, LinkKey, LinkName, Provider, deadline_after,
};

use crate::{
    calls::call::{Call, Target},
    error::Error,
    options::{AddOptions, SwapOptions},
    reports::{health::HealthReport, policy_report::PolicyReport, status::Status, swap_report::SwapReport},
    shared::Shared,
};

/// A running host: actors, providers, and the links between them.
///
/// Clones are the same host, usable from any thread. When the last clone is dropped the host
/// [shuts down](Self::shutdown). Changes of one actor, of one place of a provider or of one link take turns, those of different ones do not
/// wait for each other, and calls wait for none. A provider that hangs while it makes or ends a link is waited for until the
/// [provider deadline](crate::HostBuilder::provider_deadline), by whoever asked for that and by nobody else.
#[derive(Clone)]
pub struct Host(Arc<Owner>);

/// What the clones of a [`Host`] own together. The routers and the providers' handles, which outlive it, only see what is
/// inside, and that weakly.
struct Owner(Arc<Shared>);

/// A [`Host`] without keeping it alive: for what the host itself holds, such as a provider that changes it.
#[derive(Debug, Clone)]
pub struct WeakHost(Weak<Owner>);

impl WeakHost {
    /// The host, while somebody keeps it.
    #[must_use]
    pub fn upgrade(&self) -> Option<Host> {
        self.0.upgrade().map(Host)
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Owner").field(&self.0.status()).finish()
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.shutdown();
    }
}

impl Host {
    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(Owner(Arc::new(shared))))
    }

    /// What is decided before each call of this actor to a provider or to another actor: the very code, without the call.
    #[cfg(feature = "bench")]
    #[doc(hidden)]
    pub fn decision(
        &self,
        actor: &ActorId,
    ) -> Option<impl Fn(&capability_claims::Access<'_>, u64) -> Result<(), Error> + use<>> {
        let rights = Arc::clone(&self.shared().actors.find(actor.as_str())?.current()?.rights);
        Some(move |access: &capability_claims::Access<'_>, now| rights.allow(access, now).map(drop))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.0
    }

    /// The same host, without keeping it alive.
    #[must_use]
    pub fn downgrade(&self) -> WeakHost {
        WeakHost(Arc::downgrade(&self.0))
    }

    /// Puts a provider in the default place of its capability, in place of one that may serve there already: see
    /// [`replace_provider`](Self::replace_provider).
    ///
    /// # Errors
    /// Those of [`add_provider`](Self::add_provider) and [`replace_provider`](Self::replace_provider), but for those that tell whether there
    /// was one.
    pub fn provide(&self, provider: impl Provider) -> Result<(), Error> {
        self.provide_as(LinkName::default(), Arc::new(provider))
    }

    /// As [`provide`](Self::provide), under this link name.
    ///
    /// # Errors
    /// As [`provide`](Self::provide).
    pub fn provide_as(&self, link: LinkName, provider: Arc<dyn Provider>) -> Result<(), Error> {
        loop {
            match self.add_provider(link.clone(), Arc::clone(&provider)) {
                Err(Error::ProviderExists { .. }) => {}
                added => return added,
            }
            // It may have been taken away meanwhile, and then the place is empty.
            match self.replace_provider(link.clone(), Arc::clone(&provider)) {
                Err(Error::UnknownProvider { .. }) => {}
                Err(Error::ProviderExists { .. }) => return Ok(()),
                replaced => return replaced,
            }
        }
    }

    /// Verifies a signed module, compiles it, starts one instance of it, and lets it be called. Returns its key.
    ///
    /// # Errors
    /// - [`Error::Refused`] when the module is not signed, forged, altered, expired, not yet valid, signed by somebody
    ///   whom nobody here trusts, or not let in by the policy for a reason of its own; the source tells which
    /// - [`Error::CannotRun`] when it cannot be compiled or does not start; [`Error::CallsWhileStarting`] when it does not after a host
    ///   call that it made before it was let in
    /// - [`Error::ActorExists`] when there is an actor of its key
    /// - [`Error::NotRecorded`] when the audit log cannot be written and nothing is to happen without it
    pub fn add_actor(&self, wasm: impl Into<Bytes>) -> Result<ActorId, Error> {
        self.add_actor_with(wasm, AddOptions::new())
    }

    /// As [`add_actor`](Self::add_actor), with options: a chain of tokens beside the module.
    ///
    /// # Errors
    /// As [`add_actor`](Self::add_actor); for a chain that does not hold, [`Error::Refused`] tells the link that fails.
    pub fn add_actor_with(&self, wasm: impl Into<Bytes>, options: AddOptions) -> Result<ActorId, Error> {
        self.shared().add_actor(wasm.into(), &options)
    }

    /// Tells whether [`add_actor_with`](Self::add_actor_with) would refuse a module, as far as that can be told without running any of it:
    /// verifies and compiles it, and looks at what it imports and exports and at the memory that it asks for. Nothing of the module
    /// runs, nothing is recorded, and the host is as it was.
    ///
    /// # Errors
    /// As [`add_actor_with`](Self::add_actor_with), but for what only its start can tell.
    pub fn check_actor_with(
        &self,
        wasm: impl Into<Bytes>,
        options: AddOptions,
    ) -> Result<VerifiedModule, Error> {
        self.shared().check_module(wasm.into(), &options)
    }

    /// Puts another version of an actor, signed for the same key, in the place of the one that serves.
    ///
    /// From the switch on new calls are served by the new version; calls in flight finish in the old one and are ended at
    /// the drain deadline. Nobody waits, and links stay as they are. When it fails, the old version serves on.
    ///
    /// # Errors
    /// As [`add_actor`](Self::add_actor), but [`Error::UnknownActor`] when no actor has this key, and
    /// [`Error::RevisionTooLow`] when the version that serves has a higher revision, [`Error::NotTheOwner`] when another account signed
    /// it and neither the policy nor the options hand the actor over.
    pub fn replace_actor(&self, wasm: impl Into<Bytes>) -> Result<SwapReport, Error> {
        self.replace_actor_with(wasm, SwapOptions::new())
    }

    /// As [`replace_actor`](Self::replace_actor), with options.
    ///
    /// # Errors
    /// As [`replace_actor`](Self::replace_actor), but a forced swap takes a lower revision; [`Error::OtherActor`] when the
    /// module is signed for another key than that of the actor that the options name.
    pub fn replace_actor_with(
        &self,
        wasm: impl Into<Bytes>,
        options: SwapOptions,
    ) -> Result<SwapReport, Error> {
        self.shared().replace_actor(wasm.into(), &options)
    }

    /// Puts another policy in the place of the one that decides, while actors run.
    ///
    /// When this returns, every call obeys the new policy, and so does every host call. A call that began before goes on: what it
    /// computes and what it already asked of a provider are not cut off, but the next host call that it makes is decided by the new
    /// policy. An actor that the new policy does not let run stays in place and is refused with [`Error::NoLongerValid`], whose
    /// source tells why, until a policy lets it run again or another version takes its place. No call waits for this, and
    /// it waits for none, not even for a provider that links or an actor that drains.
    ///
    /// # Errors
    /// [`Error::ShuttingDown`] when the host has ended; [`Error::PolicyWaits`] when the audit log cannot be written and nothing is to
    /// happen without it: what the policy takes away holds then too, and what it allows as soon as the log takes its record.
    pub fn replace_policy(&self, policy: TrustPolicy) -> Result<PolicyReport, Error> {
        self.shared().replace_policy(policy)
    }

    /// Writes to the audit log that a policy was to be read and could not be, with where and why. Nothing changes: the policy before
    /// goes on to decide.
    pub fn policy_unreadable(&self, reason: &str) {
        self.shared().policy_unreadable(reason);
    }

    /// Takes an actor away with all of its links, whether that can be recorded or not: [`health`](Self::health) and
    /// [`status`](Self::status) tell of a record that was lost.
    ///
    /// First the links over which providers deliver to it are ended, so that no new requests come; those that came are answered meanwhile, or
    /// their time is over with the drain deadline. When this returns nothing new begins. Calls in flight go on behind, and are ended at the
    /// drain deadline; then the other links are ended. [`status`](Self::status) tells how much still drains, and
    /// [`wait_drained`](Self::wait_drained) waits for it. A link of the same key is made again only after that.
    ///
    /// # Errors
    /// [`Error::UnknownActor`]; [`Error::Reentered`] inside of another change of this actor.
    pub fn remove_actor(&self, actor: &ActorId) -> Result<(), Error> {
        self.shared().remove_actor(actor)
    }

    /// Puts a provider in the place of its capability and this link name, which must be empty. Links that were declared
    /// for a provider of this place before come up again, each with its configuration.
    ///
    /// A provider that is refused was not taken over: ending what it runs stays with the caller.
    ///
    /// # Errors
    /// [`Error::ProviderExists`]; [`Error::LinkFailed`] when it does not make one of the links, and then none is made;
    /// [`Error::ProviderLate`] and [`Error::ProviderBusy`] as in [`replace_provider`](Self::replace_provider).
    pub fn add_provider(&self, link: LinkName, provider: Arc<dyn Provider>) -> Result<(), Error> {
        self.shared().add_provider(link, provider)
    }

    /// Puts a provider in the place of the one that serves its capability under this link name.
    ///
    /// The new one makes all links first; then it takes every new call, and this returns. Behind, calls in flight in the old one are waited
    /// for until the drain deadline, and the old one's links are ended and it is shut down: see [`wait_drained`](Self::wait_drained). For
    /// that time both have their links, so a port that the old one listens on is not free for the new one.
    ///
    /// # Errors
    /// [`Error::UnknownProvider`] when there is none to replace; [`Error::ProviderExists`] when it is the same provider;
    /// [`Error::LinkFailed`] when the new one does not make one of the links, [`Error::ProviderLate`] when it takes longer than the provider
    /// deadline for one, [`Error::ProviderBusy`] when too many calls into providers are out: then the old one serves on.
    pub fn replace_provider(&self, link: LinkName, provider: Arc<dyn Provider>) -> Result<(), Error> {
        self.shared().replace_provider(link, provider)
    }

    /// Takes a provider away and shuts it down. Its links stay declared and are down: calls over them fail with
    /// [`Error::CapabilityUnavailable`], and [`health`](Self::health) names them, until another provider takes the place.
    ///
    /// When this returns no call goes to it any more and none comes from it; the links over which it delivers have been ended, or the drain
    /// deadline has passed. Calls in flight are waited for behind, until the drain deadline, and then it ends its other links and is shut
    /// down: see [`wait_drained`](Self::wait_drained).
    ///
    /// # Errors
    /// [`Error::UnknownProvider`].
    pub fn remove_provider(&self, capability: &CapabilityId, link: &LinkName) -> Result<(), Error> {
        self.shared().remove_provider(capability, link)
    }

    /// Lets an actor use the provider of a capability under a link name, with this configuration.
    ///
    /// An actor whose token does not grant the capability can be linked, but its calls are refused; the log says so.
    ///
    /// # Errors
    /// [`Error::UnknownActor`], [`Error::UnknownProvider`], [`Error::LinkExists`]; [`Error::LinkFailed`] when the provider
    /// does not make the link; [`Error::ProviderLate`] when it takes longer than the provider deadline, and then the link is ended again if
    /// it is made later; [`Error::ProviderBusy`] when too many calls into providers are out; [`Error::Reentered`] from inside the making or
    /// the end of the same link.
    pub fn link(&self, key: &LinkKey, config: LinkConfig) -> Result<(), Error> {
        self.shared().link(key, config)
    }

    /// Ends a link. The provider is waited for until the provider deadline; the link is ended whether it comes back by then or not.
    ///
    /// # Errors
    /// [`Error::UnknownLink`]; [`Error::Reentered`] from inside the making or the end of the same link.
    pub fn unlink(&self, key: &LinkKey) -> Result<(), Error> {
        self.shared().unlink(key)
    }

    /// Sends `operation` with `payload` to an actor, in its version of this moment, and returns its reply. Blocks until the
    /// actor answers or its deadline passes. The embedding program may send any operation.
    ///
    /// # Errors
    /// [`Error::UnknownActor`], [`Error::NoLongerValid`], [`Error::NotRecorded`], [`Error::ShuttingDown`], and all that can go wrong in an actor:
    /// [`Error::Guest`], [`Error::Trap`], [`Error::Protocol`], [`Error::DeadlineExceeded`], [`Error::MemoryLimit`],
    /// [`Error::PayloadTooLarge`], [`Error::Busy`], [`Error::Ended`]. [`Error::unavailable`] tells whether a missing
    /// capability is why.
    pub fn call(&self, actor: &ActorId, operation: &str, payload: &[u8]) -> Result<Bytes, Error> {
        self.call_within(CallContext::new(), actor, operation, payload)
    }

    /// As [`call`](Self::call), with what the call carries: a deadline, what can cancel it, on whose behalf it is made, a trace. All of it
    /// holds for whatever the actor calls as well, and the context can only tighten what the host allows.
    ///
    /// # Errors
    /// As [`call`](Self::call); [`Error::Ended`] when the call is cancelled.
    pub fn call_within(
        &self,
        context: CallContext,
        actor: &ActorId,
        operation: &str,
        payload: &[u8],
    ) -> Result<Bytes, Error> {
        let shared = self.shared();
        let _root = shared.begin()?;
        let (mut reply, now) = (Vec::new(), shared.policy.now());
        let target = Target::Actor(actor.as_str());
        let call = Call { target, caller: None, operation, payload, context: &context };
        let unknown = || Error::UnknownActor { actor: actor.clone() };
        shared.invoke(&call, || shared.actors.admit(actor.as_str(), now).ok_or_else(unknown)?, &mut reply)?;
        Ok(reply.into())
    }

    /// Asks every link's provider and every actor whether they are well, several at once and all within two seconds. Who does not answer by
    /// then is not well; who has not answered before is not asked again meanwhile.
    #[must_use]
    pub fn health(&self) -> HealthReport {
        self.shared().health()
    }

    /// What runs here at this moment.
    #[must_use]
    pub fn status(&self) -> Status {
        self.shared().status()
    }

    /// Waits until nothing drains any more of what was removed or replaced, but no longer than `limit`: calls in flight have come back or
    /// were ended, links are ended, and providers that were taken away are shut down. False when `limit` came first.
    pub fn wait_drained(&self, limit: Duration) -> bool {
        self.shared().behind.wait_done(deadline_after(limit))
    }

    /// Ends everything. First nothing is changed any more and the links over which providers deliver are ended, all at once: the requests
    /// that came over them are answered, and calls are taken until then. Then new calls are refused, those in flight are waited for, and
    /// ended at the drain deadline, which began with all this. Then all other links are ended, every provider is shut down, every actor is
    /// dropped, and the host's thread ends. For providers and for a disk that hang there is a second more, and they are left behind. Further calls of it
    /// do nothing; one that comes meanwhile waits for the first.
    pub fn shutdown(&self) {
        self.shared().shutdown();
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Host").field(&self.status()).finish()
    }
}

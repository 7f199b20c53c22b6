//! Defines what a provider is.

use std::sync::Arc;

use bytes::Bytes;

use crate::{ActorHandle, CapabilityCall, CapabilityId, LinkConfig, LinkKey, ProviderError, Reply};

/// A capability provider.
///
/// Called from many threads at once. The host holds no lock while it calls a provider; a provider must hold none that
/// [`handle`](Provider::handle) needs while it calls an actor, for the actor may call back.
///
/// What is asked beside calls of actors has a deadline of the host's, after which the host goes on without the provider. For one link, the
/// host asks for one thing at a time; for different links it may ask for several at once.
pub trait Provider: Send + Sync + 'static {
    /// The capability that it serves.
    fn capability(&self) -> CapabilityId;

    /// A short name for people, such as `keyvalue-redis`.
    fn name(&self) -> &str;

    /// Makes a link usable. `actor` is the way to the linked actor, for providers that deliver something to it.
    ///
    /// A link of the same key may come again, with another configuration: it replaces the first.
    ///
    /// # Errors
    /// When the configuration cannot be used or what it names cannot be reached; the link is then not made.
    fn link(&self, link: &LinkKey, config: &LinkConfig, actor: ActorHandle) -> Result<(), ProviderError>;

    /// Ends a link and frees what it held. Does nothing for a link that is not there. A provider that delivers takes in nothing more, and
    /// returns when what it took in has been answered: its handle works until then.
    fn unlink(&self, link: &LinkKey);

    /// Carries out one call of a linked actor: replies with bytes at once, or with a future of them ([`Reply::later`]).
    ///
    /// The host waits for a future no longer than the call may take, and drops it when that time is over or the call is cancelled. What
    /// blocks by itself, such as a client without time limits, belongs behind [`Blocking`](crate::Blocking).
    ///
    /// # Errors
    /// Any [`ProviderError`]; its text reaches the actor.
    fn handle<'a>(&'a self, call: &CapabilityCall<'a>) -> Result<Reply<'a>, ProviderError>;

    /// Whether the provider can do its work now.
    ///
    /// # Errors
    /// What keeps it from working, such as a server that cannot be reached.
    fn health(&self) -> Result<(), ProviderError> {
        Ok(())
    }

    /// Ends everything that it runs: listeners, threads, connections. Called once, after its last link was ended.
    fn shutdown(&self) {}

    /// Where the provider itself lies, by which the host knows it again: for whatever hands all of the above on to one that others hold as well.
    #[doc(hidden)]
    fn address(&self) -> *const () {
        std::ptr::from_ref(self).cast()
    }
}

impl<'a> CapabilityCall<'a> {
    /// Sends the call to a provider and returns the reply's bytes. Blocks until they are there, and no longer than the call may take.
    ///
    /// # Errors
    /// Those of [`Provider::handle`] and [`Reply::wait`].
    pub fn send_to<P: Provider + ?Sized>(&self, provider: &'a P) -> Result<Bytes, ProviderError> {
        provider.handle(self)?.wait(self)
    }
}

/// A provider that somebody else holds as well.
impl<P: Provider + ?Sized> Provider for Arc<P> {
    fn capability(&self) -> CapabilityId {
        (**self).capability()
    }

    fn name(&self) -> &str {
        (**self).name()
    }

    fn link(&self, link: &LinkKey, config: &LinkConfig, actor: ActorHandle) -> Result<(), ProviderError> {
        (**self).link(link, config, actor)
    }

    fn unlink(&self, link: &LinkKey) {
        (**self).unlink(link);
    }

    fn handle<'a>(&'a self, call: &CapabilityCall<'a>) -> Result<Reply<'a>, ProviderError> {
        (**self).handle(call)
    }

    fn health(&self) -> Result<(), ProviderError> {
        (**self).health()
    }

    fn shutdown(&self) {
        (**self).shutdown();
    }

    fn address(&self) -> *const () {
        (**self).address()
    }
}

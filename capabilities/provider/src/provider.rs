//! Defines what a provider is.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use call_context::{CallContext, Caller};

use crate::{ActorHandle, ActorId, CapabilityId, LinkConfig, LinkKey, LinkName, ProviderError, Reply};

/// One call of an actor to a provider. Everything is borrowed: the payload lies in the guest's memory.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct CapabilityCall<'a> {
    /// The actor that calls. The host vouches for it.
    pub actor: &'a ActorId,
    /// The name of the link that it used.
    pub link: &'a LinkName,
    /// The operation, as the actor named it.
    pub operation: &'a str,
    /// The payload's bytes.
    pub payload: &'a [u8],
    /// What the actor's own call carries: when it must be over, what can cancel it, on whose behalf it is made, and its trace.
    pub context: &'a CallContext,
    /// The most bytes that the reply may have; `None` when nobody sets a limit. The host refuses what is larger. A provider
    /// that would have to put a large reply together finds out first, and answers with
    /// [`ProviderError::ReplyTooLarge`].
    pub reply_limit: Option<usize>,
}

impl<'a> CapabilityCall<'a> {
    /// A call of `operation` with `payload`, which nobody makes, without a deadline and without a limit for the reply.
    #[must_use]
    pub fn new(actor: &'a ActorId, link: &'a LinkName, operation: &'a str, payload: &'a [u8]) -> Self {
        Self { actor, link, operation, payload, context: CallContext::DETACHED, reply_limit: None }
    }

    /// The same call with another operation and payload.
    #[must_use]
    pub fn with(self, operation: &'a str, payload: &'a [u8]) -> Self {
        Self { operation, payload, ..self }
    }

    /// The same call, made within this one.
    #[must_use]
    pub fn within(self, context: &'a CallContext) -> Self {
        Self { context, ..self }
    }

    /// The same call, whose reply may have at most `bytes`.
    #[must_use]
    pub fn with_reply_limit(self, bytes: Option<usize>) -> Self {
        Self { reply_limit: bytes, ..self }
    }

    /// Sends the call to a provider and returns the reply's bytes. Blocks until they are there, and no longer than the call may take.
    ///
    /// # Errors
    /// Those of [`Provider::handle`] and [`Reply::wait`].
    pub fn send_to<P: Provider + ?Sized>(&self, provider: &'a P) -> Result<Bytes, ProviderError> {
        provider.handle(self)?.wait(self)
    }

    /// The context for a call that is made to answer this one, such as one to an actor: it ends with this one, is nested one deeper, and
    /// says that this actor is among those on whose behalf it is made.
    #[must_use]
    pub fn nested(&self) -> CallContext {
        self.context.nested().called_by(Caller::actor(self.actor.as_str()))
    }

    /// Whether a reply of `size` bytes may be given.
    ///
    /// # Errors
    /// [`ProviderError::ReplyTooLarge`] when it is over [`reply_limit`](Self::reply_limit).
    pub fn check_reply(&self, size: usize) -> Result<(), ProviderError> {
        match self.reply_limit {
            Some(limit) if size > limit => {
                Err(ProviderError::ReplyTooLarge { operation: self.operation.to_owned(), size, limit })
            }
            _ => Ok(()),
        }
    }

    /// When the actor's own call ends; `None` when it may take any time.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.context.deadline()
    }

    /// The time that is left to answer in; zero when it is used up, `None` when there is no deadline.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.context.remaining()
    }
}

/// A capability provider.
///
/// Called from many threads at once. The host holds no lock while it calls a provider; a provider must hold none that
/// [`handle`](Provider::handle) needs while it calls an actor, for the actor may call back.
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

    /// Ends a link and frees what it held. Does nothing for a link that is not there.
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
}

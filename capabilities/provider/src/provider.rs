//! What a provider is.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::{ActorHandle, ActorId, CapabilityId, LinkConfig, LinkKey, LinkName, ProviderError};

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
    /// When the actor's own call ends; `None` when it may take any time.
    pub deadline: Option<Instant>,
    /// The most bytes that the reply may have; `None` when nobody sets a limit. The host refuses what is larger. A provider
    /// that would have to put a large reply together finds out first, and answers with
    /// [`ProviderError::ReplyTooLarge`].
    pub reply_limit: Option<usize>,
}

impl<'a> CapabilityCall<'a> {
    /// A call of `operation` with `payload`, without a deadline and without a limit for the reply.
    #[must_use]
    pub fn new(actor: &'a ActorId, link: &'a LinkName, operation: &'a str, payload: &'a [u8]) -> Self {
        Self { actor, link, operation, payload, deadline: None, reply_limit: None }
    }

    /// The same call with another operation and payload.
    #[must_use]
    pub fn with(self, operation: &'a str, payload: &'a [u8]) -> Self {
        Self { operation, payload, ..self }
    }

    /// The same call, which must be answered by `deadline`.
    #[must_use]
    pub fn with_deadline(self, deadline: Option<Instant>) -> Self {
        Self { deadline, ..self }
    }

    /// The same call, whose reply may have at most `bytes`.
    #[must_use]
    pub fn with_reply_limit(self, bytes: Option<usize>) -> Self {
        Self { reply_limit: bytes, ..self }
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

    /// The time that is left to answer in; zero when it is used up, `None` when there is no deadline.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
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

    /// Carries out one call of a linked actor and returns the reply's bytes.
    ///
    /// # Errors
    /// Any [`ProviderError`]; its text reaches the actor.
    fn handle(&self, call: &CapabilityCall<'_>) -> Result<Bytes, ProviderError>;

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

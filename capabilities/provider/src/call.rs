//! Holds one call of an actor to a provider.

use std::time::{Duration, Instant};

use call_context::{CallContext, Caller};

use crate::{ActorId, LinkName, ProviderError};

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
    /// A call of `operation` with `payload` in a context of its own, without a deadline and without a limit for the reply.
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

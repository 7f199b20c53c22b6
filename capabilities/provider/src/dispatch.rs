//! Leads from a provider to the actor that it is linked to.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use call_context::{CallContext, ErrorKind};
use untrusted_text::Shown;

use crate::{ActorId, LinkKey};

/// Why an actor did not answer a provider's call.
///
/// The variants are those that a provider can act on: an HTTP server, for one, answers each with another status.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum DispatchError {
    /// The actor, or the link over which the call came, is no longer there.
    #[error("{link} no longer leads to an actor")]
    Gone {
        /// The link over which the call came.
        link: LinkKey,
    },
    /// The actor may not run now: its token expired, was revoked, or the host is shutting down.
    #[error("the call is refused: {reason}", reason = Shown::words(.reason))]
    Refused {
        /// The actor.
        actor: ActorId,
        /// Why it may not run, in words that name it.
        reason: String,
    },
    /// The actor failed after it had called a capability that has no provider now, or whose provider cannot work.
    #[error(
        "{capability} (link `{link}`) is not available: {reason}",
        reason = Shown::words(.reason), capability = Shown::new(.capability), link = Shown::new(.link)
    )]
    CapabilityUnavailable {
        /// The capability's id.
        capability: String,
        /// The link's name.
        link: String,
        /// What was seen.
        reason: String,
    },
    /// The actor failed after a capability had refused what the actor sent it as too large, such as a key made from a request's
    /// path: whoever made the request asked for too much.
    #[error(
        "{capability} (link `{link}`) does not take as much as {actor} sent it: {size} bytes where {limit} are allowed",
        capability = Shown::new(.capability), link = Shown::new(.link)
    )]
    InputTooLarge {
        /// The actor.
        actor: ActorId,
        /// The capability's id.
        capability: String,
        /// The link's name.
        link: String,
        /// The size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The actor answered with an error of its own.
    #[error("{text}", text = Shown::words(.text))]
    Actor {
        /// The actor's words.
        text: String,
    },
    /// The actor did not answer in time.
    #[error("{actor} did not answer within {limit:?}")]
    DeadlineExceeded {
        /// The actor.
        actor: ActorId,
        /// The time that it had.
        limit: Duration,
    },
    /// Every instance of the actor was busy for as long as a call may wait.
    #[error("{actor} is busy: all of its {max} instances were in use; try again later")]
    Busy {
        /// The actor.
        actor: ActorId,
        /// How many instances it may have.
        max: usize,
    },
    /// The payload or the reply is over its limit.
    #[error("{size} bytes are more than the {limit} that a call to {actor} may carry")]
    TooLarge {
        /// The actor.
        actor: ActorId,
        /// The size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The call was cancelled, or the actor was taken away while it worked.
    #[error("the call to {actor} was cancelled")]
    Cancelled {
        /// The actor.
        actor: ActorId,
    },
    /// The actor trapped, broke the protocol or used up what it was given.
    #[error("{actor} failed: {reason}", reason = Shown::words(.reason))]
    Failed {
        /// The actor.
        actor: ActorId,
        /// What kind of failure it was.
        kind: ErrorKind,
        /// What was seen.
        reason: String,
    },
}

impl DispatchError {
    /// The kind of failure that it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Gone { .. } => ErrorKind::NotFound,
            Self::Refused { .. } => ErrorKind::Refused,
            Self::CapabilityUnavailable { .. } => ErrorKind::Unavailable,
            Self::InputTooLarge { .. } | Self::TooLarge { .. } => ErrorKind::TooLarge,
            Self::Actor { .. } => ErrorKind::Guest,
            Self::DeadlineExceeded { .. } => ErrorKind::DeadlineExceeded,
            Self::Busy { .. } => ErrorKind::Busy,
            Self::Cancelled { .. } => ErrorKind::Cancelled,
            Self::Failed { kind, .. } => *kind,
        }
    }
}

/// What the host implements so that a provider can call the actor at the other end of a link.
pub trait Dispatch: Send + Sync {
    /// Sends `operation` with `payload` to the linked actor, in its generation of this moment, and returns its reply.
    ///
    /// # Errors
    /// Any [`DispatchError`].
    fn call(&self, context: CallContext, operation: &str, payload: &[u8]) -> Result<Bytes, DispatchError>;

    /// Asks whether the actor and all of its links are well: sends the actor its health request and looks at its links.
    ///
    /// # Errors
    /// The first thing that is not well.
    fn health(&self) -> Result<(), DispatchError>;
}

/// A provider's handle to one linked actor. Cheap to clone; usable from any thread.
#[derive(Clone)]
pub struct ActorHandle {
    link: LinkKey,
    dispatch: Arc<dyn Dispatch>,
}

impl ActorHandle {
    /// A handle to the actor of `link`, reached through `dispatch`.
    #[must_use]
    pub fn new(link: LinkKey, dispatch: Arc<dyn Dispatch>) -> Self {
        Self { link, dispatch }
    }

    /// The link that this handle belongs to.
    #[must_use]
    pub fn link(&self) -> &LinkKey {
        &self.link
    }

    /// The actor that calls go to.
    #[must_use]
    pub fn actor(&self) -> &ActorId {
        &self.link.actor
    }

    /// Sends `operation` with `payload` to the actor and returns its reply. Blocks until it answers, its deadline passes, that of the
    /// context passes, or the call is cancelled.
    ///
    /// A provider that delivers what came from outside begins a [new context](CallContext::new). One that calls an actor to answer another
    /// actor's call hands on that call's context ([`CapabilityCall::nested`](crate::CapabilityCall::nested)), so that depth, deadline and
    /// cancellation hold for both.
    ///
    /// # Errors
    /// Any [`DispatchError`].
    pub fn call(
        &self,
        context: CallContext,
        operation: &str,
        payload: &[u8],
    ) -> Result<Bytes, DispatchError> {
        self.dispatch.call(context, operation, payload)
    }

    /// Asks whether the actor and all of its links are well.
    ///
    /// # Errors
    /// The first thing that is not well.
    pub fn health(&self) -> Result<(), DispatchError> {
        self.dispatch.health()
    }
}

impl fmt::Debug for ActorHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActorHandle").field("link", &self.link).finish_non_exhaustive()
    }
}

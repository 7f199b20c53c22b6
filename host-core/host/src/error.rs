//! What can go wrong in a host.

use std::{error::Error as StdError, io, sync::Arc, time::Duration};

use capability_claims::ClaimsError;
use capability_provider::{ActorId, CapabilityId, LinkKey, LinkName, ProviderError};
use wapc_host::EngineError;

/// Why the host did not do what it was asked to. Match the variants, never the text.
///
/// Whatever a module, a token or a provider does, the host stays up: everything comes back as one of these.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    // --- Making a host ---------------------------------------------------------------------------------------------
    /// The builder was given no trust policy.
    #[error("a host without a trust policy trusts nobody and is not built: give one to HostBuilder::trust")]
    NoTrustPolicy,
    /// The WebAssembly engine did not start.
    #[error("the WebAssembly engine did not start: {source}")]
    Engine {
        /// What was seen.
        #[source]
        source: Box<wapc_host::Error>,
    },
    /// The operating system gave no thread.
    #[error("the host's thread was not started: {source}")]
    Thread {
        /// What was seen.
        #[source]
        source: io::Error,
    },

    // --- Changing it -----------------------------------------------------------------------------------------------
    /// The module was not let in. The source tells unsigned, forged, altered, expired, not yet valid and not trusted apart.
    #[error("the module is refused: {source}")]
    Refused {
        /// Why.
        #[source]
        source: Box<ClaimsError>,
    },
    /// The module verifies, but what it is signed for is not an actor's key.
    #[error(
        "the module is refused: its subject `{subject}` is not a module key; sign it with a subject that begins with M"
    )]
    NotAnActor {
        /// The token's subject.
        subject: String,
    },
    /// The module verifies but cannot be compiled or does not start.
    #[error("{actor} cannot run here: {source}")]
    CannotRun {
        /// The actor.
        actor: ActorId,
        /// What was seen.
        #[source]
        source: Box<wapc_host::Error>,
    },
    /// There is an actor of this key already.
    #[error("{actor} is here already: use replace_actor to put another version in its place")]
    ActorExists {
        /// The actor.
        actor: ActorId,
    },
    /// There is no actor of this key.
    #[error("there is no actor {actor} here: add it first")]
    UnknownActor {
        /// The actor.
        actor: ActorId,
    },
    /// The module that was to replace an actor has a lower revision.
    #[error(
        "{actor} serves with revision {current} and is not replaced by revision {offered}: sign the module with a higher \
         one, or force the swap"
    )]
    RevisionTooLow {
        /// The actor.
        actor: ActorId,
        /// The revision that serves; a token without one counts as 0.
        current: i32,
        /// The revision that was offered; a token without one counts as 0.
        offered: i32,
    },
    /// There is a provider in this place already.
    #[error(
        "{capability} (link `{link}`) has the provider `{provider}` already: use replace_provider to put another in its place"
    )]
    ProviderExists {
        /// The capability.
        capability: CapabilityId,
        /// The link name under which it is served.
        link: LinkName,
        /// The name of the provider that is there.
        provider: String,
    },
    /// There is no provider in this place.
    #[error("{capability} (link `{link}`) has no provider: add one first")]
    UnknownProvider {
        /// The capability.
        capability: CapabilityId,
        /// The link name.
        link: LinkName,
    },
    /// There is a link of this key already.
    #[error("{link} is there already: unlink it first")]
    LinkExists {
        /// The link.
        link: LinkKey,
    },
    /// There is no link of this key.
    #[error("there is no {link}")]
    UnknownLink {
        /// The link.
        link: LinkKey,
    },
    /// The provider refused a link.
    #[error("the provider `{provider}` did not make the {link}: {source}")]
    LinkFailed {
        /// The link.
        link: LinkKey,
        /// The provider's name.
        provider: String,
        /// What it said.
        #[source]
        source: Box<ProviderError>,
    },
    /// The host was changed from inside a provider's `link`, `unlink` or `shutdown`, which itself is part of a change.
    #[error(
        "the host cannot be changed from inside a change: let the provider's link or unlink return first"
    )]
    Reentered,
    /// The host shuts down or was shut down.
    #[error("the host is shut down: build another")]
    ShuttingDown,

    // --- Asking for more than was granted --------------------------------------------------------------------------
    /// The actor runs, but its token does not hold any more.
    #[error("{actor} may not be called any more: {source}")]
    NoLongerValid {
        /// The actor.
        actor: ActorId,
        /// Why: expired, for one.
        #[source]
        source: Box<ClaimsError>,
    },
    /// The actor's token does not grant what it asked for.
    #[error("{actor} was not granted `{capability}`: sign it with this capability if it may have it")]
    NotGranted {
        /// The actor that asked.
        actor: ActorId,
        /// The capability, or the key of the other actor; cut when it is very long.
        capability: String,
    },
    /// The actor was granted the capability, but is not linked to it under this name.
    #[error("{actor} is not linked to `{capability}` under the name `{link}`: link it first")]
    NotLinked {
        /// The actor that asked.
        actor: ActorId,
        /// The capability.
        capability: String,
        /// The link's name; cut when it is very long.
        link: String,
    },
    /// An actor tried to send what only the host and providers may send.
    #[error("{actor} may not send `{operation}`: only the host and its providers send it")]
    ReservedOperation {
        /// The actor that tried.
        actor: ActorId,
        /// The operation.
        operation: String,
    },
    /// Actors called each other, one inside the other, further than is allowed.
    #[error("the call of {actor} is {depth} calls deep where {limit} are allowed")]
    DepthExceeded {
        /// The actor that was to be called.
        actor: ActorId,
        /// How deep the call would have been; a call from outside has depth 0.
        depth: u32,
        /// The greatest depth allowed.
        limit: u32,
    },

    // --- Providers -------------------------------------------------------------------------------------------------
    /// The link is there, but has no provider now, or one that cannot reach what it stands in front of.
    #[error("{capability} (link `{link}`) is not available: {reason}")]
    CapabilityUnavailable {
        /// The capability.
        capability: String,
        /// The link's name.
        link: String,
        /// What was seen.
        reason: String,
    },
    /// The provider answered with an error.
    #[error("{capability} (link `{link}`): {source}")]
    Provider {
        /// The capability.
        capability: CapabilityId,
        /// The link's name.
        link: LinkName,
        /// What it said.
        #[source]
        source: ProviderError,
    },
    /// The provider panicked. The host and the actor go on.
    #[error("the provider `{provider}` panicked while {doing}: {message}")]
    ProviderPanicked {
        /// The provider's name.
        provider: String,
        /// What it was doing.
        doing: &'static str,
        /// The panic's message.
        message: String,
    },

    // --- Actors ----------------------------------------------------------------------------------------------------
    /// The actor answered with an error of its own.
    ///
    /// When a host call of the same call had failed, `host_error` is that failure (most often an [`Error`] of the kinds
    /// above); [`Error::unavailable`] finds out whether a missing capability is at the bottom of it.
    #[error("{actor} answered `{operation}` with an error: {text}")]
    Guest {
        /// The actor.
        actor: ActorId,
        /// The operation it was asked for.
        operation: String,
        /// Its own words.
        text: String,
        /// The last failure of a host call during this call.
        #[source]
        host_error: Option<Arc<dyn StdError + Send + Sync>>,
    },
    /// The actor trapped.
    #[error("{actor} trapped in `{operation}`: {source}")]
    Trap {
        /// The actor.
        actor: ActorId,
        /// The operation it was asked for.
        operation: String,
        /// What was seen.
        #[source]
        source: Box<wapc_host::Error>,
        /// The last failure of a host call during this call.
        host_error: Option<Arc<dyn StdError + Send + Sync>>,
    },
    /// The actor broke the protocol.
    #[error("{actor} broke the protocol in `{operation}`: {source}")]
    Protocol {
        /// The actor.
        actor: ActorId,
        /// The operation it was asked for.
        operation: String,
        /// What was seen.
        #[source]
        source: Box<wapc_host::Error>,
    },
    /// The actor did not answer in time.
    #[error("{actor} did not answer `{operation}` within {limit:?}")]
    DeadlineExceeded {
        /// The actor.
        actor: ActorId,
        /// The operation it was asked for.
        operation: String,
        /// The time that it had.
        limit: Duration,
    },
    /// The actor asked for more memory than it may have.
    #[error("{actor} used up its memory in `{operation}`: {source}")]
    MemoryLimit {
        /// The actor.
        actor: ActorId,
        /// The operation it was asked for.
        operation: String,
        /// What was seen.
        #[source]
        source: Box<wapc_host::Error>,
    },
    /// The payload or the reply is over its limit.
    #[error("the {what} of `{operation}` has {size} bytes where a call of {actor} may carry {limit}")]
    PayloadTooLarge {
        /// The actor.
        actor: ActorId,
        /// The operation it was asked for.
        operation: String,
        /// Which of the two: `payload` or `reply`.
        what: &'static str,
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Every instance of the actor was in use for as long as a call may wait.
    #[error(
        "{actor} is busy: all of its {max} instances were in use for {waited:?}; try again later or allow more instances"
    )]
    Busy {
        /// The actor.
        actor: ActorId,
        /// How many instances it may have.
        max: usize,
        /// How long the call waited.
        waited: Duration,
    },
    /// The call belonged to a generation that was taken away, and its time to finish was over.
    #[error(
        "`{operation}` was ended: {actor} was swapped or removed and the time for calls in flight was over"
    )]
    Ended {
        /// The actor.
        actor: ActorId,
        /// The operation it was asked for.
        operation: String,
    },
    /// Anything else that the waPC tier reports.
    #[error("{actor} failed in `{operation}`: {source}")]
    Failed {
        /// The actor.
        actor: ActorId,
        /// The operation it was asked for.
        operation: String,
        /// What was seen.
        #[source]
        source: Box<wapc_host::Error>,
    },
}

/// The capability that was missing at the bottom of a failure, borrowed from its [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unavailable<'a> {
    /// The capability's id.
    pub capability: &'a str,
    /// The link's name.
    pub link: &'a str,
    /// What was seen.
    pub reason: &'a str,
}

impl Error {
    /// The capability that was not available, if that is why the call failed: either directly, or because the actor (or one
    /// that it called) gave up after such a host call.
    #[must_use]
    pub fn unavailable(&self) -> Option<Unavailable<'_>> {
        match self {
            Self::CapabilityUnavailable { capability, link, reason } => {
                Some(Unavailable { capability, link, reason })
            }
            Self::Guest { host_error, .. } | Self::Trap { host_error, .. } => {
                host_error.as_deref()?.downcast_ref::<Self>()?.unavailable()
            }
            _ => None,
        }
    }

    /// Why the module's token was not accepted, when it was not let in or does not hold any more: the kind of error that
    /// [`capability_claims`] tells apart.
    #[must_use]
    pub fn refusal(&self) -> Option<&ClaimsError> {
        match self {
            Self::Refused { source } | Self::NoLongerValid { source, .. } => Some(source),
            _ => None,
        }
    }

    /// What the waPC tier reported about a call, with the actor's name.
    pub(crate) fn from_call(actor: &ActorId, operation: &str, error: wapc_host::Error) -> Self {
        use wapc_host::Error as Wapc;
        let (actor, operation) = (actor.clone(), operation.to_owned());
        match error {
            Wapc::Guest { text, host_error, .. } => Self::Guest { actor, operation, text, host_error },
            Wapc::Trap { ref host_error, .. }
            | Wapc::Aborted { ref host_error, .. }
            | Wapc::Exited { ref host_error, .. } => {
                let host_error = host_error.clone();
                Self::Trap { actor, operation, source: Box::new(error), host_error }
            }
            Wapc::DeadlineExceeded { limit, .. } => Self::DeadlineExceeded { actor, operation, limit },
            Wapc::MemoryLimit { .. } => Self::MemoryLimit { actor, operation, source: Box::new(error) },
            Wapc::Protocol { .. } => Self::Protocol { actor, operation, source: Box::new(error) },
            Wapc::PayloadTooLarge { size, limit, .. } => {
                Self::PayloadTooLarge { actor, operation, what: "payload", size, limit }
            }
            Wapc::ReplyTooLarge { size, limit, .. } => {
                Self::PayloadTooLarge { actor, operation, what: "reply", size, limit }
            }
            Wapc::PoolExhausted { max, waited, .. } => Self::Busy { actor, max, waited },
            Wapc::DepthExceeded { depth, limit, .. } => Self::DepthExceeded { actor, depth, limit },
            Wapc::Cancelled { .. } | Wapc::Closed { .. } => Self::Ended { actor, operation },
            Wapc::Engine(engine) => Self::from_engine(actor, operation, engine),
            other => Self::Failed { actor, operation, source: Box::new(other) },
        }
    }

    /// Another instance was needed for the call and did not start.
    fn from_engine(actor: ActorId, operation: String, error: Box<EngineError>) -> Self {
        match *error {
            EngineError::DeadlineExceeded { limit, .. } => Self::DeadlineExceeded { actor, operation, limit },
            EngineError::Cancelled { .. } => Self::Ended { actor, operation },
            _ => Self::Failed { actor, operation, source: Box::new(wapc_host::Error::Engine(error)) },
        }
    }
}

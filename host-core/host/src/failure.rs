//! Translates what the tiers below report into the host's errors, and tells what is at the bottom of one.

use capability_claims::ClaimsError;
use capability_provider::ActorId;
use wapc_host::EngineError;

use crate::error::Error;

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
            _ => self.inner()?.unavailable(),
        }
    }

    /// The error of the host call after which the guest gave up, if it is one of the host's: of the innermost guest, when one called
    /// another.
    pub(crate) fn inner(&self) -> Option<&Self> {
        let (Self::Guest { host_error, .. } | Self::Trap { host_error, .. }) = self else { return None };
        let error = host_error.as_deref()?.downcast_ref::<Self>()?;
        Some(error.inner().unwrap_or(error))
    }

    /// What its token or the policy does not let a module do: come in, be called, or use what it asked for. This is the kind of
    /// error that [`capability_claims`] tells apart.
    #[must_use]
    pub fn refusal(&self) -> Option<&ClaimsError> {
        match self {
            Self::Refused { source, .. }
            | Self::NoLongerValid { source, .. }
            | Self::NotGranted { source, .. }
            | Self::BeyondPolicy { source, .. } => Some(source),
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
            Wapc::DeadlineExceeded { limit, unreached, .. } => {
                Self::DeadlineExceeded { actor, operation, limit, unreached }
            }
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
            EngineError::DeadlineExceeded { limit, unreached, .. } => {
                Self::DeadlineExceeded { actor, operation, limit, unreached }
            }
            EngineError::Cancelled { .. } => Self::Ended { actor, operation },
            _ => Self::Failed { actor, operation, source: Box::new(wapc_host::Error::Engine(error)) },
        }
    }
}

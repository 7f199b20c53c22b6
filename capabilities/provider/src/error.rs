//! Says what can go wrong inside a provider.

use std::time::Duration;

use call_context::{ErrorKind, Interrupted};
use untrusted_text::Shown;

/// Why a provider could not do what it was asked to.
///
/// The text reaches the actor as the error of its host call, so it names what the actor sent and never a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// The capability has no such operation.
    #[error("{capability} has no operation `{operation}`", operation = Shown::new(.operation))]
    UnknownOperation {
        /// The capability that was called.
        capability: String,
        /// The operation as the actor named it.
        operation: String,
    },
    /// The payload is not what the operation takes.
    #[error(
        "the payload of `{operation}` ({size} bytes) cannot be read: {reason}",
        operation = Shown::new(.operation), reason = Shown::words(.reason)
    )]
    InvalidPayload {
        /// The operation that was called.
        operation: String,
        /// The payload's length in bytes.
        size: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A value is well formed but the operation cannot be carried out with it, such as a sum past the counter's range.
    #[error(
        "`{operation}` on `{key}` was not carried out: {reason}",
        operation = Shown::new(.operation), key = Shown::new(.key), reason = Shown::words(.reason)
    )]
    Rejected {
        /// The operation that was called.
        operation: String,
        /// The key or subject that it was about.
        key: String,
        /// Why it was not carried out; nothing was changed.
        reason: String,
    },
    /// The payload, or a key or value in it, is larger than this provider takes. The caller is at fault.
    #[error(
        "`{operation}` has {size} bytes where {limit} are allowed: send less",
        operation = Shown::new(.operation)
    )]
    TooLarge {
        /// The operation that was called.
        operation: String,
        /// The size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The reply would be larger than the call may carry; it was not put together.
    #[error(
        "the reply to `{operation}` has {size} bytes where {limit} are allowed: ask for less at a time",
        operation = Shown::new(.operation)
    )]
    ReplyTooLarge {
        /// The operation that was called.
        operation: String,
        /// The size in bytes, as far as it was counted.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A link's configuration cannot be used.
    #[error(
        "the link's configuration value `{key}` cannot be used: {reason}",
        key = Shown::new(.key), reason = Shown::words(.reason)
    )]
    InvalidConfig {
        /// The key of the value.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The actor has no link to this provider under this name.
    #[error("{link} is not known to the provider `{provider}`: link the actor first")]
    NotLinked {
        /// The link that was used.
        link: String,
        /// The provider's name.
        provider: String,
    },
    /// What the provider stands in front of (a server, a socket, a disk) cannot be reached or cannot work now.
    #[error(
        "{resource} is not available: {reason}",
        reason = Shown::words(.reason), resource = Shown::words(.resource)
    )]
    Unavailable {
        /// What is not available, without any secret.
        resource: String,
        /// What was seen.
        reason: String,
    },
    /// The time that the call had left was used up.
    #[error(
        "`{operation}` was not done within the {limit:?} that the call had left",
        operation = Shown::new(.operation)
    )]
    DeadlineExceeded {
        /// The operation that was called.
        operation: String,
        /// The time that there was.
        limit: Duration,
    },
    /// The call was cancelled, so that nobody waits for the answer.
    #[error("`{operation}` was given up: the call was cancelled", operation = Shown::new(.operation))]
    Cancelled {
        /// The operation that was called.
        operation: String,
    },
    /// Anything else, with its cause.
    #[error(
        "`{operation}` failed: {source}",
        operation = Shown::new(.operation), source = Shown::words(&.source.to_string())
    )]
    Failed {
        /// The operation that was called.
        operation: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl ProviderError {
    /// The call was over before its answer came, after `limit` if it had one.
    pub(crate) fn interrupted(operation: &str, interrupted: Interrupted, limit: Option<Duration>) -> Self {
        let operation = operation.to_owned();
        match interrupted {
            Interrupted::Cancelled => Self::Cancelled { operation },
            Interrupted::DeadlineExceeded => {
                Self::DeadlineExceeded { operation, limit: limit.unwrap_or_default() }
            }
        }
    }

    /// The kind of failure that it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownOperation { .. } | Self::NotLinked { .. } => ErrorKind::NotFound,
            Self::InvalidPayload { .. } | Self::Rejected { .. } | Self::InvalidConfig { .. } => {
                ErrorKind::Invalid
            }
            Self::TooLarge { .. } | Self::ReplyTooLarge { .. } => ErrorKind::TooLarge,
            Self::Unavailable { .. } => ErrorKind::Unavailable,
            Self::DeadlineExceeded { .. } => ErrorKind::DeadlineExceeded,
            Self::Cancelled { .. } => ErrorKind::Cancelled,
            Self::Failed { .. } => ErrorKind::Internal,
        }
    }
}

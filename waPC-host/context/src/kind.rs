//! Tells failures apart by what a caller can do about them.

use std::fmt;

/// What kind of failure an error is, in words that all tiers share. Each error of this library has one; a caller that has to decide what
/// to do next looks at this, and at the error itself for the details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What was called or named is not there.
    NotFound,
    /// It may not be done: a token, a policy or a grant does not allow it.
    Refused,
    /// What was given cannot be used, or what was asked for does not fit the state: asking again changes nothing.
    Invalid,
    /// What is needed for it cannot be reached or cannot work now.
    Unavailable,
    /// There is too much to do at this moment.
    Busy,
    /// A payload or a reply is over its limit.
    TooLarge,
    /// The time for it is used up.
    DeadlineExceeded,
    /// Somebody cancelled it, or ended what it ran in.
    Cancelled,
    /// The guest or the actor answered with an error of its own.
    Guest,
    /// The guest did not finish: it trapped, ended itself or panicked.
    Trap,
    /// The guest broke the protocol.
    Protocol,
    /// The guest used up what it was given: memory, fuel, depth.
    Limit,
    /// Something in the host, the system or the library failed.
    Internal,
}

impl ErrorKind {
    /// Whether the same call may succeed when it is made again a little later. Whether it may be made twice is for the caller to know:
    /// what failed so may have been carried out in part.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::Unavailable | Self::Busy)
    }

    /// The kind in one word, as logs and metrics name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Refused => "refused",
            Self::Invalid => "invalid",
            Self::Unavailable => "unavailable",
            Self::Busy => "busy",
            Self::TooLarge => "too_large",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::Cancelled => "cancelled",
            Self::Guest => "guest",
            Self::Trap => "trap",
            Self::Protocol => "protocol",
            Self::Limit => "limit",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

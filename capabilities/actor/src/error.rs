//! Says what can go wrong in an actor.

use alloc::string::String;

use capability_contracts::CodecError;
use wapc_guest::HostError;

/// Why an actor could not do what it was asked to. Its text reaches the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A capability or another actor answered with an error, or the host refused the call.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A message could not be read or written.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// What the actor itself has to say.
    #[error("{text}")]
    Message {
        /// The words.
        text: String,
    },
}

impl Error {
    /// An error in the actor's own words.
    pub fn new(text: impl Into<String>) -> Self {
        Self::Message { text: text.into() }
    }
}

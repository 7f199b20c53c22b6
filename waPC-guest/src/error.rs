//! Says what can go wrong when a guest calls its host.

use alloc::string::String;

use crate::text;

/// Why a call to the host brought no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The host, or what it called for this guest, answered with an error.
    #[error("{text}")]
    Failed {
        /// The namespace that was called: a capability's id or an actor's key.
        namespace: String,
        /// The operation that was called.
        operation: String,
        /// The host's words.
        text: String,
    },
    /// The call failed and the host said nothing about why.
    #[error("the host refused `{operation}` of `{namespace}` and gave no reason: look at its log")]
    Unexplained {
        /// The namespace that was called: a capability's id or an actor's key.
        namespace: String,
        /// The operation that was called.
        operation: String,
    },
    /// A message could not be written, or the reply to it could not be read. From the calls of a codec alone.
    #[error("{text}, in a call of `{namespace}`")]
    Codec {
        /// The namespace that was called: a capability's id or an actor's key.
        namespace: String,
        /// The operation that was called.
        operation: String,
        /// The codec's words, which name the operation.
        text: String,
    },
}

impl HostError {
    /// The error that belongs to the host's words, which may be empty.
    pub(crate) fn from_text(namespace: &str, operation: &str, words: String) -> Self {
        let (namespace, operation) = (text::owned(namespace), text::owned(operation));
        if words.is_empty() {
            Self::Unexplained { namespace, operation }
        } else {
            Self::Failed { namespace, operation, text: words }
        }
    }

    /// The error that belongs to the codec's words.
    #[cfg(feature = "codec")]
    pub(crate) fn of_codec(namespace: &str, operation: &str, words: String) -> Self {
        Self::Codec { namespace: text::owned(namespace), operation: text::owned(operation), text: words }
    }
}

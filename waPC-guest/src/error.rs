//! What can go wrong when a guest calls its host.

use alloc::string::String;

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
}

impl HostError {
    /// The error that belongs to the host's words `text`, which may be empty.
    pub(crate) fn from_text(namespace: &str, operation: &str, text: String) -> Self {
        let (namespace, operation) = (String::from(namespace), String::from(operation));
        if text.is_empty() {
            Self::Unexplained { namespace, operation }
        } else {
            Self::Failed { namespace, operation, text }
        }
    }
}

//! Holds what a provider replies, now or later.

use std::{fmt, future::Future, pin::Pin};

use bytes::Bytes;

use crate::{CapabilityCall, ProviderError};

/// A provider's reply to a call.
pub enum Reply<'a> {
    /// Bytes that are there.
    Now(Bytes),
    /// Bytes that come later, or an error.
    Later(Later<'a>),
}

/// A reply that comes later.
pub type Later<'a> = Pin<Box<dyn Future<Output = Result<Bytes, ProviderError>> + Send + 'a>>;

impl<'a> Reply<'a> {
    /// A reply that comes later. The future may borrow the provider and what the call borrows. Whoever waits for it polls it on a thread
    /// of its own, so what it waits for is driven elsewhere, such as by a runtime of the provider's.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use capability_provider::{CapabilityCall, ProviderError, Reply};
    ///
    /// # async fn fetch(_: &str) -> Result<Bytes, ProviderError> { Ok(Bytes::new()) }
    /// fn handle<'a>(call: &CapabilityCall<'a>) -> Result<Reply<'a>, ProviderError> {
    ///     Ok(Reply::later(fetch(call.operation)))
    /// }
    /// # let (actor, link) = ("MAWTZOX6RYV2OCU46C3VC6CPCFXTLS3EHQFBB6X56LXL7C7IKHUSV4QW".parse()?, Default::default());
    /// # let call = CapabilityCall::new(&actor, &link, "op", b"");
    /// # assert!(handle(&call)?.wait(&call)?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn later(reply: impl Future<Output = Result<Bytes, ProviderError>> + Send + 'a) -> Self {
        Self::Later(Box::pin(reply))
    }

    /// The bytes of the reply to `call`. Blocks until they are there, and no longer than the call may take.
    ///
    /// # Errors
    /// What the provider answers with; [`ProviderError::DeadlineExceeded`] and [`ProviderError::Cancelled`] when the call was over before,
    /// and [`ProviderError::ReplyTooLarge`] when the reply is larger than the call allows.
    pub fn wait(self, call: &CapabilityCall<'_>) -> Result<Bytes, ProviderError> {
        let bytes = match self {
            Self::Now(bytes) => bytes,
            Self::Later(future) => {
                let limit = call.remaining();
                let waited = call.context.wait(future);
                waited
                    .map_err(|interrupted| ProviderError::interrupted(call.operation, interrupted, limit))??
            }
        };
        // Not every provider looks at the limit by itself.
        call.check_reply(bytes.len()).map(|()| bytes)
    }
}

impl<T: Into<Bytes>> From<T> for Reply<'_> {
    fn from(bytes: T) -> Self {
        Self::Now(bytes.into())
    }
}

impl fmt::Debug for Reply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now(bytes) => write!(f, "Reply({} bytes)", bytes.len()),
            Self::Later(_) => f.write_str("Reply(later)"),
        }
    }
}

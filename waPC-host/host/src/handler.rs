//! Defines what answers a guest's calls: the handler.

use std::{fmt, time::Duration};

use bytes::Bytes;
use call_context::CallContext;
use untrusted_text::Shown;

use crate::CallOptions;

/// The most of a printed line that goes to the log, in characters.
const LONGEST_LINE: usize = 8 * 1024;

/// Why a host call was not carried out. Its text reaches the guest as the error of the call; the error itself is kept, so
/// that a call which fails because of it can tell (see [`Error::Guest`](crate::Error::Guest)).
pub type HostCallError = Box<dyn std::error::Error + Send + Sync>;

/// One call of a guest to the host. Everything is borrowed; the payload lies in the guest's memory.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct HostCall<'a> {
    /// The binding, which tells several of a kind apart. May be empty.
    pub binding: &'a str,
    /// The namespace: what is called.
    pub namespace: &'a str,
    /// The operation: what it is to do.
    pub operation: &'a str,
    /// The payload's bytes.
    pub payload: &'a [u8],
    /// What the guest's own call carries: when it must be over, how deep it is nested, what can cancel it, on whose behalf it is made, and
    /// its trace. A handler that blocks keeps to its deadline, and may ask it whether its answer is still wanted.
    pub context: &'a CallContext,
}

impl HostCall<'_> {
    /// The time that is left to answer in; zero when it is used up, `None` when there is no deadline.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.context.remaining()
    }

    /// The options for a call that a handler makes to answer this one: it ends with the guest's own call, at its deadline or
    /// when it is cancelled, and is nested one deeper.
    #[must_use]
    pub fn nested(&self) -> CallOptions {
        CallOptions::within(self.context.nested())
    }
}

/// The most room for replies to host calls that an idle instance keeps, in bytes.
const KEPT: usize = 1 << 20;

/// The reply to a host call: empty until something is put in.
pub struct Reply {
    owned: Vec<u8>,
    shared: Option<Bytes>,
}

impl Reply {
    pub(crate) fn new() -> Self {
        Self { owned: Vec::new(), shared: None }
    }

    /// Replies with these bytes, without a copy on the host's side.
    pub fn set(&mut self, bytes: impl Into<Bytes>) {
        self.owned.clear();
        self.shared = Some(bytes.into());
    }

    /// Replies with a copy of these bytes. The room for it is kept from call to call.
    pub fn copy_from(&mut self, bytes: &[u8]) {
        let buffer = self.buffer();
        buffer.extend_from_slice(bytes);
    }

    /// An empty buffer for the reply. Its room is kept from call to call.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        self.shared = None;
        self.owned.clear();
        &mut self.owned
    }

    /// The reply as it is now.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.shared.as_deref().unwrap_or(&self.owned)
    }

    pub(crate) fn clear(&mut self) {
        self.buffer();
    }

    /// Holds on to no more than [`KEPT`] while nobody calls: an idle instance stays as long as its pool.
    #[inline]
    pub(crate) fn release(&mut self) {
        self.shared = None;
        if self.owned.capacity() > KEPT {
            self.owned = Vec::new();
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({} bytes)", self.as_bytes().len())
    }
}

/// Answers the calls of guests. Called from as many threads at once as there are guests running.
///
/// A closure `Fn(&HostCall) -> Result<impl Into<Bytes>, HostCallError>` is a handler, too.
pub trait HostHandler: Send + Sync + 'static {
    /// Carries out one call and puts its result into `reply`.
    ///
    /// A blocking handler should keep to [`HostCall::remaining`]: a guest cannot be ended while it waits for the host. A
    /// panic ends the guest's call with [`Error::HandlerPanicked`](crate::Error::HandlerPanicked) and nothing else.
    ///
    /// # Errors
    /// Whatever keeps it from being carried out.
    fn host_call(&self, call: &HostCall<'_>, reply: &mut Reply) -> Result<(), HostCallError>;

    /// Takes a line that the guest prints, as the guest wrote it. The default writes it to the log at the level `info`, with controls
    /// spelt out and cut to 8,192 characters.
    fn console_log(&self, text: &str) {
        log::info!(target: "wapc_guest", "{}", Shown::new(text).up_to(LONGEST_LINE));
    }
}

impl<F, R> HostHandler for F
where
    F: Fn(&HostCall<'_>) -> Result<R, HostCallError> + Send + Sync + 'static,
    R: Into<Bytes>,
{
    fn host_call(&self, call: &HostCall<'_>, reply: &mut Reply) -> Result<(), HostCallError> {
        reply.set(self(call)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_reply_counts() {
        let mut reply = Reply::new();
        reply.copy_from(b"first");
        reply.set(&b"second"[..]);
        assert_eq!(reply.as_bytes(), b"second");
        reply.copy_from(b"third");
        assert_eq!(reply.as_bytes(), b"third");
        reply.clear();
        assert_eq!(reply.as_bytes(), b"");
    }

    #[test]
    fn an_idle_instance_keeps_little_of_its_last_call() {
        let mut reply = Reply::new();
        reply.copy_from(&[0; 2 * KEPT]);
        reply.release();
        assert_eq!(reply.owned.capacity(), 0);
        reply.copy_from(b"small");
        let room = reply.owned.capacity();
        reply.set(vec![0; 2 * KEPT]);
        reply.release();
        assert!(reply.as_bytes().is_empty() && reply.owned.capacity() == room);
    }
}

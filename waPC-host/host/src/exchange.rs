//! The state of one call, with everything that happens inside it.

use std::{error::Error as StdError, mem, sync::Arc};

use wapc_engine::{Deadline, HostPanic};

use crate::{Error, HostCall, HostHandler, Reply, Violation};

/// The longest error text that is taken from a guest, in bytes; the rest is cut off.
const ERROR_TEXT: usize = 64 * 1024;

/// What the host keeps beside one instance: the handler, and the state of the call that is under way.
pub(crate) struct Exchange {
    handler: Arc<dyn HostHandler>,
    reply_limit: usize,
    deadline: Option<Deadline>,
    depth: u32,
    /// The guest's reply. The caller's own buffer, for as long as the call takes.
    reply: Vec<u8>,
    guest_error: Option<String>,
    /// The size of a reply that was over the limit.
    oversized: Option<usize>,
    host_reply: Reply,
    host_error: Option<HostFailure>,
}

struct HostFailure {
    text: String,
    source: Arc<dyn StdError + Send + Sync>,
}

/// Why a function of the host ends the guest's run.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct Broken(#[from] pub(crate) Violation);

impl Exchange {
    pub(crate) fn new(handler: Arc<dyn HostHandler>, reply_limit: usize) -> Self {
        Self {
            handler,
            reply_limit,
            deadline: None,
            depth: 0,
            reply: Vec::new(),
            guest_error: None,
            oversized: None,
            host_reply: Reply::new(),
            host_error: None,
        }
    }

    /// Begins a call; the guest's reply will be written into `reply`.
    #[inline]
    pub(crate) fn begin(&mut self, reply: &mut Vec<u8>, deadline: Option<Deadline>, depth: u32) {
        self.reply = mem::take(reply);
        self.reply.clear();
        self.deadline = deadline;
        self.depth = depth;
        self.guest_error = None;
        self.oversized = None;
        self.host_error = None;
        self.host_reply.clear();
    }

    /// Ends the call: hands the buffer back and judges how the call went.
    #[inline]
    pub(crate) fn finish(
        &mut self,
        operation: &str,
        entered: Result<u32, wapc_engine::Error>,
        reply: &mut Vec<u8>,
    ) -> Result<(), Error> {
        *reply = mem::take(&mut self.reply);
        match entered {
            Ok(1) if self.guest_error.is_none() && self.oversized.is_none() => Ok(()),
            entered => {
                reply.clear();
                Err(self.failure(operation.to_owned(), entered))
            }
        }
    }

    #[cold]
    fn failure(&mut self, operation: String, entered: Result<u32, wapc_engine::Error>) -> Error {
        let host_error = self.host_error.take().map(|failure| failure.source);
        if let (Ok(_), Some(size)) = (&entered, self.oversized) {
            return Error::ReplyTooLarge { operation, size, limit: self.reply_limit };
        }
        match (entered, self.guest_error.take()) {
            (Ok(_), Some(text)) => Error::Guest { operation, text, host_error, trap: None },
            (Ok(returned), None) => Error::Protocol { operation, violation: Violation::NoError { returned } },
            (Err(trap @ wapc_engine::Error::Trap { .. }), Some(text)) => {
                Error::Guest { operation, text, host_error, trap: Some(Box::new(trap)) }
            }
            (Err(error), _) => ended(operation, error, host_error),
        }
    }

    pub(crate) fn set_reply(&mut self, bytes: &[u8]) {
        self.reply.clear();
        self.oversized = (bytes.len() > self.reply_limit).then_some(bytes.len());
        if self.oversized.is_none() {
            self.reply.extend_from_slice(bytes);
        }
    }

    pub(crate) fn set_error(&mut self, bytes: &[u8]) {
        let text = &bytes[..bytes.len().min(ERROR_TEXT)];
        self.guest_error = Some(String::from_utf8_lossy(text).into_owned());
    }

    pub(crate) fn console_log(&self, bytes: &[u8]) {
        self.handler.console_log(&String::from_utf8_lossy(bytes));
    }

    /// Carries out a host call and tells whether it succeeded.
    pub(crate) fn host_call(&mut self, names: [&str; 3], payload: &[u8]) -> bool {
        let [binding, namespace, operation] = names;
        self.host_error = None;
        self.host_reply.clear();
        let deadline = self.deadline.map(|deadline| deadline.instant());
        let call = HostCall { binding, namespace, operation, payload, deadline, depth: self.depth };
        match self.handler.host_call(&call, &mut self.host_reply) {
            Ok(()) => true,
            Err(error) => {
                self.host_reply.clear();
                let source: Arc<dyn StdError + Send + Sync> = error.into();
                self.host_error = Some(HostFailure { text: source.to_string(), source });
                false
            }
        }
    }

    pub(crate) fn host_reply(&self) -> &[u8] {
        self.host_reply.as_bytes()
    }

    pub(crate) fn host_error(&self) -> &[u8] {
        self.host_error.as_ref().map_or(&[], |failure| failure.text.as_bytes())
    }
}

/// What a run that did not come back means for its call.
fn ended(
    operation: String,
    error: wapc_engine::Error,
    host_error: Option<Arc<dyn StdError + Send + Sync>>,
) -> Error {
    use wapc_engine::Error as Engine;
    match error {
        Engine::DeadlineExceeded { limit, .. } => Error::DeadlineExceeded { operation, limit },
        Engine::Cancelled { .. } => Error::Cancelled { operation },
        Engine::MemoryLimit { requested, limit } => Error::MemoryLimit { operation, requested, limit },
        Engine::Host { export, source } => match source.downcast::<Broken>() {
            Ok(broken) => Error::Protocol { operation, violation: broken.0 },
            Err(source) => match source.downcast::<HostPanic>() {
                Ok(panic) => Error::HandlerPanicked { operation, message: panic.message },
                Err(source) => {
                    Error::Trap { operation, host_error, source: Box::new(Engine::Host { export, source }) }
                }
            },
        },
        source => Error::Trap { operation, host_error, source: Box::new(source) },
    }
}

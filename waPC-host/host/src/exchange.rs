//! Holds the state of one call, with everything that happens inside it.

use std::{
    borrow::Cow,
    error::Error as StdError,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use call_context::CallContext;
use wapc_engine::HostPanic;

use crate::{
    Error, HostCall, HostHandler, NotPristine, Reply, Violation,
    refusal::Unfinished,
    settings::CallTerms,
    system::{Random, System},
    wasi::Console,
};

/// The longest text that is taken from a guest for people to read, in bytes; the rest is cut off.
const TEXT: usize = 64 * 1024;

/// What the host keeps beside one instance: the handler, and the state of the call that is under way.
pub(crate) struct Exchange {
    handler: Arc<dyn HostHandler>,
    system: System,
    reply_limit: usize,
    /// Whether the guest was not called yet.
    starting: bool,
    /// What the start drew that should differ from call to call.
    drawn: Option<NotPristine>,
    /// The call's context, with the deadline that holds for it here.
    context: CallContext,
    /// The guest's reply. The caller's own buffer, for as long as the call takes.
    reply: Vec<u8>,
    guest_error: Option<String>,
    /// The size of a reply that was over the limit.
    oversized: Option<usize>,
    host_reply: Reply,
    host_error: Option<HostFailure>,
    /// Standard output and standard error.
    consoles: [Console; 2],
    printed: Printed,
}

/// How much a call has printed, and how much of it was over the limit.
#[derive(Debug)]
struct Printed {
    limit: usize,
    left: usize,
    dropped: u64,
}

impl Printed {
    fn up_to(limit: usize) -> Self {
        Self { limit, left: limit, dropped: 0 }
    }

    /// Hands a line to the handler, as much of it as may still be printed.
    fn line(&mut self, line: &[u8], handler: &dyn HostHandler) {
        // A line without text costs its reader something, too.
        let taken = line.len().min(self.left.saturating_sub(1));
        self.dropped = self.dropped.saturating_add((line.len() - taken) as u64);
        if self.left == 0 {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.left -= taken + 1;
        handler.console_log(&text(&line[..taken]));
    }
}

/// The context for whatever the guest calls, which must be over when this call is.
#[inline]
fn carried_on(terms: &CallTerms<'_>) -> CallContext {
    terms.context.clone().with_deadline(terms.deadline.map(|deadline| deadline.instant()))
}

struct HostFailure {
    text: String,
    source: Arc<dyn StdError + Send + Sync>,
}

impl Exchange {
    /// For a guest that is about to start, under the terms of the call for which it is started.
    pub(crate) fn new(handler: Arc<dyn HostHandler>, system: System, terms: &CallTerms<'_>) -> Self {
        Self {
            handler,
            system,
            reply_limit: terms.reply_limit,
            starting: true,
            drawn: None,
            context: carried_on(terms),
            reply: Vec::new(),
            guest_error: None,
            oversized: None,
            host_reply: Reply::new(),
            host_error: None,
            consoles: Default::default(),
            printed: Printed::up_to(terms.console_limit),
        }
    }

    /// Begins a call; the guest's reply will be written into `reply`.
    #[inline]
    pub(crate) fn begin(&mut self, reply: &mut Vec<u8>, terms: &CallTerms<'_>) {
        self.reply = mem::take(reply);
        self.reply.clear();
        self.starting = false;
        self.reply_limit = terms.reply_limit;
        self.printed = Printed::up_to(terms.console_limit);
        self.context.clone_from(terms.context);
        self.context.shorten(terms.deadline.map(|deadline| deadline.instant()));
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
        self.host_reply.release();
        let flushed = match self.printed.dropped == 0 && self.consoles.iter().all(Console::is_empty) {
            true => Ok(()),
            false => self.flush(operation),
        };
        match entered {
            Ok(1) if self.guest_error.is_none() && self.oversized.is_none() && flushed.is_ok() => Ok(()),
            entered => {
                reply.clear();
                flushed.and_then(|()| Err(self.failure(operation.to_owned(), entered)))
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
            (Err(error), text) => Unfinished { operation, text, host_error }.because(error),
        }
    }

    /// Prints the lines that the guest began and did not end, and how much was left out. The handler runs outside of the guest here, so
    /// its panics are caught here as well.
    #[cold]
    fn flush(&mut self, operation: &str) -> Result<(), Error> {
        let (consoles, printed, handler) = (&mut self.consoles, &mut self.printed, &self.handler);
        let flush = || {
            for console in consoles {
                console.flush(|line| printed.line(line, &**handler));
            }
            if printed.dropped > 0 {
                let (dropped, limit) = (printed.dropped, printed.limit);
                handler.console_log(&format!(
                    "... {dropped} bytes more are not printed: a call may print {limit}"
                ));
            }
        };
        catch_unwind(AssertUnwindSafe(flush)).map_err(|panic| Error::HandlerPanicked {
            operation: operation.to_owned(),
            message: HostPanic::caught(panic).message,
        })
    }

    pub(crate) fn set_reply(&mut self, bytes: &[u8]) {
        self.reply.clear();
        self.oversized = (bytes.len() > self.reply_limit).then_some(bytes.len());
        if self.oversized.is_none() {
            self.reply.extend_from_slice(bytes);
        }
    }

    pub(crate) fn set_error(&mut self, bytes: &[u8]) {
        self.guest_error = Some(text(bytes).into_owned());
    }

    pub(crate) fn console_log(&mut self, bytes: &[u8]) {
        self.printed.line(bytes, &*self.handler);
    }

    /// Takes what the guest writes to a standard stream, and logs the lines that it completes.
    pub(crate) fn print(&mut self, stream: usize, bytes: &[u8]) {
        let (handler, printed) = (&*self.handler, &mut self.printed);
        self.consoles[stream].write(bytes, |line| printed.line(line, handler));
    }

    /// Forgets what the last call left.
    pub(crate) fn forget(&mut self) {
        self.guest_error = None;
        self.oversized = None;
        self.host_error = None;
        self.host_reply.clear();
        self.consoles = Default::default();
        self.context = CallContext::DETACHED.clone();
    }

    /// What the start drew that should differ from call to call.
    pub(crate) fn drawn(&self) -> Option<NotPristine> {
        self.drawn
    }

    /// What gives the guest random bytes, unless that is denied.
    pub(crate) fn random(&mut self) -> Option<Arc<Random>> {
        let random = self.system.random.clone();
        if self.starting && random.is_some() {
            self.drawn = Some(NotPristine::DrewRandom);
        }
        random
    }

    /// What of the system the guest is given.
    pub(crate) fn system(&self) -> &System {
        &self.system
    }

    /// Whether the guest is still starting, so that it may leave when it has nothing to do.
    pub(crate) fn is_starting(&self) -> bool {
        self.starting
    }

    /// Carries out a host call and tells whether it succeeded.
    pub(crate) fn host_call(&mut self, names: [&str; 3], payload: &[u8]) -> bool {
        let [binding, namespace, operation] = names;
        self.host_error = None;
        self.host_reply.clear();
        if self.starting {
            self.drawn = Some(NotPristine::CalledHost);
        }
        let call = HostCall { binding, namespace, operation, payload, context: &self.context };
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

/// The guest's words, of which neither the size nor the encoding can be relied on.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(&bytes[..bytes.len().min(TEXT)])
}

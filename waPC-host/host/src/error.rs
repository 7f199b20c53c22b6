//! Lists what can go wrong in a conversation with a guest.

use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

use untrusted_text::Shown;
use wapc_engine::{MemoryFault, Unreached};

use crate::refusal::not_started;

/// What can go wrong in a conversation with a guest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The module cannot be loaded, or an instance of it cannot be started.
    #[error("the guest cannot be started: {0}")]
    Engine(#[source] Box<wapc_engine::Error>),
    /// The guest answered with an error.
    #[error(
        "`{operation}` failed in the guest: {text}{}",
        and(trap.as_deref()), operation = Shown::new(.operation), text = Shown::words(.text)
    )]
    Guest {
        /// The operation that was called.
        operation: String,
        /// The guest's words.
        text: String,
        /// The error of the last host call that the guest made, if that call failed.
        host_error: Option<Arc<dyn StdError + Send + Sync>>,
        /// How the guest trapped, aborted ([`Error::abort`]) or exited after it had set its error.
        #[source]
        trap: Option<Box<wapc_engine::Error>>,
    },
    /// The guest trapped without setting an error.
    #[error("`{operation}` failed: {source}", operation = Shown::new(.operation))]
    Trap {
        /// The operation that was called.
        operation: String,
        /// The error of the last host call that the guest made, if that call failed.
        host_error: Option<Arc<dyn StdError + Send + Sync>>,
        /// The trap.
        #[source]
        source: Box<wapc_engine::Error>,
    },
    /// The guest aborted itself (AssemblyScript's `abort`) without setting an error.
    #[error("`{operation}` failed: {source}", operation = Shown::new(.operation))]
    Aborted {
        /// The operation that was called.
        operation: String,
        /// The error of the last host call that the guest made, if that call failed.
        host_error: Option<Arc<dyn StdError + Send + Sync>>,
        /// What the guest said, and where.
        #[source]
        source: Abort,
    },
    /// The guest ended its process (WASI's `proc_exit`) without setting an error.
    #[error("`{operation}` failed: {source}", operation = Shown::new(.operation))]
    Exited {
        /// The operation that was called.
        operation: String,
        /// The error of the last host call that the guest made, if that call failed.
        host_error: Option<Arc<dyn StdError + Send + Sync>>,
        /// With which code.
        #[source]
        source: Exit,
    },
    /// The guest cannot go on without something that it is not given.
    #[error(
        "`{operation}` needs `{import}`, which is not offered; `WapcHostBuilder::{setting}` switches it on",
        operation = Shown::new(.operation)
    )]
    Denied {
        /// The operation that was called.
        operation: String,
        /// The host's function that it called.
        import: &'static str,
        /// The setting that switches it on.
        setting: &'static str,
    },
    /// The guest did not answer in time.
    #[error(
        "`{operation}` was ended after its {limit:?}{late}; give it more time or less work",
        operation = Shown::new(.operation),
        late = Unreached::told(unreached.as_ref())
    )]
    DeadlineExceeded {
        /// The operation that was called.
        operation: String,
        /// The time that it had.
        limit: Duration,
        /// Why it could only be ended later than that, when it could not be interrupted.
        unreached: Option<Unreached>,
    },
    /// The call was ended from outside.
    #[error("`{operation}` was cancelled", operation = Shown::new(.operation))]
    Cancelled {
        /// The operation that was called.
        operation: String,
    },
    /// The guest used up its fuel.
    #[error(
        "`{operation}` used up its {limit} units of fuel; give it more or less work",
        operation = Shown::new(.operation)
    )]
    FuelExhausted {
        /// The operation that was called.
        operation: String,
        /// The fuel that it had, in instructions.
        limit: u64,
    },
    /// Fuel was asked for, but the module's code does not count what it does.
    #[error(
        "`{operation}` was not sent: fuel needs a module that was compiled with metering; compile it with `Engine::builder().fuel(true)`",
        operation = Shown::new(.operation)
    )]
    NotMetered {
        /// The operation that was called.
        operation: String,
    },
    /// The guest failed after it had asked for more memory than it may have.
    #[error(
        "`{operation}` asked for {requested} bytes of memory, {limit} are allowed; raise the limit or send less",
        operation = Shown::new(.operation)
    )]
    MemoryLimit {
        /// The operation that was called.
        operation: String,
        /// The size that the guest asked for, in bytes.
        requested: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The guest broke the protocol. Its instance was thrown away.
    #[error("`{operation}` broke the protocol: {violation}", operation = Shown::new(.operation))]
    Protocol {
        /// The operation that was called.
        operation: String,
        /// What the guest did.
        #[source]
        violation: Violation,
    },
    /// The payload is larger than a call may carry.
    #[error(
        "the payload of `{operation}` has {size} bytes, {limit} are allowed",
        operation = Shown::new(.operation)
    )]
    PayloadTooLarge {
        /// The operation that was called.
        operation: String,
        /// The payload's size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The reply is larger than a call may carry.
    #[error(
        "the reply to `{operation}` has {size} bytes, {limit} are allowed",
        operation = Shown::new(.operation)
    )]
    ReplyTooLarge {
        /// The operation that was called.
        operation: String,
        /// The reply's size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Every instance was busy for as long as a call may wait for one.
    #[error("all {max} instances were busy for {waited:?}; allow more of them, or call less often")]
    PoolExhausted {
        /// How many instances there may be.
        max: usize,
        /// How long the call waited.
        waited: Duration,
    },
    /// As many calls waited for a thread of an [`AsyncHost`](crate::AsyncHost) as may.
    #[error(
        "`{operation}` was not sent: {limit} calls are waiting already; call less often, or allow more",
        operation = Shown::new(.operation)
    )]
    QueueFull {
        /// The operation that was called.
        operation: String,
        /// How many calls may wait.
        limit: usize,
    },
    /// An [`AsyncHost`](crate::AsyncHost) has no thread, and the system gives it none.
    #[error(
        "`{operation}` was not sent: a thread for it could not be started: {source}",
        operation = Shown::new(.operation)
    )]
    NoThread {
        /// The operation that was called.
        operation: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Calls are nested too deeply.
    #[error(
        "`{operation}` is nested {depth} calls deep, {limit} are allowed; look for guests that call each other in a circle",
        operation = Shown::new(.operation)
    )]
    DepthExceeded {
        /// The operation that was called.
        operation: String,
        /// How many calls it is nested in.
        depth: u32,
        /// The limit.
        limit: u32,
    },
    /// The host's own handler panicked. The panic went no further than this call.
    #[error(
        "the host's handler panicked while it served `{operation}`: {message}",
        operation = Shown::new(.operation), message = Shown::words(.message)
    )]
    HandlerPanicked {
        /// The operation that was called.
        operation: String,
        /// What the panic said.
        message: String,
    },
    /// The conversation was closed; see [`WapcHost::close`](crate::WapcHost::close).
    #[error("`{operation}` was not sent: the guest was closed", operation = Shown::new(.operation))]
    Closed {
        /// The operation that was called.
        operation: String,
    },
    /// A host was to be built without a handler for its guest's calls.
    #[error("no handler was given for the guest's calls")]
    NoHandler,
}

impl From<wapc_engine::Error> for Error {
    fn from(error: wapc_engine::Error) -> Self {
        not_started(error)
    }
}

impl Error {
    /// The error of the last host call that the guest made before it failed, if that call failed.
    #[must_use]
    pub fn host_error(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        match self {
            Self::Guest { host_error, .. }
            | Self::Trap { host_error, .. }
            | Self::Aborted { host_error, .. }
            | Self::Exited { host_error, .. } => host_error.as_deref(),
            _ => None,
        }
    }

    /// What the guest said when it aborted, whether or not it had set an error before.
    #[must_use]
    pub fn abort(&self) -> Option<&Abort> {
        match self {
            Self::Aborted { source, .. } => Some(source),
            Self::Guest { trap: Some(trap), .. } => match &**trap {
                wapc_engine::Error::Host { source, .. } => source.downcast_ref(),
                _ => None,
            },
            _ => None,
        }
    }
}

/// A guest aborted itself: what it says about that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abort {
    /// Why, where it says so.
    pub message: Option<String>,
    /// The source file, where it is known.
    pub file: Option<String>,
    /// The line, counted from 1.
    pub line: u32,
    /// The column, counted from 1.
    pub column: u32,
}

impl fmt::Display for Abort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message, file, line, column } = self;
        let message = message.as_deref().unwrap_or("it does not say why");
        write!(f, "the guest aborted: {}", Shown::words(message))?;
        match file {
            Some(file) => write!(f, " ({}:{line}:{column})", Shown::new(file)),
            None => Ok(()),
        }
    }
}

impl StdError for Abort {}

/// A guest ended its own process; nothing is left of the instance then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the guest exited with code {code}")]
pub struct Exit {
    /// The exit code. Zero is a failure, too, when a call was to be answered.
    pub code: u32,
}

/// How a guest can break the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// An address or length that it passed lies outside of its memory.
    #[error("it passed `{import}` a bad address: {fault}")]
    Memory {
        /// The host's function that it called.
        import: &'static str,
        /// The address and length.
        #[source]
        fault: MemoryFault,
    },
    /// A name that it passed is not UTF-8.
    #[error("the {what} that it passed to `__host_call` is not UTF-8")]
    NotUtf8 {
        /// Which of the names.
        what: &'static str,
    },
    /// A name that it passed is longer than any name needs to be.
    #[error("the {what} that it passed to `__host_call` has {length} bytes, {limit} are allowed")]
    NameTooLong {
        /// Which of the names.
        what: &'static str,
        /// The name's length in bytes.
        length: u32,
        /// The limit in bytes.
        limit: u32,
    },
    /// It reported a failure without saying which.
    #[error("it returned {returned} without an error text; 1 means success")]
    NoError {
        /// What it returned.
        returned: u32,
    },
}

fn and(trap: Option<&wapc_engine::Error>) -> String {
    trap.map_or_else(String::new, |trap| format!(" ({trap})"))
}

//! Sets what one call may ask for.

use std::time::{Duration, Instant};

use call_context::{CallContext, CancelToken};
use wapc_engine::Deadline;

use crate::{FuelCounter, Isolation};

/// What one call may ask for beside its operation and payload. All of it can only tighten what the host allows.
///
/// ```
/// use std::time::Duration;
/// use wapc_host::{CallOptions, CancelToken};
///
/// let cancel = CancelToken::new();
/// let options = CallOptions::new().timeout(Duration::from_millis(200)).reply_limit(4096).cancel(&cancel);
/// # drop(options);
/// ```
#[derive(Debug, Clone)]
pub struct CallOptions {
    pub(crate) deadline: Option<Deadline>,
    pub(crate) fuel: Option<u64>,
    pub(crate) payload_limit: usize,
    pub(crate) reply_limit: usize,
    pub(crate) console_limit: usize,
    pub(crate) isolation: Isolation,
    pub(crate) context: CallContext,
    pub(crate) fuel_counter: Option<FuelCounter>,
}

impl CallOptions {
    /// Nothing: the host's own limits, and a call that comes from outside and has no id.
    #[inline]
    #[must_use]
    pub fn new() -> Self {
        Self::within(CallContext::DETACHED.clone())
    }

    /// Nothing but the context of the call, which also goes on to whatever the guest calls: its deadline, what can cancel it, and how
    /// deep it is nested.
    #[inline]
    #[must_use]
    pub fn within(context: CallContext) -> Self {
        Self {
            deadline: None,
            fuel: None,
            payload_limit: usize::MAX,
            reply_limit: usize::MAX,
            console_limit: usize::MAX,
            isolation: Isolation::Shared,
            context,
            fuel_counter: None,
        }
    }

    /// Ends the call at this moment, if the host's own deadline does not come before it.
    #[must_use]
    pub fn deadline(mut self, at: Instant) -> Self {
        self.deadline = Some(Deadline::at(at));
        self
    }

    /// Ends the call when it takes longer than this from now, if the host's own deadline does not come before it.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.deadline = Some(Deadline::after(limit));
        self
    }

    /// Ends the call when the guest has carried out this many instructions, if the host's own amount is not smaller. Needs
    /// a module that was compiled with [`EngineBuilder::fuel`](crate::EngineBuilder::fuel). The start of a new instance is
    /// not counted.
    #[must_use]
    pub fn fuel(mut self, instructions: u64) -> Self {
        self.fuel = Some(instructions);
        self
    }

    /// Adds the fuel that the call uses to `counter`, also when it fails. Needs a module that was compiled with
    /// [`EngineBuilder::fuel`](crate::EngineBuilder::fuel).
    #[must_use]
    pub fn count_fuel(mut self, counter: &FuelCounter) -> Self {
        self.fuel_counter = Some(counter.clone());
        self
    }

    /// Refuses a payload of more bytes than this, if the host's own limit is not lower.
    #[must_use]
    pub fn payload_limit(mut self, bytes: usize) -> Self {
        self.payload_limit = bytes;
        self
    }

    /// Refuses a reply of more bytes than this, if the host's own limit is not lower.
    #[must_use]
    pub fn reply_limit(mut self, bytes: usize) -> Self {
        self.reply_limit = bytes;
        self
    }

    /// Lets the call print no more bytes than this, if the host's own limit is not lower; see
    /// [`WapcHostBuilder::console_limit`](crate::WapcHostBuilder::console_limit).
    #[must_use]
    pub fn console_limit(mut self, bytes: usize) -> Self {
        self.console_limit = bytes;
        self
    }

    /// Lets `token` end the call from any thread.
    #[must_use]
    pub fn cancel(mut self, token: &CancelToken) -> Self {
        self.context = self.context.with_cancel(token);
        self
    }

    /// What the call may find of earlier ones in its instance, if the host's own isolation does not leave it less.
    #[must_use]
    pub fn isolation(mut self, isolation: Isolation) -> Self {
        self.isolation = isolation;
        self
    }

    /// How many calls this one is nested in. A handler that calls a guest begins with
    /// [`HostCall::nested`](crate::HostCall::nested), which has it right.
    #[must_use]
    pub fn depth(mut self, depth: u32) -> Self {
        self.context = self.context.with_depth(depth);
        self
    }
}

impl CallOptions {
    /// The earlier of the deadline that was asked for and that of the context.
    #[inline]
    pub(crate) fn due(&self) -> Option<Deadline> {
        match (self.deadline, self.context.deadline()) {
            (Some(asked), Some(at)) if at < asked.instant() => Some(Deadline::at(at)),
            (None, Some(at)) => Some(Deadline::at(at)),
            (asked, _) => asked,
        }
    }
}

impl Default for CallOptions {
    fn default() -> Self {
        Self::new()
    }
}

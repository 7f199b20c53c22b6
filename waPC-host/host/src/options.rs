//! What one call may ask for.

use std::time::{Duration, Instant};

use wapc_engine::Deadline;

/// What one call may ask for beside its operation and payload.
#[derive(Debug, Clone, Copy, Default)]
pub struct CallOptions {
    pub(crate) deadline: Option<Deadline>,
    pub(crate) depth: u32,
}

impl CallOptions {
    /// Nothing: the host's own deadline, and not nested in another call.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the call at this moment, if the host's own deadline does not come before it.
    #[must_use]
    pub fn deadline(mut self, at: Instant) -> Self {
        self.deadline = Some(Deadline::at(at));
        self
    }

    /// Ends the call when it takes longer than this, if the host's own deadline does not come before it.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.deadline = Some(Deadline::after(limit));
        self
    }

    /// How many calls this one is nested in. A handler that calls a guest passes one more than its
    /// [`HostCall::depth`](crate::HostCall::depth).
    #[must_use]
    pub fn depth(mut self, depth: u32) -> Self {
        self.depth = depth;
        self
    }
}

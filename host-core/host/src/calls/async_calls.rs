//! Holds the calls that wait for one of the threads of those that are awaited.

use system_limits::{Job, Tell};

/// A call on its way to a thread.
pub(crate) struct AsyncCall {
    /// Whether nobody waits for it any more.
    pub(crate) given_up: Box<dyn Fn() -> bool + Send>,
    pub(crate) run: Box<dyn FnOnce() -> Tell + Send>,
}

impl Job for AsyncCall {
    fn is_given_up(&self) -> bool {
        (self.given_up)()
    }

    fn run(self) -> Tell {
        (self.run)()
    }
}

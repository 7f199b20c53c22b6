//! Says how long a call may wait: until its deadline, and no longer than somebody waits for it.

use std::{
    io,
    time::{Duration, Instant},
};

use capability_provider::CallContext;

/// How long a thread waits before it looks whether its call was cancelled.
const LOOK: Duration = Duration::from_millis(10);

/// The end of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Until<'a> {
    pub(crate) deadline: Instant,
    pub(crate) context: &'a CallContext,
}

impl Until<'_> {
    /// The time that is left.
    ///
    /// # Errors
    /// `TimedOut` when it is used up, `ConnectionAborted` when the call was cancelled.
    pub(crate) fn left(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if self.context.is_cancelled() {
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the call was cancelled"));
        }
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }

    /// How long to wait until the next look, or until the end.
    ///
    /// # Errors
    /// As [`left`](Self::left).
    pub(crate) fn next_look(&self) -> io::Result<Duration> {
        let left = self.left()?;
        // What nothing can cancel needs no look.
        Ok(if self.context.cancel().is_some() { left.min(LOOK) } else { left })
    }
}

//! Says when a run must be over.

use std::time::{Duration, Instant};

/// The moment at which a run must be over, and the time that it had, which errors tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    at: Instant,
    limit: Duration,
}

impl Deadline {
    /// `limit` from now.
    #[must_use]
    #[inline]
    pub fn after(limit: Duration) -> Self {
        let now = Instant::now();
        // A limit past what the clock can count is as good as a hundred years.
        let at = now.checked_add(limit).unwrap_or_else(|| now + Duration::from_secs(100 * 365 * 86_400));
        Self { at, limit }
    }

    /// At the moment `at`.
    #[must_use]
    #[inline]
    pub fn at(at: Instant) -> Self {
        Self { at, limit: at.saturating_duration_since(Instant::now()) }
    }

    /// The moment.
    #[must_use]
    #[inline]
    pub fn instant(&self) -> Instant {
        self.at
    }

    /// The time that there was when the deadline was made.
    #[must_use]
    #[inline]
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Whether the moment has come.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.at
    }

    /// Whichever of the two comes first.
    #[must_use]
    #[inline]
    pub fn earlier(self, other: Option<Self>) -> Self {
        match other {
            Some(other) if other.at < self.at => other,
            _ => self,
        }
    }
}

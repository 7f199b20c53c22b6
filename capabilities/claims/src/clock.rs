//! Tells the time by which tokens are judged; it is passed in, so that tests can set it.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Tells the time by which tokens are judged.
pub trait Clock: Send + Sync {
    /// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    fn now(&self) -> u64;
}

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    /// A system clock before 1970 is read as `u64::MAX`, so that tokens count as expired and not as
    /// valid for ever.
    fn now(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(u64::MAX, |since| since.as_secs())
    }
}

/// A clock that stands still until it is moved, for tests of what expires.
///
/// ```
/// use capability_claims::{Clock, ManualClock};
///
/// let clock = ManualClock::new(1_000);
/// clock.advance(60);
/// assert_eq!(clock.now(), 1_060);
/// ```
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// A clock that shows `now`, in seconds since 1970.
    #[must_use]
    pub fn new(now: u64) -> Self {
        Self(AtomicU64::new(now))
    }

    /// Moves the clock to `now`, in seconds since 1970; backwards too.
    pub fn set(&self, now: u64) {
        self.0.store(now, Ordering::SeqCst);
    }

    /// Moves the clock forward by this many seconds.
    pub fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A point in time for messages, in seconds since 1970: displays as RFC 3339 in UTC, or as the bare
/// number where that form ends (after the year 9999).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub u64);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const YEAR_10000: u64 = 253_402_300_800;
        match UNIX_EPOCH.checked_add(Duration::from_secs(self.0)) {
            Some(time) if self.0 < YEAR_10000 => humantime::format_rfc3339_seconds(time).fmt(f),
            _ => write!(f, "second {} of the epoch", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Moment;

    #[test]
    fn a_moment_is_shown_as_rfc_3339_and_never_fails() {
        assert_eq!(Moment(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Moment(1_590_205_332).to_string(), "2020-05-23T03:42:12Z");
        assert_eq!(Moment(253_402_300_799).to_string(), "9999-12-31T23:59:59Z");
        assert_eq!(Moment(253_402_300_800).to_string(), "second 253402300800 of the epoch");
        assert_eq!(Moment(u64::MAX).to_string(), "second 18446744073709551615 of the epoch");
    }
}

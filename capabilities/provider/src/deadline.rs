//! Turns a time limit of any length into a deadline.

use std::time::{Duration, Instant};

/// In effect for ever: a hundred years of 365 days.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);

/// `limit` from now. A limit that the clock cannot count up to, such as [`Duration::MAX`], ends in a hundred years.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// let deadline = capability_provider::deadline_after(Duration::MAX);
/// assert!(deadline > Instant::now() + Duration::from_secs(3_000_000_000));
/// ```
#[must_use]
pub fn deadline_after(limit: Duration) -> Instant {
    let now = Instant::now();
    now + limit.min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_limit_is_a_moment_that_has_not_passed() {
        let now = Instant::now();
        for limit in [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(u64::MAX), Duration::MAX] {
            let deadline = deadline_after(limit);
            assert!(deadline >= now + limit.min(LONGEST));
            // What is done with a deadline elsewhere must not overflow either.
            let _ = deadline + LONGEST;
        }
    }
}

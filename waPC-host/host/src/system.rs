//! Gives guests the time and random numbers: the system's own, the owner's, or none.

use std::{
    fmt,
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use crate::HostCallError;

/// Tells guests the time, in nanoseconds.
pub trait GuestClock: Send + Sync + 'static {
    /// The time since the beginning of 1970, UTC.
    fn realtime(&self) -> u64;

    /// The time since some fixed moment; never goes back.
    fn monotonic(&self) -> u64;
}

impl<C: GuestClock + ?Sized> GuestClock for Arc<C> {
    fn realtime(&self) -> u64 {
        (**self).realtime()
    }

    fn monotonic(&self) -> u64 {
        (**self).monotonic()
    }
}

/// The system's own clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemGuestClock {
    start: Instant,
}

impl SystemGuestClock {
    /// Its monotonic time begins now.
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemGuestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl GuestClock for SystemGuestClock {
    fn realtime(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    fn monotonic(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Fills a buffer with random bytes.
pub(crate) type Random = dyn Fn(&mut [u8]) -> Result<(), HostCallError> + Send + Sync;

/// What of the system the guests of one host are given.
#[derive(Clone)]
pub(crate) struct System {
    pub(crate) clock: Option<Arc<dyn GuestClock>>,
    pub(crate) random: Option<Arc<Random>>,
}

impl Default for System {
    fn default() -> Self {
        let random = |bytes: &mut [u8]| Ok(getrandom::fill(bytes)?);
        Self { clock: Some(Arc::new(SystemGuestClock::new())), random: Some(Arc::new(random)) }
    }
}

impl fmt::Debug for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("System")
            .field("clock", &self.clock.is_some())
            .field("random", &self.random.is_some())
            .finish()
    }
}

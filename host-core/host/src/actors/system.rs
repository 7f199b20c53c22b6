//! Gives guests the time and random numbers, which are the system's own, the owner's, or none, and says what their calls find of
//! earlier ones. What is said for one actor wins over what is said for the host.

use std::{fmt, ptr, sync::Arc};

use wapc_host::{GuestClock, HostCallError, Isolation, WapcHostBuilder};

/// Fills a buffer with random bytes.
pub(crate) type Random = dyn Fn(&mut [u8]) -> Result<(), HostCallError> + Send + Sync;

#[derive(Clone, Default)]
pub(crate) struct System {
    pub(crate) clock: Source<dyn GuestClock>,
    pub(crate) random: Source<Random>,
    pub(crate) isolation: Isolation,
    /// Whether calls may be pristine although the start drew what is the same in each of them then.
    pub(crate) frozen_start: bool,
}

/// What one actor is given in place of what the host gives. `None` leaves it to the host.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct OwnSystem {
    pub(crate) clock: Option<Source<dyn GuestClock>>,
    pub(crate) random: Option<Source<Random>>,
    pub(crate) isolation: Option<Isolation>,
    pub(crate) frozen_start: Option<bool>,
}

impl OwnSystem {
    /// Each setting that is the actor's own with its value, for the audit log.
    pub(crate) fn texts(&self) -> Vec<String> {
        let clock = self.clock.as_ref().map(|clock| format!("guest_clock={}", clock.name()));
        let random = self.random.as_ref().map(|random| format!("guest_random={}", random.name()));
        let isolation = self.isolation.map(|isolation| format!("isolation={}", name(isolation)));
        let frozen_start = self.frozen_start.map(|allowed| format!("frozen_start={allowed}"));
        [clock, random, isolation, frozen_start].into_iter().flatten().collect()
    }
}

/// Where something of the system comes from.
#[derive(Default)]
pub(crate) enum Source<T: ?Sized> {
    #[default]
    System,
    Owner(Arc<T>),
    Denied,
}

impl System {
    /// Each setting with its value, for the audit log.
    pub(crate) fn texts(&self) -> [String; 4] {
        [
            format!("guest_clock={}", self.clock.name()),
            format!("guest_random={}", self.random.name()),
            format!("isolation={}", name(self.isolation)),
            format!("frozen_start={}", self.frozen_start),
        ]
    }

    /// What an actor is given that has this of its own.
    pub(crate) fn with(&self, own: &OwnSystem) -> Self {
        Self {
            clock: own.clock.as_ref().unwrap_or(&self.clock).clone(),
            random: own.random.as_ref().unwrap_or(&self.random).clone(),
            isolation: own.isolation.unwrap_or(self.isolation),
            frozen_start: own.frozen_start.unwrap_or(self.frozen_start),
        }
    }

    pub(crate) fn give(&self, builder: WapcHostBuilder) -> WapcHostBuilder {
        let builder = builder.isolation(self.isolation);
        let builder = if self.frozen_start { builder.allow_frozen_start() } else { builder };
        let builder = match &self.clock {
            Source::System => builder,
            Source::Owner(clock) => builder.clock(Arc::clone(clock)),
            Source::Denied => builder.no_clock(),
        };
        match &self.random {
            Source::System => builder,
            Source::Owner(fill) => {
                let fill = Arc::clone(fill);
                builder.random(move |bytes| fill(bytes))
            }
            Source::Denied => builder.no_random(),
        }
    }
}

/// The word for an isolation in status and log.
pub(crate) fn name(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::Shared => "shared",
        Isolation::Pristine => "pristine",
        Isolation::Fresh => "fresh",
    }
}

impl<T: ?Sized> Source<T> {
    fn name(&self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Owner(_) => "owner",
            Self::Denied => "denied",
        }
    }
}

impl<T: ?Sized> Clone for Source<T> {
    fn clone(&self) -> Self {
        match self {
            Self::System => Self::System,
            Self::Owner(owner) => Self::Owner(Arc::clone(owner)),
            Self::Denied => Self::Denied,
        }
    }
}

/// Two of the owner's are the same when they are one object.
impl<T: ?Sized> PartialEq for Source<T> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::System, Self::System) | (Self::Denied, Self::Denied) => true,
            (Self::Owner(one), Self::Owner(other)) => ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(other)),
            _ => false,
        }
    }
}

impl<T: ?Sized> Eq for Source<T> {}

impl fmt::Debug for OwnSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnSystem")
            .field("clock", &self.clock.as_ref().map(Source::name))
            .field("random", &self.random.as_ref().map(Source::name))
            .field("isolation", &self.isolation)
            .field("frozen_start", &self.frozen_start)
            .finish()
    }
}

impl fmt::Debug for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("System")
            .field("clock", &self.clock.name())
            .field("random", &self.random.name())
            .field("isolation", &self.isolation)
            .field("frozen_start", &self.frozen_start)
            .finish()
    }
}

//! Sends interrupts to the thread that a run is on.
//!
//! wasmer sends interrupts to stores, and keeps a table of the whole process of which store runs where. Here a *thread* stands
//! in that table, once and for as long as it lives; each slot remembers the thread that its run is on.

use std::cell::Cell;

use wasmer::sys::vm::StoreId;
#[cfg(feature = "host-interrupt")]
use wasmer::sys::vm::interrupt_registry::{self, InterruptInstallGuard};

use crate::{
    error::Error,
    watchdog::{system, unreached::Unreached},
};

/// A thread, or a store for as long as wasmer itself enters it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target(StoreId);

impl From<StoreId> for Target {
    fn from(store: StoreId) -> Self {
        Self(store)
    }
}

/// A place in wasmer's table.
struct Place {
    target: Target,
    #[cfg(feature = "host-interrupt")]
    _installed: InterruptInstallGuard,
}

/// A thread's place, given up when the thread ends.
struct ThreadPlace {
    place: Place,
    /// Dropped after the place.
    _end: ThreadEnd,
}

/// What is to be done when a thread has given its place up.
struct ThreadEnd;

thread_local! {
    static PLACE: ThreadPlace = ThreadPlace::take();
    /// The same, where it can be read at once.
    static TARGET: Cell<Option<Target>> = const { Cell::new(None) };
    /// How many start sections are under way on this thread. wasmer enters them itself, and interrupts only the store on top.
    static STARTING: Cell<u32> = const { Cell::new(0) };
}

impl Place {
    fn take() -> Self {
        let target = StoreId::default();
        Self {
            target: Target(target),
            #[cfg(feature = "host-interrupt")]
            _installed: interrupt_registry::install(target)
                .expect("nobody interrupts a target that nobody knows"),
        }
    }
}

impl ThreadPlace {
    fn take() -> Self {
        system::admit_interrupts();
        system::note_thread();
        Self { place: Place::take(), _end: ThreadEnd }
    }
}

impl Drop for ThreadEnd {
    fn drop(&mut self) {
        TARGET.set(None);
        // wasmer's handler must not find that its own values of the thread are gone already.
        system::take_pending_interrupts();
    }
}

/// Marks that wasmer itself enters a store.
pub(crate) struct Starting(());

impl Starting {
    /// Fails for `export` as [`target`] does.
    pub(crate) fn begin(export: &str) -> Result<Self, Error> {
        if STARTING.get() == 0 {
            target_of_thread(export)?;
        }
        STARTING.set(STARTING.get() + 1);
        Ok(Self(()))
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        STARTING.set(STARTING.get() - 1);
    }
}

/// A run's place on top of the start section that it is nested in.
pub(crate) struct OnTop(
    #[expect(dead_code, reason = "kept for what it does when it is dropped")] Option<Place>,
);

/// What the interrupts of a run of `export` on this thread are sent to. The second value must be kept until the run is over.
/// Fails on a thread that is about to end, which gave up what a run needs.
#[inline]
pub(crate) fn target(export: &str) -> Result<(Target, OnTop), Error> {
    match TARGET.get() {
        Some(target) if STARTING.get() == 0 => Ok((target, OnTop(None))),
        _ => find_target(export),
    }
}

#[cold]
fn find_target(export: &str) -> Result<(Target, OnTop), Error> {
    if STARTING.get() > 0 {
        let place = Place::take();
        return Ok((place.target, OnTop(Some(place))));
    }
    let target = target_of_thread(export)?;
    TARGET.set(Some(target));
    Ok((target, OnTop(None)))
}

fn target_of_thread(export: &str) -> Result<Target, Error> {
    let ending = |_| Error::ThreadEnding { export: export.to_owned() };
    PLACE.try_with(|thread| thread.place.target).map_err(ending)
}

/// Sends a signal to the thread behind `target`, if it still runs. Fails when nobody would take the signal for an interrupt.
#[cfg(feature = "host-interrupt")]
pub(crate) fn send(target: Target) -> Result<(), Unreached> {
    if !system::is_handled() {
        return Err(Unreached::OtherHandler);
    }
    // An error means that the run is over, or that another interrupt is on its way to the same thread: the watchdog comes again.
    let _ = interrupt_registry::interrupt(target.0);
    Ok(())
}

/// Without the feature a guest is only ended when it next calls the host, which looks at the deadline itself, or when it next looks at
/// the stop sign.
#[cfg(not(feature = "host-interrupt"))]
pub(crate) fn send(_: Target) -> Result<(), Unreached> {
    Err(Unreached::NotBuilt)
}

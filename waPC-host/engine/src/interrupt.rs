//! Whom an interrupt is sent to.
//!
//! wasmer sends interrupts to stores, and keeps a table of the whole process of which store runs where. Here a *thread* stands
//! in that table, once and for as long as it lives; each slot remembers the thread that its run is on.

use std::cell::Cell;

#[cfg(feature = "host-interrupt")]
use wasmer::sys::vm::interrupt_registry::{self, InterruptInstallGuard};

/// A thread, or a store for as long as wasmer itself enters it.
pub(crate) type Target = wasmer::sys::vm::StoreId;

/// A thread's place in wasmer's table, given up when the thread ends.
struct Place {
    target: Target,
    #[cfg(feature = "host-interrupt")]
    _installed: InterruptInstallGuard,
}

thread_local! {
    static PLACE: Place = Place::take();
    /// The same, where it can be read at once.
    static TARGET: Cell<Option<Target>> = const { Cell::new(None) };
    /// How many start sections are under way on this thread. wasmer enters them itself, and interrupts only the store on top.
    static STARTING: Cell<u32> = const { Cell::new(0) };
}

impl Place {
    fn take() -> Self {
        let target = Target::default();
        Self {
            target,
            #[cfg(feature = "host-interrupt")]
            _installed: interrupt_registry::install(target)
                .expect("nobody interrupts a target that nobody knows"),
        }
    }
}

/// Marks that wasmer itself enters a store.
pub(crate) struct Starting(());

impl Starting {
    pub(crate) fn begin() -> Self {
        STARTING.set(STARTING.get() + 1);
        Self(())
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

/// What the interrupts of a run on this thread are sent to. The second value must be kept until the run is over.
#[inline]
pub(crate) fn target() -> (Target, OnTop) {
    match TARGET.get() {
        Some(target) if STARTING.get() == 0 => (target, OnTop(None)),
        _ => find_target(),
    }
}

#[cold]
fn find_target() -> (Target, OnTop) {
    if STARTING.get() > 0 {
        let place = Place::take();
        return (place.target, OnTop(Some(place)));
    }
    match PLACE.try_with(|place| place.target) {
        Ok(target) => {
            TARGET.set(Some(target));
            (target, OnTop(None))
        }
        // The thread is about to end and gave its place up: nothing reaches it any more.
        Err(_) => (Target::default(), OnTop(None)),
    }
}

/// Sends a signal to the thread behind `target`, if it still runs.
#[cfg(feature = "host-interrupt")]
pub(crate) fn send(target: Target) {
    // An error means that the run is over, or that another interrupt is on its way to the same thread: the watchdog comes again.
    let _ = interrupt_registry::interrupt(target);
}

/// Without the feature a guest is only ended when it next calls the host, which looks at the deadline itself.
#[cfg(not(feature = "host-interrupt"))]
pub(crate) fn send(_: Target) {}

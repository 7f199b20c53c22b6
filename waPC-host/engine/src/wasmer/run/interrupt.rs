//! Sends interrupts to the thread that a run is on.
//!
//! wasmer sends interrupts to stores, and keeps a table for the whole process of which store runs
//! where. Here a *thread* is entered in that table, once and for as long as it lives; each slot
//! remembers the thread that its run is on.

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

/// An entry in wasmer's table.
struct Registration {
    target: Target,
    #[cfg(feature = "host-interrupt")]
    _installed: InterruptInstallGuard,
}

/// A thread's entry, removed when the thread ends.
struct ThreadRegistration {
    registration: Registration,
    /// Dropped after the registration.
    _end: ThreadEnd,
}

/// What is to be done when the entry of a thread was removed.
struct ThreadEnd;

thread_local! {
    static REGISTRATION: ThreadRegistration = ThreadRegistration::new();
    /// The same, where it can be read at once.
    static TARGET: Cell<Option<Target>> = const { Cell::new(None) };
    /// How many start sections are under way on this thread. wasmer enters them itself, and
    /// interrupts only the store on top.
    static STARTING: Cell<u32> = const { Cell::new(0) };
}

impl Registration {
    fn new() -> Self {
        let target = StoreId::default();
        Self {
            target: Target(target),
            #[cfg(feature = "host-interrupt")]
            _installed: interrupt_registry::install(target)
                .expect("nobody interrupts a target that nobody knows"),
        }
    }
}

impl ThreadRegistration {
    fn new() -> Self {
        system::unblock_interrupts();
        system::note_thread();
        Self { registration: Registration::new(), _end: ThreadEnd }
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

/// The entry of a run on top of that of the start section in which it is nested.
pub(crate) struct OnTop(
    #[expect(dead_code, reason = "kept for what it does when it is dropped")] Option<Registration>,
);

/// What the interrupts of a run of `export` on this thread are sent to. The second value must be
/// kept until the run is over. Fails on a thread that is about to end, which gave up what a run
/// needs.
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
        let registration = Registration::new();
        return Ok((registration.target, OnTop(Some(registration))));
    }
    let target = target_of_thread(export)?;
    TARGET.set(Some(target));
    Ok((target, OnTop(None)))
}

fn target_of_thread(export: &str) -> Result<Target, Error> {
    let ending = |_| Error::ThreadEnding { export: export.to_owned() };
    REGISTRATION.try_with(|thread| thread.registration.target).map_err(ending)
}

/// Sends a signal to the thread behind `target`, if it still runs. Fails when nobody would take the
/// signal for an interrupt.
#[cfg(feature = "host-interrupt")]
pub(crate) fn send(target: Target) -> Result<(), Unreached> {
    if !system::is_handled() {
        return Err(Unreached::OtherHandler);
    }
    // An error means that the run is over, or that another interrupt is on its way to the same
    // thread: the watchdog comes again.
    let _ = interrupt_registry::interrupt(target.0);
    Ok(())
}

/// Without the feature a guest is only ended when it next calls the host, which checks the deadline
/// itself, or when it next checks the stop flag.
#[cfg(not(feature = "host-interrupt"))]
pub(crate) fn send(_: Target) -> Result<(), Unreached> {
    Err(Unreached::NotBuilt)
}

//! Whom an interrupt is sent to.
//!
//! wasmer sends interrupts to stores, and keeps a table of the whole process of which store runs where. Here a *thread* stands
//! in that table, once and for as long as it lives; each slot remembers the thread that its run is on.

use std::{cell::Cell, time::Duration};

use crossbeam_utils::atomic::AtomicCell;

#[cfg(feature = "host-interrupt")]
use wasmer::sys::vm::interrupt_registry::{self, InterruptInstallGuard};

use crate::{Error, Unreached, wasmer::run::signal, watchdog::thread as watchdog};

/// A thread, or a store for as long as wasmer itself enters it.
pub(crate) type Target = wasmer::sys::vm::StoreId;

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
        let target = Target::default();
        Self {
            target,
            #[cfg(feature = "host-interrupt")]
            _installed: interrupt_registry::install(target)
                .expect("nobody interrupts a target that nobody knows"),
        }
    }
}

impl ThreadPlace {
    fn take() -> Self {
        signal::admit_interrupts();
        watchdog::note_thread();
        Self { place: Place::take(), _end: ThreadEnd }
    }
}

impl Drop for ThreadEnd {
    fn drop(&mut self) {
        TARGET.set(None);
        // wasmer's handler must not find that its own values of the thread are gone already.
        signal::take_pending_interrupts();
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
    if !signal::is_handled() {
        return Err(Unreached::OtherHandler);
    }
    // An error means that the run is over, or that another interrupt is on its way to the same thread: the watchdog comes again.
    let _ = interrupt_registry::interrupt(target);
    Ok(())
}

/// Without the feature a guest is only ended when it next calls the host, which looks at the deadline itself, or when it next looks at
/// the stop sign.
#[cfg(not(feature = "host-interrupt"))]
pub(crate) fn send(_: Target) -> Result<(), Unreached> {
    Err(Unreached::NotBuilt)
}

/// Why `sent` interrupts have not arrived at `thread`, as far as that is certain. The first of them may need their time on a busy machine.
/// `seen` is how long it was on a processor when an earlier look found that it keeps them away.
pub(crate) fn why_none_arrived(
    sent: u32,
    thread: u32,
    seen: &AtomicCell<Option<Duration>>,
) -> Option<Unreached> {
    /// From here on somebody looks; at 2 ms between two, that is after some 16 ms, 32 ms and so on.
    const LOOK: u32 = 8;
    /// A second.
    const LOST: u32 = 500;
    /// A thread that is about to take an interrupt needs a few microseconds for it once it is on a processor, however long it waits for one.
    const LONG_ENOUGH: Duration = Duration::from_millis(2);
    match sent {
        LOST.. => Some(Unreached::Lost),
        LOOK.. if sent.is_power_of_two() => {
            let now = signal::ran_while_blocking(thread);
            let before = seen.load().filter(|_| now.is_some());
            if before.is_none() {
                seen.store(now);
            }
            (now?.saturating_sub(before?) >= LONG_ENOUGH).then_some(Unreached::Blocked)
        }
        _ => None,
    }
}

/// Has interrupts reach the calling thread again, which kept them away from a run, as far as that is known.
#[cold]
pub(crate) fn admit_again(unreached: Unreached) {
    if matches!(unreached, Unreached::Blocked | Unreached::Lost) {
        signal::admit_interrupts();
    }
}

#[cfg(all(test, target_os = "linux", feature = "host-interrupt"))]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering::SeqCst},
            mpsc,
        },
        time::Instant,
    };

    use super::*;

    /// Whoever is about to take an interrupt and waits for a processor looks like one that keeps it away.
    #[test]
    fn a_thread_blocks_interrupts_only_when_it_runs_without_taking_them() {
        let (ready, is_ready) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel::<()>();
        let done = Arc::new(AtomicBool::new(false));
        let is_done = Arc::clone(&done);
        let thread = std::thread::spawn(move || {
            signal::keep_an_interrupt_away();
            ready.send(signal::thread_number()).unwrap();
            may_go_on.recv().unwrap();
            while !is_done.load(SeqCst) {}
        });
        let number = is_ready.recv().unwrap();
        let seen = AtomicCell::new(None);
        for _ in 0..10 {
            assert_eq!(why_none_arrived(8, number, &seen), None, "it is on no processor");
        }
        go_on.send(()).unwrap();
        let began = Instant::now();
        let found = loop {
            let found = why_none_arrived(8, number, &seen);
            if found.is_some() || began.elapsed() > Duration::from_secs(60) {
                break found;
            }
        };
        done.store(true, SeqCst);
        thread.join().unwrap();
        assert_eq!(found, Some(Unreached::Blocked));
    }
}

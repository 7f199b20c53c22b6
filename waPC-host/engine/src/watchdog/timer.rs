//! Ends runs that are overdue: one thread for each engine, which sleeps until the earliest deadline
//! is due.
//!
//! A call arms its instance's slot with a few atomic operations and no lock; the thread is only
//! woken when the new deadline lies before the one that it sleeps towards. Which of the two ends
//! first, the call or its deadline, is settled by one compare-and-swap on the slot, so an interrupt
//! can never reach a later call or a neighbour: an instance whose slot has fired is not used again.

use std::{
    cmp::Reverse,
    io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{
            AtomicPtr, AtomicU64,
            Ordering::{AcqRel, Acquire, SeqCst},
        },
    },
    time::{Duration, Instant},
};

use system_limits::begin_thread;

use super::{
    slot::{Slot, Standing, UNLIMITED},
    system::{count_forks, forks},
    unreached::Unreached,
};

/// How long after one interrupt the next is sent, for as long as the guest still runs: one that
/// comes just as the guest is entered may be missed.
const RETRY: Duration = Duration::from_millis(2);

/// What an engine and its instances share, and with which the thread ends.
pub(crate) struct Watchdog {
    timer: Arc<Timer>,
}

struct Timer {
    start: Instant,
    /// When the thread will look next, in nanoseconds since the start; the largest number while it
    /// looks.
    next_look: AtomicU64,
    /// Where the thread waits. In the child of a fork, where neither the thread is nor anybody who
    /// may have held the lock, it is exchanged for another and never freed.
    monitor: AtomicPtr<Monitor>,
}

struct Monitor {
    state: Mutex<State>,
    wake: Condvar,
    /// How often the process had been forked when this was made.
    forks: u32,
}

#[derive(Default)]
struct State {
    slots: Vec<Weak<Slot>>,
    running: bool,
    closed: bool,
}

impl Watchdog {
    pub(crate) fn new() -> Arc<Self> {
        count_forks();
        Arc::new(Self {
            timer: Arc::new(Timer {
                start: Instant::now(),
                next_look: AtomicU64::new(u64::MAX),
                monitor: AtomicPtr::new(Box::into_raw(Monitor::new())),
            }),
        })
    }

    /// Looks at `slot` from now on. Starts the thread, if it is not there.
    #[cold]
    pub(super) fn add(&self, slot: &Arc<Slot>) -> io::Result<()> {
        self.timer.add(slot)
    }

    /// A moment in nanoseconds since the start.
    #[inline]
    pub(super) fn nanoseconds(&self, at: Instant) -> u64 {
        self.timer.nanoseconds(at)
    }

    /// Wakes the thread unless it looks by itself no later than at the moment `due`.
    #[inline]
    pub(super) fn look_by(&self, due: u64) {
        if due < self.timer.next_look.load(SeqCst) {
            self.wake();
        }
    }

    /// Has the thread look now.
    pub(super) fn wake(&self) {
        let monitor = self.timer.monitor();
        if monitor.is_of_the_parent() {
            return;
        }
        // Taking the lock waits for a look that is under way, so that the notification cannot be
        // missed.
        drop(lock(&monitor.state));
        monitor.wake.notify_one();
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        let monitor = self.timer.monitor();
        if monitor.is_of_the_parent() {
            return;
        }
        lock(&monitor.state).closed = true;
        monitor.wake.notify_one();
    }
}

impl Monitor {
    fn new() -> Box<Self> {
        Box::new(Self { state: Mutex::default(), wake: Condvar::new(), forks: forks() })
    }

    /// Whether this process is the child of the one that waits there, and whoever held the lock is
    /// not here.
    fn is_of_the_parent(&self) -> bool {
        self.forks != forks()
    }
}

/// Nothing is left half done where a thread that holds one of these locks panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Timer {
    /// Never zero and never one of the marks.
    #[inline]
    fn nanoseconds(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.start).as_nanos();
        u64::try_from(since).unwrap_or(UNLIMITED).clamp(1, UNLIMITED - 1)
    }

    /// Where the watchdog of this process waits.
    fn monitor(&self) -> &Monitor {
        // SAFETY: it came from a box, is freed when this is dropped, and only exchanged by the
        // first thread that finds itself in a child.
        unsafe { &*self.monitor.load(Acquire) }
    }

    fn add(self: &Arc<Self>, slot: &Arc<Slot>) -> io::Result<()> {
        let forks = forks();
        let old = self.monitor.load(Acquire);
        if self.monitor().is_of_the_parent() {
            let new = Box::into_raw(Monitor::new());
            if self.monitor.compare_exchange(old, new, AcqRel, Acquire).is_err() {
                // SAFETY: it came from a box just now, and nobody has seen it.
                drop(unsafe { Box::from_raw(new) });
            }
            self.next_look.store(u64::MAX, SeqCst);
        }
        let mut state = lock(&self.monitor().state);
        if !state.running {
            let timer = self.clone();
            begin_thread("wapc-watchdog", move || timer.run())?;
            state.running = true;
        }
        if state.slots.len() == state.slots.capacity() {
            state.slots.retain(|slot| slot.strong_count() > 0);
        }
        state.slots.push(Arc::downgrade(slot));
        slot.set_watched(forks);
        Ok(())
    }

    /// Interrupts what is over, and tells when to look again, and why interrupts do not arrive
    /// where that was found out.
    fn look(&self, slots: &[Weak<Slot>]) -> (u64, Vec<Unreached>) {
        let now = self.nanoseconds(Instant::now());
        let (mut next, mut over) = (u64::MAX, Vec::new());
        for slot in slots.iter().filter_map(Weak::upgrade) {
            match slot.look(now) {
                Standing::Unlimited => {}
                Standing::Due(due) => next = next.min(due),
                Standing::Over => over.push(slot),
            }
        }
        if !over.is_empty() {
            next = next.min(now + RETRY.as_nanos() as u64);
        }
        // A thread takes one interrupt at a time, and only the innermost of its runs can follow
        // one: it comes first, or those around it would take its turn each time.
        over.sort_by_key(|slot| Reverse(slot.depth()));
        (next, over.iter().filter_map(|slot| slot.interrupt()).collect())
    }

    fn run(&self) {
        let monitor = self.monitor();
        let mut state = lock(&monitor.state);
        while !state.closed {
            // From here on every new deadline wakes the thread, so none can slip in between the
            // look and the sleep.
            self.next_look.store(u64::MAX, SeqCst);
            let (next, unreached) = self.look(&state.slots);
            if !unreached.is_empty() {
                // The program's logger may call guests, and wait for this lock.
                drop(state);
                unreached.into_iter().for_each(Unreached::log_once);
                state = lock(&monitor.state);
                continue;
            }
            self.next_look.store(next, SeqCst);
            let now = self.nanoseconds(Instant::now());
            state = if next < UNLIMITED {
                let left = Duration::from_nanos(next.saturating_sub(now));
                let woken = monitor.wake.wait_timeout(state, left);
                woken.unwrap_or_else(PoisonError::into_inner).0
            } else {
                monitor.wake.wait(state).unwrap_or_else(PoisonError::into_inner)
            };
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let monitor = *self.monitor.get_mut();
        // SAFETY: it came from a box, and whoever could see it is gone.
        drop(unsafe { Box::from_raw(monitor) });
    }
}

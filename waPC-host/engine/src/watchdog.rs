//! Ends guests that run past their deadline: one thread for each engine, which sleeps until the earliest deadline is due.
//!
//! A call arms its instance's slot with two atomic operations and no lock; the thread is only woken when the new deadline
//! lies before the one that it sleeps towards. Which of the two ends first, the call or its deadline, is settled by one
//! compare-and-swap on the slot, so an interrupt can never reach a later call or a neighbour: an instance whose slot has
//! fired is not used again.

use std::{
    cell::Cell,
    cmp::Reverse,
    fmt,
    sync::{
        Arc, Weak,
        atomic::{
            AtomicBool, AtomicU32, AtomicU64,
            Ordering::{Relaxed, SeqCst},
            compiler_fence,
        },
    },
    thread,
    time::{Duration, Instant},
};

use crossbeam_utils::atomic::AtomicCell;
use parking_lot::{Condvar, Mutex};

use crate::{
    Deadline,
    interrupt::{self, Target},
};

/// The slot's instance is not running.
const IDLE: u64 = 0;
/// The slot's instance is running without a deadline.
const UNLIMITED: u64 = u64::MAX - 2;
/// The slot's instance was cancelled.
const CANCELLED: u64 = u64::MAX - 1;
/// The slot's instance ran past its deadline.
const OVERDUE: u64 = u64::MAX;
/// How long after one interrupt the next is sent, for as long as the guest still runs: the engine may miss one that comes
/// just as the guest is entered.
const RETRY: Duration = Duration::from_millis(2);

thread_local! {
    /// How many runs are nested on this thread: a guest that calls the host, which calls another guest, and so on.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// How often a run is interrupted where nobody can tell whether it is in the guest's own code, before it is ended wherever it
/// is on the guest's stack. The count begins anew with every call of the host.
const ATTEMPTS: u32 = 50;

/// How a guest's run ended, as far as its slot knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    InTime,
    Overdue,
    Cancelled,
}

/// The state of one instance's current run.
pub(crate) struct Slot {
    /// `IDLE`, or nanoseconds since the watchdog's start at which the run is due, or one of the other marks.
    due: AtomicU64,
    /// How deep the run is nested on its thread.
    depth: AtomicU32,
    /// Whom its interrupts are sent to.
    target: AtomicCell<Option<Target>>,
    /// How often the run was interrupted in vain since its guest last called the host.
    attempts: AtomicU32,
    /// Whether a function of the host runs on the guest's stack, where it must not be interrupted.
    held_back: AtomicBool,
    /// Whether a function of the host runs on the thread's own stack, where an interrupt would do nothing but disturb it.
    in_host: AtomicBool,
}

/// How a run stands.
enum Standing {
    /// Nothing to wait for.
    Unlimited,
    /// It is due at this moment, in nanoseconds since the watchdog's start.
    Due(u64),
    /// It must be interrupted, again and again until it is over.
    Over,
}

/// The engine's side: hands out slots and owns the thread.
pub(crate) struct Watchdog {
    shared: Arc<Shared>,
}

/// An instance's side: its slot and the way to wake the watchdog, which lives for as long as there are instances.
#[derive(Clone)]
pub(crate) struct Watch {
    slot: Arc<Slot>,
    watchdog: Arc<Watchdog>,
}

/// Ends the run of one instance from any thread.
#[derive(Clone)]
pub struct CancelHandle(Watch);

struct Shared {
    start: Instant,
    /// When the thread will look next, in nanoseconds since the start; the largest number while it looks.
    next_look: AtomicU64,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    slots: Vec<Weak<Slot>>,
    running: bool,
    closed: bool,
}

impl Watchdog {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            shared: Arc::new(Shared {
                start: Instant::now(),
                next_look: AtomicU64::new(u64::MAX),
                state: Mutex::default(),
                wake: Condvar::new(),
            }),
        })
    }

    /// A slot for an instance. Starts the thread with the first.
    pub(crate) fn watch(self: &Arc<Self>) -> std::io::Result<Watch> {
        let slot = Arc::new(Slot::new());
        let mut state = self.shared.state.lock();
        if !state.running {
            let shared = self.shared.clone();
            thread::Builder::new().name("wapc-watchdog".to_owned()).spawn(move || shared.run())?;
            state.running = true;
        }
        if state.slots.len() == state.slots.capacity() {
            state.slots.retain(|slot| slot.strong_count() > 0);
        }
        state.slots.push(Arc::downgrade(&slot));
        drop(state);
        Ok(Watch { slot, watchdog: self.clone() })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.shared.state.lock().closed = true;
        self.shared.wake.notify_one();
    }
}

impl Watch {
    /// Marks the beginning of a run that is due at `deadline` and is interrupted through `target`.
    #[inline]
    pub(crate) fn arm(&self, deadline: Option<Deadline>, target: Target) {
        let depth = DEPTH.get() + 1;
        DEPTH.set(depth);
        self.slot.depth.store(depth, Relaxed);
        self.slot.target.store(Some(target));
        let Some(deadline) = deadline else {
            // Nobody needs to be woken for it, so the order of this store does not matter.
            self.slot.due.store(UNLIMITED, Relaxed);
            return;
        };
        let shared = &self.watchdog.shared;
        let due = shared.nanoseconds(deadline.instant());
        self.slot.due.store(due, SeqCst);
        if due < shared.next_look.load(SeqCst) {
            shared.kick();
        }
    }

    /// Marks the end of the run and tells how it ended.
    #[inline]
    pub(crate) fn disarm(&self) -> Ending {
        DEPTH.set(DEPTH.get().saturating_sub(1));
        match self.slot.due.swap(IDLE, SeqCst) {
            OVERDUE => Ending::Overdue,
            CANCELLED => Ending::Cancelled,
            _ => Ending::InTime,
        }
    }

    /// Whether the run that is under way was ended.
    #[inline]
    pub(crate) fn has_fired(&self) -> bool {
        self.slot.due.load(Relaxed) >= CANCELLED
    }

    /// Tells that the guest calls the host or comes back from it.
    #[cold]
    pub(crate) fn calls_host(&self) {
        self.slot.attempts.store(0, Relaxed);
    }

    /// Has interrupts wait while a function of the host runs on the guest's stack. Called by the guest's thread.
    #[inline]
    pub(crate) fn hold_interrupts_back(&self, hold: bool) {
        compiler_fence(SeqCst);
        self.slot.held_back.store(hold, Relaxed);
        compiler_fence(SeqCst);
    }

    /// Keeps interrupts away while a function of the host runs on the thread's own stack.
    #[inline]
    pub(crate) fn keep_interrupts_away(&self, keep: bool) {
        self.slot.in_host.store(keep, Relaxed);
    }

    /// Whether a function of the host runs on the guest's stack. Called from a signal handler on the guest's thread, so it
    /// neither allocates nor locks.
    pub(crate) fn holds_interrupts_back(&self) -> bool {
        self.slot.held_back.load(Relaxed)
    }

    /// Notes that an interrupt did not end the run, and tells whether that has happened too often since the guest last called
    /// the host. Called from a signal handler on the guest's thread, so it neither allocates nor locks.
    pub(crate) fn loses_patience(&self) -> bool {
        self.slot.attempts.fetch_add(1, Relaxed) >= ATTEMPTS
    }

    pub(crate) fn cancel_handle(&self) -> CancelHandle {
        CancelHandle(self.clone())
    }
}

impl CancelHandle {
    /// Ends the run that is under way, if there is one: it returns with a cancellation error. Has no effect on later runs.
    pub fn cancel(&self) {
        let running = |due| (due != IDLE && due < CANCELLED).then_some(CANCELLED);
        if self.0.slot.due.fetch_update(SeqCst, SeqCst, running).is_ok() {
            self.0.slot.interrupt();
            self.0.watchdog.shared.kick();
        }
    }
}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelHandle").finish_non_exhaustive()
    }
}

impl Slot {
    fn new() -> Self {
        Self {
            due: AtomicU64::new(IDLE),
            depth: AtomicU32::new(0),
            target: AtomicCell::new(None),
            attempts: AtomicU32::new(0),
            held_back: AtomicBool::new(false),
            in_host: AtomicBool::new(false),
        }
    }

    fn interrupt(&self) {
        if !self.in_host.load(Relaxed) {
            self.target.load().into_iter().for_each(interrupt::send);
        }
    }

    /// How the run stands at the moment `now`. One that is due is marked as overdue.
    fn look(&self, now: u64) -> Standing {
        match self.due.load(SeqCst) {
            IDLE | UNLIMITED => Standing::Unlimited,
            CANCELLED | OVERDUE => Standing::Over,
            due if due > now => Standing::Due(due),
            due => match self.due.compare_exchange(due, OVERDUE, SeqCst, SeqCst) {
                Ok(_) => Standing::Over,
                // It ended just now, or another run began, which kicks when it must be looked at.
                Err(_) => Standing::Unlimited,
            },
        }
    }
}

impl Shared {
    /// Never zero and never one of the marks.
    fn nanoseconds(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.start).as_nanos();
        u64::try_from(since).unwrap_or(UNLIMITED).clamp(1, UNLIMITED - 1)
    }

    /// Interrupts what is over, and tells when to look again.
    fn look(&self, slots: &[Weak<Slot>]) -> u64 {
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
        // A thread takes one interrupt at a time, and only the innermost of its runs can follow one: it comes first, or those
        // around it would take its turn each time.
        over.sort_by_key(|slot| Reverse(slot.depth.load(Relaxed)));
        for slot in over {
            slot.interrupt();
        }
        next
    }

    fn kick(&self) {
        // Taking the lock waits for a look that is under way, so that the notification cannot be missed.
        drop(self.state.lock());
        self.wake.notify_one();
    }

    fn run(&self) {
        let mut state = self.state.lock();
        while !state.closed {
            // From here on every new deadline kicks, so none can slip in between the look and the sleep.
            self.next_look.store(u64::MAX, SeqCst);
            let next = self.look(&state.slots);
            self.next_look.store(next, SeqCst);
            match self.start.checked_add(Duration::from_nanos(next)) {
                Some(at) if next < UNLIMITED => drop(self.wake.wait_until(&mut state, at)),
                _ => self.wake.wait(&mut state),
            }
        }
    }
}

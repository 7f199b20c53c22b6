//! Ends guests that run past their deadline: one thread for each engine, which sleeps until the earliest deadline is due.
//!
//! A call arms its instance's slot with two atomic operations and no lock; the thread is only woken when the new deadline
//! lies before the one that it sleeps towards. Which of the two ends first, the call or its deadline, is settled by one
//! compare-and-swap on the slot, so an interrupt can never reach a later call or a neighbour: an instance whose slot has
//! fired is not used again.

use std::{
    cell::Cell,
    cmp::Reverse,
    fmt, io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{
            AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64,
            Ordering::{AcqRel, Acquire, Relaxed, SeqCst},
            compiler_fence,
        },
    },
    time::{Duration, Instant},
};

use crossbeam_utils::atomic::AtomicCell;
use system_limits::begin_thread;

use crate::{
    Deadline, Unreached,
    wasmer::run::interrupt::{self, Target},
    wasmer::run::signal,
    wasmer::run::stop::StopSign,
    watchdog::fork,
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
    static NESTING: Cell<Nesting> = const { Cell::new(Nesting { depth: 0, thread: 0 }) };
}

/// Where runs are nested, and how deep: a guest that calls the host, which calls another guest, and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
// Its size, so that it is stored by one instruction.
#[repr(align(8))]
struct Nesting {
    depth: u32,
    /// The system's number of the thread; zero where it is not known.
    thread: u32,
}

/// Has the runs of this thread know its number, which another has in the child of a fork.
pub(crate) fn note_thread() {
    NESTING.set(Nesting { thread: signal::thread_number(), ..NESTING.get() });
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
    /// How deep the run is nested, and on which thread.
    nesting: AtomicCell<Nesting>,
    /// Whom its interrupts are sent to.
    target: AtomicCell<Option<Target>>,
    /// How often the run was interrupted in vain since its guest last called the host.
    attempts: AtomicU32,
    /// Whether a function of the host runs on the guest's stack, where it must not be interrupted.
    held_back: AtomicBool,
    /// Whether a function of the host runs on the thread's own stack, where an interrupt would do nothing but disturb it.
    in_host: AtomicBool,
    /// How many interrupts were sent to the run since one arrived.
    sent: AtomicU32,
    /// Whether one has arrived since this was last looked at.
    arrived: AtomicBool,
    /// How long the thread that keeps them away was on a processor when somebody first looked.
    ran: AtomicCell<Option<Duration>>,
    /// Why none can arrive, as a number of [`Unreached`]; zero while that is not known.
    unreached: AtomicU8,
    /// The sign that ends the run where interrupts cannot; nothing where the instance is not there yet or no longer.
    sign: Mutex<Option<StopSign>>,
    /// How often the process had been forked when the slot was last made known to the watchdog.
    forks: AtomicU32,
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

/// Lets the watchdog raise an instance's stop sign, for as long as it lives. The instance must live longer.
pub(crate) struct SignLease(Arc<Slot>);

impl Drop for SignLease {
    fn drop(&mut self) {
        *lock(&self.0.sign) = None;
    }
}

struct Shared {
    start: Instant,
    /// When the thread will look next, in nanoseconds since the start; the largest number while it looks.
    next_look: AtomicU64,
    /// Where the thread waits. In the child of a fork, where neither the thread is nor anybody who may have held the lock, it is exchanged
    /// for another and never freed.
    post: AtomicPtr<Post>,
}

struct Post {
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
        fork::watch();
        Arc::new(Self {
            shared: Arc::new(Shared {
                start: Instant::now(),
                next_look: AtomicU64::new(u64::MAX),
                post: AtomicPtr::new(Box::into_raw(Post::new())),
            }),
        })
    }

    /// A slot for an instance. Starts the thread with the first.
    pub(crate) fn watch(self: &Arc<Self>) -> io::Result<Watch> {
        let slot = Arc::new(Slot::new());
        self.shared.add(&slot)?;
        Ok(Watch { slot, watchdog: self.clone() })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        let post = self.shared.post();
        if post.is_of_the_parent() {
            return;
        }
        lock(&post.state).closed = true;
        post.wake.notify_one();
    }
}

impl Post {
    fn new() -> Box<Self> {
        Box::new(Self { state: Mutex::default(), wake: Condvar::new(), forks: fork::count() })
    }

    /// Whether this process is the child of the one that waits there, and whoever held the lock is not here.
    fn is_of_the_parent(&self) -> bool {
        self.forks != fork::count()
    }
}

/// Nothing is left half done where a thread that holds one of these locks panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watch {
    /// Sees to it that there is a watchdog in this process, also when it was forked. Fails where the system gives it no thread.
    #[inline]
    pub(crate) fn make_sure(&self) -> io::Result<()> {
        if self.slot.forks.load(Relaxed) == fork::count() {
            Ok(())
        } else {
            self.watchdog.shared.add(&self.slot)
        }
    }

    /// Marks the beginning of a run that is due at `deadline` and is interrupted through `target`.
    #[inline]
    pub(crate) fn arm(&self, deadline: Option<Deadline>, target: Target) {
        let Nesting { depth, thread } = NESTING.get();
        let nesting = Nesting { depth: depth + 1, thread };
        NESTING.set(nesting);
        self.slot.nesting.store(nesting);
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

    /// Lets the watchdog raise `sign` where interrupts do not arrive, until the lease is dropped.
    pub(crate) fn lease(&self, sign: StopSign) -> SignLease {
        *lock(&self.slot.sign) = Some(sign);
        SignLease(self.slot.clone())
    }

    /// Why interrupts did not reach the run, which had to be ended.
    pub(crate) fn unreached(&self) -> Option<Unreached> {
        Unreached::from_number(self.slot.unreached.load(Relaxed))
    }

    /// Tells that an interrupt arrived. Called from a signal handler on the guest's thread, so it neither allocates nor locks.
    pub(crate) fn note_arrival(&self) {
        self.slot.arrived.store(true, Relaxed);
    }

    /// Marks the end of the run and tells how it ended.
    #[inline]
    pub(crate) fn disarm(&self) -> Ending {
        let Nesting { depth, thread } = NESTING.get();
        NESTING.set(Nesting { depth: depth.saturating_sub(1), thread });
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
            if let Some(unreached) = self.0.slot.interrupt() {
                unreached.log_once();
            }
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
            nesting: AtomicCell::new(Nesting { depth: 0, thread: 0 }),
            target: AtomicCell::new(None),
            attempts: AtomicU32::new(0),
            held_back: AtomicBool::new(false),
            in_host: AtomicBool::new(false),
            sent: AtomicU32::new(0),
            arrived: AtomicBool::new(false),
            ran: AtomicCell::new(None),
            unreached: AtomicU8::new(0),
            sign: Mutex::new(None),
            forks: AtomicU32::new(fork::count()),
        }
    }

    /// Ends the run by a signal to its thread, or by the stop sign where none arrives; tells why none does when that is found out.
    fn interrupt(&self) -> Option<Unreached> {
        let target = self.target.load().filter(|_| !self.in_host.load(Relaxed))?;
        let unreached = match interrupt::send(target) {
            Err(unreached) => unreached,
            Ok(()) if self.arrived.swap(false, Relaxed) => {
                self.sent.store(0, Relaxed);
                self.ran.store(None);
                return None;
            }
            Ok(()) => {
                let sent = self.sent.fetch_add(1, Relaxed) + 1;
                interrupt::why_none_arrived(sent, self.nesting.load().thread, &self.ran)?
            }
        };
        if let Some(sign) = lock(&self.sign).as_ref() {
            // SAFETY: the instance lives for as long as the lease does, which cannot be dropped before the lock is let go.
            unsafe { sign.raise() };
        }
        // What was found out first stands: a run that goes on is told as lost later on, whatever the cause.
        let first = self.unreached.compare_exchange(0, unreached as u8, Relaxed, Relaxed).is_ok();
        first.then_some(unreached)
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

    /// Where the watchdog of this process waits.
    fn post(&self) -> &Post {
        // SAFETY: it came from a box, is freed when this is dropped, and only exchanged by the first thread that finds itself in a child.
        unsafe { &*self.post.load(Acquire) }
    }

    /// Has the thread look at `slot` from now on. Starts the thread, if it is not there.
    #[cold]
    fn add(self: &Arc<Self>, slot: &Arc<Slot>) -> io::Result<()> {
        let forks = fork::count();
        let old = self.post.load(Acquire);
        if self.post().is_of_the_parent() {
            let new = Box::into_raw(Post::new());
            if self.post.compare_exchange(old, new, AcqRel, Acquire).is_err() {
                // SAFETY: it came from a box just now, and nobody has seen it.
                drop(unsafe { Box::from_raw(new) });
            }
            self.next_look.store(u64::MAX, SeqCst);
        }
        let mut state = lock(&self.post().state);
        if !state.running {
            let shared = self.clone();
            begin_thread("wapc-watchdog", move || shared.run())?;
            state.running = true;
        }
        if state.slots.len() == state.slots.capacity() {
            state.slots.retain(|slot| slot.strong_count() > 0);
        }
        state.slots.push(Arc::downgrade(slot));
        slot.forks.store(forks, Relaxed);
        Ok(())
    }

    /// Interrupts what is over, and tells when to look again, and why interrupts do not arrive where that was found out.
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
        // A thread takes one interrupt at a time, and only the innermost of its runs can follow one: it comes first, or those
        // around it would take its turn each time.
        over.sort_by_key(|slot| Reverse(slot.nesting.load().depth));
        (next, over.iter().filter_map(|slot| slot.interrupt()).collect())
    }

    fn kick(&self) {
        let post = self.post();
        if post.is_of_the_parent() {
            return;
        }
        // Taking the lock waits for a look that is under way, so that the notification cannot be missed.
        drop(lock(&post.state));
        post.wake.notify_one();
    }

    fn run(&self) {
        let post = self.post();
        let mut state = lock(&post.state);
        while !state.closed {
            // From here on every new deadline kicks, so none can slip in between the look and the sleep.
            self.next_look.store(u64::MAX, SeqCst);
            let (next, unreached) = self.look(&state.slots);
            if !unreached.is_empty() {
                // The program's logger may call guests, and wait for this lock.
                drop(state);
                unreached.into_iter().for_each(Unreached::log_once);
                state = lock(&post.state);
                continue;
            }
            self.next_look.store(next, SeqCst);
            let now = self.nanoseconds(Instant::now());
            state = if next < UNLIMITED {
                let left = Duration::from_nanos(next.saturating_sub(now));
                let woken = post.wake.wait_timeout(state, left);
                woken.unwrap_or_else(PoisonError::into_inner).0
            } else {
                post.wake.wait(state).unwrap_or_else(PoisonError::into_inner)
            };
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let post = *self.post.get_mut();
        // SAFETY: it came from a box, and whoever could see it is gone.
        drop(unsafe { Box::from_raw(post) });
    }
}

//! Holds the state of one instance's current run, which its guest's thread, the timer, signal
//! handlers and whoever cancels it share.

use std::{
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicU8, AtomicU32, AtomicU64,
            Ordering::{Relaxed, SeqCst},
            compiler_fence,
        },
    },
    time::Duration,
};

use crossbeam_utils::atomic::AtomicCell;

use super::{
    system::{self, Nesting},
    unreached::Unreached,
};
use crate::wasmer::run::{
    interrupt::{self, Target},
    stop::LentFlag,
};

/// The slot's instance is not running.
const IDLE: u64 = 0;
/// The slot's instance is running without a deadline.
pub(super) const UNLIMITED: u64 = u64::MAX - 2;
/// The slot's instance was cancelled.
const CANCELLED: u64 = u64::MAX - 1;
/// The slot's instance ran past its deadline.
const OVERDUE: u64 = u64::MAX;
/// How often a run is interrupted where nobody can tell whether it is in the guest's own code,
/// before it is ended wherever it is on the guest stack. The count begins anew with every call of
/// the host.
const ATTEMPTS: u32 = 50;

/// How a guest's run ended, as far as its slot knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    InTime,
    Overdue,
    Cancelled,
}

/// How a run stands.
pub(super) enum Standing {
    /// Nothing to wait for.
    Unlimited,
    /// It is due at this moment, in nanoseconds since the timer's start.
    Due(u64),
    /// It must be interrupted, again and again until it is over.
    Over,
}

/// The state of one instance's current run.
pub(crate) struct Slot {
    /// `IDLE`, or nanoseconds since the timer's start at which the run is due, or one of the other
    /// marks.
    due: AtomicU64,
    /// How deep the run is nested, and on which thread.
    nesting: AtomicCell<Nesting>,
    /// Whom its interrupts are sent to.
    target: AtomicCell<Option<Target>>,
    /// How often the run was interrupted in vain since its guest last called the host.
    attempts: AtomicU32,
    /// Whether a host function runs on the guest stack, where it must not be interrupted.
    in_short_function: AtomicBool,
    /// Whether a host function runs on the host stack, where an interrupt would do nothing but
    /// disturb it.
    in_host_function: AtomicBool,
    /// How many interrupts were sent to the run since one arrived.
    sent: AtomicU32,
    /// Whether one has arrived since this was last looked at.
    arrived: AtomicBool,
    /// How long the thread that blocks them had been on a processor when it was first looked at.
    ran: AtomicCell<Option<Duration>>,
    /// Why none can arrive, as a number of [`Unreached`]; zero while that is not known.
    unreached: AtomicU8,
    /// The stop flag, which ends the run where interrupts cannot.
    flag: Arc<LentFlag>,
    /// How often the process had been forked when the slot was last made known to the timer.
    forks: AtomicU32,
}

/// The side of the guest's thread.
impl Slot {
    pub(super) fn new() -> Self {
        Self {
            due: AtomicU64::new(IDLE),
            nesting: AtomicCell::new(Nesting::NONE),
            target: AtomicCell::new(None),
            attempts: AtomicU32::new(0),
            in_short_function: AtomicBool::new(false),
            in_host_function: AtomicBool::new(false),
            sent: AtomicU32::new(0),
            arrived: AtomicBool::new(false),
            ran: AtomicCell::new(None),
            unreached: AtomicU8::new(0),
            flag: Arc::default(),
            forks: AtomicU32::new(system::forks()),
        }
    }

    /// Where the instance lends its stop flag to whoever must end its run.
    pub(crate) fn flag(&self) -> &Arc<LentFlag> {
        &self.flag
    }

    /// Marks the beginning of a run that is interrupted through `target`. It has to be told when it
    /// is due afterwards.
    #[inline]
    pub(super) fn begin(&self, target: Target) {
        self.nesting.store(Nesting::enter());
        self.target.store(Some(target));
    }

    /// Says when the run is due, in nanoseconds since the timer's start.
    #[inline]
    pub(super) fn set_due(&self, due: Option<u64>) {
        match due {
            Some(due) => self.due.store(due, SeqCst),
            // Nobody needs to be woken for it, so the order of this store does not matter.
            None => self.due.store(UNLIMITED, Relaxed),
        }
    }

    /// Marks the end of the run and tells how it ended.
    #[inline]
    pub(super) fn end(&self) -> Ending {
        Nesting::leave();
        match self.due.swap(IDLE, SeqCst) {
            OVERDUE => Ending::Overdue,
            CANCELLED => Ending::Cancelled,
            _ => Ending::InTime,
        }
    }

    /// Whether the run that is under way was ended.
    #[inline]
    pub(crate) fn has_fired(&self) -> bool {
        self.due.load(Relaxed) >= CANCELLED
    }

    /// Counts the attempts to end the run anew: its guest calls the host, or comes back from it.
    #[cold]
    pub(crate) fn forget_attempts(&self) {
        self.attempts.store(0, Relaxed);
    }

    /// Says whether a host function runs on the guest stack, where no interrupt may end it.
    #[inline]
    pub(crate) fn set_in_short_function(&self, is_in: bool) {
        compiler_fence(SeqCst);
        self.in_short_function.store(is_in, Relaxed);
        compiler_fence(SeqCst);
    }

    /// Says whether a host function runs on the host stack, where no interrupt is sent.
    #[inline]
    pub(crate) fn set_in_host_function(&self, is_in: bool) {
        self.in_host_function.store(is_in, Relaxed);
    }

    /// Why interrupts did not reach the run, which had to be ended.
    pub(super) fn unreached(&self) -> Option<Unreached> {
        Unreached::from_number(self.unreached.load(Relaxed))
    }

    /// Whether a timer of this process looks at the slot.
    #[inline]
    pub(super) fn is_watched(&self) -> bool {
        self.forks.load(Relaxed) == system::forks()
    }

    /// Notes how often the process had been forked when the slot was made known to a timer.
    pub(super) fn set_watched(&self, forks: u32) {
        self.forks.store(forks, Relaxed);
    }
}

/// The side of signal handlers on the guest's thread, which neither allocate nor lock.
impl Slot {
    /// Tells that an interrupt arrived.
    pub(crate) fn note_arrival(&self) {
        self.arrived.store(true, Relaxed);
    }

    /// Whether a host function runs on the guest stack.
    pub(crate) fn is_in_short_function(&self) -> bool {
        self.in_short_function.load(Relaxed)
    }

    /// Notes that an interrupt did not end the run, and tells whether that has happened too often
    /// since the guest last called the host.
    pub(crate) fn is_interrupted_too_often(&self) -> bool {
        self.attempts.fetch_add(1, Relaxed) >= ATTEMPTS
    }
}

/// The side of those who end the run.
impl Slot {
    /// Marks the run that is under way as cancelled, if there is one.
    pub(super) fn cancel(&self) -> bool {
        let running = |due| (due != IDLE && due < CANCELLED).then_some(CANCELLED);
        self.due.fetch_update(SeqCst, SeqCst, running).is_ok()
    }

    /// How the run stands at the moment `now`. One that is due is marked as overdue.
    pub(super) fn look(&self, now: u64) -> Standing {
        match self.due.load(SeqCst) {
            IDLE | UNLIMITED => Standing::Unlimited,
            CANCELLED | OVERDUE => Standing::Over,
            due if due > now => Standing::Due(due),
            due => match self.due.compare_exchange(due, OVERDUE, SeqCst, SeqCst) {
                Ok(_) => Standing::Over,
                // It ended just now, or another run began, which wakes the timer when it must be
                // looked at.
                Err(_) => Standing::Unlimited,
            },
        }
    }

    pub(super) fn depth(&self) -> u32 {
        self.nesting.load().depth
    }

    /// Ends the run by a signal to its thread, or by the stop flag where none arrives; tells why
    /// none does when that is found out.
    pub(super) fn interrupt(&self) -> Option<Unreached> {
        let target = self.target.load().filter(|_| !self.in_host_function.load(Relaxed))?;
        let unreached = match interrupt::send(target) {
            Err(unreached) => unreached,
            Ok(()) if self.arrived.swap(false, Relaxed) => {
                self.sent.store(0, Relaxed);
                self.ran.store(None);
                return None;
            }
            Ok(()) => {
                let sent = self.sent.fetch_add(1, Relaxed) + 1;
                Unreached::why_none_arrived(sent, self.nesting.load().thread, &self.ran)?
            }
        };
        self.flag.raise();
        // What was found out first stands: a run that goes on is told as lost later on, whatever the cause.
        let first = self.unreached.compare_exchange(0, unreached as u8, Relaxed, Relaxed).is_ok();
        first.then_some(unreached)
    }
}

//! Marks when the runs of one instance begin and end, so that the timer ends what is overdue, and
//! lets anybody cancel them.

use std::{fmt, io, sync::Arc};

use super::{
    slot::{Ending, Slot},
    timer::Watchdog,
    unreached::Unreached,
};
use crate::{limits::deadline::Deadline, wasmer::run::interrupt::Target};

/// An instance's slot and the way to wake the timer, which lives for as long as there are
/// instances.
#[derive(Clone)]
pub(crate) struct Watch {
    slot: Arc<Slot>,
    watchdog: Arc<Watchdog>,
}

impl Watch {
    /// A new slot that `watchdog` looks at. Fails where the system has no thread for it.
    pub(crate) fn new(watchdog: &Arc<Watchdog>) -> io::Result<Self> {
        let slot = Arc::new(Slot::new());
        watchdog.add(&slot)?;
        Ok(Self { slot, watchdog: watchdog.clone() })
    }

    pub(crate) fn slot(&self) -> &Arc<Slot> {
        &self.slot
    }

    /// Sees to it that there is a timer in this process, also when it was forked. Fails where the
    /// system gives it no thread.
    #[inline]
    pub(crate) fn make_sure(&self) -> io::Result<()> {
        if self.slot.is_watched() { Ok(()) } else { self.watchdog.add(&self.slot) }
    }

    /// Marks the beginning of a run that is due at `deadline` and is interrupted through `target`.
    #[inline]
    pub(crate) fn arm(&self, deadline: Option<Deadline>, target: Target) {
        self.slot.begin(target);
        let due = deadline.map(|deadline| self.watchdog.nanoseconds(deadline.instant()));
        self.slot.set_due(due);
        if let Some(due) = due {
            self.watchdog.look_by(due);
        }
    }

    /// Marks the end of the run and tells how it ended.
    #[inline]
    pub(crate) fn disarm(&self) -> Ending {
        self.slot.end()
    }

    /// Why interrupts did not reach a run that failed, if they did not. From now on they are to
    /// reach this thread.
    pub(crate) fn unreached(&self) -> Option<Unreached> {
        self.slot.unreached().inspect(|unreached| unreached.unblock())
    }

    pub(crate) fn cancel_handle(&self) -> CancelHandle {
        CancelHandle(self.clone())
    }
}

/// Ends the run of one instance from any thread.
#[derive(Clone)]
pub struct CancelHandle(Watch);

impl CancelHandle {
    /// Ends the run that is under way, if there is one: it returns with a cancellation error. Has
    /// no effect on later runs.
    pub fn cancel(&self) {
        let Watch { slot, watchdog } = &self.0;
        if slot.cancel() {
            if let Some(unreached) = slot.interrupt() {
                unreached.log_once();
            }
            watchdog.wake();
        }
    }
}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelHandle").finish_non_exhaustive()
    }
}

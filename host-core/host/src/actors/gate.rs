//! Counts who is inside a gate, which can be closed for good and waited upon until everybody has left.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    time::Instant,
};

use parking_lot::{Condvar, Mutex};

use crate::steps;

/// Lets calls in until it is closed. Entering and leaving cost two atomic operations and never block.
///
/// Everything is sequentially consistent on purpose: whoever closes the gate and then finds nobody inside must have been
/// seen as closed by everybody who comes later, and the last to leave must see that somebody waits.
#[derive(Default)]
pub(crate) struct Gate {
    inside: AtomicUsize,
    closed: AtomicBool,
    lock: Mutex<()>,
    emptied: Condvar,
}

impl Gate {
    /// Steps inside, unless the gate is closed.
    pub(crate) fn enter(&self) -> Option<Inside<'_>> {
        self.step_in().then(|| Inside(self))
    }

    /// As [`enter`](Self::enter), for an owner that calls [`step_out`](Self::step_out) by itself.
    pub(crate) fn step_in(&self) -> bool {
        self.inside.fetch_add(1, SeqCst);
        let open = !self.closed.load(SeqCst);
        if !open {
            self.step_out();
        }
        open
    }

    /// Undoes one successful [`step_in`](Self::step_in).
    pub(crate) fn step_out(&self) {
        if self.inside.fetch_sub(1, SeqCst) == 1 && self.closed.load(SeqCst) {
            let _waiting = self.lock.lock();
            self.emptied.notify_all();
        }
    }

    /// Lets nobody in from now on.
    pub(crate) fn close(&self) {
        self.closed.store(true, SeqCst);
    }

    /// Whether it was closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(SeqCst)
    }

    /// How many are inside now.
    pub(crate) fn inside(&self) -> usize {
        self.inside.load(SeqCst)
    }

    /// Waits until a closed gate has nobody inside; false when `until` came first.
    pub(crate) fn wait_empty(&self, until: Instant) -> bool {
        steps::wait(|| self.inside() == 0);
        let mut waiting = self.lock.lock();
        while self.inside() > 0 {
            if self.emptied.wait_until(&mut waiting, until).timed_out() {
                return self.inside() == 0;
            }
        }
        true
    }
}

/// The proof of being inside; dropping it leaves.
pub(crate) struct Inside<'a>(&'a Gate);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.step_out();
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use super::*;

    #[test]
    fn a_closed_gate_lets_nobody_in() {
        let gate = Gate::default();
        drop(gate.enter().expect("it is open"));
        gate.close();
        assert!(gate.enter().is_none());
        assert_eq!(gate.inside(), 0, "a refused entry is not counted");
    }

    #[test]
    fn waiting_ends_when_the_last_one_leaves() {
        let gate = Gate::default();
        let inside = gate.enter().unwrap();
        gate.close();
        assert!(!gate.wait_empty(Instant::now()), "somebody is inside");
        thread::scope(|scope| {
            let waiter = scope.spawn(|| gate.wait_empty(Instant::now() + Duration::from_secs(60)));
            drop(inside);
            assert!(waiter.join().unwrap());
        });
    }
}

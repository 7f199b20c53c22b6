//! Queues the calls that wait for an instance.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use parking_lot::Condvar;

/// How long others may overtake the first in the queue before it counts as starving. A call that finds an instance at once needs
/// no change of threads, so more calls get through while this is allowed.
pub(crate) const STARVATION: Duration = Duration::from_millis(1);

/// What can be read of the queue without the lock that it is under.
#[derive(Default)]
pub(crate) struct WaitState {
    waiting: AtomicUsize,
    starving: AtomicBool,
}

impl WaitState {
    /// Whether any call waits.
    #[inline]
    pub(crate) fn is_anybody_waiting(&self) -> bool {
        self.waiting.load(SeqCst) > 0
    }

    /// Whether the first in the queue has waited so long that nobody may overtake it.
    #[inline]
    pub(crate) fn is_first_starving(&self) -> bool {
        self.starving.load(SeqCst)
    }

    pub(crate) fn set_first_starving(&self) {
        self.starving.store(true, SeqCst);
    }
}

/// The calls that wait, in the order in which they came, those that are nested in others first: others may wait for them.
#[derive(Default)]
pub(crate) struct WaitQueue {
    waiters: VecDeque<Waiter>,
    /// How many of the first are nested.
    nested: usize,
}

/// A call in the queue; notified, it looks again.
pub(crate) type Waiter = Arc<Condvar>;

impl WaitQueue {
    pub(crate) fn join(&mut self, nested: bool, wait_state: &WaitState) -> Waiter {
        wait_state.waiting.fetch_add(1, SeqCst);
        let waiter = Waiter::default();
        let at = if nested { self.nested } else { self.waiters.len() };
        self.waiters.insert(at, waiter.clone());
        self.nested += usize::from(nested);
        waiter
    }

    /// Has the call that is first now look, because there may be more than the leaving call took.
    pub(crate) fn leave(&mut self, waiter: &Waiter, wait_state: &WaitState) {
        if let Some(at) = self.waiters.iter().position(|other| Arc::ptr_eq(other, waiter)) {
            self.waiters.remove(at);
            self.nested -= usize::from(at < self.nested);
        }
        wait_state.waiting.fetch_sub(1, SeqCst);
        wait_state.starving.store(false, SeqCst);
        self.call_first();
    }

    pub(crate) fn is_first(&self, waiter: &Waiter) -> bool {
        self.waiters.front().is_some_and(|first| Arc::ptr_eq(first, waiter))
    }

    pub(crate) fn call_first(&self) {
        self.waiters.front().into_iter().for_each(|first| _ = first.notify_one());
    }

    pub(crate) fn call_all(&self) {
        self.waiters.iter().for_each(|waiter| _ = waiter.notify_one());
    }
}

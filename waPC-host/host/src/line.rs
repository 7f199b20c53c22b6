//! The line of the calls that wait for an instance.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use parking_lot::Condvar;

/// How long the first in the line lets others go before it. Whoever finds an instance at once needs no change of threads, so
/// more calls get through while this is allowed.
pub(crate) const PATIENCE: Duration = Duration::from_millis(1);

/// What can be known of the line without the lock that it is under.
#[derive(Default)]
pub(crate) struct Sign {
    waiting: AtomicUsize,
    impatient: AtomicBool,
}

impl Sign {
    /// Whether anybody waits.
    #[inline]
    pub(crate) fn is_anybody_waiting(&self) -> bool {
        self.waiting.load(SeqCst) > 0
    }

    /// Whether the first in the line has waited so long that nobody may go before it.
    #[inline]
    pub(crate) fn is_first_impatient(&self) -> bool {
        self.impatient.load(SeqCst)
    }

    pub(crate) fn grow_impatient(&self) {
        self.impatient.store(true, SeqCst);
    }
}

/// The calls that wait, in the order in which they came.
#[derive(Default)]
pub(crate) struct Line(VecDeque<Turn>);

/// A call's place in the line, which tells it to look again.
pub(crate) type Turn = Arc<Condvar>;

impl Line {
    pub(crate) fn join(&mut self, sign: &Sign) -> Turn {
        sign.waiting.fetch_add(1, SeqCst);
        let turn = Turn::default();
        self.0.push_back(turn.clone());
        turn
    }

    /// Lets whoever is the first now look, because there may be more than the leaving call took.
    pub(crate) fn leave(&mut self, turn: &Turn, sign: &Sign) {
        self.0.retain(|other| !Arc::ptr_eq(other, turn));
        sign.waiting.fetch_sub(1, SeqCst);
        sign.impatient.store(false, SeqCst);
        self.call_first();
    }

    pub(crate) fn is_first(&self, turn: &Turn) -> bool {
        self.0.front().is_some_and(|first| Arc::ptr_eq(first, turn))
    }

    pub(crate) fn call_first(&self) {
        self.0.front().into_iter().for_each(|first| _ = first.notify_one());
    }

    pub(crate) fn call_all(&self) {
        self.0.iter().for_each(|turn| _ = turn.notify_one());
    }
}

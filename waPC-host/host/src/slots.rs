//! Keeps idle values in slots that are spread over the threads, so that threads that come at the same time do not contend.

use std::{
    num::NonZero,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};

use parking_lot::Mutex;

/// Slots for values of which a thread takes one, and leaves it where it finds it the next time. Any thread may take a value
/// out of any slot.
pub(crate) struct Slots<T> {
    /// Their number is a power of two.
    slots: Box<[Slot<T>]>,
}

/// On cache lines of its own: two, because processors fetch them in pairs.
#[repr(align(128))]
struct Slot<T>(Mutex<Content<T>>);

struct Content<T> {
    value: Option<T>,
    /// How often a thread found a value in this slot.
    found: u64,
}

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The thread's number. Threads that start one after the other get different slots.
    static THREAD: usize = THREADS.fetch_add(1, Relaxed);
}

impl<T> Slots<T> {
    /// As many slots as there may be values, but no more than threads are likely to run at once.
    pub(crate) fn new(values: usize) -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let count = values.min(2 * processors).next_power_of_two();
        let slot = |_| Slot(Mutex::new(Content { value: None, found: 0 }));
        Self { slots: (0..count).map(slot).collect() }
    }

    /// Takes the value in this thread's slot if it is `wanted`, unless the slot is empty or busy. Never waits for a lock.
    #[inline]
    pub(crate) fn find(&self, wanted: impl FnOnce(&T) -> bool) -> Option<T> {
        let mut content = self.own().0.try_lock()?;
        let value = content.value.take_if(|value| wanted(value));
        content.found += u64::from(value.is_some());
        value
    }

    /// Leaves a value in this thread's slot, or returns it when the slot is full or busy. Never waits for a lock.
    #[inline]
    pub(crate) fn leave(&self, value: T) -> Result<(), T> {
        match self.own().0.try_lock() {
            Some(mut content) if content.value.is_none() => {
                content.value = Some(value);
                Ok(())
            }
            _ => Err(value),
        }
    }

    /// Takes the values for which `wanted` is true out of all slots.
    pub(crate) fn take_if(&self, mut wanted: impl FnMut(&T) -> bool) -> impl Iterator<Item = T> {
        self.slots.iter().filter_map(move |slot| slot.0.lock().value.take_if(|value| wanted(value)))
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.iter().filter(|slot| slot.0.lock().value.is_some()).count()
    }

    /// How often a thread found a value in its slot.
    pub(crate) fn found(&self) -> u64 {
        self.slots.iter().map(|slot| slot.0.lock().found).sum()
    }

    #[inline]
    fn own(&self) -> &Slot<T> {
        &self.slots[THREAD.with(|thread| *thread) & (self.slots.len() - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_finds_what_it_left() {
        let slots = Slots::new(4);
        assert_eq!(slots.leave("mine"), Ok(()));
        assert_eq!(slots.leave("one too many"), Err("one too many"));
        assert_eq!(slots.find(|value| *value != "mine"), None);
        assert_eq!(slots.find(|_| true), Some("mine"));
        assert_eq!(slots.find(|_| true), None);
        assert_eq!((slots.len(), slots.found()), (0, 1));
    }

    #[test]
    fn anybody_may_take_anything() {
        let slots = Slots::new(4);
        thread::scope(|scope| scope.spawn(|| slots.leave(7)).join()).unwrap().unwrap();
        assert_eq!(slots.take_if(|_| false).next(), None);
        assert_eq!(slots.len(), 1);
        assert_eq!(slots.take_if(|_| true).collect::<Vec<_>>(), [7]);
        assert_eq!((slots.len(), slots.found()), (0, 0));
    }
}

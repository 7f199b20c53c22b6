//! Places for idle things, one for each of some threads, so that threads that come at the same time do not meet.

use std::{
    num::NonZero,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};

use parking_lot::Mutex;

/// Places for things of which a thread takes one, and leaves it where it finds it the next time. Anybody may take a thing out
/// of any place.
pub(crate) struct Slots<T> {
    /// A power of two.
    slots: Box<[Slot<T>]>,
}

/// On cache lines of its own: two, because processors fetch them in pairs.
#[repr(align(128))]
struct Slot<T>(Mutex<Content<T>>);

struct Content<T> {
    thing: Option<T>,
    /// How often a thread found here what it, or its like, had left.
    found: u64,
}

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The thread's number. Threads that start one after the other get different places.
    static THREAD: usize = THREADS.fetch_add(1, Relaxed);
}

impl<T> Slots<T> {
    /// As many places as there may be things, but no more than threads are likely to run at once.
    pub(crate) fn new(things: usize) -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let count = things.min(2 * processors).next_power_of_two();
        let slot = |_| Slot(Mutex::new(Content { thing: None, found: 0 }));
        Self { slots: (0..count).map(slot).collect() }
    }

    /// What was left in this thread's place. Does not wait for anybody.
    #[inline]
    pub(crate) fn find(&self) -> Option<T> {
        let mut content = self.own().0.try_lock()?;
        let thing = content.thing.take();
        content.found += u64::from(thing.is_some());
        thing
    }

    /// Leaves a thing in this thread's place, or gives it back when there is no room. Does not wait for anybody.
    #[inline]
    pub(crate) fn leave(&self, thing: T) -> Result<(), T> {
        match self.own().0.try_lock() {
            Some(mut content) if content.thing.is_none() => {
                content.thing = Some(thing);
                Ok(())
            }
            _ => Err(thing),
        }
    }

    /// Takes out what `wanted` says, from any place.
    pub(crate) fn take_if(&self, mut wanted: impl FnMut(&T) -> bool) -> impl Iterator<Item = T> {
        self.slots.iter().filter_map(move |slot| slot.0.lock().thing.take_if(|thing| wanted(thing)))
    }

    /// How many things there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.iter().filter(|slot| slot.0.lock().thing.is_some()).count()
    }

    /// How often a thread found something in its place.
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
        assert_eq!(slots.find(), Some("mine"));
        assert_eq!(slots.find(), None);
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

//! Takes turns: one change at a time of each actor, of each place and of each link. Changes of different ones do not wait for each other.

use std::{cell::RefCell, collections::HashSet, fmt, sync::Arc, time::Instant};

use capability_provider::{ActorId, LinkKey};
use parking_lot::{Condvar, Mutex};

use crate::{error::Error, links::place::Place, steps};

/// What changes one at a time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Of {
    /// The version of an actor: it is added, swapped or removed.
    Actor(ActorId),
    /// The provider of a place.
    Place(Place),
    /// A link: it is made or ended.
    Link(LinkKey),
    /// What one provider (its address) does with one link. The turn ends when it is done with it, which may be long after whoever asked for
    /// it gave up: so that an end that comes late does not hit the link that was made next.
    Line { provider: usize, link: LinkKey },
    /// The end of the host.
    End,
}

/// Turns that are taken. Whoever has one may have providers' code run under its deadline; nobody who only calls takes one.
#[derive(Default)]
pub(crate) struct Turns {
    taken: Mutex<HashSet<Of>>,
    given_back: Condvar,
}

thread_local! {
    /// The turns of those for whom this thread runs a provider's code.
    static INSIDE: RefCell<Vec<Of>> = const { RefCell::new(Vec::new()) };
}

/// The turns inside of which this thread runs a provider's code; none elsewhere.
pub(crate) fn inside() -> Vec<Of> {
    INSIDE.with_borrow(Clone::clone)
}

/// Runs a provider's code inside of these turns.
pub(crate) fn run_inside<T>(turns: Vec<Of>, code: impl FnOnce() -> T) -> T {
    struct Outside(Vec<Of>);
    impl Drop for Outside {
        fn drop(&mut self) {
            INSIDE.set(std::mem::take(&mut self.0));
        }
    }
    let _outside = Outside(INSIDE.replace(turns));
    code()
}

impl Turns {
    /// Waits for the turn, inside of those that the caller has.
    ///
    /// # Errors
    /// [`Error::Reentered`] inside of the same turn: a provider that changes from its own `link` or `unlink` what it is asked for would wait
    /// for itself for ever.
    pub(crate) fn take(self: &Arc<Self>, of: Of, within: &[Of]) -> Result<Turn, Error> {
        let taken = self.take_until(of, within, None)?;
        Ok(taken.expect("it was waited for without a limit"))
    }

    /// As [`take`](Self::take), but no longer than `until`; nothing then.
    pub(crate) fn take_until(
        self: &Arc<Self>,
        of: Of,
        within: &[Of],
        until: Option<Instant>,
    ) -> Result<Option<Turn>, Error> {
        if within.contains(&of) {
            return Err(Error::Reentered);
        }
        steps::wait(|| !self.taken.lock().contains(&of));
        let mut taken = self.taken.lock();
        while taken.contains(&of) {
            match until {
                None => self.given_back.wait(&mut taken),
                Some(until) => {
                    if self.given_back.wait_until(&mut taken, until).timed_out() && taken.contains(&of) {
                        return Ok(None);
                    }
                }
            }
        }
        taken.insert(of.clone());
        Ok(Some(Turn { turns: Arc::clone(self), of, within: within.to_vec() }))
    }
}

/// The proof of having the turn. It may go on to another thread.
pub(crate) struct Turn {
    turns: Arc<Turns>,
    of: Of,
    within: Vec<Of>,
}

impl Turn {
    /// This turn and those around it.
    pub(crate) fn all(&self) -> Vec<Of> {
        [&self.within[..], std::slice::from_ref(&self.of)].concat()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.taken.lock().remove(&self.of);
        self.turns.given_back.notify_all();
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Turn").field(&self.of).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use capability_provider::{CapabilityId, LinkName};

    use super::*;

    fn place(link: &str) -> Of {
        let capability = CapabilityId::new("test:store").unwrap();
        Of::Place(Place { capability, link: LinkName::new(link).unwrap() })
    }

    #[test]
    fn a_turn_cannot_be_taken_inside_itself() {
        let turns = Arc::new(Turns::default());
        let outer = turns.take(place("one"), &inside()).unwrap();
        run_inside(outer.all(), || {
            assert!(matches!(turns.take(place("one"), &inside()), Err(Error::Reentered)));
            let inner = turns.take(place("two"), &inside()).unwrap();
            run_inside(inner.all(), || {
                for again in ["one", "two"] {
                    assert!(matches!(turns.take(place(again), &inside()), Err(Error::Reentered)));
                }
            });
        });
        assert_eq!(inside(), []);
        drop(outer);
        turns.take(place("one"), &inside()).unwrap();
    }

    #[test]
    fn turns_of_different_things_do_not_wait_and_those_of_one_do() {
        let turns = Arc::new(Turns::default());
        let one = turns.take(place("one"), &[]).unwrap();
        let _other = turns.take(place("two"), &[]).unwrap();
        let missed = turns.take_until(place("one"), &[], Some(Instant::now()));
        assert!(matches!(missed, Ok(None)), "{missed:?}");
        let (taken, is_taken) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                let _turn = turns.take(place("one"), &[]).unwrap();
                taken.send(()).unwrap();
            });
            is_taken.try_recv().unwrap_err();
            drop(one);
            is_taken.recv().unwrap();
        });
    }
}

//! Keeps the actors of a host, each with its current generation and its links.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Instant,
};

use capability_provider::ActorId;
use parking_lot::{Mutex, RwLock};

use crate::{
    actors::{
        generation::{Admitted, Entered, Generation},
        system::OwnSystem,
    },
    error::Error,
    links::table::LinkCell,
    reports::question::Question,
    steps::{self, step},
};

/// The step in which a call enters a version.
pub(crate) const ENTERS: &str = "enters the version that it found";

/// What came of asking an actor.
pub(crate) type Word = Result<(), Unwell>;

/// Why an actor is not well.
#[derive(Debug, Clone)]
pub(crate) struct Unwell {
    /// Whether it may not be called at all.
    pub(crate) refused: bool,
    pub(crate) detail: String,
}

/// One actor: an identity that outlives the generations which serve it.
pub(crate) struct Actor {
    pub(crate) id: ActorId,
    /// What it is linked to. Shared with the router of each of its generations, so links outlive a swap.
    pub(crate) links: Arc<LinkCell>,
    /// What each of its generations is given of the system in place of what the host gives.
    pub(crate) system: OwnSystem,
    /// The generation that takes calls; `None` once the actor was removed. Only held for the time of a clone.
    current: RwLock<Option<Arc<Generation>>>,
    /// Generations that were swapped out and may still have calls in flight.
    older: Mutex<Vec<Weak<Generation>>>,
    /// Whether it is being removed, so that it is not linked any more.
    left: AtomicBool,
    /// Whether it is well is asked once at a time, so that one that hangs holds one thread.
    pub(crate) well: Question<Word>,
}

impl Actor {
    /// An actor without a generation yet.
    pub(crate) fn new(id: ActorId, system: OwnSystem) -> Self {
        Self {
            id,
            links: Arc::default(),
            system,
            current: RwLock::default(),
            older: Mutex::default(),
            left: AtomicBool::new(false),
            well: Question::default(),
        }
    }

    /// It is being removed: no link of it is made from here on. Calls go on.
    pub(crate) fn leave(&self) {
        self.left.store(true, SeqCst);
    }

    pub(crate) fn has_left(&self) -> bool {
        self.left.load(SeqCst)
    }

    /// Begins one call in the generation of this moment; `None` when the actor was removed.
    pub(crate) fn enter(&self) -> Option<Entered> {
        loop {
            let generation = self.current.read().clone()?;
            step(ENTERS);
            // A generation is retired only after another took its place, so the next look finds that one.
            if let Some(entered) = generation.enter() {
                return Some(entered);
            }
        }
    }

    pub(crate) fn current(&self) -> Option<Arc<Generation>> {
        self.current.read().clone()
    }

    /// Puts `next` in the place of the current generation, which takes no more calls, and returns that one.
    pub(crate) fn switch(&self, next: Option<Arc<Generation>>) -> Option<Arc<Generation>> {
        let mut older = steps::lock(&self.older);
        let old = std::mem::replace(&mut *self.current.write(), next)?;
        step("lets no more calls into the old version");
        old.retire();
        older.retain(|generation| generation.strong_count() > 0);
        older.push(Arc::downgrade(&old));
        Some(old)
    }

    /// The generations that were swapped out and are still there.
    pub(crate) fn older(&self) -> Vec<Arc<Generation>> {
        self.older.lock().iter().filter_map(Weak::upgrade).collect()
    }

    /// Waits until `drained` for the calls in flight of an actor that takes no more.
    pub(crate) fn drain(&self, drained: Instant) {
        for generation in self.older() {
            generation.wait_drained(drained);
        }
    }

    /// Tells the calls in flight of an actor that takes no more to end.
    pub(crate) fn interrupt(&self) {
        for generation in self.older() {
            generation.guest.interrupt_all();
        }
    }

    /// Ends the calls that are still in flight, and gives up on those that a provider holds when `ended` has come. Such a call has no rights
    /// any more when it comes back to the guest.
    pub(crate) fn end(&self, ended: Instant) {
        for generation in self.older() {
            if generation.in_flight() > 0 && !generation.end_calls(ended) {
                let calls = generation.in_flight();
                log::warn!("{}: {calls} calls are still held by a provider and were left behind", self.id);
            }
            step("has no rights any more");
            generation.rights.end();
        }
    }

    /// Records what was counted of those that have ended and are still there.
    pub(crate) fn conclude(&self) {
        self.older().iter().for_each(|generation| generation.rights.conclude());
    }
}

/// Who is here. The one owner of the map.
#[derive(Default)]
pub(crate) struct Actors(RwLock<BTreeMap<ActorId, Arc<Actor>>>);

impl Actors {
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Actor>> {
        self.0.read().get(id).cloned()
    }

    pub(crate) fn insert(&self, actor: Arc<Actor>) {
        steps::wait(|| !self.0.is_locked());
        self.0.write().insert(actor.id.clone(), actor);
    }

    pub(crate) fn remove(&self, id: &ActorId) -> Option<Arc<Actor>> {
        steps::wait(|| !self.0.is_locked());
        self.0.write().remove(id)
    }

    /// Begins one call in the generation of this moment of an actor; `None` when there is no such actor.
    pub(crate) fn enter(&self, id: &str) -> Option<Entered> {
        self.0.read().get(id)?.enter()
    }

    /// Lets a call of an actor in, if the actor may run at `now`; nothing when there is no such actor.
    pub(crate) fn admit(&self, id: &str, now: u64) -> Option<Result<Admitted, Error>> {
        Admitted::find(|| self.enter(id), |generation| generation.rights.may_run(now))
    }

    /// Everybody, in the order of their ids.
    pub(crate) fn all(&self) -> Vec<Arc<Actor>> {
        self.0.read().values().cloned().collect()
    }
}

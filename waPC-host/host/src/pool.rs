//! Keeps a bounded number of instances of one module, made when they are needed.

use std::{
    sync::atomic::{
        AtomicBool, AtomicU64,
        Ordering::{Relaxed, SeqCst},
    },
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};
use wapc_engine::{CancelHandle, Deadline};

use crate::{
    Isolation,
    guest::{Fault, Guest},
    lease::{Lease, Room},
    settings::CallTerms,
    slots::Slots,
    stats::{Counters, PoolStats},
    wait_queue::{STARVATION, WaitQueue, WaitState, Waiter},
};

/// Why the pool has no instance for a call.
#[derive(Debug)]
pub(crate) enum NoInstance {
    /// None became free in time.
    Exhausted { max: usize, waited: Duration },
    /// The call was cancelled while it waited.
    Cancelled,
    /// The pool was closed.
    Closed,
    /// A new one could not be made.
    Failed(wapc_engine::Error),
}

/// How many instances there may be, and for how long.
#[derive(Debug, Clone)]
pub(crate) struct PoolSettings {
    pub(crate) max: usize,
    /// How many more there may be for calls that are nested in others.
    pub(crate) nested: usize,
    pub(crate) max_wait: Duration,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) min_idle: usize,
}

pub(crate) struct Pool {
    settings: PoolSettings,
    /// Idle instances, each where the thread that used it last finds it. Threads that call at the same time share nothing that
    /// either of them writes to.
    slots: Slots<Resting>,
    /// What can be read of the queue without the lock.
    wait_state: WaitState,
    closed: AtomicBool,
    /// How many sweeps there were.
    sweeps: AtomicU64,
    made: Instant,
    /// When the next sweep is due, in nanoseconds since the pool was made.
    next_sweep: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Idle instances for which no slot was free, in the order in which they were given back.
    idle: Vec<Resting>,
    /// How many instances there are, with those that are being made.
    live: usize,
    cancels: Vec<(u64, CancelHandle)>,
    queue: WaitQueue,
    counters: Counters,
}

/// An idle instance.
struct Resting {
    /// In a box, because a guest is some hundred bytes, and moves in and out with every call.
    guest: Box<Guest>,
    /// That of the guest, here so that looking for one does not touch guests.
    isolation: Isolation,
    /// How many sweeps there had been when it was given back.
    since: u64,
}

impl Resting {
    #[inline]
    fn new(guest: Box<Guest>, since: u64) -> Self {
        Self { isolation: guest.isolation(), guest, since }
    }

    /// Whether calls with these terms may use it.
    #[inline]
    fn serves(&self, terms: &CallTerms<'_>) -> bool {
        self.isolation == terms.isolation
    }
}

/// What a call can have at once.
enum Found {
    Idle(Box<Guest>),
    /// Room for a new instance, which is counted already.
    Room {
        /// The idle instance that is dropped to make room, if one is.
        crowded_out: Option<Resting>,
        /// Whether there are as many as there may be for calls from outside.
        extra: bool,
    },
}

impl Pool {
    pub(crate) fn new(mut settings: PoolSettings) -> Self {
        settings.max = settings.max.max(1);
        Self {
            slots: Slots::new(settings.max),
            settings,
            wait_state: WaitState::default(),
            closed: AtomicBool::new(false),
            sweeps: AtomicU64::new(0),
            made: Instant::now(),
            next_sweep: AtomicU64::new(0),
            state: Mutex::default(),
        }
    }

    /// An idle instance of the call's isolation, or a new one from `make` while there are fewer than the maximum, or the first to
    /// become free. A call that wants a fresh one always gets a new one.
    #[inline]
    pub(crate) fn acquire(
        &self,
        terms: &CallTerms<'_>,
        make: impl FnOnce() -> Result<Guest, wapc_engine::Error>,
    ) -> Result<Lease<'_>, NoInstance> {
        if terms.isolation != Isolation::Fresh
            && !self.closed.load(SeqCst)
            && !self.wait_state.is_first_starving()
            && let Some(resting) = self.slots.find(|resting| resting.serves(terms))
        {
            return Ok(self.lease(resting.guest));
        }
        self.acquire_shared(terms, make)
    }

    /// Adds an instance that was not made for a call.
    pub(crate) fn add(&self, guest: Guest) {
        let mut state = self.state.lock();
        state.live += 1;
        state.counters.prepared += 1;
        let guest = state.register(guest);
        state.idle.push(Resting::new(guest, 0));
    }

    /// Makes the waiting calls look again at whether they were cancelled.
    pub(crate) fn wake(&self) {
        self.state.lock().queue.call_all();
    }

    /// Takes the calls that are in flight off their instances. One that has its instance but has not entered it yet is
    /// missed.
    pub(crate) fn interrupt_all(&self) {
        let cancels: Vec<_> = self.state.lock().cancels.iter().map(|(_, cancel)| cancel.clone()).collect();
        cancels.iter().for_each(CancelHandle::cancel);
    }

    /// Drops the idle instances that no call has used since the last sweep, and tells how many.
    pub(crate) fn release_idle(&self) -> usize {
        self.sweep().len()
    }

    /// Gives no instance out any more and drops the idle ones.
    pub(crate) fn close(&self) {
        self.closed.store(true, SeqCst);
        self.clear();
        self.wake();
    }

    pub(crate) fn stats(&self) -> PoolStats {
        let state = self.state.lock();
        let idle = state.idle.len() + self.slots.len();
        let in_use = state.live.saturating_sub(idle);
        state.counters.stats(self.slots.found(), (self.settings.max, idle, in_use))
    }

    fn lease(&self, guest: Box<Guest>) -> Lease<'_> {
        Lease::new(self, guest)
    }

    /// An instance for a call whose thread has none in its slot.
    #[cold]
    fn acquire_shared(
        &self,
        terms: &CallTerms<'_>,
        make: impl FnOnce() -> Result<Guest, wapc_engine::Error>,
    ) -> Result<Lease<'_>, NoInstance> {
        let mut state = self.state.lock();
        // A call that waits may wait for an instance that a nested call is inside of, so a nested call queues behind nobody.
        let at_once = match self.wait_state.is_first_starving() && !terms.is_nested() {
            false => self.find(&mut state, terms)?,
            true => None,
        };
        let found = match at_once {
            Some(found) => found,
            None => self.wait(&mut state, terms)?,
        };
        drop(state);
        match found {
            Found::Idle(guest) => Ok(self.lease(guest)),
            Found::Room { crowded_out, extra } => {
                drop(crowded_out);
                self.make(extra, make)
            }
        }
    }

    fn find(&self, state: &mut State, terms: &CallTerms<'_>) -> Result<Option<Found>, NoInstance> {
        if self.closed.load(SeqCst) {
            return Err(NoInstance::Closed);
        }
        let has_extra_room = terms.is_nested()
            && state.live >= self.settings.max
            && state.live - self.settings.max < self.settings.nested;
        // Whoever starves gets the next instance that becomes idle: a nested call needs none of those.
        let leaves_idle = has_extra_room && self.wait_state.is_first_starving();
        if !leaves_idle && let Some(resting) = self.take_idle(state, |resting| resting.serves(terms)) {
            state.counters.reused += 1;
            return Ok(Some(Found::Idle(resting.guest)));
        }
        let (mut crowded_out, mut extra) = (None, false);
        if state.live >= self.settings.max {
            if !leaves_idle || terms.isolation == Isolation::Fresh {
                crowded_out = self.take_idle(state, |resting| !resting.serves(terms));
            }
            // A call that waited for the calls that it is nested in would wait for itself.
            extra = crowded_out.is_none() && has_extra_room;
            match &crowded_out {
                Some(resting) => state.release(std::slice::from_ref(resting)),
                None if extra => {}
                None => return Ok(None),
            }
        }
        state.live += 1;
        Ok(Some(Found::Room { crowded_out, extra }))
    }

    /// An idle instance that is `wanted`, the one first that was given back last.
    fn take_idle(&self, state: &mut State, wanted: impl Fn(&Resting) -> bool) -> Option<Resting> {
        match state.idle.iter().rposition(&wanted) {
            Some(at) => Some(state.idle.remove(at)),
            None => self.slots.take_if(wanted).next(),
        }
    }

    /// Waits until there is something for the call.
    fn wait(&self, state: &mut MutexGuard<'_, State>, terms: &CallTerms<'_>) -> Result<Found, NoInstance> {
        state.counters.waited += 1;
        let waiter = state.queue.join(terms.is_nested(), &self.wait_state);
        let outcome = self.wait_for(&waiter, state, terms);
        state.queue.leave(&waiter, &self.wait_state);
        outcome
    }

    fn wait_for(
        &self,
        waiter: &Waiter,
        state: &mut MutexGuard<'_, State>,
        terms: &CallTerms<'_>,
    ) -> Result<Found, NoInstance> {
        let began = Instant::now();
        let until = Deadline::after(self.settings.max_wait).earlier(terms.deadline).instant();
        let mut timed_out = false;
        loop {
            if terms.cancel().is_some_and(|token| token.is_cancelled()) {
                return Err(NoInstance::Cancelled);
            }
            let first = state.queue.is_first(waiter);
            if (first || self.closed.load(SeqCst))
                && let Some(found) = self.find(state, terms)?
            {
                return Ok(found);
            }
            let waited = began.elapsed();
            if timed_out {
                state.counters.exhausted += 1;
                return Err(NoInstance::Exhausted { max: self.settings.max, waited });
            }
            let starving = first && waited >= STARVATION;
            if starving {
                self.wait_state.set_first_starving();
            }
            let next_look = if first && !starving { until.min(began + STARVATION) } else { until };
            timed_out = waiter.wait_until(state, next_look).timed_out() && next_look == until;
        }
    }

    /// Makes an instance for which room was counted already.
    fn make(
        &self,
        extra: bool,
        make: impl FnOnce() -> Result<Guest, wapc_engine::Error>,
    ) -> Result<Lease<'_>, NoInstance> {
        let room = Room::new(self);
        let guest = make().map_err(NoInstance::Failed)?;
        std::mem::forget(room);
        let mut state = self.state.lock();
        state.counters.made += 1;
        state.counters.fresh += u64::from(guest.is_fresh());
        let mut guest = state.register(guest);
        guest.set_extra(extra);
        Ok(self.lease(guest))
    }

    #[inline]
    pub(crate) fn give_back(&self, mut guest: Box<Guest>) {
        let fault = guest.fault();
        if fault.is_some() || !guest.prepare_for_next() {
            return self.discard(guest, fault);
        }
        if guest.is_extra() {
            return self.settle(guest);
        }
        if let Some(timeout) = self.settings.idle_timeout {
            self.sweep_when_due(timeout);
        }
        let resting = Resting::new(guest, self.sweeps.load(Relaxed));
        if let Err(resting) = self.slots.leave(resting) {
            self.state.lock().idle.push(resting);
        }
        // A thread that waits or closes the pool says so before it looks at the slots. So either it has found the instance there,
        // or it is seen here: the slot's lock orders the two.
        if self.wait_state.is_anybody_waiting() || self.closed.load(SeqCst) {
            self.hand_on();
        }
    }

    #[cold]
    fn discard(&self, guest: Box<Guest>, fault: Option<Fault>) {
        let mut state = self.state.lock();
        if let Some(fault) = fault {
            state.counters.discarded(fault);
        }
        state.live -= 1;
        state.cancels.retain(|(number, _)| *number != guest.number());
        state.queue.call_first();
        drop(state);
        drop(guest);
    }

    /// Keeps an instance that was made for a nested call, if there is room for it by now.
    #[cold]
    fn settle(&self, mut guest: Box<Guest>) {
        let mut state = self.state.lock();
        let since = self.sweeps.load(Relaxed);
        if state.live <= self.settings.max && !self.closed.load(SeqCst) {
            guest.set_extra(false);
            state.idle.push(Resting::new(guest, since));
        } else {
            let resting = Resting::new(guest, since);
            state.release(std::slice::from_ref(&resting));
            drop(state);
            drop(resting);
            return self.state.lock().queue.call_first();
        }
        state.queue.call_first();
    }

    #[cold]
    fn hand_on(&self) {
        if self.closed.load(SeqCst) {
            self.clear();
        }
        self.state.lock().queue.call_first();
    }

    /// Takes back the room for an instance that could not be made.
    pub(crate) fn give_room_back(&self) {
        let mut state = self.state.lock();
        state.live -= 1;
        state.queue.call_first();
    }

    /// Drops all idle instances.
    fn clear(&self) {
        let mut state = self.state.lock();
        let mut idle = std::mem::take(&mut state.idle);
        idle.extend(self.slots.take_if(|_| true));
        state.forget(&idle);
        drop(state);
        drop(idle);
    }

    fn sweep_when_due(&self, timeout: Duration) {
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let now = self.made.elapsed();
        let due = self.next_sweep.load(Relaxed);
        let next = nanoseconds(now.saturating_add(timeout));
        // Of the threads that find it due, one does it.
        if nanoseconds(now) >= due && self.next_sweep.compare_exchange(due, next, Relaxed, Relaxed).is_ok() {
            self.sweep();
        }
    }

    /// Takes out what nobody has used since the last sweep, except for as many as are to be kept.
    fn sweep(&self) -> Vec<Resting> {
        let mut state = self.state.lock();
        let sweep = self.sweeps.fetch_add(1, Relaxed);
        let mut spare = (state.idle.len() + self.slots.len()).saturating_sub(self.settings.min_idle);
        let mut unused = |resting: &Resting| {
            let unused = resting.since < sweep && spare > 0;
            spare -= usize::from(unused);
            unused
        };
        let mut released: Vec<_> = state.idle.extract_if(.., |resting| unused(resting)).collect();
        released.extend(self.slots.take_if(unused));
        state.release(&released);
        released
    }
}

impl State {
    fn register(&mut self, guest: Guest) -> Box<Guest> {
        let number = self.counters.created();
        let guest = Box::new(guest.numbered(number));
        self.cancels.push((number, guest.cancel_handle()));
        guest
    }

    fn release(&mut self, released: &[Resting]) {
        self.counters.released += released.len() as u64;
        self.forget(released);
    }

    fn forget(&mut self, gone: &[Resting]) {
        self.live -= gone.len();
        self.cancels.retain(|(number, _)| gone.iter().all(|resting| resting.guest.number() != *number));
    }
}

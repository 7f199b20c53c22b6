//! A bounded number of instances of one module, made when they are needed.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex, MutexGuard};
use wapc_engine::{CancelHandle, Deadline};

use crate::guest::Guest;

/// What a pool did and has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// How many instances there may be.
    pub max: usize,
    /// How many wait for a call.
    pub idle: usize,
    /// How many are in a call, or being made for one.
    pub in_use: usize,
    /// How many were made since the beginning.
    pub created: u64,
    /// How many were thrown away because a call failed in them.
    pub discarded: u64,
    /// How many calls had to wait for an instance.
    pub waited: u64,
}

/// Why the pool has no instance for a call.
#[derive(Debug)]
pub(crate) enum NoInstance {
    /// None became free in time.
    Exhausted { max: usize, waited: Duration },
    /// The pool was closed.
    Closed,
    /// A new one could not be made.
    Failed(wapc_engine::Error),
}

pub(crate) struct Pool {
    max: usize,
    max_wait: Duration,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    #[expect(
        clippy::vec_box,
        reason = "a guest is some hundred bytes, and moves in and out with every call"
    )]
    idle: Vec<Box<Guest>>,
    in_use: usize,
    cancels: Vec<(u64, CancelHandle)>,
    created: u64,
    discarded: u64,
    waited: u64,
    closed: bool,
}

/// An instance on loan from the pool, which takes it back when the loan is dropped: to be used again if no call failed in
/// it, to be thrown away otherwise.
pub(crate) struct Lease<'a> {
    pool: &'a Pool,
    guest: Option<Box<Guest>>,
}

impl Pool {
    pub(crate) fn new(max: usize, max_wait: Duration) -> Self {
        Self { max: max.max(1), max_wait, state: Mutex::default(), freed: Condvar::new() }
    }

    /// An idle instance, or a new one from `make` while there are fewer than the maximum, or the first to become free.
    #[inline]
    pub(crate) fn acquire(
        &self,
        deadline: Option<Deadline>,
        make: impl FnOnce() -> Result<Guest, wapc_engine::Error>,
    ) -> Result<Lease<'_>, NoInstance> {
        let mut state = self.state.lock();
        if let Some(guest) = self.take(&mut state)? {
            return Ok(Lease { pool: self, guest: Some(guest) });
        }
        if state.in_use == self.max
            && let Some(guest) = self.wait(&mut state, deadline)?
        {
            return Ok(Lease { pool: self, guest: Some(guest) });
        }
        state.in_use += 1;
        drop(state);
        self.make(make)
    }

    /// Takes the calls that are in flight off their instances. One that has its instance but has not entered it yet is
    /// missed.
    pub(crate) fn interrupt_all(&self) {
        let cancels: Vec<_> = self.state.lock().cancels.iter().map(|(_, cancel)| cancel.clone()).collect();
        cancels.iter().for_each(CancelHandle::cancel);
    }

    /// Gives no instance out any more and drops the idle ones.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let idle = std::mem::take(&mut state.idle);
        drop(state);
        self.freed.notify_all();
        drop(idle);
    }

    pub(crate) fn stats(&self) -> PoolStats {
        let state = self.state.lock();
        PoolStats {
            max: self.max,
            idle: state.idle.len(),
            in_use: state.in_use,
            created: state.created,
            discarded: state.discarded,
            waited: state.waited,
        }
    }

    /// The idle instance that was used last: its memory is the likeliest to be in the processor's caches.
    fn take(&self, state: &mut State) -> Result<Option<Box<Guest>>, NoInstance> {
        if state.closed {
            return Err(NoInstance::Closed);
        }
        let guest = state.idle.pop();
        state.in_use += usize::from(guest.is_some());
        Ok(guest)
    }

    /// Waits until an instance is idle, or until there may be another one (`None`).
    #[cold]
    fn wait(
        &self,
        state: &mut MutexGuard<'_, State>,
        deadline: Option<Deadline>,
    ) -> Result<Option<Box<Guest>>, NoInstance> {
        let began = Instant::now();
        state.waited += 1;
        let until = Deadline::after(self.max_wait).earlier(deadline);
        loop {
            let timed_out = self.freed.wait_until(state, until.instant()).timed_out();
            if let Some(guest) = self.take(state)? {
                return Ok(Some(guest));
            }
            if state.in_use < self.max {
                return Ok(None);
            }
            if timed_out {
                return Err(NoInstance::Exhausted { max: self.max, waited: began.elapsed() });
            }
        }
    }

    /// Makes an instance for which room was counted already.
    #[cold]
    fn make(
        &self,
        make: impl FnOnce() -> Result<Guest, wapc_engine::Error>,
    ) -> Result<Lease<'_>, NoInstance> {
        let room = Room { pool: self };
        let guest = make().map_err(NoInstance::Failed)?;
        std::mem::forget(room);
        let mut state = self.state.lock();
        state.created += 1;
        let number = state.created;
        let guest = Box::new(guest.numbered(number));
        state.cancels.push((number, guest.cancel_handle()));
        Ok(Lease { pool: self, guest: Some(guest) })
    }

    fn give_back(&self, guest: Box<Guest>) {
        let mut state = self.state.lock();
        state.in_use -= 1;
        let dropped = if guest.is_usable() && !state.closed {
            state.idle.push(guest);
            None
        } else {
            state.discarded += u64::from(!guest.is_usable());
            state.cancels.retain(|(number, _)| *number != guest.number());
            Some(guest)
        };
        drop(state);
        self.freed.notify_one();
        drop(dropped);
    }
}

impl Deref for Lease<'_> {
    type Target = Guest;

    fn deref(&self) -> &Guest {
        self.guest.as_ref().expect("a lease holds its guest until it is dropped")
    }
}

impl DerefMut for Lease<'_> {
    fn deref_mut(&mut self) -> &mut Guest {
        self.guest.as_mut().expect("a lease holds its guest until it is dropped")
    }
}

impl Drop for Lease<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(guest) = self.guest.take() {
            self.pool.give_back(guest);
        }
    }
}

impl fmt::Debug for Lease<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").finish_non_exhaustive()
    }
}

/// Room for an instance that is being made; given back when that fails, even by a panic.
struct Room<'a> {
    pool: &'a Pool,
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.pool.state.lock().in_use -= 1;
        self.pool.freed.notify_one();
    }
}

//! Calls the actors, on threads that all links share.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Instant,
};

use bytes::Bytes;
use capability_contracts::{
    decode, encode,
    http_server::{OP_HANDLE_REQUEST, Request, Response},
};
use capability_provider::{ActorHandle, CallContext};
use parking_lot::{Condvar, Mutex};
use system_limits::{NotTaken, Tell, WorkerSettings, Workers};
use tokio::sync::oneshot;

use crate::{
    answer::{self, Answer},
    message,
    refusal::Refusal,
};

/// The most threads that call actors at once, whatever the number of links.
const MOST_THREADS: usize = 1024;

/// The most threads that ask actors for their health, which nothing but such questions can hold, and how many questions wait.
const HEALTH_THREADS: usize = 4;
const HEALTH_QUEUE: usize = 1024;

/// What an actor is asked.
#[derive(Debug)]
pub(crate) enum Task {
    /// To answer a request.
    Deliver(Request),
    /// For its health.
    Health,
}

/// One call of an actor, and the way back to whoever waits for its answer.
#[derive(Debug)]
pub(crate) struct ActorCall {
    pub(crate) task: Task,
    /// The context of the call. It is cancelled when nobody waits for the answer any more.
    pub(crate) context: CallContext,
    pub(crate) actor: ActorHandle,
    pub(crate) answer: oneshot::Sender<Result<Answer, Refusal>>,
}

/// The threads of all links: started when they are needed, and ended after a time without a call.
#[derive(Debug)]
pub(crate) struct Threads {
    calls: Workers<Turn>,
    health: Workers<ActorCall>,
}

impl Threads {
    pub(crate) fn new() -> Self {
        let mut calls = WorkerSettings::new("http-worker", MOST_THREADS);
        // What waits here is bounded by the links' own limits.
        calls.queue = usize::MAX / 2;
        let mut health = WorkerSettings::new("http-health", HEALTH_THREADS);
        health.queue = HEALTH_QUEUE;
        Self { calls: Workers::new(calls), health: Workers::new(health) }
    }

    /// Ends them, and returns when they have ended, but not past `deadline`.
    pub(crate) fn end(self, deadline: Instant) {
        let (calls, health) = (self.calls.end(), self.health.end());
        drop(self);
        let late = calls.wait(deadline) + health.wait(deadline);
        if late > 0 {
            log::debug!("{late} threads end behind the provider that began them");
        }
    }
}

/// The calls of one route: so many at once, and so many that wait.
#[derive(Debug)]
pub(crate) struct CallQueue {
    threads: Arc<Threads>,
    /// The most calls at once.
    calls: usize,
    /// The most that wait.
    queue: usize,
    state: Mutex<QueueState>,
    /// Told when no call is left.
    idle: Condvar,
}

#[derive(Debug, Default)]
struct QueueState {
    waiting: VecDeque<ActorCall>,
    running: usize,
}

/// A call that has its place among those of its route.
#[derive(Debug)]
pub(crate) struct Turn {
    queue: Arc<CallQueue>,
    call: ActorCall,
}

impl CallQueue {
    pub(crate) fn new(threads: Arc<Threads>, calls: usize, queue: usize) -> Arc<Self> {
        Arc::new(Self { threads, calls, queue, state: Mutex::default(), idle: Condvar::new() })
    }

    /// Takes a call. Never waits.
    pub(crate) fn submit(self: &Arc<Self>, call: ActorCall) -> Result<(), NotTaken> {
        if matches!(call.task, Task::Health) {
            return self.threads.health.submit(call);
        }
        let mut state = self.state.lock();
        if state.running < self.calls {
            state.running += 1;
            drop(state);
            return self.begin(call).inspect_err(|_| self.ended());
        }
        let mut given_up = VecDeque::new();
        if state.waiting.len() >= self.queue {
            (given_up, state.waiting) = state.waiting.drain(..).partition(system_limits::Job::is_given_up);
        }
        let is_full = state.waiting.len() >= self.queue;
        if !is_full {
            state.waiting.push_back(call);
        }
        drop(state);
        // Dropping them tells whoever waits, which is not done under the lock.
        drop(given_up);
        if is_full { Err(NotTaken::Full { threads: self.calls, queue: self.queue }) } else { Ok(()) }
    }

    /// Waits until no call runs, but not past `deadline`. A call whose actor has still not answered then is left behind; its thread is
    /// free with that answer.
    pub(crate) fn finish(&self, deadline: Instant) {
        let mut state = self.state.lock();
        while state.running > 0 {
            if self.idle.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        if state.running > 0 {
            log::warn!("{} calls to an actor outlast the link that made them", state.running);
        }
    }

    fn begin(self: &Arc<Self>, call: ActorCall) -> Result<(), NotTaken> {
        self.threads.calls.submit(Turn { queue: Arc::clone(self), call })
    }

    /// A call has ended: the next one takes its place.
    fn ended(self: &Arc<Self>) {
        loop {
            let mut state = self.state.lock();
            let Some(next) = state.waiting.pop_front() else {
                state.running -= 1;
                if state.running == 0 {
                    self.idle.notify_all();
                }
                return;
            };
            drop(state);
            match self.begin(next) {
                Ok(()) => return,
                // Whoever waits for it is told by its end.
                Err(error) => log::warn!("a request that waited is not answered: {error}"),
            }
        }
    }
}

impl system_limits::Job for Turn {
    fn is_given_up(&self) -> bool {
        self.call.is_given_up()
    }

    fn run(self) -> Tell {
        let Self { queue, call } = self;
        let tell = call.run();
        Box::new(move || {
            tell();
            queue.ended();
        })
    }
}

impl system_limits::Job for ActorCall {
    /// Nobody waits any longer: the client is gone, or the time for the request has passed.
    fn is_given_up(&self) -> bool {
        self.answer.is_closed()
    }

    fn run(self) -> Tell {
        if self.is_given_up() {
            return Box::new(|| {});
        }
        let Self { task, context, actor, answer } = self;
        let outcome = catch_unwind(AssertUnwindSafe(|| carry_out(task, context, &actor)));
        let outcome = outcome.unwrap_or_else(|_| {
            log::error!("a call over {} panicked", actor.link());
            Err(Refusal::internal("the call to the actor broke off"))
        });
        // The receiver may have gone while the actor worked.
        Box::new(move || drop(answer.send(outcome)))
    }
}

fn carry_out(task: Task, context: CallContext, actor: &ActorHandle) -> Result<Answer, Refusal> {
    match task {
        Task::Health => actor.health().map(|()| answer::well()).map_err(Refusal::unwell),
        Task::Deliver(request) => deliver(&request, context, actor),
    }
}

fn deliver(request: &Request, context: CallContext, actor: &ActorHandle) -> Result<Answer, Refusal> {
    let payload = encode(request).map_err(Refusal::internal)?;
    let reply = actor.call(context, OP_HANDLE_REQUEST, &payload);
    let reply: Bytes = reply.map_err(|error| Refusal::dispatch(error, payload.len()))?;
    let response: Response = decode(OP_HANDLE_REQUEST, &reply).map_err(Refusal::bad_reply)?;
    message::response(response)
}

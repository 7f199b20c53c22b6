//! Calls the actor, on threads of its own.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

use bytes::Bytes;
use capability_contracts::{
    decode, encode,
    http_server::{OP_HANDLE_REQUEST, Request, Response},
};
use capability_provider::{ActorHandle, CallContext};
use system_limits::{Tell, WorkerSettings, WorkersEnd};
use tokio::sync::oneshot;

use crate::{
    answer::{self, Answer},
    message,
    refusal::Refusal,
};

/// What a worker is asked to do.
#[derive(Debug)]
pub(crate) enum Task {
    /// Give the request to the actor.
    Deliver(Request),
    /// Ask the actor for its health.
    Health,
}

/// A task, and the way back to whoever waits for its answer.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) task: Task,
    /// The context of the call of the actor. It is cancelled when nobody waits for the answer any more.
    pub(crate) context: CallContext,
    pub(crate) actor: ActorHandle,
    pub(crate) answer: oneshot::Sender<Result<Answer, Refusal>>,
}

/// The worker pool that calls an actor: as many threads as there are calls, up to a limit.
pub(crate) type Workers = system_limits::Workers<Job>;

/// At most `count` threads, for which `queue` jobs may wait.
pub(crate) fn workers(count: usize, queue: usize) -> Workers {
    let mut settings = WorkerSettings::new("http-worker", count);
    settings.queue = queue;
    Workers::new(settings)
}

/// Waits until every worker has ended, but not past `deadline`. A worker whose actor has still not answered then is left behind; it ends
/// with that answer.
pub(crate) fn finish(end: &WorkersEnd<Job>, deadline: Instant) {
    let late = end.wait(deadline);
    if late > 0 {
        log::warn!("{late} calls to an actor outlast the listener that made them");
    }
}

impl system_limits::Job for Job {
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

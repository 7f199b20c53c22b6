//! Calls the actor, on threads of its own.

use std::{
    convert::Infallible,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    thread::JoinHandle,
    time::Instant,
};

use bytes::Bytes;
use capability_contracts::{
    decode, encode,
    http_server::{OP_HANDLE_REQUEST, Request, Response},
};
use capability_provider::{ActorHandle, CallContext};
use crossbeam_channel::{Receiver, Sender, bounded};
use system_limits::begin_thread;
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
    /// What the call of the actor carries. It is cancelled when nobody waits for the answer any more.
    pub(crate) context: CallContext,
    pub(crate) answer: oneshot::Sender<Result<Answer, Refusal>>,
}

/// The workers of one listener. They end when the last sender of jobs is gone.
#[derive(Debug)]
pub(crate) struct Workers {
    threads: Vec<JoinHandle<()>>,
    /// Disconnected once every worker has ended.
    ended: Receiver<Infallible>,
}

impl Workers {
    /// Starts `count` threads and returns them with the queue, of `queue` jobs at most, from which they take.
    pub(crate) fn start(count: usize, queue: usize, actor: &ActorHandle) -> io::Result<(Self, Sender<Job>)> {
        let (jobs, inbox) = bounded(queue);
        let (running, ended) = bounded(0);
        let mut threads = Vec::with_capacity(count);
        for number in 0..count {
            let (inbox, actor, running) = (inbox.clone(), actor.clone(), running.clone());
            let worker = begin_thread(format!("http-worker-{number}"), move || {
                work(&actor, &inbox);
                drop::<Sender<Infallible>>(running);
            })?;
            threads.push(worker);
        }
        Ok((Self { threads, ended }, jobs))
    }

    /// Waits until every worker has ended, but not past `deadline`. A worker whose actor has still not answered then is
    /// left behind; it ends with that answer.
    pub(crate) fn finish(self, deadline: Instant) {
        if self.ended.recv_deadline(deadline).is_err_and(|error| error.is_timeout()) {
            let late = self.threads.iter().filter(|thread| !thread.is_finished()).count();
            log::warn!("{late} calls to an actor outlast the listener that made them");
            return;
        }
        for thread in self.threads {
            if thread.join().is_err() {
                log::error!("a worker of an HTTP listener panicked");
            }
        }
    }
}

fn work(actor: &ActorHandle, inbox: &Receiver<Job>) {
    for Job { task, context, answer } in inbox {
        // Nobody waits any longer: the client is gone, or the time for the request has passed.
        if answer.is_closed() {
            continue;
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| carry_out(task, context, actor)));
        // The receiver may have gone while the actor worked.
        let _ = answer.send(outcome.unwrap_or_else(|_| {
            log::error!("a call over {} panicked", actor.link());
            Err(Refusal::internal("the call to the actor broke off"))
        }));
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

//! Brings a request from its head to its answer, on the socket thread.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
};

use capability_provider::{ActorHandle, CallContext, CancelToken};
use http_body_util::BodyExt;
use hyper::{
    Method, Request,
    body::{Body, Incoming},
};
use parking_lot::RwLock;
use system_limits::NotTaken;
use tokio::{
    sync::{Semaphore, oneshot},
    time::{Instant, timeout_at},
};

use crate::{
    answer::{Answer, Reporter},
    head, message,
    peer::Peer,
    refusal::Refusal,
    settings::Settings,
    workers::{Job, Task, Workers},
};

/// A body's buffer begins no larger than this, so that a client must send what it takes up.
const FIRST_BUFFER: usize = 64 * 1024;

/// The way from a listener to an actor: one configuration of the link, with its own workers. A request stays with the route on
/// which it began.
#[derive(Debug)]
pub(crate) struct Route {
    settings: Settings,
    workers: Workers,
    actor: ActorHandle,
    connection_limit: Arc<Semaphore>,
    reporter: Reporter,
}

/// A request's answer.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) answer: Answer,
    /// A part of the request may not have been read, and the connection is closed.
    pub(crate) leaves_unread: bool,
}

/// Cancels a request's call when nobody waits for its answer any more.
struct Waiting(CancelToken);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// The route for new requests and connections. It is replaced when the link is made again; open connections stay open.
#[derive(Debug)]
pub(crate) struct CurrentRoute(RwLock<Arc<Route>>);

impl CurrentRoute {
    pub(crate) fn new(route: Route) -> Self {
        Self(RwLock::new(Arc::new(route)))
    }

    pub(crate) fn current(&self) -> Arc<Route> {
        Arc::clone(&self.0.read())
    }

    pub(crate) fn replace(&self, route: Route) {
        // The old route may be the last to hold something, so it is dropped after the lock.
        let old = std::mem::replace(&mut *self.0.write(), Arc::new(route));
        drop(old);
    }
}

impl Route {
    pub(crate) fn new(settings: Settings, workers: Workers, actor: ActorHandle) -> Self {
        let connection_limit = Arc::new(Semaphore::new(settings.connections));
        let reporter = Reporter::new(actor.link().clone(), settings.errors);
        Self { settings, workers, actor, connection_limit, reporter }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Counts the open connections, and holds new ones back at the limit.
    pub(crate) fn connection_limit(&self) -> Arc<Semaphore> {
        Arc::clone(&self.connection_limit)
    }

    /// Answers one request of this client, always. Dropping the future gives the request up: the call of the actor is cancelled.
    pub(crate) async fn serve(&self, request: Request<Incoming>, peer: &Peer) -> Answered {
        let deadline = Instant::now() + self.settings.request_timeout;
        let waiting = Waiting(CancelToken::new());
        let context = message::trace(request.headers())
            .map_or_else(CallContext::new, |trace| CallContext::new().with_trace(trace))
            .called_by(peer.caller().clone())
            .with_deadline(deadline.into_std())
            .with_cancel(&waiting.0);
        let (id, version) = (context.id(), request.version());
        let outcome = match self.task(request, deadline).await {
            Ok(task) => {
                let mut answer = pin!(self.hand_over(task, context, deadline));
                let mut gone = pin!(peer.gone(version));
                poll_fn(|context| match answer.as_mut().poll(context) {
                    Poll::Pending => gone.as_mut().poll(context).map(|()| Err(Refusal::client_gone())),
                    ready => ready,
                })
                .await
            }
            Err(refusal) => Err(refusal),
        };
        match outcome {
            Ok(answer) => Answered { answer, leaves_unread: false },
            Err(refusal) => {
                Answered { answer: self.reporter.report(&refusal, id), leaves_unread: refusal.close }
            }
        }
    }

    async fn task(&self, request: Request<Incoming>, deadline: Instant) -> Result<Task, Refusal> {
        let (mut head, body) = request.into_parts();
        head::check(&mut head)?;
        if self.settings.health_path.as_deref() == Some(head.uri.path())
            && matches!(head.method, Method::GET | Method::HEAD)
        {
            return Ok(Task::Health);
        }
        let body = self.body(body, deadline).await?;
        Ok(Task::Deliver(message::request(&head, body)))
    }

    async fn body(&self, mut body: Incoming, deadline: Instant) -> Result<Vec<u8>, Refusal> {
        if body.is_end_stream() {
            return Ok(Vec::new());
        }
        let limit = self.settings.body_limit;
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > limit {
            return Err(Refusal::body_too_large(limit));
        }
        let mut bytes = Vec::with_capacity(announced.min(FIRST_BUFFER));
        loop {
            let Ok(frame) = timeout_at(deadline, body.frame()).await else {
                return Err(Refusal::body_timeout());
            };
            let Some(frame) = frame else {
                return Ok(bytes);
            };
            // Trailers are not part of the contract.
            let Ok(data) = frame.map_err(|error| Refusal::body_unreadable(&error))?.into_data() else {
                continue;
            };
            if data.len() > limit - bytes.len() {
                return Err(Refusal::body_too_large(limit));
            }
            bytes.extend_from_slice(&data);
        }
    }

    async fn hand_over(
        &self,
        task: Task,
        context: CallContext,
        deadline: Instant,
    ) -> Result<Answer, Refusal> {
        let (answer, answered) = oneshot::channel();
        let job = Job { task, context, actor: self.actor.clone(), answer };
        self.workers.submit(job).map_err(|not_taken| match not_taken {
            NotTaken::Full { queue, .. } => Refusal::queue_full(queue),
            NotTaken::NoThread(error) => Refusal::no_thread(&error),
        })?;
        match timeout_at(deadline, answered).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(Refusal::internal("the worker ended without an answer")),
            Err(_) => Err(Refusal::no_answer_in_time()),
        }
    }
}

//! Brings a request from its head to its answer, on the socket thread.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
};

use capability_provider::{ActorHandle, CallContext, CancelToken, LinkKey};
use http_body_util::BodyExt;
use hyper::{
    body::{Body, Incoming},
    http::request::Parts,
};
use parking_lot::{Condvar, Mutex};
use system_limits::NotTaken;
use tokio::{
    sync::{oneshot, watch},
    time::{Instant, timeout_at},
};

use crate::{
    answer::{Answer, Answered, Reporter},
    calls::{ActorCall, CallQueue, Task, Threads},
    message,
    peer::Peer,
    refusal::Refusal,
    settings::{Place, Settings},
};

/// A body's buffer begins no larger than this, so that a client must send what it takes up.
const FIRST_BUFFER: usize = 64 * 1024;

/// The way from a listener to an actor: one configuration of a link. A request stays with the route on which it began.
#[derive(Debug)]
pub(crate) struct Route {
    settings: Settings,
    calls: Arc<CallQueue>,
    actor: ActorHandle,
    reporter: Reporter,
    inside: Inside,
}

/// The requests that are with a route.
#[derive(Debug)]
struct Inside {
    count: Mutex<usize>,
    none: Condvar,
    /// Whether those that are left are ended.
    ended: watch::Sender<bool>,
}

/// A request that is with a route.
#[derive(Debug)]
pub(crate) struct Entered(Arc<Route>);

/// Cancels a request's call when nobody waits for its answer any more.
struct Waiting(CancelToken);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Route {
    pub(crate) fn new(settings: Settings, actor: ActorHandle, threads: Arc<Threads>) -> Arc<Self> {
        let calls = CallQueue::new(threads, settings.workers, settings.queue);
        let reporter = Reporter::new(format!("over {}", actor.link()), settings.errors);
        let inside =
            Inside { count: Mutex::default(), none: Condvar::new(), ended: watch::Sender::new(false) };
        Arc::new(Self { settings, calls, actor, reporter, inside })
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn place(&self) -> &Place {
        &self.settings.place
    }

    pub(crate) fn link(&self) -> &LinkKey {
        self.actor.link()
    }

    /// Counts a request among those that the end of the route waits for.
    pub(crate) fn enter(self: &Arc<Self>) -> Entered {
        *self.inside.count.lock() += 1;
        Entered(Arc::clone(self))
    }

    /// Waits for the requests that are with a route which gets no more of them, but no longer than the drain time; then ends those that
    /// are left.
    pub(crate) fn finish(&self) {
        let deadline = std::time::Instant::now() + self.settings.drain_timeout;
        let mut count = self.inside.count.lock();
        while *count > 0 && !self.inside.none.wait_until(&mut count, deadline).timed_out() {}
        drop(count);
        self.inside.ended.send_replace(true);
        self.calls.finish(deadline);
    }

    /// Waits until no call of the route runs any more, but not past `deadline`.
    pub(crate) fn finish_calls(&self, deadline: std::time::Instant) {
        self.calls.finish(deadline);
    }

    /// Answers one request of this client, always. Dropping the future gives the request up: the call of the actor is cancelled.
    pub(crate) async fn answer(
        &self,
        head: &Parts,
        body: Option<Incoming>,
        peer: &Peer,
        began: Instant,
    ) -> Answered {
        let deadline = began + self.settings.request_timeout;
        let waiting = Waiting(CancelToken::new());
        let context = message::context(head, peer).with_deadline(deadline.into_std()).with_cancel(&waiting.0);
        let id = context.id();
        let outcome = match self.task(head, body, deadline).await {
            Ok(task) => {
                let mut ended = self.inside.ended.subscribe();
                let mut answer = pin!(self.hand_over(task, context, deadline));
                let mut gone = pin!(peer.gone(head.version));
                let mut ended = pin!(ended.wait_for(|ended| *ended));
                poll_fn(|context| {
                    if let Poll::Ready(answer) = answer.as_mut().poll(context) {
                        return Poll::Ready(answer);
                    }
                    if ended.as_mut().poll(context).is_ready() {
                        return Poll::Ready(Err(Refusal::link_ended()));
                    }
                    gone.as_mut().poll(context).map(|()| Err(Refusal::client_gone()))
                })
                .await
            }
            Err(refusal) => Err(refusal),
        };
        match outcome {
            Ok(answer) => answer.into(),
            Err(refusal) => self.reporter.answer(&refusal, id),
        }
    }

    /// What the actor is asked: to answer a request, or for its health where there is no body to be read.
    async fn task(&self, head: &Parts, body: Option<Incoming>, deadline: Instant) -> Result<Task, Refusal> {
        match body {
            None => Ok(Task::Health),
            Some(body) => Ok(Task::Deliver(message::request(head, self.body(body, deadline).await?))),
        }
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
        let call = ActorCall { task, context, actor: self.actor.clone(), answer };
        self.calls.submit(call).map_err(|not_taken| match not_taken {
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

impl std::ops::Deref for Entered {
    type Target = Route;

    fn deref(&self) -> &Route {
        &self.0
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut count = self.0.inside.count.lock();
        *count -= 1;
        if *count == 0 {
            self.0.inside.none.notify_all();
        }
    }
}

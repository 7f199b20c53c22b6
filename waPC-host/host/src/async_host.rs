//! Makes calls as futures: the one blocking way into the guest, on threads of the library's own.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use call_context::{CallContext, CancelToken};
use futures_channel::oneshot;
use system_limits::{Job, NotTaken, Tell, WorkerSettings, Workers};

use crate::{CallOptions, Error, WapcHost};

/// Calls of a [`WapcHost`] as futures, for programs that run on an executor, whichever it is. Cheap to clone; clones share
/// the threads.
///
/// A guest computes, and a computation keeps its thread busy whatever it is called from. So each call runs as
/// [`WapcHost::call_with`] on a thread of a small worker pool, and its future waits for the outcome. The threads are started when
/// they are needed, and end when they have nothing to do and when the last clone is dropped; calls that were taken are
/// carried out all the same. A call that waits for a thread finds out that its [`CancelToken`] was cancelled, or that its time
/// is up, when it gets one.
///
/// ```
/// # use wapc_host::{AsyncHost, Engine, HostCall, HostCallError, WapcHost};
/// # async fn greet(module: &wapc_host::Module) -> Result<(), wapc_host::Error> {
/// let host = WapcHost::new(module, |_: &HostCall<'_>| Ok::<_, HostCallError>(""))?;
/// let calls = AsyncHost::new(host);
/// let (one, other) = (calls.call("greet", "Ada"), calls.call("greet", "Grace"));
/// println!("{:?} {:?}", one.await?, other.await?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AsyncHost {
    host: WapcHost,
    workers: Arc<Workers<Run>>,
}

/// Settings of an [`AsyncHost`].
#[derive(Debug)]
pub struct AsyncHostBuilder {
    host: WapcHost,
    settings: WorkerSettings,
}

/// A call that waits for a thread.
struct Run {
    cancel: CancelToken,
    run: Box<dyn FnOnce() -> Tell + Send>,
}

impl Job for Run {
    fn is_given_up(&self) -> bool {
        self.cancel.is_cancelled()
    }

    fn run(self) -> Tell {
        (self.run)()
    }
}

/// A call that is under way. Resolves to the guest's reply. Dropping it cancels the call.
///
/// The call does not wait for the first poll; the future may be polled on any thread.
#[must_use = "a call is cancelled when its future is dropped"]
pub struct AsyncCall {
    operation: String,
    cancel: CancelToken,
    outcome: Outcome,
}

enum Outcome {
    Refused(Option<Error>),
    Awaited(oneshot::Receiver<Result<Vec<u8>, Error>>),
}

impl AsyncHost {
    /// Calls of `host`, with the settings that [`builder`](Self::builder) lists.
    #[must_use]
    pub fn new(host: WapcHost) -> Self {
        Self::builder(host).build()
    }

    /// Calls of `host` with other settings. Defaults: as many threads as `host` may have instances, 1024 calls that wait
    /// for a thread, and threads that end after ten seconds without work.
    #[must_use]
    pub fn builder(host: WapcHost) -> AsyncHostBuilder {
        let threads = host.pool_stats().max;
        let mut settings = WorkerSettings::new("wapc-call", threads);
        settings.queue = 1024;
        AsyncHostBuilder { host, settings }
    }

    /// Sends `operation` with `payload` to the guest.
    ///
    /// The future resolves to what [`WapcHost::call`] returns; to [`Error::QueueFull`] when too many calls wait already, and
    /// to [`Error::NoThread`] when the system has no thread for it.
    pub fn call(&self, operation: impl Into<String>, payload: impl Into<Bytes>) -> AsyncCall {
        self.call_with(operation, payload, CallOptions::new())
    }

    /// As [`call`](Self::call), with more to say about this one call. Its time begins now: the wait for a thread is a part
    /// of it.
    pub fn call_with(
        &self,
        operation: impl Into<String>,
        payload: impl Into<Bytes>,
        mut options: CallOptions,
    ) -> AsyncCall {
        options.deadline = self.host.deadline(&options);
        let (operation, payload) = (operation.into(), payload.into());
        let cancel = CancelToken::new();
        let (sender, receiver) = oneshot::channel();
        let nested = options.context.depth() > 0;
        let run = {
            let (host, operation, cancel) = (self.host.clone(), operation.clone(), cancel.clone());
            // When nobody waits any more, nobody misses the outcome.
            move || -> Tell {
                let outcome = run(&host, &operation, &payload, (options, cancel));
                Box::new(move || drop(sender.send(outcome)))
            }
        };
        let job = Run { cancel: cancel.clone(), run: Box::new(run) };
        // Those that a nested call is inside of may hold all threads, and wait for it.
        let submitted = match nested {
            true => self.workers.submit_nested(job, self.nested_threads()),
            false => self.workers.submit(job),
        };
        let outcome = match submitted {
            Ok(()) => Outcome::Awaited(receiver),
            Err(reason) => Outcome::Refused(Some(self.not_taken(&operation, reason))),
        };
        AsyncCall { operation, cancel, outcome }
    }

    /// The host that is called.
    #[must_use]
    pub fn host(&self) -> &WapcHost {
        &self.host
    }

    /// How many threads there are now.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.workers.threads()
    }

    /// How many more threads there may be for calls that are nested in others: as many as may be nested in those that have the threads.
    fn nested_threads(&self) -> usize {
        let depth = usize::try_from(CallContext::DEEPEST).unwrap_or(usize::MAX);
        self.workers.settings().threads.saturating_mul(depth)
    }

    fn not_taken(&self, operation: &str, reason: NotTaken) -> Error {
        let operation = operation.to_owned();
        match reason {
            NotTaken::Full { queue, .. } => Error::QueueFull { operation, limit: queue },
            NotTaken::NoThread(source) => Error::NoThread { operation, source },
        }
    }
}

impl AsyncHostBuilder {
    /// How many threads there may be at most, and so how many calls at once. At least one.
    #[must_use]
    pub fn max_threads(mut self, threads: usize) -> Self {
        self.settings.threads = threads;
        self
    }

    /// How many calls may wait for a thread.
    #[must_use]
    pub fn queue_limit(mut self, calls: usize) -> Self {
        self.settings.queue = calls;
        self
    }

    /// How long a thread waits for another call before it ends.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.settings.idle_timeout = timeout;
        self
    }

    /// The calls. No thread is started yet.
    #[must_use]
    pub fn build(self) -> AsyncHost {
        AsyncHost { host: self.host, workers: Arc::new(Workers::new(self.settings)) }
    }
}

/// Carries a call out. It has a token of its own beside the one that its caller may have given, which may serve other calls.
fn run(
    host: &WapcHost,
    operation: &str,
    payload: &[u8],
    (mut options, own): (CallOptions, CancelToken),
) -> Result<Vec<u8>, Error> {
    let given = options.context.cancel().cloned();
    options = options.cancel(&own);
    let _passed_on = given.as_ref().map(|given| given.on_cancel(move || own.cancel()));
    let mut reply = Vec::new();
    host.call_with(operation, payload, &options, &mut reply)?;
    Ok(reply)
}

impl Future for AsyncCall {
    type Output = Result<Vec<u8>, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { operation, outcome, .. } = &mut *self;
        let cancelled = || Error::Cancelled { operation: operation.clone() };
        match outcome {
            Outcome::Refused(error) => Poll::Ready(Err(error.take().unwrap_or_else(cancelled))),
            Outcome::Awaited(receiver) => {
                // Without a sender the call was given up before it began.
                Pin::new(receiver).poll(context).map(|outcome| outcome.unwrap_or_else(|_| Err(cancelled())))
            }
        }
    }
}

impl Drop for AsyncCall {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl fmt::Debug for AsyncHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncHost")
            .field("host", &self.host)
            .field("settings", self.workers.settings())
            .field("threads", &self.threads())
            .finish()
    }
}

impl fmt::Debug for AsyncCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncCall").field("operation", &self.operation).finish_non_exhaustive()
    }
}

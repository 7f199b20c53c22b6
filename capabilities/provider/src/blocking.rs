//! Adapts providers that block.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_channel::oneshot;
use system_limits::{Job, Tell, WorkerSettings, Workers};

use crate::{
    ActorHandle, ActorId, CallContext, CapabilityCall, CapabilityId, LinkConfig, LinkKey, LinkName, Provider,
    ProviderError, Reply,
};

/// A provider whose calls block, each on one of a bounded number of threads, so that whoever waits for one can let go of it.
///
/// A call that outlasts its deadline, or is cancelled, is abandoned: its caller goes on, and it ends when it ends. Until then it has one of
/// the threads. When all of them are busy, further calls are refused at once with [`ProviderError::Unavailable`], and nobody else is
/// held up. The payload is copied.
///
/// ```
/// use std::sync::Arc;
/// use capability_provider::{Blocking, Provider};
/// # use capability_provider::{ActorHandle, CapabilityCall, CapabilityId, LinkConfig, LinkKey, ProviderError, Reply};
/// # #[derive(Debug)]
/// # struct Directory;
/// # impl Provider for Directory {
/// #     fn capability(&self) -> CapabilityId { CapabilityId::new("example:files").unwrap() }
/// #     fn name(&self) -> &str { "directory" }
/// #     fn link(&self, _: &LinkKey, _: &LinkConfig, _: ActorHandle) -> Result<(), ProviderError> { Ok(()) }
/// #     fn unlink(&self, _: &LinkKey) {}
/// #     fn handle<'a>(&'a self, _: &CapabilityCall<'a>) -> Result<Reply<'a>, ProviderError> { Ok("".into()) }
/// # }
///
/// let provider: Arc<dyn Provider> = Arc::new(Blocking::builder(Directory).threads(8).build());
/// assert_eq!(provider.name(), "directory");
/// ```
pub struct Blocking<P: Provider> {
    provider: Arc<P>,
    workers: Workers<Task<P>>,
    abandoned: Arc<AtomicUsize>,
}

/// Settings of a [`Blocking`].
#[derive(Debug)]
pub struct BlockingBuilder<P> {
    provider: P,
    settings: WorkerSettings,
}

impl<P> BlockingBuilder<P> {
    /// The most threads, and so the most calls at once. 64 by default, and at least one.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.settings.threads = threads.max(1);
        self
    }

    /// How long a thread waits for another call before it ends. Ten seconds by default.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.settings.idle_timeout = timeout;
        self
    }
}

impl<P: Provider> BlockingBuilder<P> {
    /// The provider. No thread is started yet.
    #[must_use]
    pub fn build(self) -> Blocking<P> {
        Blocking {
            provider: Arc::new(self.provider),
            workers: Workers::new(self.settings),
            abandoned: Arc::default(),
        }
    }
}

impl<P: Provider> Blocking<P> {
    /// Runs the calls of this provider on at most 64 threads.
    #[must_use]
    pub fn new(provider: P) -> Self {
        Self::builder(provider).build()
    }

    /// The same with other settings.
    #[must_use]
    pub fn builder(provider: P) -> BlockingBuilder<P> {
        BlockingBuilder { provider, settings: WorkerSettings::new("provider-call", 64) }
    }

    /// The provider itself.
    #[must_use]
    pub fn inner(&self) -> &P {
        &self.provider
    }

    /// How many calls go on although nobody waits for them any more.
    #[must_use]
    pub fn abandoned(&self) -> usize {
        self.abandoned.load(SeqCst)
    }
}

impl<P: Provider> Provider for Blocking<P> {
    fn capability(&self) -> CapabilityId {
        self.provider.capability()
    }

    fn name(&self) -> &str {
        self.provider.name()
    }

    fn link(&self, link: &LinkKey, config: &LinkConfig, actor: ActorHandle) -> Result<(), ProviderError> {
        self.provider.link(link, config, actor)
    }

    fn unlink(&self, link: &LinkKey) {
        self.provider.unlink(link);
    }

    fn handle<'a>(&'a self, call: &CapabilityCall<'a>) -> Result<Reply<'a>, ProviderError> {
        let (answer, answered) = oneshot::channel();
        let stay = Stay { over: Arc::default(), abandoned: Arc::clone(&self.abandoned) };
        let waiting = Waiting(stay.clone());
        let task = Task {
            provider: Arc::clone(&self.provider),
            call: OwnedCall::of(call),
            answer,
            working: Working(stay),
        };
        self.workers.submit(task).map_err(|not_taken| ProviderError::Unavailable {
            resource: self.name().to_owned(),
            reason: format!("{not_taken} ({} of them outlasted their callers)", self.abandoned()),
        })?;
        let operation = call.operation;
        Ok(Reply::later(async move {
            let _waiting = waiting;
            answered.await.unwrap_or_else(|_| {
                Err(ProviderError::Failed {
                    operation: operation.to_owned(),
                    source: "its thread panicked".into(),
                })
            })
        }))
    }

    /// As the provider itself, unless all threads are taken by calls that outlasted their callers.
    fn health(&self) -> Result<(), ProviderError> {
        let (abandoned, threads) = (self.abandoned(), self.workers.settings().threads);
        if abandoned >= threads {
            return Err(ProviderError::Unavailable {
                resource: self.name().to_owned(),
                reason: format!("all {threads} threads are taken by calls that outlasted their callers"),
            });
        }
        self.provider.health()
    }

    fn shutdown(&self) {
        self.provider.shutdown();
    }
}

impl<P: Provider> fmt::Debug for Blocking<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocking")
            .field("provider", &self.name())
            .field("workers", &self.workers)
            .field("abandoned", &self.abandoned())
            .finish()
    }
}

/// A call that holds what it was made of.
struct OwnedCall {
    actor: ActorId,
    link: LinkName,
    operation: String,
    payload: Bytes,
    context: CallContext,
    reply_limit: Option<usize>,
}

impl OwnedCall {
    fn of(call: &CapabilityCall<'_>) -> Self {
        Self {
            actor: call.actor.clone(),
            link: call.link.clone(),
            operation: call.operation.to_owned(),
            payload: Bytes::copy_from_slice(call.payload),
            context: call.context.clone(),
            reply_limit: call.reply_limit,
        }
    }

    fn as_call(&self) -> CapabilityCall<'_> {
        CapabilityCall::new(&self.actor, &self.link, &self.operation, &self.payload)
            .within(&self.context)
            .with_reply_limit(self.reply_limit)
    }
}

/// A call on its way to a thread.
struct Task<P> {
    provider: Arc<P>,
    call: OwnedCall,
    answer: oneshot::Sender<Result<Bytes, ProviderError>>,
    working: Working,
}

impl<P: Provider> Job for Task<P> {
    fn is_given_up(&self) -> bool {
        self.answer.is_canceled()
    }

    fn run(self) -> Tell {
        let Self { provider, call, answer, working } = self;
        let call = call.as_call();
        let outcome = catch_unwind(AssertUnwindSafe(|| provider.handle(&call)?.wait(&call)));
        // It counts as abandoned no more when its caller learns of it.
        drop(working);
        // When nobody waits any more, nobody misses the outcome.
        Box::new(move || drop(outcome.map(|outcome| answer.send(outcome))))
    }
}

/// Whether one of the two sides of a call is over: the one that works, and the one that waits.
#[derive(Clone)]
struct Stay {
    over: Arc<AtomicBool>,
    abandoned: Arc<AtomicUsize>,
}

struct Waiting(Stay);

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.0.over.swap(true, SeqCst) {
            self.0.abandoned.fetch_add(1, SeqCst);
        }
    }
}

struct Working(Stay);

impl Drop for Working {
    fn drop(&mut self) {
        if self.0.over.swap(true, SeqCst) {
            self.0.abandoned.fetch_sub(1, SeqCst);
        }
    }
}

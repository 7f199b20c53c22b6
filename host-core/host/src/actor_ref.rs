//! Lets a program hold on to one actor: start it with its links, call it, swap it, take it away.

use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use capability_provider::{
    ActorId, CallContext, CancelToken, CapabilityId, LinkConfig, LinkKey, LinkName, Trace,
};
use futures_channel::oneshot;
use system_limits::{NotTaken, Tell};

use crate::{
    calls::async_calls::AsyncCall,
    error::Error,
    host::Host,
    options::{AddOptions, SwapOptions},
    reports::swap_report::SwapReport,
};

/// A link that an actor is to have. What is wrong with its names is told when it is made.
///
/// ```
/// use host_core::Link;
///
/// let cache = Link::to("wascc:keyvalue").named("cache").with("prefix", "counter:");
/// # drop(cache);
/// ```
#[derive(Debug, Clone)]
pub struct Link {
    capability: String,
    name: String,
    config: LinkConfig,
}

impl Link {
    /// A link to the provider of a capability, under the default name.
    #[must_use]
    pub fn to(capability: impl Into<String>) -> Self {
        Self { capability: capability.into(), name: LinkName::DEFAULT.to_owned(), config: LinkConfig::new() }
    }

    /// The same under another name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The same with one more value of its configuration.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.config = self.config.with(key, value);
        self
    }

    /// The same with this configuration in place of that before.
    #[must_use]
    pub fn with_config(mut self, config: LinkConfig) -> Self {
        self.config = config;
        self
    }

    fn make(self, host: &Host, actor: &ActorId) -> Result<(), Error> {
        let capability =
            CapabilityId::new(&self.capability).map_err(|source| Error::InvalidName { source })?;
        let name = LinkName::new(&self.name).map_err(|source| Error::InvalidName { source })?;
        host.link(&LinkKey::new(actor.clone(), capability, name), self.config)
    }
}

/// To the provider of this capability, under the default name.
impl From<&str> for Link {
    fn from(capability: &str) -> Self {
        Self::to(capability)
    }
}

impl Host {
    /// An actor to be started from a signed module, with its links.
    ///
    /// ```
    /// use std::time::Duration;
    /// use host_core::{Host, KeyKind, KeyPair, TrustPolicy, claims::{ClaimsBuilder, sign_module}};
    ///
    /// # let wasm = wat::parse_str(r#"(module
    /// #   (import "wapc" "__guest_request" (func $request (param i32 i32)))
    /// #   (import "wapc" "__guest_response" (func $response (param i32 i32)))
    /// #   (memory (export "memory") 1)
    /// #   (func (export "__guest_call") (param $operation i32) (param $payload i32) (result i32)
    /// #     (call $request (i32.const 0) (i32.const 1024))
    /// #     (call $response (i32.const 0) (local.get $operation)) (i32.const 1)))"#)?;
    /// let account = KeyPair::generate(KeyKind::Account)?;
    /// let claims = ClaimsBuilder::new(KeyPair::generate(KeyKind::Module)?.public_key()).name("parrot");
    /// let host = Host::builder().trust(TrustPolicy::nobody().account(account.public_key())).build()?;
    /// let parrot = host.actor(sign_module(&wasm, &claims, &account)?).start()?;
    /// let reply = parrot.call("Hello", "").timeout(Duration::from_millis(200)).wait()?;
    /// assert_eq!(&reply[..], b"Hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn actor(&self, wasm: impl Into<Bytes>) -> NewActor<'_> {
        NewActor::new(self, wasm.into())
    }

    /// The way to an actor that is here.
    #[must_use]
    pub fn find(&self, actor: &ActorId) -> Option<ActorRef> {
        self.shared().actors.find(actor.as_str()).map(|_| ActorRef::new(self, actor.clone()))
    }
}

/// An actor that is about to be started; see [`Host::actor`].
#[derive(Debug)]
#[must_use = "nothing is started before `start`"]
pub struct NewActor<'a> {
    host: &'a Host,
    wasm: Bytes,
    options: AddOptions,
    links: Vec<Link>,
}

impl<'a> NewActor<'a> {
    pub(crate) fn new(host: &'a Host, wasm: Bytes) -> Self {
        Self { host, wasm, options: AddOptions::new(), links: Vec::new() }
    }

    /// Starts it with these options.
    pub fn options(mut self, options: AddOptions) -> Self {
        self.options = options;
        self
    }

    /// Links it.
    pub fn link(mut self, link: impl Into<Link>) -> Self {
        self.links.push(link.into());
        self
    }

    /// Lets the actor in, links it, and returns the way to it. When a link cannot be made, the actor is taken away again.
    ///
    /// # Errors
    /// Those of [`Host::add_actor_with`] and [`Host::link`], and [`Error::InvalidName`].
    pub fn start(self) -> Result<ActorRef, Error> {
        let id = self.host.add_actor_with(self.wasm, self.options)?;
        for link in self.links {
            if let Err(error) = link.make(self.host, &id) {
                // Somebody else may have taken it away meanwhile.
                if let Err(gone) = self.host.remove_actor(&id) {
                    log::debug!("an actor whose link was not made: {gone}");
                }
                return Err(error);
            }
        }
        Ok(ActorRef { host: self.host.clone(), id })
    }
}

/// The way of a program to one actor, whatever version of it serves. Cheap to clone; clones lead to the same actor, and keep the host
/// alive but not the actor.
#[derive(Clone)]
pub struct ActorRef {
    host: Host,
    id: ActorId,
}

impl ActorRef {
    pub(crate) fn new(host: &Host, id: ActorId) -> Self {
        Self { host: host.clone(), id }
    }

    /// The actor's key.
    #[must_use]
    pub fn id(&self) -> &ActorId {
        &self.id
    }

    /// The host that it runs in.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// A call of `operation` with `payload`: [wait](PendingCall::wait) for its reply, or `.await` it on any executor.
    pub fn call(&self, operation: impl Into<String>, payload: impl Into<Bytes>) -> PendingCall {
        PendingCall {
            host: self.host.clone(),
            actor: self.id.clone(),
            operation: operation.into(),
            payload: payload.into(),
            context: CallContext::new(),
        }
    }

    /// Puts another version in its place; see [`Host::replace_actor`].
    ///
    /// # Errors
    /// Those of [`Host::replace_actor`]; [`Error::OtherActor`] when the module is that of another actor.
    pub fn swap(&self, wasm: impl Into<Bytes>) -> Result<SwapReport, Error> {
        self.host.replace_actor_with(wasm, SwapOptions::new().actor(self.id.clone()))
    }

    /// Links it to the provider of a capability.
    ///
    /// # Errors
    /// Those of [`Host::link`], and [`Error::InvalidName`].
    pub fn link(&self, link: impl Into<Link>) -> Result<(), Error> {
        link.into().make(&self.host, &self.id)
    }

    /// Takes it away; see [`Host::remove_actor`].
    ///
    /// # Errors
    /// [`Error::UnknownActor`].
    pub fn remove(self) -> Result<(), Error> {
        self.host.remove_actor(&self.id)
    }
}

impl fmt::Debug for ActorRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActorRef").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A call that is about to be made. Blocking and waiting asynchronously are the same call: the second is made on one of the host's
/// threads for it, and is cancelled when its future is dropped.
///
/// ```no_run
/// # use std::time::Duration;
/// # async fn run(counter: host_core::ActorRef) -> Result<(), host_core::Error> {
/// let reply = counter.call("Add", "1").timeout(Duration::from_millis(200)).wait()?;
/// let again = counter.call("Add", "1").await?;
/// # drop((reply, again));
/// # Ok(())
/// # }
/// ```
#[must_use = "a call is made when it is waited for"]
pub struct PendingCall {
    host: Host,
    actor: ActorId,
    operation: String,
    payload: Bytes,
    context: CallContext,
}

impl PendingCall {
    /// Ends the call when it takes longer than this from now, if the host's own deadline does not come before it.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.context = self.context.with_timeout(limit);
        self
    }

    /// Lets `token` cancel the call.
    pub fn cancel(mut self, token: &CancelToken) -> Self {
        self.context = self.context.with_cancel(token);
        self
    }

    /// Gives the call a place in a distributed trace.
    pub fn trace(mut self, trace: Trace) -> Self {
        self.context = self.context.with_trace(trace);
        self
    }

    /// Makes the call within this context, in place of one of the program's own.
    pub fn within(mut self, context: CallContext) -> Self {
        self.context = context;
        self
    }

    /// Makes the call and blocks until the actor answers or the call is over.
    ///
    /// # Errors
    /// Those of [`Host::call`].
    pub fn wait(self) -> Result<Bytes, Error> {
        self.make()
    }

    fn make(&self) -> Result<Bytes, Error> {
        self.host.call_within(self.context.clone(), &self.actor, &self.operation, &self.payload)
    }
}

impl fmt::Debug for PendingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingCall")
            .field("actor", &self.actor)
            .field("operation", &self.operation)
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

impl IntoFuture for PendingCall {
    type Output = Result<Bytes, Error>;
    type IntoFuture = CallFuture;

    fn into_future(mut self) -> CallFuture {
        let (answer, answered) = oneshot::channel();
        let own = CancelToken::new();
        let given = self.context.cancel().cloned();
        self.context = self.context.with_cancel(&own);
        let (actor, operation) = (self.actor.clone(), self.operation.clone());
        let host = self.host.clone();
        let call = AsyncCall {
            given_up: Box::new({
                let (own, given) = (own.clone(), given.clone());
                move || own.is_cancelled() || given.as_ref().is_some_and(CancelToken::is_cancelled)
            }),
            run: Box::new({
                let own = own.clone();
                move || -> Tell {
                    let _passed_on = given.as_ref().map(|given| given.on_cancel(move || own.cancel()));
                    let outcome = self.make();
                    // When nobody waits any more, nobody misses the outcome. This may be the last way to the host, which ends with it.
                    Box::new(move || {
                        drop(answer.send(outcome));
                        drop(self);
                    })
                }
            }),
        };
        let refused = host.shared().workers.submit(call).err();
        CallFuture { actor, operation, own, refused, answered }
    }
}

/// A call that is under way. Dropping it cancels the call. It may be polled on any thread, and does not wait for the first poll.
#[must_use = "a call is cancelled when its future is dropped"]
pub struct CallFuture {
    actor: ActorId,
    operation: String,
    own: CancelToken,
    refused: Option<NotTaken>,
    answered: oneshot::Receiver<Result<Bytes, Error>>,
}

impl Future for CallFuture {
    type Output = Result<Bytes, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(refused) = self.refused.take() {
            return Poll::Ready(Err(Error::NoWorker { actor: self.actor.clone(), source: refused }));
        }
        let answer = Pin::new(&mut self.answered).poll(context);
        // Without a sender the call was given up before it began.
        answer.map(|answer| {
            let (actor, operation) = (self.actor.clone(), self.operation.clone());
            answer.unwrap_or_else(|_| Err(Error::Ended { actor, operation }))
        })
    }
}

impl Drop for CallFuture {
    fn drop(&mut self) {
        self.own.cancel();
    }
}

impl fmt::Debug for CallFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallFuture")
            .field("actor", &self.actor)
            .field("operation", &self.operation)
            .finish_non_exhaustive()
    }
}

//! Holds conversations with one module: `WapcHost`, the public face of the crate.

use std::{fmt, sync::Arc, time::Instant};

use call_context::CancelToken;
use wapc_engine::{Deadline, Error as EngineError, Imports, Instance, Leave, Module};

use crate::{
    CallOptions, Error, HostHandler, PoolStats, WapcHostBuilder,
    abi::{self, GUEST_CALL, START},
    exchange::Exchange,
    guest::Guest,
    isolation::{Isolation, NotPristine, Restoring},
    lease::Lease,
    pool::{NoInstance, Pool, PoolSettings},
    settings::{CallTerms, Settings},
    system::System,
};

/// A guest module and a bounded pool of its instances. Cheap to clone; clones share everything. Several calls run at once,
/// each in an instance of its own.
#[derive(Clone)]
pub struct WapcHost {
    inner: Arc<HostInner>,
}

/// What all clones of a host share.
pub(crate) struct HostInner {
    module: Module,
    imports: Imports<Exchange>,
    settings: Settings,
    handler: Arc<dyn HostHandler>,
    system: System,
    pub(crate) pool: Pool,
    restoring: Restoring,
}

impl WapcHost {
    /// A conversation with `module` in which `handler` answers the guest's calls, with the settings that
    /// [`builder`](Self::builder) lists.
    ///
    /// # Errors
    /// [`Error::Engine`] when the module is not a waPC guest or cannot be started.
    pub fn new(module: &Module, handler: impl HostHandler) -> Result<Self, Error> {
        Self::builder(module).handler(handler).build()
    }

    /// A conversation with other settings. Defaults: 16 instances, a wait of one second for one of them,
    /// 256 MiB of memory for each, a deadline of 30 s, no limit of fuel, payloads and replies of up to 64 MiB, calls nested
    /// up to 16 deep; idle instances are kept.
    #[must_use]
    pub fn builder(module: &Module) -> WapcHostBuilder {
        WapcHostBuilder::new(module)
    }

    pub(crate) fn of(inner: HostInner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// Sends `operation` with `payload` to the guest and returns its reply.
    ///
    /// # Errors
    /// [`Error::Guest`] when the guest answers with an error; any other [`Error`] when it does not answer.
    pub fn call(&self, operation: &str, payload: &[u8]) -> Result<Vec<u8>, Error> {
        let mut reply = Vec::new();
        self.call_into(operation, payload, &mut reply)?;
        Ok(reply)
    }

    /// As [`call`](Self::call), with a buffer that the reply is written into. What was in it is lost; its room is used, so
    /// that a reply which fits costs no allocation. It is empty when the call fails.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn call_into(&self, operation: &str, payload: &[u8], reply: &mut Vec<u8>) -> Result<(), Error> {
        self.call_with(operation, payload, &CallOptions::new(), reply)
    }

    /// As [`call_into`](Self::call_into), with more to say about this one call.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn call_with(
        &self,
        operation: &str,
        payload: &[u8],
        options: &CallOptions,
        reply: &mut Vec<u8>,
    ) -> Result<(), Error> {
        reply.clear();
        let terms = self.inner.checked_terms(operation, payload, options)?;
        let guest = match terms.cancel() {
            None => self.inner.acquire(&terms),
            Some(token) => self.acquire_unless(token, &terms),
        };
        let mut guest = guest.map_err(|reason| no_instance(operation, &terms, reason))?;
        guest.call(operation, payload, &terms, reply)
    }

    /// Ends every call that is inside the guest now with [`Error::Cancelled`]. One that is only about to enter its instance
    /// is missed: repeat it until [`pool_stats`](Self::pool_stats) says that none is in use, or give the calls a
    /// [`CancelToken`], which misses none.
    pub fn interrupt_all(&self) {
        self.inner.pool.interrupt_all();
    }

    /// Drops the idle instances that no call has used since this was last asked (or since the pool last looked itself, see
    /// [`WapcHostBuilder::idle_timeout`]) and tells how many. Called at regular intervals it keeps what is needed; called
    /// twice in a row it drops all that are idle. [`WapcHostBuilder::min_idle`] are kept in any case.
    pub fn release_idle(&self) -> usize {
        self.inner.pool.release_idle()
    }

    /// Takes no more calls ([`Error::Closed`]) and frees the idle instances. Calls in flight go on to their end.
    pub fn close(&self) {
        self.inner.pool.close();
    }

    /// What the pool of instances did and has.
    #[must_use]
    pub fn pool_stats(&self) -> PoolStats {
        self.inner.pool.stats()
    }

    /// What its calls find in their instances: what was [set](WapcHostBuilder::isolation), or [`Isolation::Fresh`] where instances cannot
    /// be put back and [`not_pristine`](Self::not_pristine) says why. One call can ask for [more](CallOptions::isolation).
    #[must_use]
    pub fn isolation(&self) -> Isolation {
        self.inner.restoring.available(self.inner.settings.isolation)
    }

    /// Why calls with [`Isolation::Pristine`] get fresh instances, if they do: known from the first instance on that was to be put back.
    #[must_use]
    pub fn not_pristine(&self) -> Option<NotPristine> {
        self.inner.restoring.refused()
    }

    /// The module.
    #[must_use]
    pub fn module(&self) -> &Module {
        &self.inner.module
    }

    /// When a call with these options must be over that begins now.
    pub(crate) fn deadline(&self, options: &CallOptions) -> Option<Deadline> {
        self.inner.settings.deadline(options)
    }

    /// An instance, unless the call is cancelled while it waits for one.
    #[cold]
    fn acquire_unless(&self, token: &CancelToken, terms: &CallTerms<'_>) -> Result<Lease<'_>, NoInstance> {
        let inner = self.inner.clone();
        let _wakes = token.on_cancel(move || inner.pool.wake());
        self.inner.acquire(terms)
    }
}

impl HostInner {
    pub(crate) fn new(
        module: Module,
        handler: Arc<dyn HostHandler>,
        system: System,
        settings: Settings,
        pool: PoolSettings,
        restoring: Restoring,
    ) -> Self {
        Self { module, imports: abi::imports(), settings, handler, system, pool: Pool::new(pool), restoring }
    }

    /// The terms of a call, if it may be sent at all.
    #[inline]
    pub(crate) fn checked_terms<'a>(
        &self,
        operation: &str,
        payload: &[u8],
        options: &'a CallOptions,
    ) -> Result<CallTerms<'a>, Error> {
        let terms = self.settings.checked_terms(operation, payload, options)?;
        if terms.need_metering() && !self.module.is_metered() {
            return Err(Error::NotMetered { operation: operation.to_owned() });
        }
        Ok(terms)
    }

    #[inline]
    fn acquire(&self, terms: &CallTerms<'_>) -> Result<Lease<'_>, NoInstance> {
        self.pool.acquire(terms, || self.instantiate(terms))
    }

    /// A new instance, on which the optional start functions of the protocol have run.
    pub(crate) fn instantiate(&self, terms: &CallTerms<'_>) -> Result<Guest, EngineError> {
        let (handler, system) = (self.handler.clone(), self.system.clone());
        let exchange = Exchange::new(handler, system, terms);
        let mut instance =
            Instance::new(&self.module, &self.imports, exchange, &self.settings.limits, terms.deadline)?;
        let entry = instance.entry(GUEST_CALL)?;
        for start in START {
            if instance.has_function(start) {
                match run_start(&mut instance, start, terms) {
                    Err(EngineError::Host { source, .. }) if source.is::<Leave>() => {}
                    started => started?,
                }
            }
        }
        let isolation = match terms.isolation {
            Isolation::Pristine => {
                let drawn = instance.data().drawn();
                self.restoring.keep(drawn, || instance.keep_state())
            }
            other => other,
        };
        Ok(Guest::new(instance, entry, self.module.is_metered(), isolation))
    }
}

fn run_start(
    instance: &mut Instance<Exchange>,
    start: &str,
    terms: &CallTerms<'_>,
) -> Result<(), EngineError> {
    match terms.cancel() {
        None => instance.invoke(start, &[], terms.deadline).map(drop),
        Some(token) => {
            let handle = instance.cancel_handle();
            let _ends = token.on_cancel(move || handle.cancel());
            instance.start_unless(token.flag(), start, terms.deadline)
        }
    }
}

#[cold]
fn no_instance(operation: &str, terms: &CallTerms<'_>, reason: NoInstance) -> Error {
    let operation = operation.to_owned();
    match reason {
        NoInstance::Failed(EngineError::Cancelled { .. }) | NoInstance::Cancelled => {
            Error::Cancelled { operation }
        }
        // The call's time is also that for making its instance.
        NoInstance::Failed(EngineError::DeadlineExceeded { limit, unreached, .. }) => {
            Error::DeadlineExceeded { operation, limit, unreached }
        }
        NoInstance::Failed(error) => error.into(),
        NoInstance::Closed => Error::Closed { operation },
        NoInstance::Exhausted { max, waited } => match terms.deadline {
            Some(deadline) if deadline.instant() <= Instant::now() => {
                Error::DeadlineExceeded { operation, limit: deadline.limit(), unreached: None }
            }
            _ => Error::PoolExhausted { max, waited },
        },
    }
}

impl fmt::Debug for WapcHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WapcHost")
            .field("module", &self.inner.module)
            .field("settings", &self.inner.settings)
            .field("pool", &self.pool_stats())
            .finish_non_exhaustive()
    }
}

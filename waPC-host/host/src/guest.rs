//! The public face: one module, and conversations with it.

use std::{fmt, sync::Arc, time::Duration};

use wapc_engine::{
    CancelHandle, Deadline, Entry, Error as EngineError, Imports, Instance, Leave, Limits, Module,
};

use crate::{
    CallOptions, Clock, Error, HostCallError, HostHandler, PoolStats,
    abi::{self, GUEST_CALL, START},
    exchange::Exchange,
    pool::{NoInstance, Pool},
    system::System,
};

/// The largest number of bytes that a guest can address.
const ADDRESSABLE: usize = u32::MAX as usize;

/// A guest module and a bounded pool of its instances. Cheap to clone; clones share everything. Several calls run at once,
/// each in an instance of its own.
#[derive(Clone)]
pub struct WapcHost {
    shared: Arc<Shared>,
}

struct Shared {
    module: Module,
    imports: Imports<Exchange>,
    settings: Settings,
    handler: Arc<dyn HostHandler>,
    system: System,
    pool: Pool,
}

#[derive(Debug, Clone)]
struct Settings {
    limits: Limits,
    deadline: Option<Duration>,
    payload_limit: usize,
    reply_limit: usize,
    max_depth: u32,
    max_instances: usize,
    max_wait: Duration,
}

/// Settings of a [`WapcHost`].
pub struct WapcHostBuilder {
    module: Module,
    handler: Option<Arc<dyn HostHandler>>,
    system: System,
    settings: Settings,
}

impl WapcHost {
    /// A conversation with `module` in which `handler` answers the guest's calls, with the settings that
    /// [`builder`](Self::builder) lists.
    ///
    /// # Errors
    /// [`Error::Engine`] when the module is no waPC guest or cannot be started.
    pub fn new(module: &Module, handler: impl HostHandler) -> Result<Self, Error> {
        Self::builder(module).handler(handler).build()
    }

    /// A conversation with other settings. Without more words: 16 instances, a wait of one second for one of them,
    /// 256 MiB of memory for each, a deadline of 30 s, payloads and replies of up to 64 MiB, calls nested up to 16 deep.
    #[must_use]
    pub fn builder(module: &Module) -> WapcHostBuilder {
        WapcHostBuilder {
            module: module.clone(),
            handler: None,
            system: System::default(),
            settings: Settings {
                limits: Limits::new(),
                deadline: Some(Duration::from_secs(30)),
                payload_limit: 64 << 20,
                reply_limit: 64 << 20,
                max_depth: 16,
                max_instances: 16,
                max_wait: Duration::from_secs(1),
            },
        }
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
        let Shared { settings, pool, .. } = &*self.shared;
        settings.admit(operation, payload, options)?;
        let deadline = settings.deadline(options);
        if let Some(deadline) = deadline
            && deadline.limit().is_zero()
        {
            return Err(Error::DeadlineExceeded { operation: operation.to_owned(), limit: Duration::ZERO });
        }
        let mut guest = pool
            .acquire(deadline, || self.shared.instantiate(deadline))
            .map_err(|reason| no_instance(operation, deadline, reason))?;
        guest.call(operation, payload, (deadline, options.depth), reply)
    }

    /// Ends every call that is inside the guest now with [`Error::Cancelled`]. One that is only about to enter its instance
    /// is missed: repeat it until [`pool_stats`](Self::pool_stats) says that none is in use.
    pub fn interrupt_all(&self) {
        self.shared.pool.interrupt_all();
    }

    /// Takes no more calls ([`Error::Closed`]) and frees the idle instances. Calls in flight go on to their end.
    pub fn close(&self) {
        self.shared.pool.close();
    }

    /// What the pool of instances did and has.
    #[must_use]
    pub fn pool_stats(&self) -> PoolStats {
        self.shared.pool.stats()
    }

    /// The module.
    #[must_use]
    pub fn module(&self) -> &Module {
        &self.shared.module
    }
}

impl WapcHostBuilder {
    /// What answers the guest's calls. Required.
    #[must_use]
    pub fn handler(mut self, handler: impl HostHandler) -> Self {
        self.handler = Some(Arc::new(handler));
        self
    }

    /// Lets guests that are built for WASI know the time. They are not told without this.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.system.clock = Some(Arc::new(clock));
        self
    }

    /// Gives guests that are built for WASI, or by AssemblyScript, random bytes from `fill`. They get none without this.
    #[must_use]
    pub fn random(
        mut self,
        fill: impl Fn(&mut [u8]) -> Result<(), HostCallError> + Send + Sync + 'static,
    ) -> Self {
        self.system.random = Some(Arc::new(fill));
        self
    }

    /// How many calls may be inside the guest at once, each in an instance of its own. At least one.
    #[must_use]
    pub fn max_instances(mut self, instances: usize) -> Self {
        self.settings.max_instances = instances;
        self
    }

    /// How long a call may wait for an instance when all are busy.
    #[must_use]
    pub fn max_wait(mut self, wait: Duration) -> Self {
        self.settings.max_wait = wait;
        self
    }

    /// The most memory that one instance may have, in bytes.
    #[must_use]
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.settings.limits = self.settings.limits.memory(bytes);
        self
    }

    /// How long one call may take, with the wait for an instance. A guest that is inside a host call then is ended when
    /// that call returns.
    #[must_use]
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.settings.deadline = Some(limit);
        self
    }

    /// Lets calls take any time.
    #[must_use]
    pub fn no_deadline(mut self) -> Self {
        self.settings.deadline = None;
        self
    }

    /// The largest payload of a call, in bytes; at most what a guest can address.
    #[must_use]
    pub fn payload_limit(mut self, bytes: usize) -> Self {
        self.settings.payload_limit = bytes.min(ADDRESSABLE);
        self
    }

    /// The largest reply to a call, in bytes; at most what a guest can address.
    #[must_use]
    pub fn reply_limit(mut self, bytes: usize) -> Self {
        self.settings.reply_limit = bytes.min(ADDRESSABLE);
        self
    }

    /// How deeply calls may be nested, see [`CallOptions::depth`].
    #[must_use]
    pub fn max_depth(mut self, depth: u32) -> Self {
        self.settings.max_depth = depth;
        self
    }

    /// The conversation, with one instance already started, so that a module which cannot be started is refused here.
    ///
    /// # Errors
    /// [`Error::NoHandler`] without a handler; [`Error::Engine`] when the module is no waPC guest or cannot be started.
    pub fn build(self) -> Result<WapcHost, Error> {
        let handler = self.handler.ok_or(Error::NoHandler)?;
        let pool = Pool::new(self.settings.max_instances, self.settings.max_wait);
        let Self { module, settings, system, .. } = self;
        let shared = Arc::new(Shared { module, imports: abi::imports(), settings, handler, system, pool });
        let deadline = shared.settings.deadline.map(Deadline::after);
        match shared.pool.acquire(deadline, || shared.instantiate(deadline)) {
            Ok(lease) => drop(lease),
            Err(reason) => return Err(no_instance("start", deadline, reason)),
        }
        Ok(WapcHost { shared })
    }
}

impl Settings {
    fn admit(&self, operation: &str, payload: &[u8], options: &CallOptions) -> Result<(), Error> {
        if payload.len() > self.payload_limit || operation.len() > self.payload_limit {
            return Err(Error::PayloadTooLarge {
                operation: operation.chars().take(256).collect(),
                size: payload.len().max(operation.len()),
                limit: self.payload_limit,
            });
        }
        if options.depth > self.max_depth {
            let operation = operation.to_owned();
            return Err(Error::DepthExceeded { operation, depth: options.depth, limit: self.max_depth });
        }
        Ok(())
    }

    fn deadline(&self, options: &CallOptions) -> Option<Deadline> {
        match self.deadline {
            Some(limit) => Some(Deadline::after(limit).earlier(options.deadline)),
            None => options.deadline,
        }
    }
}

impl Shared {
    /// A new instance, on which the optional start functions of the protocol have run.
    fn instantiate(&self, deadline: Option<Deadline>) -> Result<Guest, wapc_engine::Error> {
        let (handler, system) = (self.handler.clone(), self.system.clone());
        let exchange = Exchange::new(handler, system, self.settings.reply_limit, deadline);
        let mut instance =
            Instance::new(&self.module, &self.imports, exchange, &self.settings.limits, deadline)?;
        let entry = instance.entry(GUEST_CALL)?;
        for start in START {
            if instance.has_function(start) {
                match instance.invoke(start, &[], deadline) {
                    Err(EngineError::Host { source, .. }) if source.is::<Leave>() => {}
                    started => drop(started?),
                }
            }
        }
        Ok(Guest { instance, entry, number: 0 })
    }
}

fn no_instance(operation: &str, deadline: Option<Deadline>, reason: NoInstance) -> Error {
    match reason {
        NoInstance::Failed(error) => error.into(),
        NoInstance::Closed => Error::Closed { operation: operation.to_owned() },
        NoInstance::Exhausted { max, waited } => match deadline {
            Some(deadline) if waited >= deadline.limit() => {
                Error::DeadlineExceeded { operation: operation.to_owned(), limit: deadline.limit() }
            }
            _ => Error::PoolExhausted { max, waited },
        },
    }
}

/// One instance of a guest.
pub(crate) struct Guest {
    instance: Instance<Exchange>,
    entry: Entry,
    /// Its number in the pool.
    number: u64,
}

impl Guest {
    #[inline]
    fn call(
        &mut self,
        operation: &str,
        payload: &[u8],
        (deadline, depth): (Option<Deadline>, u32),
        reply: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.instance.data().begin(reply, deadline, depth);
        let lengths = (wire_length(operation.as_bytes()), wire_length(payload));
        let entered = self.instance.enter(&self.entry, lengths, [operation.as_bytes(), payload], deadline);
        self.instance.data().finish(operation, entered, reply)
    }

    pub(crate) fn numbered(self, number: u64) -> Self {
        Self { number, ..self }
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn is_usable(&self) -> bool {
        !self.instance.is_poisoned()
    }

    pub(crate) fn cancel_handle(&self) -> CancelHandle {
        self.instance.cancel_handle()
    }
}

/// A length as the guest is told it. Longer ones were refused before.
fn wire_length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

impl fmt::Debug for WapcHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WapcHost")
            .field("module", &self.shared.module)
            .field("settings", &self.shared.settings)
            .field("pool", &self.pool_stats())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for WapcHostBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WapcHostBuilder")
            .field("module", &self.module)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_goes_to_any_thread() {
        fn goes<T: Clone + Send + Sync + 'static>() {}
        goes::<WapcHost>();
    }
}

//! Builds a host from its settings.

use std::{fmt, sync::Arc, time::Duration};

use call_context::CallContext;
use wapc_engine::{Limits, Module};

use crate::{
    CallOptions, Error, GuestClock, HostCallError, HostHandler, Isolation, WapcHost, abi, host::HostInner,
    isolation::Restoring, pool::PoolSettings, settings::Settings, system::System,
};

/// The largest number of bytes that a guest can address.
const ADDRESSABLE: usize = u32::MAX as usize;

/// Settings of a [`WapcHost`].
pub struct WapcHostBuilder {
    module: Module,
    handler: Option<Arc<dyn HostHandler>>,
    system: System,
    settings: Settings,
    pool: PoolSettings,
    /// How many more instances there may be for nested calls, if that was set.
    nested: Option<usize>,
    /// Whether instances are put back to a start that drew what is to differ.
    frozen_start: bool,
}

impl WapcHostBuilder {
    pub(crate) fn new(module: &Module) -> Self {
        Self {
            module: module.clone(),
            handler: None,
            system: System::default(),
            settings: Settings {
                limits: Limits::new(),
                deadline: Some(Duration::from_secs(30)),
                fuel: None,
                payload_limit: 64 << 20,
                reply_limit: 64 << 20,
                console_limit: 256 << 10,
                max_depth: 16,
                isolation: Isolation::Shared,
            },
            pool: PoolSettings {
                max: 16,
                nested: 0,
                max_wait: Duration::from_secs(1),
                idle_timeout: None,
                min_idle: 1,
            },
            nested: None,
            frozen_start: false,
        }
    }

    /// What answers the guest's calls. Required.
    #[must_use]
    pub fn handler(mut self, handler: impl HostHandler) -> Self {
        self.handler = Some(Arc::new(handler));
        self
    }

    /// Tells guests that are built for WASI the time of this clock, in place of the system's.
    #[must_use]
    pub fn clock(mut self, clock: impl GuestClock) -> Self {
        self.system.clock = Some(Arc::new(clock));
        self
    }

    /// Does not tell guests the time: a guest that asks for it is answered that there is no such function.
    #[must_use]
    pub fn no_clock(mut self) -> Self {
        self.system.clock = None;
        self
    }

    /// Gives guests that are built for WASI, or by AssemblyScript, random bytes from `fill`, in place of the system's.
    #[must_use]
    pub fn random(
        mut self,
        fill: impl Fn(&mut [u8]) -> Result<(), HostCallError> + Send + Sync + 'static,
    ) -> Self {
        self.system.random = Some(Arc::new(fill));
        self
    }

    /// Gives guests no random bytes: a guest for WASI that asks for some is answered that there is no such function, and one of
    /// AssemblyScript is ended. A guest of Rust's standard library that makes a `HashMap` cannot start then.
    #[must_use]
    pub fn no_random(mut self) -> Self {
        self.system.random = None;
        self
    }

    /// How many calls from outside may be inside the guest at once, each in an instance of its own. At least one.
    #[must_use]
    pub fn max_instances(mut self, instances: usize) -> Self {
        self.pool.max = instances;
        self
    }

    /// How many more instances there may be for calls that are nested in others, of this guest or another one
    /// ([`HostCall::nested`](crate::HostCall::nested)): a guest that is called from inside a call of its own would otherwise wait for the
    /// instance that waits for it. Without this, as many as calls may be nested for each of [`max_instances`](Self::max_instances), so that no such
    /// call ever waits for itself. They are made when they are needed and not kept beyond `max_instances`.
    #[must_use]
    pub fn nested_instances(mut self, instances: usize) -> Self {
        self.nested = Some(instances);
        self
    }

    /// How long a call may wait for an instance when all are busy.
    #[must_use]
    pub fn max_wait(mut self, wait: Duration) -> Self {
        self.pool.max_wait = wait;
        self
    }

    /// Drops an instance when no call has used it for this long, or for up to twice as long. Looked at when a call gives its
    /// instance back, so that a host which is not called at all keeps what it has until its owner calls
    /// [`WapcHost::release_idle`]. Without this, idle instances are kept.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.pool.idle_timeout = Some(timeout);
        self
    }

    /// How many idle instances are kept however long nobody uses them; one without this.
    #[must_use]
    pub fn min_idle(mut self, instances: usize) -> Self {
        self.pool.min_idle = instances;
        self
    }

    /// What each call may find of earlier ones in its instance; [`Isolation::Shared`] without this.
    #[must_use]
    pub fn isolation(mut self, isolation: Isolation) -> Self {
        self.settings.isolation = isolation;
        self
    }

    /// Allows [`Isolation::Pristine`] also where the start of an instance drew random bytes or called the host: what it was given is then the
    /// same in every call that the instance serves. Harmless for the seed of a `HashMap`; not for what makes ids or nonces.
    #[must_use]
    pub fn allow_frozen_start(mut self) -> Self {
        self.frozen_start = true;
        self
    }

    /// The budget of one instance for its memory and all of its tables together, in bytes, see [`Limits::memory`]; 256 MiB without this.
    #[must_use]
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.settings.limits = self.settings.limits.memory(bytes);
        self
    }

    /// The most elements in each table of one instance; 100,000 without this. What they take is paid out of the [budget](Self::memory_limit).
    #[must_use]
    pub fn table_limit(mut self, elements: u32) -> Self {
        self.settings.limits = self.settings.limits.table(elements);
        self
    }

    /// How long one call may take, with the wait for an instance. A guest that is inside a host call then is ended when
    /// that call returns.
    #[must_use]
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.settings.deadline = Some(limit);
        self
    }

    /// Sets no deadline: calls may take any time.
    #[must_use]
    pub fn no_deadline(mut self) -> Self {
        self.settings.deadline = None;
        self
    }

    /// How many instructions the guest may carry out in one call. Needs a module that was compiled with
    /// [`EngineBuilder::fuel`](crate::EngineBuilder::fuel). The start of an instance is not counted.
    #[must_use]
    pub fn fuel(mut self, instructions: u64) -> Self {
        self.settings.fuel = Some(instructions);
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

    /// The most that one call may print, in bytes, over all of its streams together, with a byte for each line. The rest is counted and not
    /// handed to the handler; a last line says how many bytes they were. 256 KiB without this.
    #[must_use]
    pub fn console_limit(mut self, bytes: usize) -> Self {
        self.settings.console_limit = bytes;
        self
    }

    /// How deeply calls may be nested, see [`CallOptions::depth`]: at most [`CallContext::DEEPEST`].
    #[must_use]
    pub fn max_depth(mut self, depth: u32) -> Self {
        self.settings.max_depth = depth.min(CallContext::DEEPEST);
        self
    }

    /// Whether [`build`](Self::build) would refuse the module, as far as that can be told without running any of its code: what it imports, what
    /// it must export, and what it declares for each instance. No handler is needed.
    ///
    /// # Errors
    /// [`Error::Engine`] when the module is not a waPC guest, or asks for more than an instance may have.
    pub fn check(&self) -> Result<(), Error> {
        abi::imports().admit(&self.module)?;
        self.settings.limits.admit(&self.module)?;
        Ok(self.module.check_entry(abi::GUEST_CALL)?)
    }

    /// The conversation, with one instance already started, so that a module which cannot be started is refused here.
    ///
    /// # Errors
    /// [`Error::NoHandler`] without a handler; [`Error::Engine`] when the module is not a waPC guest or cannot be started;
    /// [`Error::NotMetered`] when fuel is asked for and the module was compiled without metering.
    pub fn build(self) -> Result<WapcHost, Error> {
        let handler = self.handler.ok_or(Error::NoHandler)?;
        let options = CallOptions::new();
        let mut pool = self.pool;
        let depth = usize::try_from(self.settings.max_depth).unwrap_or(usize::MAX);
        pool.nested = self.nested.unwrap_or_else(|| pool.max.max(1).saturating_mul(depth));
        let restoring = Restoring::new(self.frozen_start);
        let inner = HostInner::new(self.module, handler, self.system, self.settings, pool, restoring);
        let first = inner.instantiate(&inner.checked_terms("start", b"", &options)?)?;
        if !first.is_fresh() {
            inner.pool.add(first);
        }
        Ok(WapcHost::of(inner))
    }
}

impl fmt::Debug for WapcHostBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WapcHostBuilder")
            .field("module", &self.module)
            .field("settings", &self.settings)
            .field("pool", &self.pool)
            .finish_non_exhaustive()
    }
}

//! Builds a host from its settings.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use capability_claims::{Clock, SystemClock, TrustPolicy};
use capability_provider::CallContext;
use host_audit::AuditLog;
use wapc_host::{Engine, HostCallError, Isolation};

use crate::{
    actors::system::{Source, System},
    calls::call::{Layer, Layers},
    changes::housekeeper::Housekeeper,
    error::Error,
    host::Host,
    shared::{Limits, Shared},
    trust::{audit::Audit, ledger::RevisionLedger, policy::Policy},
};

const CALL_DEADLINE: Duration = Duration::from_secs(10);
const DRAIN_DEADLINE: Duration = Duration::from_secs(10);
const PROVIDER_DEADLINE: Duration = Duration::from_secs(30);
const MAX_CALL_DEPTH: u32 = 16;

/// Builds a [`Host`]. Only [`trust`](Self::trust) is required.
#[must_use]
pub struct HostBuilder {
    trust: Option<TrustPolicy>,
    audit: Option<AuditLog>,
    ledger: Option<Arc<RevisionLedger>>,
    clock: Arc<dyn Clock>,
    cache_dir: Option<PathBuf>,
    limits: Limits,
    system: System,
    layers: Layers,
}

impl Host {
    /// A builder with the defaults, which trusts nobody yet.
    pub fn builder() -> HostBuilder {
        HostBuilder::new()
    }
}

impl HostBuilder {
    fn new() -> Self {
        let limits = Limits {
            call_deadline: CALL_DEADLINE,
            drain_deadline: DRAIN_DEADLINE,
            provider_deadline: PROVIDER_DEADLINE,
            max_call_depth: MAX_CALL_DEPTH,
            max_instances: None,
            max_wait: None,
            memory_limit: None,
            payload_limit: None,
        };
        Self {
            trust: None,
            audit: None,
            ledger: None,
            clock: Arc::new(SystemClock),
            cache_dir: None,
            limits,
            system: System::default(),
            layers: Layers::default(),
        }
    }

    /// Whose modules may run here. There is no default: trust is the owner's decision.
    pub fn trust(mut self, policy: TrustPolicy) -> Self {
        self.trust = Some(policy);
        self
    }

    /// Where the host writes down what it lets in, refuses, and grants; nowhere unless a log is given. The log's own choice
    /// ([`OnFailure`](host_audit::OnFailure)) says whether what cannot be recorded happens.
    pub fn audit(mut self, log: AuditLog) -> Self {
        self.audit = Some(log);
        self
    }

    /// Where the host remembers the highest revision of each module key that ever ran, beyond the actor's removal and its own end; nowhere
    /// unless a ledger is given. A lower revision is refused then with [`Error::BelowHighestRevision`], in swaps and loads.
    ///
    /// The ledger remembers the newest signed policy as well ([`RevisionLedger::remember_policy`]), so whoever reads those keeps an
    /// [`Arc`] of it.
    pub fn revision_ledger(mut self, ledger: impl Into<Arc<RevisionLedger>>) -> Self {
        self.ledger = Some(ledger.into());
        self
    }

    /// Puts a layer around every call, inside of those that were given before; see [`Layer`].
    pub fn layer(mut self, layer: impl Layer) -> Self {
        self.layers.push(Arc::new(layer));
        self
    }

    /// The clock that tokens are judged by; the system's unless another is given.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// A directory for compiled modules, which makes the next start of the same module fast; without one nothing is kept.
    pub fn cache_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cache_dir = Some(directory.into());
        self
    }

    /// How long one call may take with all that it calls; 10 seconds unless set.
    pub fn call_deadline(mut self, limit: Duration) -> Self {
        self.limits.call_deadline = limit;
        self
    }

    /// How long calls in flight may go on when their actor is swapped or removed, their provider is taken away, or the
    /// host shuts down; 10 seconds unless set.
    pub fn drain_deadline(mut self, limit: Duration) -> Self {
        self.limits.drain_deadline = limit;
        self
    }

    /// How long a provider may take to make or end a link, to tell its name, or to end itself; 30 seconds unless set. A link that it makes
    /// later is ended again, and who asked for it got [`Error::ProviderLate`]. What it ends later counts as ended.
    pub fn provider_deadline(mut self, limit: Duration) -> Self {
        self.limits.provider_deadline = limit;
        self
    }

    /// How many calls of one actor run at once, each in an instance of its own; at least 1.
    pub fn max_instances(mut self, instances: usize) -> Self {
        self.limits.max_instances = Some(instances);
        self
    }

    /// How long a call waits for an instance when all are in use, before it fails with [`Error::Busy`].
    pub fn max_wait(mut self, limit: Duration) -> Self {
        self.limits.max_wait = Some(limit);
        self
    }

    /// How much memory one instance may have, in bytes.
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.limits.memory_limit = Some(bytes);
        self
    }

    /// How large a payload and a reply may each be, in bytes.
    pub fn payload_limit(mut self, bytes: usize) -> Self {
        self.limits.payload_limit = Some(bytes);
        self
    }

    /// How deep actors may call each other, one inside the other; 16 unless set, and at most [`CallContext::DEEPEST`]. A call from outside has depth 0, and with
    /// a limit of 0 no actor can call another.
    pub fn max_call_depth(mut self, calls: u32) -> Self {
        self.limits.max_call_depth = calls.min(CallContext::DEEPEST);
        self
    }

    /// Tells actors that are built for WASI the time of this clock, in place of the system's; for tests and replay. Tokens are judged by
    /// [`clock`](Self::clock).
    pub fn guest_clock(mut self, clock: impl wapc_host::GuestClock) -> Self {
        self.system.clock = Source::Owner(Arc::new(clock));
        self
    }

    /// Does not tell actors the time: one that asks WASI for it is answered that there is no such function.
    pub fn no_guest_clock(mut self) -> Self {
        self.system.clock = Source::Denied;
        self
    }

    /// Gives actors that are built for WASI, or by AssemblyScript, random bytes from `fill`, in place of the system's; for tests and replay.
    pub fn guest_random(
        mut self,
        fill: impl Fn(&mut [u8]) -> Result<(), HostCallError> + Send + Sync + 'static,
    ) -> Self {
        self.system.random = Source::Owner(Arc::new(fill));
        self
    }

    /// Gives actors no random bytes: one that asks WASI for some is answered that there is no such function, and one of AssemblyScript is
    /// ended. An actor on Rust's standard library for WASI that makes a `HashMap` cannot start then.
    pub fn no_guest_random(mut self) -> Self {
        self.system.random = Source::Denied;
        self
    }

    /// What each call of an actor may find of earlier ones in its instance; [`Isolation::Shared`] without this. For a host in which the calls
    /// of one actor are made for different people who are not to see each other's data, [`Isolation::Pristine`]: the instance is put back
    /// after each call to what it was after its start. [`Status`](crate::Status) says where actors get fresh instances because that cannot be
    /// done.
    pub fn isolation(mut self, isolation: Isolation) -> Self {
        self.system.isolation = isolation;
        self
    }

    /// Allows pristine calls of actors whose start drew random bytes, which are then the same in each call that an instance serves. That is harmless
    /// for the seed of a `HashMap`, and is not for what makes ids or nonces.
    pub fn allow_frozen_start(mut self) -> Self {
        self.system.frozen_start = true;
        self
    }

    /// Builds the host and starts its thread, and another where it has an audit log.
    ///
    /// # Errors
    /// [`Error::NoTrustPolicy`] without a policy, [`Error::Engine`] when the engine does not start (an unusable cache
    /// directory, for one), [`Error::Thread`] when the system gives no thread, [`Error::NotRecorded`] when the audit log
    /// cannot be written and nothing is to happen without it.
    pub fn build(self) -> Result<Host, Error> {
        let trust = self.trust.ok_or(Error::NoTrustPolicy)?;
        let mut engine = Engine::builder();
        if let Some(directory) = self.cache_dir {
            engine = engine.cache_dir(directory);
        }
        let engine = engine.build().map_err(|error| Error::Engine { source: Box::new(error.into()) })?;
        let housekeeper = Housekeeper::start().map_err(|source| Error::Thread { source })?;
        let mut settings = self.limits.texts();
        settings.extend(self.system.texts());
        if let Some(ledger) = &self.ledger {
            settings.push(format!("revision_ledger={}", ledger.path().display()));
        }
        let audit = Audit::begin(self.audit, &settings, &trust, Arc::clone(&self.clock))?;
        let policy = Policy::new(trust, self.clock);
        if let Some(ledger) = &self.ledger {
            ledger.attach();
        }
        let shared = Shared::new(engine, policy, audit, self.ledger, self.limits, self.system, housekeeper);
        Ok(Host::new(shared.with_layers(self.layers)))
    }
}

impl fmt::Debug for HostBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostBuilder")
            .field("trust", &self.trust)
            .field("audit", &self.audit)
            .field("ledger", &self.ledger)
            .field("cache_dir", &self.cache_dir)
            .field("limits", &self.limits)
            .field("system", &self.system)
            .finish_non_exhaustive()
    }
}

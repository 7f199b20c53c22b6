//! Holds what all clones of a host, its routers and its dispatch handles share.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use capability_provider::{ActorId, deadline_after};
use system_limits::{WorkerSettings, Workers};
use wapc_host::Engine;

use crate::{
    actors::{
        actor::{Actor, Actors},
        gate::{Gate, Inside},
        system::System,
    },
    calls::{async_calls::AsyncCall, call::Layers},
    changes::{
        behind::Behind,
        foreign::{Account, Foreign, MOST_QUESTIONS},
        housekeeper::Housekeeper,
        management::{Of, Turn, Turns, inside},
    },
    error::Error,
    links::wiring::Wiring,
    trust::{audit::Audit, ledger::RevisionLedger, policy::Policy},
};

/// The most calls that are waited for asynchronously at once, each on a thread.
const ASYNC_CALLS: usize = 256;

/// What the owner allows each actor to use. `None` leaves the waPC tier's own default.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) call_deadline: Duration,
    pub(crate) drain_deadline: Duration,
    pub(crate) provider_deadline: Duration,
    pub(crate) max_call_depth: u32,
    pub(crate) max_instances: Option<usize>,
    pub(crate) max_wait: Option<Duration>,
    pub(crate) memory_limit: Option<u64>,
    pub(crate) payload_limit: Option<usize>,
}

impl Limits {
    /// Each limit with its value, for the audit log.
    pub(crate) fn texts(&self) -> Vec<String> {
        let or_default = |value: Option<String>| value.unwrap_or_else(|| "default".to_owned());
        [
            ("call_deadline", format!("{:?}", self.call_deadline)),
            ("drain_deadline", format!("{:?}", self.drain_deadline)),
            ("provider_deadline", format!("{:?}", self.provider_deadline)),
            ("max_call_depth", self.max_call_depth.to_string()),
            ("max_instances", or_default(self.max_instances.map(|instances| instances.to_string()))),
            ("max_wait", or_default(self.max_wait.map(|wait| format!("{wait:?}")))),
            ("memory_limit", or_default(self.memory_limit.map(|bytes| bytes.to_string()))),
            ("payload_limit", or_default(self.payload_limit.map(|bytes| bytes.to_string()))),
        ]
        .map(|(name, value)| format!("{name}={value}"))
        .into()
    }
}

/// The inside of a host.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) policy: Policy,
    pub(crate) audit: Arc<Audit>,
    pub(crate) ledger: Option<Arc<RevisionLedger>>,
    pub(crate) limits: Limits,
    pub(crate) system: System,
    pub(crate) layers: Arc<Layers>,
    /// The threads of calls that are waited for asynchronously.
    pub(crate) workers: Workers<AsyncCall>,
    pub(crate) actors: Actors,
    pub(crate) wiring: Wiring,
    pub(crate) housekeeper: Housekeeper,
    /// Runs what is not the host's own under a deadline.
    pub(crate) foreign: Foreign,
    /// What was replaced or removed and still drains.
    pub(crate) behind: Behind,
    /// The threads that ask for health, as far as they are counted.
    pub(crate) asking: Account,
    pub(crate) turns: Arc<Turns>,
    /// Counts the calls that begin outside: of the embedding program and of providers. Closed when the host shuts down, behind its fronts.
    pub(crate) doors: Gate,
    /// Counts the changes that are just made. They take as long as their records; no provider is asked inside. Closed first when the host
    /// shuts down.
    pub(crate) changes: Gate,
    /// Whether the host has ended, so that nobody is left whom a change could reach.
    ended: AtomicBool,
}

impl Shared {
    pub(crate) fn new(
        engine: Engine,
        policy: Policy,
        audit: Arc<Audit>,
        ledger: Option<Arc<RevisionLedger>>,
        limits: Limits,
        system: System,
        housekeeper: Housekeeper,
    ) -> Self {
        Self {
            engine,
            policy,
            audit,
            ledger,
            limits,
            system,
            layers: Arc::default(),
            workers: Workers::new(WorkerSettings::new("wascc-call", ASYNC_CALLS)),
            actors: Actors::default(),
            wiring: Wiring::default(),
            housekeeper,
            foreign: Foreign::default(),
            behind: Behind::default(),
            asking: Account::abandoning_up_to(MOST_QUESTIONS),
            turns: Arc::default(),
            doors: Gate::default(),
            changes: Gate::default(),
            ended: AtomicBool::new(false),
        }
    }

    /// The same with these layers around every call.
    pub(crate) fn with_layers(self, layers: Layers) -> Self {
        Self { layers: Arc::new(layers), ..self }
    }

    /// Begins a call from outside. Calls between actors belong to one that began here, so they finish in a shutdown too.
    pub(crate) fn begin(&self) -> Result<Inside<'_>, Error> {
        self.doors.enter().ok_or(Error::ShuttingDown)
    }

    /// The turn to change this, in a host that still serves.
    pub(crate) fn turn(&self, of: Of) -> Result<Turn, Error> {
        let turn = self.turns.take(of, &inside())?;
        drop(self.changing()?);
        Ok(turn)
    }

    /// Makes one change, in one go: whoever shuts the host down waits for it.
    pub(crate) fn changing(&self) -> Result<Inside<'_>, Error> {
        self.changes.enter().ok_or(Error::ShuttingDown)
    }

    /// Whether the host has ended. While it drains, what is taken away is taken away still.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// The host has ended.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }

    pub(crate) fn actor(&self, id: &ActorId) -> Result<Arc<Actor>, Error> {
        self.actors.find(id.as_str()).ok_or_else(|| Error::UnknownActor { actor: id.clone() })
    }

    /// When calls in flight that are asked to finish now are ended.
    pub(crate) fn drained(&self) -> Instant {
        deadline_after(self.limits.drain_deadline)
    }
}

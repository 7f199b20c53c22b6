//! What all clones of a host, its routers and its dispatch handles share; and the one path that every call takes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use capability_provider::ActorId;
use wapc_host::{CallOptions, Engine};

use crate::{
    actors::{Actor, Actors},
    error::Error,
    gate::{Gate, Inside},
    generation::Generation,
    housekeeper::Housekeeper,
    management::{Management, Turn},
    policy::Policy,
    wiring::Wiring,
};

/// What the owner allows each actor to use. `None` leaves the waPC tier's own default.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) call_deadline: Duration,
    pub(crate) drain_deadline: Duration,
    pub(crate) max_call_depth: u32,
    pub(crate) max_instances: Option<usize>,
    pub(crate) max_wait: Option<Duration>,
    pub(crate) memory_limit: Option<u64>,
    pub(crate) payload_limit: Option<usize>,
}

/// The inside of a host.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) policy: Policy,
    pub(crate) limits: Limits,
    pub(crate) actors: Actors,
    pub(crate) wiring: Wiring,
    pub(crate) housekeeper: Housekeeper,
    /// Counts the calls that begin outside: of the embedding program and of providers. Closed when the host shuts down.
    pub(crate) doors: Gate,
    management: Management,
}

impl Shared {
    pub(crate) fn new(engine: Engine, policy: Policy, limits: Limits, housekeeper: Housekeeper) -> Self {
        Self {
            engine,
            policy,
            limits,
            actors: Actors::default(),
            wiring: Wiring::default(),
            housekeeper,
            doors: Gate::default(),
            management: Management::default(),
        }
    }

    /// Begins a call from outside. Calls between actors belong to one that began here, so they finish in a shutdown too.
    pub(crate) fn begin(&self) -> Result<Inside<'_>, Error> {
        self.doors.enter().ok_or(Error::ShuttingDown)
    }

    /// The turn to change a host that still serves.
    pub(crate) fn turn(&self) -> Result<Turn<'_>, Error> {
        let turn = self.management.turn()?;
        if self.doors.is_closed() { Err(Error::ShuttingDown) } else { Ok(turn) }
    }

    /// The turn to change a host in whatever state it is.
    pub(crate) fn last_turn(&self) -> Result<Turn<'_>, Error> {
        self.management.turn()
    }

    pub(crate) fn actor(&self, id: &ActorId) -> Result<Arc<Actor>, Error> {
        self.actors.find(id.as_str()).ok_or_else(|| Error::UnknownActor { actor: id.clone() })
    }

    /// Delivers a call to the actor's generation of this moment.
    pub(crate) fn deliver(&self, actor: &Actor, call: &Call<'_>, reply: &mut Vec<u8>) -> Result<(), Error> {
        let Some(entered) = actor.enter() else {
            return Err(Error::UnknownActor { actor: actor.id.clone() });
        };
        self.deliver_in(&entered, &actor.id, call, reply)
    }

    /// Delivers a call to a generation that it entered, if its token still holds.
    pub(crate) fn deliver_in(
        &self,
        generation: &Generation,
        actor: &ActorId,
        call: &Call<'_>,
        reply: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.may_run(generation, actor)?;
        generation
            .guest
            .call_with(call.operation, call.payload, call.options, reply)
            .map_err(|error| Error::from_call(actor, call.operation, error))
    }

    /// Whether the token still holds: asked at the beginning of every call, so that an end of trust holds at once.
    pub(crate) fn may_run(&self, generation: &Generation, actor: &ActorId) -> Result<(), Error> {
        let refused = |source| Error::NoLongerValid { actor: actor.clone(), source: Box::new(source) };
        self.policy.may_run(&generation.claims).map_err(refused)
    }

    /// When calls in flight that are asked to finish now are ended.
    pub(crate) fn drained(&self) -> Instant {
        Instant::now() + self.limits.drain_deadline
    }
}

/// One call to an actor.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) operation: &'a str,
    pub(crate) payload: &'a [u8],
    pub(crate) options: &'a CallOptions,
}

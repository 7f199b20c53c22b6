//! One version of an actor inside the host.

use std::{
    ops::Deref,
    sync::Arc,
    time::{Duration, Instant},
};

use capability_claims::{Access, ModuleClaims, Provenance};
use wapc_host::{CallOptions, WapcHost};

use crate::{
    error::Error,
    gate::Gate,
    ownership::Succession,
    rights::{MayRun, Rights},
};

/// How long a call that was interrupted is waited for before it is interrupted again. A call inside a provider only
/// notices an interrupt when it comes back to the guest, so one interrupt may come too early.
pub(crate) const INTERRUPT_AGAIN: Duration = Duration::from_millis(20);

/// A verified module with its pool of instances, its rights, and the count of calls that run in it.
///
/// A call enters one generation and stays in it, whatever is swapped meanwhile.
pub(crate) struct Generation {
    /// 1 for the actor as it was added; one more with each swap.
    pub(crate) number: u64,
    pub(crate) rights: Arc<Rights>,
    pub(crate) provenance: Provenance,
    pub(crate) guest: WapcHost,
    /// The last handover of the actor from one account to another, if there was one.
    pub(crate) succession: Option<Succession>,
    gate: Gate,
}

/// A generation that is ready to serve and has no number yet: that is given at the switch.
pub(crate) struct Prepared {
    pub(crate) rights: Arc<Rights>,
    pub(crate) provenance: Provenance,
    pub(crate) guest: WapcHost,
}

impl Prepared {
    pub(crate) fn numbered(self, number: u64, succession: Option<Succession>) -> Arc<Generation> {
        let Self { rights, provenance, guest } = self;
        Arc::new(Generation { number, rights, provenance, guest, succession, gate: Gate::default() })
    }
}

impl Generation {
    pub(crate) fn claims(&self) -> &ModuleClaims {
        self.rights.claims()
    }

    /// Begins one call; `None` when the generation takes no more calls.
    pub(crate) fn enter(self: Arc<Self>) -> Option<Entered> {
        self.gate.step_in().then(|| Entered(self))
    }

    /// Delivers a call of somebody who [entered](Self::enter), if the actor may run. It is asked at the beginning of each, so that
    /// an end of trust holds at once.
    pub(crate) fn deliver(&self, call: &Call<'_>, reply: &mut Vec<u8>) -> Result<(), Error> {
        self.run(self.rights.may_run(call.now)?, call, reply)
    }

    /// Delivers a call that a provider brings over a link, if the actor may run and is granted that.
    pub(crate) fn deliver_over(
        &self,
        access: &Access<'_>,
        call: &Call<'_>,
        reply: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.run(self.rights.allow_delivery(access, call.now)?, call, reply)
    }

    /// The one path that every call takes.
    fn run(&self, _decided: MayRun, call: &Call<'_>, reply: &mut Vec<u8>) -> Result<(), Error> {
        self.guest
            .call_with(call.operation, call.payload, call.options, reply)
            .map_err(|error| Error::from_call(self.rights.actor(), call.operation, error))
    }

    /// Takes no more calls. Those that are in flight go on.
    pub(crate) fn retire(&self) {
        self.gate.close();
    }

    /// How many calls are in flight.
    pub(crate) fn in_flight(&self) -> usize {
        self.gate.inside()
    }

    /// Waits for the calls in flight of a retired generation; false when `until` came first.
    pub(crate) fn wait_drained(&self, until: Instant) -> bool {
        self.gate.wait_empty(until)
    }

    /// Ends the calls in flight of a retired generation; false when one is still not back at `until`, because a
    /// provider holds it.
    pub(crate) fn end_calls(&self, until: Instant) -> bool {
        loop {
            self.guest.interrupt_all();
            if self.gate.wait_empty(until.min(Instant::now() + INTERRUPT_AGAIN)) {
                return true;
            }
            if Instant::now() >= until {
                return false;
            }
        }
    }
}

/// One call to an actor.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) operation: &'a str,
    pub(crate) payload: &'a [u8],
    pub(crate) options: &'a CallOptions,
    /// When it was made, in seconds since 1970.
    pub(crate) now: u64,
}

/// A call that runs in a generation; dropping it ends the call's stay.
pub(crate) struct Entered(Arc<Generation>);

impl Deref for Entered {
    type Target = Generation;

    fn deref(&self) -> &Generation {
        &self.0
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.gate.step_out();
    }
}

//! Keeps one version of an actor inside the host: its instances, its rights, and the count of its calls.

use std::{
    ops::Deref,
    sync::Arc,
    time::{Duration, Instant},
};

use capability_claims::{ModuleClaims, Provenance};
use wapc_host::{CallOptions, WapcHost};

use crate::{
    actors::gate::Gate,
    calls::call::Call,
    error::Error,
    steps::step,
    trust::{
        ownership::Succession,
        rights::{MayRun, Rights},
    },
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

    /// Whether another one took its place, or the actor was removed.
    pub(crate) fn is_retired(&self) -> bool {
        self.gate.is_closed()
    }

    /// Takes no more calls. Those that are in flight go on.
    pub(crate) fn retire(&self) {
        self.gate.close();
        self.rights.retire();
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

/// A call that runs in a generation; dropping it ends the call's stay.
pub(crate) struct Entered(Arc<Generation>);

/// A call that entered a generation and may run there.
pub(crate) struct Admitted {
    entered: Entered,
    _decided: MayRun,
}

impl Admitted {
    /// Lets a call in that `enter` has enter, if `decide` says so: it is asked at the beginning of each call, so that an end of trust holds
    /// at once. A generation that was retired meanwhile refuses nobody, for what it stands on may be revoked by then, as the old key is after
    /// a rotation: whoever took its place is asked. Nothing when there is nobody to enter.
    pub(crate) fn find(
        enter: impl Fn() -> Option<Entered>,
        decide: impl Fn(&Generation) -> Result<MayRun, Error>,
    ) -> Option<Result<Self, Error>> {
        loop {
            let entered = enter()?;
            step("decides whether the call is let in");
            match decide(&entered) {
                Ok(_decided) => return Some(Ok(Self { entered, _decided })),
                Err(_) if entered.is_retired() => {}
                Err(refusal) => return Some(Err(refusal)),
            }
        }
    }

    /// Carries the call out.
    pub(crate) fn deliver(&self, call: &Call<'_>, reply: &mut Vec<u8>) -> Result<(), Error> {
        let Generation { guest, rights, .. } = &*self.entered;
        let options = CallOptions::within(call.context.clone());
        guest
            .call_with(call.operation, call.payload, &options, reply)
            .map_err(|error| Error::from_call(rights.actor(), call.operation, error))
    }
}

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

#[cfg(test)]
mod tests {
    use capability_claims::{ClaimsBuilder, KeyKind, KeyPair, TrustPolicy, sign_module};

    use host_audit::{AuditLog, OnFailure};

    use super::*;
    use crate::{Host, SwapOptions};

    fn signed(key: &KeyPair, account: &KeyPair) -> Vec<u8> {
        let guest = r#"(module (memory (export "memory") 1)
            (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))"#;
        let claims = ClaimsBuilder::new(key.public_key());
        sign_module(&wat::parse_str(guest).unwrap(), &claims, account).unwrap()
    }

    /// As when a key is rotated: the new version serves, and the old key is revoked before a call that found the old version asks.
    #[test]
    fn a_call_that_found_a_version_which_was_replaced_is_decided_by_the_next() {
        let [old, new] = [(); 2].map(|()| KeyPair::generate(KeyKind::Account).unwrap());
        let key = KeyPair::generate(KeyKind::Module).unwrap();
        let both = TrustPolicy::nobody().account(old.public_key()).account(new.public_key());
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.log");
        let log = AuditLog::open(&path, OnFailure::Refuse).unwrap();
        let host = Host::builder().trust(both.clone()).drain_deadline(Duration::ZERO).audit(log);
        let host = host.build().unwrap();
        let actor = host.add_actor(signed(&key, &old)).unwrap();
        let (shared, now) = (host.shared(), host.shared().policy.now());
        let asked = std::cell::RefCell::new(Vec::new());
        let decide = |generation: &Generation| {
            asked.borrow_mut().push(generation.number);
            if generation.number == 1 {
                let options = SwapOptions::new().hand_over_to(new.public_key()).force(true);
                host.replace_actor_with(signed(&key, &new), options).unwrap();
                host.replace_policy(both.clone().revoke_key(old.public_key())).unwrap();
            }
            generation.rights.may_run(now)
        };
        let admitted = Admitted::find(|| shared.actors.enter(actor.as_str()), decide).unwrap();
        assert!(admitted.is_ok(), "{:?}", admitted.err());
        assert_eq!(*asked.borrow(), [1, 2]);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("actor_swapped") && !text.contains("actor_barred"), "the actor serves: {text}");
        // Where nobody took its place, there is nobody to be called.
        let removing = |generation: &Generation| {
            host.remove_actor(&actor).unwrap();
            Err(generation.rights.may_run(now).err().unwrap_or(Error::ShuttingDown))
        };
        assert!(Admitted::find(|| shared.actors.enter(actor.as_str()), removing).is_none());
    }
}

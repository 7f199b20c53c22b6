//! The owner's policy: the one of this moment, and another in its place while actors run.

use std::{
    fmt::{self, Display},
    sync::Arc,
};

use bytes::Bytes;
use capability_claims::{ClaimsError, Clock, TrustPolicy, VerifiedModule};
use capability_provider::ActorId;
use parking_lot::{RwLock, RwLockReadGuard};
use serde::Serialize;

use crate::{
    actors::Actor,
    error::Error,
    generation::Generation,
    shared::Shared,
    status::{as_text, as_texts},
};

/// The trust policy together with the clock that it is judged by.
pub(crate) struct Policy {
    /// Held for reading while an actor is put in its place, and for writing while another policy is: so every actor has the
    /// rights of the newest policy. No call waits for it, and it waits for none.
    trust: RwLock<Arc<TrustPolicy>>,
    clock: Arc<dyn Clock>,
}

impl Policy {
    pub(crate) fn new(trust: TrustPolicy, clock: Arc<dyn Clock>) -> Self {
        Self { trust: RwLock::new(Arc::new(trust)), clock }
    }

    /// The policy, which stays in its place for as long as this is held.
    pub(crate) fn trust(&self) -> RwLockReadGuard<'_, Arc<TrustPolicy>> {
        self.trust.read()
    }

    /// The time, in seconds since 1970.
    pub(crate) fn now(&self) -> u64 {
        self.clock.now()
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// The only way from bytes to a module that this host runs. A chain that is given beside the module takes the place of
    /// one inside it.
    pub(crate) fn admit(
        &self,
        wasm: Bytes,
        chain: Option<&[String]>,
        now: u64,
    ) -> Result<VerifiedModule, ClaimsError> {
        // Hashing a large module takes its time, which a change of policy does not wait for.
        let trust = Arc::clone(&self.trust());
        let Some(tokens) = chain else { return trust.verify(wasm, now) };
        let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
        trust.verify_with_chain(wasm, &tokens, now)
    }
}

/// What another policy changed for the actors that are here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PolicyReport {
    /// Actors that might be called before and are refused from now on, in the order of their ids.
    pub barred: Vec<BarredActor>,
    /// Actors that were refused before and may be called again, in the order of their ids.
    #[serde(serialize_with = "as_texts")]
    pub restored: Vec<ActorId>,
}

/// An actor that the policy does not let run. It stays in place: a policy that lets it, or another version, brings it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BarredActor {
    /// The actor.
    #[serde(serialize_with = "as_text")]
    pub id: ActorId,
    /// Why it may not run, in words that name it.
    pub reason: String,
}

impl Shared {
    /// Puts another policy in the place of the one that decides, for the host and for every generation that is here.
    ///
    /// It takes no turn: a key that was lost is revoked at once, and not when somebody's drain is over.
    pub(crate) fn replace_policy(&self, policy: TrustPolicy) -> Result<PolicyReport, Error> {
        let mut trust = self.policy.trust.write();
        if self.doors.is_closed() {
            return Err(Error::ShuttingDown);
        }
        let now = self.policy.now();
        self.audit.policy(&policy, now)?;
        *trust = Arc::new(policy);
        let serving: Vec<_> = self.actors.all().iter().filter_map(|actor| actor.adopt(&trust, now)).collect();
        // Records take their time, so they come when the policy decides everywhere.
        let mut report = PolicyReport { barred: Vec::new(), restored: Vec::new() };
        for (generation, held_before) in &serving {
            report.note(generation, *held_before, now);
        }
        Ok(report)
    }
}

impl Actor {
    /// Gives all generations the policy. Returns the one that serves, and whether it might be called before.
    fn adopt(&self, trust: &Arc<TrustPolicy>, now: u64) -> Option<(Arc<Generation>, bool)> {
        let (serving, older) = self.generations();
        let held = serving.as_ref().map(|serving| serving.rights.hold(now).is_ok());
        for generation in serving.iter().chain(&older) {
            generation.rights.adopt(trust, now);
        }
        serving.zip(held)
    }
}

impl PolicyReport {
    fn note(&mut self, serving: &Generation, held_before: bool, now: u64) {
        let id = serving.rights.actor().clone();
        match serving.rights.may_run(now) {
            Err(reason) if held_before => self.barred.push(BarredActor { id, reason: reason.to_string() }),
            Ok(()) if !held_before => self.restored.push(id),
            _ => {}
        }
    }
}

impl Display for PolicyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "another policy decides: {} barred, {} restored", self.barred.len(), self.restored.len())?;
        for BarredActor { reason, .. } in &self.barred {
            write!(f, "\n{reason}")?;
        }
        for id in &self.restored {
            write!(f, "\n{id} may be called again")?;
        }
        Ok(())
    }
}

//! What one generation of an actor may do: the grants of its token *and* the owner's policy, asked at every use.

use std::{mem, sync::Arc};

use capability_claims::{Access, ClaimsError, ModuleClaims, Permit, TrustPolicy};
use capability_provider::ActorId;
use parking_lot::RwLock;

use crate::{audit::Audit, error::Error, policy::Policy, trail::Trail};

/// The rights of one generation, under the policy of this moment.
///
/// The lock is held for a decision, which is a look-up, or for a change of policy; never across a call.
pub(crate) struct Rights {
    actor: ActorId,
    claims: ModuleClaims,
    terms: RwLock<Terms>,
    trail: Trail,
}

/// A policy and what it made of the claims.
struct Terms {
    policy: Arc<TrustPolicy>,
    /// The prepared decision. `None` when the claims did not hold as the policy came; the policy itself is asked then.
    permit: Option<Permit>,
}

impl Rights {
    pub(crate) fn new(claims: ModuleClaims, actor: ActorId, policy: &Policy, audit: Arc<Audit>) -> Self {
        let terms = Terms::new(Arc::clone(&policy.trust()), &claims, policy.now());
        let trail = Trail::new(actor.clone(), audit, sorted(claims.caps()));
        Self { actor, claims, terms: RwLock::new(terms), trail }
    }

    pub(crate) fn actor(&self) -> &ActorId {
        &self.actor
    }

    pub(crate) fn claims(&self) -> &ModuleClaims {
        &self.claims
    }

    /// From here on this policy decides.
    pub(crate) fn adopt(&self, policy: &Arc<TrustPolicy>, now: u64) {
        let terms = Terms::new(Arc::clone(policy), &self.claims, now);
        // The old terms are dropped after the lock.
        let _old = mem::replace(&mut *self.terms.write(), terms);
        self.trail.begin_anew();
    }

    /// From here on this policy decides, if it lets the actor in.
    pub(crate) fn admit(&self, policy: &Arc<TrustPolicy>, now: u64) -> Result<(), Error> {
        self.adopt(policy, now);
        let refused =
            |source| Error::Refused { module: Some((&self.claims).into()), source: Box::new(source) };
        self.hold(now).map_err(refused)
    }

    /// Whether the actor may be called at `now`. Asked at the beginning of every call.
    pub(crate) fn may_run(&self, now: u64) -> Result<(), Error> {
        let holds = self.hold(now).map_err(|source| self.no_longer_valid(source));
        self.trail.seen(&self.claims, holds, now)
    }

    /// Whether the token holds under the policy at `now`.
    pub(crate) fn hold(&self, now: u64) -> Result<(), ClaimsError> {
        self.terms.read().check(&self.claims, now)
    }

    /// Whether the actor may do this at `now`: the one decision before every call to a provider, to another actor, and of a
    /// provider to this actor.
    pub(crate) fn allow(&self, access: &Access<'_>, now: u64) -> Result<(), Error> {
        let terms = self.terms.read();
        let Err(source) = terms.allows(&self.claims, access, now) else { return Ok(()) };
        // An end of trust is told apart from what was never granted.
        let refusal = match terms.check(&self.claims, now) {
            Ok(()) => self.beyond(source),
            Err(source) => self.no_longer_valid(source),
        };
        drop(terms);
        Err(self.denied(access, refusal, now))
    }

    /// A use that was allowed is about to happen.
    pub(crate) fn used(&self, access: &Access<'_>, now: u64) -> Result<(), Error> {
        self.trail.used(access, now)
    }

    /// A use is denied, for this or for another reason.
    pub(crate) fn denied(&self, access: &Access<'_>, error: Error, now: u64) -> Error {
        self.trail.denied(access, &error, now);
        error
    }

    /// What it may use at `now`, in the order of the ids: nothing when it may not run.
    pub(crate) fn allowed(&self, now: u64) -> Vec<String> {
        let permit = self.terms.read().policy.permit(&self.claims, now).ok();
        let mut allowed: Vec<_> =
            permit.iter().flat_map(Permit::granted).map(|grant| grant.to_string()).collect();
        allowed.dedup();
        allowed
    }

    /// What its token grants, in the order of the ids.
    pub(crate) fn granted(&self) -> Vec<String> {
        sorted(self.claims.caps())
    }

    fn beyond(&self, source: ClaimsError) -> Error {
        let (actor, source) = (self.actor.clone(), Box::new(source));
        match *source {
            ClaimsError::NotGranted { .. } => Error::NotGranted { actor, source },
            _ => Error::BeyondPolicy { actor, source },
        }
    }

    fn no_longer_valid(&self, source: ClaimsError) -> Error {
        let (actor, module) = (self.actor.clone(), (&self.claims).into());
        Error::NoLongerValid { actor, module, source: Box::new(source) }
    }
}

/// Every grant once, in order.
fn sorted(grants: &[String]) -> Vec<String> {
    let mut grants = grants.to_vec();
    grants.sort_unstable();
    grants.dedup();
    grants
}

impl Terms {
    fn new(policy: Arc<TrustPolicy>, claims: &ModuleClaims, now: u64) -> Self {
        Self { permit: policy.permit(claims, now).ok(), policy }
    }

    fn check(&self, claims: &ModuleClaims, now: u64) -> Result<(), ClaimsError> {
        match &self.permit {
            Some(permit) => permit.check(now),
            None => self.policy.check(claims, now),
        }
    }

    fn allows(&self, claims: &ModuleClaims, access: &Access<'_>, now: u64) -> Result<(), ClaimsError> {
        match &self.permit {
            Some(permit) => permit.allows(access, now),
            None => self.policy.allows(claims, access, now),
        }
    }
}

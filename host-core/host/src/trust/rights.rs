//! Decides what one generation of an actor may do: the grants of its token *and* the owner's policy, asked at every use.

use std::{
    mem,
    sync::{Arc, OnceLock},
};

use capability_claims::{Access, ClaimsError, Clock, ModuleClaims};
use capability_provider::ActorId;
use parking_lot::RwLock;

use crate::{
    actors::names,
    error::Error,
    steps::step,
    trust::{
        audit::Audit,
        decision::{Permits, Trust},
        ownership::{Predecessor, Succession},
        trail::Trail,
        uses::{Allowed, Use, Uses},
    },
};

/// The step in which a module is let in.
pub(crate) const LET_IN: &str = "is let in";

/// The rights of one generation, under the policy of this moment.
///
/// The lock is held for a decision, which is a look-up, or for a change of policy; never across a call.
pub(crate) struct Rights {
    actor: ActorId,
    claims: ModuleClaims,
    terms: RwLock<Terms>,
    /// What it asked for first while its module started.
    asked_early: OnceLock<String>,
    trail: Arc<Trail>,
}

/// What decides, and what it made of the claims.
struct Terms {
    stage: Stage,
    trust: Trust,
    /// The prepared decision. `None` when the claims did not hold as the policy came; the policy itself is asked then.
    permits: Option<Permits>,
    /// Nothing where nothing is recorded.
    uses: Option<Arc<Uses>>,
}

/// Where a generation stands in its life. Only one that is let in may do anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its module is started, to see whether it runs.
    Starting,
    /// It is let in, and that is recorded.
    Admitted,
    /// It was taken away. A call that a provider holds may still come back to the guest.
    Ended,
}

/// That the token holds under the policy.
pub(crate) struct MayRun(());

impl Rights {
    /// The rights of a module that is about to start, under what decides as they are [enrolled](crate::trust::policy::Policy::enrol). They are none
    /// until it is let in.
    pub(crate) fn begin(
        claims: ModuleClaims,
        actor: ActorId,
        clock: Arc<dyn Clock>,
        audit: Arc<Audit>,
    ) -> impl FnOnce(Trust) -> Self {
        let trail = Arc::new(Trail::new(actor.clone(), audit, clock, sorted(claims.caps())));
        move |trust| {
            let terms = Terms { stage: Stage::Starting, trust, permits: None, uses: None };
            Self { actor, claims, terms: RwLock::new(terms), asked_early: OnceLock::new(), trail }
        }
    }

    pub(crate) fn actor(&self) -> &ActorId {
        &self.actor
    }

    pub(crate) fn claims(&self) -> &ModuleClaims {
        &self.claims
    }

    /// From here on this decides.
    pub(crate) fn adopt(&self, trust: &Trust, now: u64) {
        if self.terms.read().trust.is(trust) {
            return;
        }
        let (permits, uses) = (trust.permits(&self.claims, now), self.trail.uses().map(Arc::new));
        step("adopts the policy");
        let mut terms = self.terms.write();
        let stage = terms.stage;
        // The old terms are dropped after the lock.
        let _old = mem::replace(&mut *terms, Terms { stage, trust: trust.clone(), permits, uses });
        drop(terms);
        self.trail.begin_anew();
    }

    /// The module is let in, if what decides at this moment lets it, also in the place of another when there is one: from here on it
    /// may do what it is granted. Returns from whom the actor was handed over, if it was.
    ///
    /// # Errors
    /// [`Error::Refused`] or [`Error::NotTheOwner`]: it goes on to have no rights.
    pub(crate) fn admit(
        &self,
        place_of: Option<&Predecessor>,
        now: u64,
    ) -> Result<Option<Succession>, Error> {
        let (trust, uses) = (self.terms.read().trust.clone(), self.trail.uses().map(Arc::new));
        let permits = trust.permits(&self.claims, now);
        step(LET_IN);
        let mut terms = self.terms.write();
        if terms.trust.is(&trust) {
            (terms.permits, terms.uses) = (permits, uses);
        }
        terms.check(&self.claims, now).map_err(|source| self.refused(source))?;
        let succession = place_of
            .map_or(Ok(None), |place| place.gives_way(&self.actor, &self.claims, &terms.trust, now))?;
        terms.stage = Stage::Admitted;
        Ok(succession)
    }

    /// Another generation serves, or none: that this one may not be called any more is no matter of the actor's.
    pub(crate) fn retire(&self) {
        self.trail.retire();
    }

    /// The generation was taken away: whatever comes of it still is refused.
    pub(crate) fn end(&self) {
        self.terms.write().stage = Stage::Ended;
    }

    /// Whether the log has something of it written at this moment.
    #[cfg(test)]
    pub(crate) fn is_recording(&self) -> bool {
        self.trail.is_recording()
    }

    /// Records what was counted, as far as it is not.
    pub(crate) fn conclude(&self) {
        self.trail.conclude();
    }

    /// Whether what decides at this moment lets the module in.
    pub(crate) fn could_be_admitted(&self, now: u64) -> Result<(), Error> {
        self.hold(now).map_err(|source| self.refused(source))
    }

    /// Whether the actor may be called at `now`. Asked at the beginning of every call.
    pub(crate) fn may_run(&self, now: u64) -> Result<MayRun, Error> {
        let holds = |now| self.hold(now).map_err(|source| self.no_longer_valid(source));
        self.trail.seen(&self.claims, holds(now), holds).map(|()| MayRun(()))
    }

    /// Whether the token holds under the policy at `now`.
    pub(crate) fn hold(&self, now: u64) -> Result<(), ClaimsError> {
        self.terms.read().check(&self.claims, now)
    }

    /// Whether the actor may do this at `now`: the one decision before every call to a provider, to another actor, and of a
    /// provider to this actor.
    #[inline]
    pub(crate) fn allow(&self, access: &Access<'_>, now: u64) -> Result<Allowed, Error> {
        let terms = self.terms.read();
        if terms.remember(access, now) {
            return Ok(terms.look(access));
        }
        drop(terms);
        self.allow_or_deny(access, now)
    }

    /// The rest of [`allow`](Self::allow), where the answer is not at hand.
    #[cold]
    fn allow_or_deny(&self, access: &Access<'_>, now: u64) -> Result<Allowed, Error> {
        self.would_allow(access, now).map_err(|refusal| self.denied(access, refusal, now))
    }

    /// The same decision where nothing is to be used: whoever only asks how things are leaves no record.
    pub(crate) fn would_allow(&self, access: &Access<'_>, now: u64) -> Result<Allowed, Error> {
        let terms = self.terms.read();
        let source = match terms.stage {
            Stage::Admitted => match terms.allows(&self.claims, access, now) {
                Ok(()) => return Ok(terms.look(access)),
                Err(source) => source,
            },
            stage => return Err(self.has_none(stage, access)),
        };
        // An end of trust is told apart from what was never granted.
        Err(match terms.check(&self.claims, now) {
            Ok(()) => self.beyond(source),
            Err(source) => self.no_longer_valid(source),
        })
    }

    /// As [`allow`](Self::allow), for a call that a provider delivers to the actor: that it may be called is decided with it.
    pub(crate) fn allow_delivery(&self, access: &Access<'_>, now: u64) -> Result<MayRun, Error> {
        let holds = |now| self.hold(now).map_err(|source| self.no_longer_valid(source));
        let allowed = self.allow(access, now).and_then(|allowed| {
            self.trail.seen(&self.claims, Ok(()), holds)?;
            self.used(allowed, access, now)
        });
        match allowed {
            Ok(_) => Ok(MayRun(())),
            Err(error @ Error::NoLongerValid { .. }) => {
                self.trail.seen(&self.claims, Err(error), holds).map(|()| MayRun(()))
            }
            Err(error) => Err(error),
        }
    }

    /// Whether anything at all is left to the actor of what lies behind a link.
    pub(crate) fn reaches(&self, capability: &str, link: &str, now: u64) -> Result<(), Error> {
        match self.would_allow(&Access::capability(capability, link, ""), now) {
            // Of that operation it is not told, but of the link.
            Err(Error::BeyondPolicy { source, .. })
                if matches!(*source, ClaimsError::OperationBeyondLimit { .. }) =>
            {
                Ok(())
            }
            decided => decided.map(drop),
        }
    }

    /// A use that was allowed is about to happen. What the log has to know of it is written before, which may take as long as the disk
    /// does, and then it is decided again.
    #[inline]
    pub(crate) fn used(&self, allowed: Allowed, access: &Access<'_>, now: u64) -> Result<Use, Error> {
        match allowed {
            Allowed::Known => Ok(Use::AtOnce),
            allowed => self.used_for_the_log(allowed, access, now),
        }
    }

    #[cold]
    fn used_for_the_log(
        &self,
        mut allowed: Allowed,
        access: &Access<'_>,
        mut now: u64,
    ) -> Result<Use, Error> {
        let mut used = Use::AtOnce;
        while self.trail.used(&allowed, access, now)? == Use::AfterRecord {
            step("decides again on a use that was recorded");
            (used, now) = (Use::AfterRecord, self.trail.now());
            allowed = match self.allow(access, now)? {
                // It is counted by now.
                Allowed::Counted => break,
                allowed => allowed,
            };
        }
        Ok(used)
    }

    /// A use is denied, for this or for another reason.
    pub(crate) fn denied(&self, access: &Access<'_>, error: Error, now: u64) -> Error {
        self.trail.denied(access, &error, now);
        if let Error::NotAdmitted { capability, .. } = &error {
            let _is_first = self.asked_early.set(capability.clone());
        }
        error
    }

    /// What its module asked for first while it started, if it asked for anything.
    pub(crate) fn asked_early(&self) -> Option<&str> {
        self.asked_early.get().map(String::as_str)
    }

    /// What it may use at `now`, in the order of the ids: nothing when it may not run.
    pub(crate) fn allowed(&self, now: u64) -> Vec<String> {
        let trust = self.terms.read().trust.clone();
        trust.permits(&self.claims, now).map_or_else(Vec::new, |permits| permits.allowed())
    }

    /// What its token grants, in the order of the ids.
    pub(crate) fn granted(&self) -> Vec<String> {
        sorted(self.claims.caps())
    }

    fn has_none(&self, stage: Stage, access: &Access<'_>) -> Error {
        let actor = self.actor.clone();
        match stage {
            Stage::Ended => Error::Ended { actor, operation: names::shown(access.operation) },
            Stage::Starting | Stage::Admitted => {
                let (name, capability) = (names::of(&self.claims), names::shown(access.capability));
                Error::NotAdmitted { actor, name, capability }
            }
        }
    }

    fn beyond(&self, source: ClaimsError) -> Error {
        let (actor, source) = (self.actor.clone(), Box::new(source));
        match *source {
            ClaimsError::NotGranted { .. } => Error::NotGranted { actor, source },
            _ => Error::BeyondPolicy { actor, source },
        }
    }

    fn refused(&self, source: ClaimsError) -> Error {
        Error::Refused { module: Some((&self.claims).into()), source: Box::new(source) }
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
    fn check(&self, claims: &ModuleClaims, now: u64) -> Result<(), ClaimsError> {
        match &self.permits {
            Some(permits) => permits.check(now),
            None => self.trust.check(claims, now),
        }
    }

    /// What is known of a use that is allowed.
    #[inline]
    fn look(&self, access: &Access<'_>) -> Allowed {
        self.uses.as_ref().map_or(Allowed::Known, |uses| uses.look(access))
    }

    /// Whether it is at hand that the module may do this.
    #[inline]
    fn remember(&self, access: &Access<'_>, now: u64) -> bool {
        self.stage == Stage::Admitted
            && self.permits.as_ref().is_some_and(|permits| permits.remember(access, now))
    }

    fn allows(&self, claims: &ModuleClaims, access: &Access<'_>, now: u64) -> Result<(), ClaimsError> {
        match &self.permits {
            Some(permits) => permits.allows(access, now),
            None => self.trust.allows(claims, access, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use capability_claims::{ClaimsBuilder, KeyKind, KeyPair, TrustPolicy, sign_module};
    use host_audit::{AuditLog, OnFailure};

    use super::*;
    use crate::Host;

    /// As when a call is decided on, and others see the next policy before it says what it saw.
    #[test]
    fn who_says_late_what_he_saw_of_a_policy_before_changes_nothing() {
        let [account, key] = [KeyKind::Account, KeyKind::Module].map(|kind| KeyPair::generate(kind).unwrap());
        let guest = r#"(module (memory (export "memory") 1)
            (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))"#;
        let claims = ClaimsBuilder::new(key.public_key());
        let module = sign_module(&wat::parse_str(guest).unwrap(), &claims, &account).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.log");
        let ours = TrustPolicy::nobody().account(account.public_key());
        let log = AuditLog::open(&path, OnFailure::Refuse).unwrap();
        let host = Host::builder().trust(ours.clone()).audit(log).build().unwrap();
        let actor = host.add_actor(module).unwrap();
        let rights =
            Arc::clone(&host.shared().actors.find(actor.as_str()).unwrap().current().unwrap().rights);
        let now = host.shared().policy.now();
        let holds = |now| rights.hold(now).map_err(|source| rights.no_longer_valid(source));
        let changes = || {
            let text = fs::read_to_string(&path).unwrap();
            ["actor_barred", "actor_restored"].map(|event| text.matches(&format!("\"{event}\"")).count())
        };

        let lets_it = holds(now);
        host.replace_policy(TrustPolicy::nobody()).unwrap();
        let bars_it = holds(now);
        assert_eq!(changes(), [1, 0]);
        // The policy lets nobody run now, whoever saw another before.
        assert!(rights.trail.seen(&rights.claims, lets_it, holds).is_err());
        assert_eq!(changes(), [1, 0]);

        host.replace_policy(ours).unwrap();
        assert_eq!(changes(), [1, 1]);
        assert!(rights.trail.seen(&rights.claims, bars_it, holds).is_err());
        host.call(&actor, "op", b"").unwrap();
        assert_eq!(changes(), [1, 1]);
    }
}

//! Puts another policy in the place of the one that decides, while actors run.

use std::{sync::Arc, time::Instant};

use capability_claims::TrustPolicy;
use host_audit::Event;

use crate::{
    actors::generation::Generation,
    error::Error,
    reports::policy_report::{BarredActor, PolicyReport},
    shared::Shared,
    steps::step,
    trust::audit::TRY_AGAIN,
};

impl Shared {
    /// Puts another policy in the place of the one that decides, for the host and for everybody who has rights here.
    ///
    /// It takes no turn: a key that was lost is revoked at once, and not when somebody's drain is over. What it takes away holds
    /// before it is recorded, what it allows only afterwards: so no disk keeps a revocation waiting.
    pub(crate) fn replace_policy(self: &Arc<Self>, policy: TrustPolicy) -> Result<PolicyReport, Error> {
        if self.has_ended() {
            return Err(Error::ShuttingDown);
        }
        let now = self.policy.now();
        let serving: Vec<_> = self.actors.all().iter().filter_map(|actor| actor.current()).collect();
        let held: Vec<bool> = serving.iter().map(|serving| serving.rights.hold(now).is_ok()).collect();
        let recorded = if self.audit.enabled() {
            step("has the new policy agree as well");
            let hash = self.policy.narrow(policy);
            step("takes from everybody what the policy takes away");
            self.policy.spread(now);
            step("records the policy");
            self.policy.record(Some(hash), |policy, tried| self.record_policy(policy, tried, now))
        } else {
            self.policy.replace(policy);
            Ok(())
        };
        step("gives everybody what the policy allows");
        self.policy.spread(now);
        let mut report = PolicyReport { barred: Vec::new(), restored: Vec::new() };
        // Who was replaced meanwhile tells nothing of the actor.
        let still = serving.iter().zip(held).filter(|(generation, _)| !generation.is_retired());
        for (generation, held_before) in still {
            report.note(generation, held_before, now);
        }
        recorded.map(|()| report.clone()).map_err(|error| self.waits(report, error))
    }

    /// A policy that could not be read is worth a record: whoever broke its file keeps a revocation away.
    pub(crate) fn policy_unreadable(&self, reason: &str) {
        self.audit.note(
            self.policy.now(),
            &Event::PolicyUnreadable { reason },
            "a policy that is not readable",
        );
    }

    /// A policy waits for the log, which is tried again until it takes the record.
    fn waits(self: &Arc<Self>, report: PolicyReport, error: Error) -> Error {
        self.record_policies_later();
        match error {
            Error::NotRecorded { source, .. } => Error::PolicyWaits { report: Box::new(report), source },
            other => other,
        }
    }

    fn record_policies_later(self: &Arc<Self>) {
        if !self.policy.sees_to_it() {
            return;
        }
        let host = Arc::downgrade(self);
        let put_off = self.audit.later(Instant::now() + TRY_AGAIN, move || {
            if let Some(host) = host.upgrade() {
                host.record_policies();
            }
        });
        if !put_off {
            self.policy.saw_to_it();
        }
    }

    /// A record that is tried again is not counted as lost once more.
    fn record_policy(&self, policy: &TrustPolicy, tried: bool, now: u64) -> Result<(), Error> {
        if tried { self.audit.policy_again(policy, now) } else { self.audit.policy(policy, now) }
    }

    /// Records the policies that wait; those that are recorded hold as a whole from then on.
    pub(crate) fn record_policies(self: &Arc<Self>) {
        let now = self.policy.now();
        self.policy.saw_to_it();
        let recorded = self.policy.record(None, |policy, tried| self.record_policy(policy, tried, now));
        self.policy.spread(now);
        match recorded {
            Ok(()) => log::info!("the policy that waited for the audit log is recorded and holds as a whole"),
            Err(Error::NotRecorded { .. }) => self.record_policies_later(),
            Err(_) => {}
        }
    }
}

impl PolicyReport {
    fn note(&mut self, serving: &Generation, held_before: bool, now: u64) {
        let id = serving.rights.actor().clone();
        match serving.rights.may_run(now) {
            Err(reason) if held_before => self.barred.push(BarredActor { id, reason: reason.to_string() }),
            Ok(_) if !held_before => self.restored.push(id),
            _ => {}
        }
    }
}

//! Keeps what the audit log has of one generation: each grant's uses, each denial once, and that the actor may not be called.
//!
//! A guest can use and be denied as often as it likes, in words of its own. Each use and each denial is recorded once in the time of one
//! policy, and only up to a number of each kind; what comes then is counted, and the count is recorded at intervals and at the end. So
//! neither memory nor the file grows with what a guest does, and nothing that it does is passed over in silence.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use capability_claims::{Access, Clock, Label, ModuleClaims};
use capability_provider::ActorId;
use host_audit::{Counted, Event};
use parking_lot::Mutex;

use crate::{
    actors::names,
    error::Error,
    steps::step,
    trust::{
        audit::Audit,
        tally::{Asked, LONGEST_WAIT, Next, Tally},
        uses::{Allowed, Use, Uses},
    },
};

/// The most denials of one grant that are recorded one by one while one policy decides.
const MOST_OF_A_GRANT: usize = 16;
/// The same for all that the token does not grant, taken together.
const MOST_OF_NO_GRANT: usize = 64;

pub(crate) struct Trail {
    actor: ActorId,
    audit: Arc<Audit>,
    clock: Arc<dyn Clock>,
    /// What the token grants, in the order of the ids; empty when nothing is recorded.
    grants: Arc<[String]>,
    /// Held while something is recorded that is recorded once.
    once: Mutex<()>,
    /// Which denials are recorded, by their hashes, for each grant and for what is none.
    denied: Mutex<HashMap<Option<usize>, HashSet<u64>>>,
    hasher: RandomState,
    counts: Mutex<Counts>,
    /// Whether it was last seen that the actor may not be called.
    barred: AtomicBool,
    /// Whether its generation serves no more.
    retired: AtomicBool,
}

#[derive(Default)]
struct Counts {
    /// One for each of [`KINDS`].
    tallies: [Tally; 3],
    /// When somebody writes what is due by then, if somebody does.
    seen_to_at: Option<Instant>,
}

/// What is counted apart, so that the one does not hide the other.
const KINDS: [Counted; 3] = [Counted::Uses, Counted::DenialsOfGrants, Counted::OtherDenials];

impl Trail {
    pub(crate) fn new(actor: ActorId, audit: Arc<Audit>, clock: Arc<dyn Clock>, grants: Vec<String>) -> Self {
        let grants = if audit.enabled() { grants.into() } else { Arc::default() };
        Self {
            actor,
            audit,
            clock,
            grants,
            once: Mutex::default(),
            denied: Mutex::default(),
            hasher: RandomState::new(),
            counts: Mutex::default(),
            barred: AtomicBool::new(false),
            retired: AtomicBool::new(false),
        }
    }

    /// The time, in seconds since 1970.
    pub(crate) fn now(&self) -> u64 {
        self.clock.now()
    }

    /// What is recorded of the time of one policy, which begins; nothing where nothing is recorded.
    pub(crate) fn uses(&self) -> Option<Uses> {
        (!self.grants.is_empty()).then(|| Uses::of(Arc::clone(&self.grants)))
    }

    /// Another policy decides: what is denied from here on is recorded anew.
    pub(crate) fn begin_anew(&self) {
        self.denied.lock().clear();
        self.counts.lock().tallies.iter_mut().for_each(Tally::begin_anew);
    }

    /// A use that was allowed is about to happen. A record that it needs is written before, and told.
    pub(crate) fn used(
        self: &Arc<Self>,
        allowed: &Allowed,
        access: &Access<'_>,
        now: u64,
    ) -> Result<Use, Error> {
        match allowed {
            Allowed::Known => Ok(Use::AtOnce),
            Allowed::First(uses) => self.first_use(uses, access, now),
            Allowed::Counted => self.count(Counted::Uses, access, now),
        }
    }

    fn first_use(self: &Arc<Self>, uses: &Arc<Uses>, access: &Access<'_>, now: u64) -> Result<Use, Error> {
        let _one_at_a_time = self.once.lock();
        match uses.look(access) {
            // Somebody else wrote the record, and this one waited for him.
            Allowed::Known => return Ok(Use::AfterRecord),
            Allowed::Counted => return self.count(Counted::Uses, access, now),
            Allowed::First(_) => {}
        }
        let &Access { capability, link, operation, .. } = access;
        let event = Event::GrantUsed { actor: self.actor.as_str(), capability, link, operation };
        let what = format!("the first use of {} by {}", names::shown(capability), self.actor);
        self.audit.record(now, &event, &what)?;
        uses.add(access);
        Ok(Use::AfterRecord)
    }

    /// A use was denied.
    pub(crate) fn denied(self: &Arc<Self>, access: &Access<'_>, error: &Error, now: u64) {
        if !self.audit.enabled() {
            return;
        }
        let grant = self.grants.binary_search_by(|grant| grant.as_str().cmp(access.capability)).ok();
        let (kind, most) = match grant {
            Some(_) => (Counted::DenialsOfGrants, MOST_OF_A_GRANT),
            None => (Counted::OtherDenials, MOST_OF_NO_GRANT),
        };
        match self.is_new(grant, access, most) {
            Some(true) => {
                let &Access { capability, link, operation, .. } = access;
                let (actor, reason) = (self.actor.as_str(), &error.to_string());
                let event = Event::GrantDenied { actor, capability, link, operation, reason };
                self.audit.note(now, &event, "a denied use");
            }
            Some(false) => {}
            // It is denied in any case.
            None => drop(self.count(kind, access, now)),
        }
    }

    /// Whether a denial is to be recorded; `None` when there were too many different ones.
    fn is_new(&self, grant: Option<usize>, access: &Access<'_>, most: usize) -> Option<bool> {
        let hash = self.hasher.hash_one((access.capability, access.link, access.operation));
        let mut denied = self.denied.lock();
        let denied = denied.entry(grant).or_default();
        if denied.contains(&hash) {
            return Some(false);
        }
        (denied.len() < most).then(|| denied.insert(hash))
    }

    /// Counts what has no record of its own. The log is told when that begins: before a use, so that it is as with its record.
    fn count(self: &Arc<Self>, kind: Counted, access: &Access<'_>, now: u64) -> Result<Use, Error> {
        let next = self.counts.lock().tallies[kind as usize].add(access, now);
        match next {
            Next::Begin => {
                let event = Event::CountingBegan { actor: self.actor.as_str(), of: kind };
                let what = format!("that from here on {} of {} are counted", kind.words(), self.actor);
                let recorded = match kind {
                    Counted::Uses => self.audit.record(now, &event, &what),
                    _ => {
                        self.audit.note(now, &event, &what);
                        Ok(())
                    }
                };
                if recorded.is_err() {
                    self.counts.lock().tallies[kind as usize].take_back();
                }
                log::warn!("{}: further {} are counted in the audit log", self.actor, kind.words());
                self.write_later(now);
                recorded.map(|()| Use::AfterRecord)
            }
            Next::Write => {
                self.write_counts(now, true);
                Ok(Use::AfterRecord)
            }
            Next::Wait => {
                self.write_later(now);
                Ok(Use::AtOnce)
            }
        }
    }

    /// Writes what was counted: what is due, or all.
    fn write_counts(&self, now: u64, due: bool) {
        for (at, kind) in KINDS.into_iter().enumerate() {
            let taken = self.counts.lock().tallies[at].take(now, due);
            let Some((count, Asked { capability, link, operation })) = taken else { continue };
            let event = Event::Counted {
                actor: self.actor.as_str(),
                of: kind,
                count,
                capability: &capability,
                link: link.as_deref(),
                operation: &operation,
            };
            self.audit.note(now, &event, "a count");
        }
    }

    /// Has the counts written when they are due, unless somebody sees to that by then, and again as long as something is counted.
    fn write_later(self: &Arc<Self>, now: u64) {
        let mut counts = self.counts.lock();
        let Some(wait) = counts.tallies.iter().filter_map(|tally| tally.wait(now)).min() else { return };
        // A clock that was set back makes nobody wait longer.
        let at = Instant::now() + Duration::from_secs(wait.clamp(1, LONGEST_WAIT));
        if counts.seen_to_at.is_some_and(|before| before <= at) {
            return;
        }
        counts.seen_to_at = Some(at);
        drop(counts);
        let trail = Arc::downgrade(self);
        let put_off = self.audit.later(at, move || {
            if let Some(trail) = trail.upgrade() {
                trail.write_due(at);
            }
        });
        if !put_off {
            log::debug!("{}: what is counted is written at the end, for the host is ending", self.actor);
        }
    }

    /// Writes what is due, for whoever saw to it that this happens `at` that time.
    fn write_due(self: &Arc<Self>, at: Instant) {
        if self.counts.lock().seen_to_at.take_if(|seen_to_at| *seen_to_at == at).is_none() {
            return;
        }
        let now = self.clock.now();
        self.write_counts(now, true);
        self.write_later(now);
    }

    /// Nothing comes any more: what was counted is written.
    pub(crate) fn conclude(&self) {
        if self.audit.enabled() {
            self.write_counts(self.clock.now(), false);
        }
    }

    /// What was seen when it was asked whether the actor may be called. A change is recorded once: what somebody saw may be old by the time
    /// that he says so, so that a change is only believed when it `holds` still, with nobody else recording one.
    pub(crate) fn seen(
        &self,
        claims: &ModuleClaims,
        may_run: Result<(), Error>,
        holds: impl Fn(u64) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let seen = match may_run {
            Ok(()) if !self.barred.load(SeqCst) => return Ok(()),
            Ok(()) => self.restored(claims, &holds),
            Err(error) => Err(error),
        };
        if seen.is_err() {
            self.barred(claims, &holds);
        }
        seen
    }

    /// Whether something is recorded at this moment that is recorded once.
    #[cfg(test)]
    pub(crate) fn is_recording(&self) -> bool {
        self.once.is_locked()
    }

    /// Its generation serves no more.
    pub(crate) fn retire(&self) {
        self.retired.store(true, SeqCst);
    }

    fn barred(&self, claims: &ModuleClaims, holds: impl Fn(u64) -> Result<(), Error>) {
        step("notes that the actor may not be called");
        if self.barred.load(SeqCst) {
            return;
        }
        let _one_at_a_time = self.once.lock();
        let now = self.clock.now();
        if self.barred.load(SeqCst) || self.retired.load(SeqCst) {
            return;
        }
        if let Err(error) = holds(now) {
            log::warn!("{error}");
            let event = Event::ActorBarred { actor: self.actor.as_str(), reason: &error.to_string() };
            self.audit.note(now, &event, &format!("the end of {}", Label::from(claims)));
            self.barred.store(true, SeqCst);
        }
    }

    fn restored(&self, claims: &ModuleClaims, holds: impl Fn(u64) -> Result<(), Error>) -> Result<(), Error> {
        step("notes that the actor may be called again");
        let _one_at_a_time = self.once.lock();
        let now = self.clock.now();
        // Whoever saw that it may is refused where it may not any more.
        holds(now)?;
        if !self.barred.load(SeqCst) {
            return Ok(());
        }
        let reason = "its token and the policy let it run again";
        let event = Event::ActorRestored { actor: self.actor.as_str(), reason };
        self.audit.record(now, &event, &format!("the return of {}", Label::from(claims)))?;
        self.barred.store(false, SeqCst);
        log::info!("{} may be called again", Label::from(claims));
        // The record may have taken any time.
        holds(self.clock.now())
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        self.conclude();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use capability_claims::{ManualClock, TrustPolicy};
    use capability_provider::ActorId;
    use host_audit::{AuditLog, OnFailure};

    use super::*;

    #[test]
    fn what_is_counted_after_a_time_without_anything_is_written_when_it_is_due() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.log");
        let clock = Arc::new(ManualClock::new(1_800_000_000));
        let log = AuditLog::open(&path, OnFailure::Refuse).unwrap();
        let audit = Audit::begin(Some(log), &[], &TrustPolicy::nobody(), Arc::clone(&clock) as _).unwrap();
        let key = capability_claims::KeyPair::generate(capability_claims::KeyKind::Module).unwrap();
        let actor = ActorId::new(&key.public_key().to_string()).unwrap();
        let trail =
            Arc::new(Trail::new(actor, audit, Arc::clone(&clock) as _, vec!["test:other".to_owned()]));
        let deny = |operation: usize| {
            let operation = operation.to_string();
            let access = Access::capability("test:store", "default", &operation);
            trail.denied(&access, &Error::ShuttingDown, clock.now());
        };
        let counts = || {
            let text = fs::read_to_string(&path).unwrap();
            let records = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
            let counts: Vec<_> = records.filter_map(|record| record["count"].as_u64()).collect();
            counts
        };
        let seen_to_at = || trail.counts.lock().seen_to_at;

        (0..MOST_OF_NO_GRANT).for_each(deny);
        assert_eq!(seen_to_at(), None);
        (1000..1003).for_each(deny);
        let first = seen_to_at().unwrap();
        clock.set(clock.now() + 60);
        trail.write_due(first);
        assert_eq!((counts(), seen_to_at()), (vec![3], None));

        // There was nothing to write when it was due.
        clock.set(clock.now() + 10);
        deny(2000);
        let second = seen_to_at().unwrap();
        deny(2001);
        assert_eq!(seen_to_at(), Some(second), "one sees to all");
        trail.write_due(first);
        assert_eq!(counts(), [3], "whose time is over has nothing to see to");
        clock.set(clock.now() + 120);
        trail.write_due(second);
        assert_eq!((counts(), seen_to_at()), (vec![3, 2], None));
    }
}

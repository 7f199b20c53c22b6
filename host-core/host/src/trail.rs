//! What the audit log has of one generation: each grant's first use, each denial once, and that the actor may not be called.
//!
//! A guest can use and be denied as often as it likes. It is recorded once in the time of one policy, and denials only up to a
//! number, so that neither memory nor the file grows with what a guest does.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use capability_claims::{Access, Label, ModuleClaims};
use capability_provider::ActorId;
use host_audit::Event;
use parking_lot::Mutex;

use crate::{audit::Audit, error::Error, names};

/// The most different denials of one generation that are recorded while one policy decides.
const MOST_DENIALS: usize = 64;

pub(crate) struct Trail {
    actor: ActorId,
    audit: Arc<Audit>,
    /// The token's grants, in the order of their ids.
    used: Box<[Used]>,
    /// Held while a first use is recorded, so that there is one record of it.
    first: Mutex<()>,
    /// Which denials are recorded, by their hashes.
    denied: Mutex<HashSet<u64>>,
    hasher: RandomState,
    /// Whether it was last seen that the actor may not be called.
    barred: AtomicBool,
}

/// A grant, and whether its use is recorded.
struct Used {
    capability: Box<str>,
    recorded: AtomicBool,
}

impl Trail {
    pub(crate) fn new(actor: ActorId, audit: Arc<Audit>, grants: Vec<String>) -> Self {
        let used =
            |capability: String| Used { capability: capability.into(), recorded: AtomicBool::new(false) };
        Self {
            actor,
            audit,
            used: grants.into_iter().map(used).collect(),
            first: Mutex::default(),
            denied: Mutex::default(),
            hasher: RandomState::new(),
            barred: AtomicBool::new(false),
        }
    }

    /// Another policy decides: what is used and denied from here on is recorded anew.
    pub(crate) fn begin_anew(&self) {
        self.used.iter().for_each(|used| used.recorded.store(false, SeqCst));
        self.denied.lock().clear();
    }

    /// A use that was allowed is about to happen. Once the first one is recorded this is a look-up.
    pub(crate) fn used(&self, access: &Access<'_>, now: u64) -> Result<(), Error> {
        if !self.audit.enabled() {
            return Ok(());
        }
        let found = self.used.binary_search_by(|used| (*used.capability).cmp(access.capability));
        match found.map(|at| &self.used[at]) {
            Ok(used) if !used.recorded.load(SeqCst) => self.first_use(used, access, now),
            // What is allowed is granted, so it was found.
            _ => Ok(()),
        }
    }

    fn first_use(&self, used: &Used, access: &Access<'_>, now: u64) -> Result<(), Error> {
        let _one_at_a_time = self.first.lock();
        if used.recorded.load(SeqCst) {
            return Ok(());
        }
        let &Access { capability, link, operation, .. } = access;
        let event = Event::GrantUsed { actor: self.actor.as_str(), capability, link, operation };
        let what = format!("the first use of {} by {}", names::shown(capability), self.actor);
        self.audit.record(now, &event, &what)?;
        used.recorded.store(true, SeqCst);
        Ok(())
    }

    /// A use was denied.
    pub(crate) fn denied(&self, access: &Access<'_>, error: &Error, now: u64) {
        if !self.audit.enabled() || !self.is_new(access) {
            return;
        }
        let &Access { capability, link, operation, .. } = access;
        let (actor, reason) = (self.actor.as_str(), &error.to_string());
        let event = Event::GrantDenied { actor, capability, link, operation, reason };
        self.audit.note(now, &event, "a denied use");
    }

    /// Whether a denial is to be recorded.
    fn is_new(&self, access: &Access<'_>) -> bool {
        let hash = self.hasher.hash_one((access.capability, access.link, access.operation));
        let mut denied = self.denied.lock();
        if denied.len() >= MOST_DENIALS {
            return false;
        }
        let new = denied.insert(hash);
        if new && denied.len() == MOST_DENIALS {
            log::warn!(
                "{}: {MOST_DENIALS} different uses were denied; further ones are not recorded until another \
                 policy or another version comes",
                self.actor
            );
        }
        new
    }

    /// What was seen when it was asked whether the actor may be called. A change is recorded once.
    pub(crate) fn seen(
        &self,
        claims: &ModuleClaims,
        may_run: Result<(), Error>,
        now: u64,
    ) -> Result<(), Error> {
        match may_run {
            Ok(()) if !self.barred.load(SeqCst) => Ok(()),
            Ok(()) => self.restored(claims, now),
            Err(error) => {
                if !self.barred.swap(true, SeqCst) {
                    log::warn!("{error}");
                    let event = Event::ActorBarred { actor: self.actor.as_str(), reason: &error.to_string() };
                    self.audit.note(now, &event, &format!("the end of {}", Label::from(claims)));
                }
                Err(error)
            }
        }
    }

    fn restored(&self, claims: &ModuleClaims, now: u64) -> Result<(), Error> {
        let reason = "its token and the policy let it run again";
        let event = Event::ActorRestored { actor: self.actor.as_str(), reason };
        self.audit.record(now, &event, &format!("the return of {}", Label::from(claims)))?;
        if self.barred.swap(false, SeqCst) {
            log::info!("{} may be called again", Label::from(claims));
        }
        Ok(())
    }
}

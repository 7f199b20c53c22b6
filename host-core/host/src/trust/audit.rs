//! Writes to the audit log, and tries again when that fails.

use std::{
    fmt, mem,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use capability_claims::{Clock, TrustPolicy};
use host_audit::{AuditError, AuditLog, Event, OnFailure};
use parking_lot::Mutex;
use serde::Serialize;
use untrusted_text::ShownOf;

use crate::{changes::put_off::PutOff, error::Error};

/// How long it takes until a log that cannot be written is tried again.
pub(crate) const TRY_AGAIN: Duration = Duration::from_secs(if cfg!(test) { 600 } else { 1 });

/// The host's side of the audit log, when its owner gave it one.
pub(crate) struct Audit {
    log: Mutex<Option<AuditLog>>,
    /// For what is written later; nothing where there is no log.
    put_off: Option<PutOff>,
    /// What kept the last record from being written.
    failure: Mutex<Option<String>>,
    /// Whether it is seen to that the log is tried again.
    trying: AtomicBool,
    clock: Arc<dyn Clock>,
    this: Weak<Self>,
}

/// How the audit log is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AuditHealth {
    /// How many records could not be written since the last one that could.
    pub lost: u64,
    /// Why the last record could not be written; `None` when it could.
    pub failure: Option<String>,
    /// How many policies wait for the log. What they take away holds already, what they allow does not yet.
    pub waiting_policies: usize,
}

impl AuditHealth {
    /// Whether the last record could be written and nothing waits for one.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.failure.is_none() && self.waiting_policies == 0
    }
}

/// Nothing when all is well, and else lines that say what is not.
impl fmt::Display for AuditHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lost, failure, waiting_policies } = self;
        if let Some(failure) = failure {
            writeln!(f, "the audit log lacks {lost} records: {failure}")?;
        }
        if *waiting_policies > 0 {
            writeln!(
                f,
                "policies that wait for the audit log: {waiting_policies}; what they take away holds, what they allow does not yet"
            )?;
        }
        Ok(())
    }
}

impl Audit {
    /// Begins to write, with the host's settings and the policy that decides first.
    pub(crate) fn begin(
        log: Option<AuditLog>,
        settings: &[String],
        policy: &TrustPolicy,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, Error> {
        let now = clock.now();
        let put_off = log.as_ref().map(|_| PutOff::start()).transpose();
        let put_off = put_off.map_err(|source| Error::Thread { source })?;
        let audit = Arc::new_cyclic(|this| Self {
            log: Mutex::new(log),
            put_off,
            failure: Mutex::default(),
            trying: AtomicBool::new(false),
            clock,
            this: this.clone(),
        });
        audit.record(now, &Event::HostStarted { version: env!("CARGO_PKG_VERSION") }, "the host's start")?;
        audit.record(now, &Event::SettingsApplied { settings }, "the host's start")?;
        audit.policy(policy, now)?;
        Ok(audit)
    }

    /// Has something written later. False when the log is closed, or there is none.
    pub(crate) fn later(&self, at: Instant, job: impl FnOnce() + Send + 'static) -> bool {
        self.put_off.as_ref().is_some_and(|put_off| put_off.later(at, job))
    }

    /// Whether there is a log, so that a host without one does not look for it.
    pub(crate) fn enabled(&self) -> bool {
        self.put_off.is_some()
    }

    /// Writes down what is about to happen.
    ///
    /// # Errors
    /// [`Error::NotRecorded`] when that fails and the log's owner wants that nothing happens unrecorded: it must not happen then.
    pub(crate) fn record(&self, now: u64, event: &Event<'_>, what: &str) -> Result<(), Error> {
        if !self.enabled() {
            return Ok(());
        }
        self.record_by(AuditLog::record, now, event, what)
    }

    fn record_by(
        &self,
        how: impl Fn(&AuditLog, u64, &Event<'_>) -> Result<(), AuditError>,
        now: u64,
        event: &Event<'_>,
        what: &str,
    ) -> Result<(), Error> {
        let log = self.log.lock();
        let log = log.as_ref().ok_or(Error::ShuttingDown)?;
        match self.told(how(log, now, event), what) {
            Err(source) if log.on_failure() == OnFailure::Refuse => {
                Err(Error::NotRecorded { what: what.to_owned(), source: Box::new(source) })
            }
            _ => Ok(()),
        }
    }

    /// Whether a record can be written now, as far as that can be told. Where the last one failed a record is tried: so a log that can be
    /// written again is found although nothing happens, because health says no.
    ///
    /// # Errors
    /// [`Error::NotRecorded`] when it cannot, and the log's owner wants that nothing happens unrecorded.
    pub(crate) fn writable(&self, now: u64) -> Result<(), Error> {
        let log = self.log.lock();
        let refuses = |log: &&AuditLog| log.on_failure() == OnFailure::Refuse;
        let Some(log) = log.as_ref().filter(refuses) else { return Ok(()) };
        let failed = self.failure.lock().is_some();
        let written = if failed { log.record_again(now, &Event::LogResumed) } else { log.settle() };
        self.told(written, "what comes next").map_err(|source| Error::NotRecorded {
            what: "what was to be recorded".to_owned(),
            source: Box::new(source),
        })
    }

    /// Keeps it as it is while somebody writes to a disk that does not answer.
    #[cfg(test)]
    pub(crate) fn hang(&self) -> parking_lot::MutexGuard<'_, Option<AuditLog>> {
        self.log.lock()
    }

    /// Writes down what has happened, or was refused anyway: a failure is told and changes nothing.
    pub(crate) fn note(&self, now: u64, event: &Event<'_>, what: &str) {
        if let Some(log) = self.log.lock().as_ref() {
            let _told = self.told(log.record(now, event), what);
        }
    }

    /// Tells the owner when the log cannot be written, and when it can again.
    fn told(&self, written: Result<(), AuditError>, what: &str) -> Result<(), AuditError> {
        let failure = written.as_ref().err().map(ToString::to_string);
        let before = mem::replace(&mut *self.failure.lock(), failure.clone());
        // Only what is new is told, for a guest may try again and again.
        match failure {
            Some(failure) if before.is_none() => log::error!("there is no record of {what}: {failure}"),
            None if before.is_some() => log::info!("the audit log can be written again"),
            _ => {}
        }
        if written.is_err() {
            self.try_later();
        }
        written
    }

    /// Has the log tried again, so that it says what it lacks as soon as it can, although nothing else happens that is recorded.
    fn try_later(&self) {
        if self.trying.swap(true, SeqCst) {
            return;
        }
        let audit = self.this.clone();
        let put_off = self.later(Instant::now() + TRY_AGAIN, move || {
            if let Some(audit) = audit.upgrade() {
                audit.try_again();
            }
        });
        self.trying.store(put_off, SeqCst);
    }

    fn try_again(&self) {
        let log = self.log.lock();
        // Whoever has this tried later holds the log as well, so that nobody relies on an attempt that is over.
        self.trying.store(false, SeqCst);
        let failed = self.failure.lock().is_some();
        if let Some(log) = log.as_ref().filter(|_| failed) {
            let _told = self.told(log.record_again(self.clock.now(), &Event::LogResumed), "that");
        }
    }

    /// Another policy is about to decide.
    pub(crate) fn policy(&self, policy: &TrustPolicy, now: u64) -> Result<(), Error> {
        if !self.enabled() {
            return Ok(());
        }
        self.record(now, &Event::PolicyReplaced { policy: &policy.to_string() }, "a change of policy")
    }

    /// The same, of a policy whose record failed before.
    pub(crate) fn policy_again(&self, policy: &TrustPolicy, now: u64) -> Result<(), Error> {
        let event = Event::PolicyReplaced { policy: &policy.to_string() };
        self.record_by(AuditLog::record_again, now, &event, "a change of policy")
    }

    /// How the log is, with so many policies that wait for it; `None` when the host has none.
    pub(crate) fn health(&self, waiting_policies: usize) -> Option<AuditHealth> {
        let lost = self.log.lock().as_ref()?.lost();
        Some(AuditHealth { lost, failure: self.failure.lock().clone(), waiting_policies })
    }

    /// Ends the log and lets its file go, so that another host may continue it.
    pub(crate) fn close(&self, now: u64) {
        if self.log.lock().is_some() {
            self.note(now, &Event::HostStopped, "the host's end");
        }
        // Whoever opens it next does not know what it lacks.
        if let Some(log) = self.log.lock().take()
            && let Some(since) = log.lost_since()
        {
            let (path, lost) = (ShownOf(log.path().display()), log.lost());
            log::error!("the audit log {path} ends without {lost} records, the first of them at {since}");
        }
        if let Some(put_off) = &self.put_off {
            put_off.stop();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use capability_claims::{ClaimsBuilder, KeyKind, KeyPair, sign_module};
    use capability_provider::{
        ActorHandle, CapabilityCall, CapabilityId, LinkConfig, LinkKey, LinkName, Provider, ProviderError,
        Reply,
    };

    use super::*;
    use crate::Host;

    struct Nothing;

    impl Provider for Nothing {
        fn capability(&self) -> CapabilityId {
            CapabilityId::new("test:nothing").unwrap()
        }

        fn name(&self) -> &str {
            "nothing"
        }

        fn link(&self, _: &LinkKey, _: &LinkConfig, _: ActorHandle) -> Result<(), ProviderError> {
            Ok(())
        }

        fn unlink(&self, _: &LinkKey) {}

        fn handle<'a>(&'a self, _: &CapabilityCall<'a>) -> Result<Reply<'a>, ProviderError> {
            Ok("".into())
        }
    }

    #[test]
    fn a_disk_that_hangs_keeps_no_removal_from_taking_hold_and_no_end_from_coming() {
        let guest = r#"(module (memory (export "memory") 1)
            (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))"#;
        let account = KeyPair::generate(KeyKind::Account).unwrap();
        let signed = || {
            let claims = ClaimsBuilder::new(KeyPair::generate(KeyKind::Module).unwrap().public_key());
            sign_module(&wat::parse_str(guest).unwrap(), &claims, &account).unwrap()
        };
        let directory = tempfile::tempdir().unwrap();
        let log = AuditLog::open(directory.path().join("audit.log"), OnFailure::Refuse).unwrap();
        let trust = TrustPolicy::nobody().account(account.public_key());
        let host = Host::builder().trust(trust).audit(log).drain_deadline(Duration::ZERO).build().unwrap();
        host.provide(Nothing).unwrap();
        let [removed, stays] = [(); 2].map(|()| host.add_actor(signed()).unwrap());
        for actor in [&removed, &stays] {
            let link = LinkKey::new(actor.clone(), Nothing.capability(), LinkName::default());
            host.link(&link, LinkConfig::new()).unwrap();
        }

        // As somebody holds it who writes to a disk that does not answer.
        let disk = host.shared().audit.hang();
        let (other, gone) = (host.clone(), removed.clone());
        let removal = thread::spawn(move || other.remove_actor(&gone));
        let long = Instant::now() + Duration::from_secs(60);
        while !matches!(host.call(&removed, "op", b""), Err(Error::UnknownActor { .. })) {
            assert!(Instant::now() < long, "it still takes calls");
            thread::yield_now();
        }
        let (ended, has_ended) = mpsc::channel();
        let other = host.clone();
        thread::spawn(move || {
            other.shutdown();
            ended.send(()).unwrap();
        });
        has_ended.recv_timeout(Duration::from_secs(60)).unwrap();
        drop(disk);
        removal.join().unwrap().unwrap();
    }
}

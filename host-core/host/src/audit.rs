//! What the host writes to its audit log, and what it does when it cannot.

use std::mem;

use capability_claims::{Label, ModuleClaims, TrustPolicy};
use capability_provider::ActorId;
use host_audit::{AuditError, AuditLog, Event, OnFailure, Token};
use parking_lot::Mutex;
use serde::Serialize;

use crate::{error::Error, swap::SwapReport};

/// The host's side of the audit log, when its owner gave it one.
pub(crate) struct Audit {
    log: Mutex<Option<AuditLog>>,
    /// Whether there is a log, so that a host without one does not look for it.
    enabled: bool,
    /// What kept the last record from being written.
    failure: Mutex<Option<String>>,
}

/// How the audit log is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AuditHealth {
    /// How many records could not be written since the last one that could.
    pub lost: u64,
    /// Why the last record could not be written; `None` when it could.
    pub failure: Option<String>,
}

impl Audit {
    /// Begins to write, with the policy that decides first.
    pub(crate) fn begin(log: Option<AuditLog>, policy: &TrustPolicy, now: u64) -> Result<Self, Error> {
        let enabled = log.is_some();
        let audit = Self { log: Mutex::new(log), enabled, failure: Mutex::default() };
        audit.record(now, &Event::HostStarted { version: env!("CARGO_PKG_VERSION") }, "the host's start")?;
        audit.policy(policy, now)?;
        Ok(audit)
    }

    pub(crate) fn enabled(&self) -> bool {
        self.enabled
    }

    /// Writes down what is about to happen.
    ///
    /// # Errors
    /// [`Error::NotRecorded`] when that fails and the log's owner wants that nothing happens unrecorded: it must not happen then.
    pub(crate) fn record(&self, now: u64, event: &Event<'_>, what: &str) -> Result<(), Error> {
        if !self.enabled {
            return Ok(());
        }
        let log = self.log.lock();
        let log = log.as_ref().ok_or(Error::ShuttingDown)?;
        match self.write(log, now, event, what) {
            Err(source) if log.on_failure() == OnFailure::Refuse => {
                Err(Error::NotRecorded { what: what.to_owned(), source: Box::new(source) })
            }
            _ => Ok(()),
        }
    }

    /// Writes down what has happened, or was refused anyway: a failure is told and changes nothing.
    pub(crate) fn note(&self, now: u64, event: &Event<'_>, what: &str) {
        if let Some(log) = self.log.lock().as_ref() {
            let _told = self.write(log, now, event, what);
        }
    }

    fn write(&self, log: &AuditLog, now: u64, event: &Event<'_>, what: &str) -> Result<(), AuditError> {
        let written = log.record(now, event);
        let failure = written.as_ref().err().map(ToString::to_string);
        let before = mem::replace(&mut *self.failure.lock(), failure.clone());
        // Only what is new is told, for a guest may try again and again.
        match failure {
            Some(failure) if before.is_none() => log::error!("there is no record of {what}: {failure}"),
            None if before.is_some() => log::info!("the audit log can be written again"),
            _ => {}
        }
        written
    }

    /// Another policy is about to decide.
    pub(crate) fn policy(&self, policy: &TrustPolicy, now: u64) -> Result<(), Error> {
        if !self.enabled {
            return Ok(());
        }
        self.record(now, &Event::PolicyReplaced { policy: &policy.to_string() }, "a change of policy")
    }

    /// An actor is about to come in.
    pub(crate) fn loaded(&self, claims: &ModuleClaims, grants: &[String], now: u64) -> Result<(), Error> {
        let (actor, texts) = (claims.subject().to_string(), TokenTexts::of(claims));
        let event = Event::ActorLoaded { actor: &actor, token: texts.token(claims), grants };
        self.record(now, &event, &format!("the load of {}", Label::from(claims)))
    }

    /// Another version is about to take an actor's place.
    pub(crate) fn swapped(
        &self,
        report: &SwapReport,
        old: &ModuleClaims,
        new: &ModuleClaims,
        now: u64,
    ) -> Result<(), Error> {
        let (old_texts, new_texts) = (TokenTexts::of(old), TokenTexts::of(new));
        let event = Event::ActorSwapped {
            actor: report.actor.as_str(),
            old: old_texts.token(old),
            new: new_texts.token(new),
            gained: &report.grants_gained,
            lost: &report.grants_lost,
            forced: report.forced,
        };
        self.record(now, &event, &format!("the swap of {}", Label::from(new)))
    }

    /// A module was not let in, as a new actor or in the place of one.
    pub(crate) fn refused(&self, wasm: &[u8], swap: bool, error: &Error, now: u64) {
        if !self.enabled {
            return;
        }
        // Whoever a refused module says that it is, the record says that it said so.
        let module = Label::read(wasm);
        let actor = module.as_ref().map(|module| module.key().to_string());
        let (actor, name) = (actor.as_deref(), module.as_ref().and_then(Label::name));
        let reason = &error.to_string();
        match swap {
            true => self.note(now, &Event::SwapRefused { actor, name, reason }, "a refused swap"),
            false => self.note(now, &Event::ActorRefused { actor, name, reason }, "a refused module"),
        }
    }

    /// An actor is about to leave.
    pub(crate) fn removed(&self, actor: &ActorId, now: u64) -> Result<(), Error> {
        let event = Event::ActorRemoved { actor: actor.as_str() };
        self.record(now, &event, &format!("the removal of {actor}"))
    }

    /// How the log is; `None` when the host has none.
    pub(crate) fn health(&self) -> Option<AuditHealth> {
        let lost = self.log.lock().as_ref()?.lost();
        Some(AuditHealth { lost, failure: self.failure.lock().clone() })
    }

    /// Ends the log and lets its file go, so that another host may continue it.
    pub(crate) fn close(&self, now: u64) {
        if self.log.lock().is_some() {
            self.note(now, &Event::HostStopped, "the host's end");
        }
        *self.log.lock() = None;
    }
}

/// The texts of a token's keys and hash, which an event borrows.
struct TokenTexts {
    issuer: String,
    module_hash: String,
}

impl TokenTexts {
    fn of(claims: &ModuleClaims) -> Self {
        Self { issuer: claims.issuer().to_string(), module_hash: claims.hash().to_string() }
    }

    fn token<'a>(&'a self, claims: &'a ModuleClaims) -> Token<'a> {
        Token {
            id: claims.id(),
            issuer: &self.issuer,
            name: claims.name(),
            revision: claims.revision(),
            version: claims.version(),
            module_hash: &self.module_hash,
        }
    }
}

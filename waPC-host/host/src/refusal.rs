//! Says why a host function ended a guest's run, and what that means for the call that was under way.

use std::{error::Error as StdError, sync::Arc};

use wapc_engine::{Error as EngineError, HostError, HostPanic};

use crate::{Abort, Error, Exit, Violation};

/// Why a host function ends the guest's run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    Broken(Violation),
    #[error(transparent)]
    Aborted(Abort),
    #[error(transparent)]
    Exited(Exit),
    #[error("`{import}` is not offered; `WapcHostBuilder::{setting}` switches it on")]
    Denied { import: &'static str, setting: &'static str },
}

/// A call that the guest did not come back from.
pub(crate) struct Unfinished {
    pub(crate) operation: String,
    /// The error text that the guest had set by then.
    pub(crate) text: Option<String>,
    /// The error of its last host call, if that failed.
    pub(crate) host_error: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Unfinished {
    /// What the end of the run means for the call.
    pub(crate) fn because(self, error: EngineError) -> Error {
        let operation = self.operation.clone();
        match error {
            EngineError::DeadlineExceeded { limit, unreached, .. } => {
                Error::DeadlineExceeded { operation, limit, unreached }
            }
            EngineError::Cancelled { .. } => Error::Cancelled { operation },
            EngineError::FuelExhausted { limit, .. } => Error::FuelExhausted { operation, limit },
            EngineError::MemoryLimit { requested, limit } => {
                Error::MemoryLimit { operation, requested, limit }
            }
            EngineError::Host { export, source } => self.refused(export, source),
            trap => self.trapped(trap),
        }
    }

    fn refused(self, export: String, source: HostError) -> Error {
        let operation = self.operation.clone();
        let refusal = match source.downcast::<Refusal>() {
            Ok(refusal) => *refusal,
            Err(source) => return self.panicked(export, source),
        };
        match refusal {
            Refusal::Broken(violation) => Error::Protocol { operation, violation },
            Refusal::Denied { import, setting } => Error::Denied { operation, import, setting },
            Refusal::Aborted(abort) if self.text.is_none() => {
                Error::Aborted { operation, host_error: self.host_error, source: abort }
            }
            Refusal::Exited(exit) if self.text.is_none() => {
                Error::Exited { operation, host_error: self.host_error, source: exit }
            }
            Refusal::Aborted(abort) => self.trapped(EngineError::Host { export, source: abort.into() }),
            Refusal::Exited(exit) => self.trapped(EngineError::Host { export, source: exit.into() }),
        }
    }

    fn panicked(self, export: String, source: HostError) -> Error {
        match source.downcast::<HostPanic>() {
            Ok(panic) => Error::HandlerPanicked { operation: self.operation, message: panic.message },
            Err(source) => self.trapped(EngineError::Host { export, source }),
        }
    }

    /// Keeps both the guest's own error text, if it set one, and how its run ended afterwards.
    fn trapped(self, trap: EngineError) -> Error {
        let Self { operation, text, host_error } = self;
        let trap = Box::new(trap);
        match text {
            Some(text) => Error::Guest { operation, text, host_error, trap: Some(trap) },
            None => Error::Trap { operation, host_error, source: trap },
        }
    }
}

/// The error for a guest that cannot be started. What host functions refused it is told as it is in a call, with the export that
/// ran in the place of the operation.
pub(crate) fn not_started(error: EngineError) -> Error {
    match error {
        EngineError::Host { export, source } if source.is::<Refusal>() || source.is::<HostPanic>() => {
            let call = Unfinished { operation: export.clone(), text: None, host_error: None };
            call.refused(export, source)
        }
        error => Error::Engine(Box::new(error)),
    }
}

//! From what the engine says of a failed run to what we say of it.

use std::any::Any;

use wasmer::{InstantiationError, LinkError, RuntimeError, sys::vm::TrapCode};

use crate::{Deadline, Error, HostError, TrapKind, watchdog::Ending};

/// How many of the guest's functions an error names.
const FRAMES: usize = 8;

/// A function of the host panicked. The panic went no further than the call that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a function of the host panicked: {message}")]
pub struct HostPanic {
    /// What the panic said.
    pub message: String,
}

impl HostPanic {
    /// From what a caught panic carries.
    #[must_use]
    pub fn new(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let message = text.or_else(|| payload.downcast_ref::<String>().cloned());
        Self { message: message.unwrap_or_else(|| "without a message".to_owned()) }
    }
}

/// The guest asked a function of the host to end its run, and all is well. A function of the host returns this as its error:
/// the run ends with [`Error::Host`], and the instance can be used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the guest ended its run on its own account")]
pub struct Leave;

/// Everything that was noted about one failed run.
pub(crate) struct Failure<'a> {
    pub(crate) export: &'a str,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) ending: Ending,
    pub(crate) refusal: Option<HostError>,
    /// The memory that the guest was refused during the run, and its limit, both in bytes.
    pub(crate) refused_memory: Option<(u64, u64)>,
    /// The fuel that the guest was given, if it used it up.
    pub(crate) fuel: Option<u64>,
}

impl Failure<'_> {
    pub(crate) fn of_instantiation(self, error: InstantiationError) -> Error {
        match error {
            InstantiationError::Start(error) | InstantiationError::Link(LinkError::Trap(error)) => {
                self.of_run(&error)
            }
            other => Error::Resources { reason: other.to_string() },
        }
    }

    pub(crate) fn of_run(self, error: &RuntimeError) -> Error {
        let export = self.export.to_owned();
        match (self.ending, self.deadline) {
            (Ending::Overdue, Some(deadline)) => {
                return Error::DeadlineExceeded { export, limit: deadline.limit() };
            }
            (Ending::Cancelled, _) => return Error::Cancelled { export },
            _ => {}
        }
        if let Some(limit) = self.fuel {
            return Error::FuelExhausted { export, limit };
        }
        if let Some(source) = self.refusal {
            return Error::Host { export, source };
        }
        if let Some((requested, limit)) = self.refused_memory {
            return Error::MemoryLimit { requested, limit };
        }
        Error::Trap { export, kind: kind(error), message: error.message(), trace: trace(error) }
    }
}

fn kind(error: &RuntimeError) -> TrapKind {
    match error.clone().to_trap() {
        Some(TrapCode::UnreachableCodeReached) => TrapKind::Unreachable,
        Some(TrapCode::StackOverflow) => TrapKind::StackOverflow,
        Some(TrapCode::HeapAccessOutOfBounds | TrapCode::HeapMisaligned) => TrapKind::MemoryOutOfBounds,
        Some(TrapCode::TableAccessOutOfBounds) => TrapKind::TableOutOfBounds,
        Some(TrapCode::IndirectCallToNull | TrapCode::BadSignature) => TrapKind::BadIndirectCall,
        Some(TrapCode::IntegerDivisionByZero) => TrapKind::DivisionByZero,
        Some(TrapCode::IntegerOverflow | TrapCode::BadConversionToInteger) => TrapKind::NumberOutOfRange,
        _ => TrapKind::Other,
    }
}

fn trace(error: &RuntimeError) -> Vec<String> {
    let name = |frame: &wasmer::FrameInfo| match frame.function_name() {
        Some(name) => name.to_owned(),
        None => format!("function {}", frame.func_index()),
    };
    error.trace().iter().take(FRAMES).map(name).collect()
}

//! From what the engine says of a failed run to what we say of it.

use std::{
    any::Any,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

use system_limits::Wanted;
use wasmer::{InstantiationError, LinkError, RuntimeError, sys::vm::TrapCode};

use crate::{Deadline, Error, HostError, TrapKind, Unreached, text, watchdog::thread::Ending};

/// How many of the guest's functions an error names.
const FRAMES: usize = 8;

/// A function of the host panicked. The panic went no further than the call that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a host function panicked: {}", text::words(message))]
pub struct HostPanic {
    /// What the panic said, cut to 4,096 characters.
    pub message: String,
}

impl HostPanic {
    /// From what a caught panic carries. What it carries is dropped, which may well panic, too: that is held here.
    #[must_use]
    pub fn caught(payload: Box<dyn Any + Send>) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let message = text::cut(text.unwrap_or("without a message")).to_owned();
        drop_foreign(payload);
        Self { message }
    }
}

/// Drops a value of the embedding program's making. A panic goes no further.
pub(crate) fn drop_foreign<V>(value: V) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        // Whoever panics in a drop may do so in the next one: this payload is left where it is.
        mem::forget(payload);
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
    /// Why interrupts did not reach it, when it had to be ended.
    pub(crate) unreached: Option<Unreached>,
    pub(crate) refusal: Option<HostError>,
    /// The memory that the guest was refused during the run, and its limit, both in bytes.
    pub(crate) refused_memory: Option<(u64, u64)>,
    /// Whether the guest called the engine where hardly any of its stack was left.
    pub(crate) overflowed: bool,
    /// The fuel that the guest was given, if it used it up.
    pub(crate) fuel: Option<u64>,
}

impl Failure<'_> {
    pub(crate) fn of_instantiation(self, error: InstantiationError) -> Error {
        match error {
            InstantiationError::Start(error) | InstantiationError::Link(LinkError::Trap(error)) => {
                self.of_run(&error)
            }
            other if self.ending != Ending::InTime => self.of_run(&RuntimeError::new(other.to_string())),
            other => Error::resources(&other.to_string(), Wanted::Instance),
        }
    }

    pub(crate) fn of_run(self, error: &RuntimeError) -> Error {
        let export = self.export.to_owned();
        match (self.ending, self.deadline) {
            (Ending::Overdue, Some(deadline)) => {
                let unreached = self.unreached;
                return Error::DeadlineExceeded { export, limit: deadline.limit(), unreached };
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
        if self.overflowed {
            let message = "call stack exhausted".to_owned();
            return Error::Trap { export, kind: TrapKind::StackOverflow, message, trace: trace(error) };
        }
        if let Some((requested, limit)) = self.refused_memory {
            return Error::MemoryLimit { requested, limit };
        }
        Error::Trap {
            export,
            kind: kind(error),
            message: text::cut(&error.message()).to_owned(),
            trace: trace(error),
        }
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
        Some(name) => untrusted_text::cut(name).to_owned(),
        None => format!("function {}", frame.func_index()),
    };
    error.trace().iter().take(FRAMES).map(name).collect()
}

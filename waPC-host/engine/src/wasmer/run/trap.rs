//! Reads what wasmer says of a run that came to an early end.

use wasmer::{FrameInfo, RuntimeError, sys::vm::TrapCode};

use crate::{error::TrapKind, text};

/// How many of the guest's functions an error names.
const FRAMES: usize = 8;

/// Why a run came to an end before it was done.
#[derive(Debug)]
pub(crate) struct Trap(RuntimeError);

impl From<RuntimeError> for Trap {
    fn from(error: RuntimeError) -> Self {
        Self(error)
    }
}

impl Trap {
    /// An end for a reason of ours.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(RuntimeError::new(message))
    }

    pub(crate) fn kind(&self) -> TrapKind {
        match self.0.clone().to_trap() {
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

    /// wasmer's words for it.
    pub(crate) fn message(&self) -> String {
        text::cut(&self.0.message()).to_owned()
    }

    /// The guest's functions from the innermost outwards, as far as they are known.
    pub(crate) fn trace(&self) -> Vec<String> {
        let name = |frame: &FrameInfo| match frame.function_name() {
            Some(name) => untrusted_text::cut(name).to_owned(),
            None => format!("function {}", frame.func_index()),
        };
        self.0.trace().iter().take(FRAMES).map(name).collect()
    }
}

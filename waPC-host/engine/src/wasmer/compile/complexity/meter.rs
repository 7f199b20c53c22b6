//! Adds up what a module asks of the compiler, and compares it with the limits.

use wasmer::wasmparser::BinaryReaderError;

use crate::{
    limits::compile::{CompileBound, CompileLimits},
    wasmer::compile::operators::RuntimeOperators,
};

/// Why a module is not compiled.
#[derive(Debug)]
pub(crate) enum Unfit {
    /// It is not valid. The words are the validator's.
    Invalid(String),
    /// It asks too much.
    Over { bound: CompileBound, function: Option<u32>, requested: u64, limit: u64 },
}

impl From<BinaryReaderError> for Unfit {
    fn from(error: BinaryReaderError) -> Self {
        Self::Invalid(error.to_string())
    }
}

/// Adds up, and compares with the limits.
pub(super) struct Meter<'a> {
    limits: &'a CompileLimits,
    /// The module's size in bytes.
    size: u64,
    /// The instructions that call a runtime function.
    pub(super) operators: RuntimeOperators,
    /// The index of the function that is measured, which a refusal names.
    pub(super) function: Option<u32>,
    /// What all functions have together of each bound, as far as it is added up.
    sums: [u64; CompileBound::ALL.len()],
}

impl<'a> Meter<'a> {
    pub(super) fn new(limits: &'a CompileLimits, wasm: &[u8]) -> Self {
        Self {
            limits,
            size: wasm.len() as u64,
            operators: RuntimeOperators::of_this_machine(),
            function: None,
            sums: [0; CompileBound::ALL.len()],
        }
    }

    /// Refuses more of something than one function, or the module, may have.
    pub(super) fn check(&self, bound: CompileBound, requested: u64) -> Result<(), Unfit> {
        self.check_for(self.function, bound, requested)
    }

    /// Adds to what all functions have together, and refuses it when it is too much: that is the
    /// module's fault and not a function's.
    pub(super) fn add(&mut self, bound: CompileBound, more: u64) -> Result<(), Unfit> {
        let sum = &mut self.sums[bound as usize];
        *sum = sum.saturating_add(more);
        let requested = *sum;
        self.check_for(None, bound, requested)
    }

    fn check_for(&self, function: Option<u32>, bound: CompileBound, requested: u64) -> Result<(), Unfit> {
        let limit = self.limits.of_size(bound, self.size);
        if requested <= limit {
            return Ok(());
        }
        Err(Unfit::Over { bound, function, requested, limit })
    }
}

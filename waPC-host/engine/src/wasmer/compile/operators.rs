//! Which instructions of a guest the engine carries out: calls of its functions, on the guest's stack.
//!
//! What calls a function of the guest or of the host is not among them, nor what ends the run: nothing comes behind it.

use wasmer::{
    sys::{CpuFeature, Target},
    wasmparser::Operator,
};

/// The instructions that are calls of the engine on one machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EngineOperators {
    /// Whether rounding is, too.
    rounding: bool,
}

impl EngineOperators {
    pub(crate) fn of_this_machine() -> Self {
        let features = *Target::default().cpu_features();
        Self { rounding: cfg!(target_arch = "x86_64") && !features.contains(CpuFeature::SSE41) }
    }

    /// Whether an instruction is a call of the engine that comes back.
    pub(crate) fn carries_out(self, operator: &Operator<'_>) -> bool {
        is_always(operator) || self.rounding && is_rounding(operator)
    }
}

fn is_always(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::MemoryGrow { .. }
            | Operator::MemorySize { .. }
            | Operator::MemoryFill { .. }
            | Operator::MemoryCopy { .. }
            | Operator::MemoryInit { .. }
            | Operator::DataDrop { .. }
            | Operator::TableGet { .. }
            | Operator::TableSet { .. }
            | Operator::TableGrow { .. }
            | Operator::TableSize { .. }
            | Operator::TableFill { .. }
            | Operator::TableCopy { .. }
            | Operator::TableInit { .. }
            | Operator::ElemDrop { .. }
            | Operator::RefFunc { .. }
    )
}

/// Without SSE 4.1 there is no instruction of the processor for these.
fn is_rounding(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::F32Ceil
            | Operator::F32Floor
            | Operator::F32Trunc
            | Operator::F32Nearest
            | Operator::F64Ceil
            | Operator::F64Floor
            | Operator::F64Trunc
            | Operator::F64Nearest
            | Operator::F32x4Ceil
            | Operator::F32x4Floor
            | Operator::F32x4Trunc
            | Operator::F32x4Nearest
            | Operator::F64x2Ceil
            | Operator::F64x2Floor
            | Operator::F64x2Trunc
            | Operator::F64x2Nearest
    )
}

#[cfg(test)]
mod tests;

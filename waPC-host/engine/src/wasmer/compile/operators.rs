//! Lists the instructions that are compiled to calls of runtime functions: functions of wasmer's,
//! which run on the guest stack.
//!
//! Calls of guest functions and host functions are not among them, nor is what ends the run:
//! nothing comes after it.

use wasmer::{
    sys::{CpuFeature, Target},
    wasmparser::Operator,
};

/// The instructions that call runtime functions on one machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RuntimeOperators {
    /// Whether rounding is, too.
    rounding: bool,
}

impl RuntimeOperators {
    pub(crate) fn of_this_machine() -> Self {
        let features = *Target::default().cpu_features();
        Self { rounding: cfg!(target_arch = "x86_64") && !features.contains(CpuFeature::SSE41) }
    }

    /// Whether an instruction calls a runtime function, which returns.
    pub(crate) fn includes(self, operator: &Operator<'_>) -> bool {
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

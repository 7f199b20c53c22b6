//! Tells how much code an instruction becomes, in units of about the average instruction of real
//! modules: measured by the time and memory that compiling takes.

use wasmer::wasmparser::Operator;

use crate::wasmer::compile::operators::RuntimeOperators;

/// The first byte of vector instructions.
const VECTOR: u8 = 0xfd;

/// Whether an operator's result depends on its operands alone, so that it may be shared or moved.
/// Vector instructions that load and store are taken for such.
pub(super) fn computes(first: u8) -> bool {
    const SELECT: u8 = 0x1b;
    matches!(first, SELECT | 0x45..=0xc4 | VECTOR)
}

/// `first` is the first byte of the operator's code.
pub(super) fn of(operator: &Operator<'_>, first: u8, runtime: RuntimeOperators) -> u64 {
    use Operator as O;
    match operator {
        // After a call of a runtime function the stop flag is checked; an indirect call checks the
        // table and the type.
        other if runtime.includes(other) => 20,
        O::CallIndirect { .. }
        | O::GlobalSet { .. }
        | O::V128Load8Lane { .. }
        | O::V128Load16Lane { .. }
        | O::V128Load32Lane { .. }
        | O::V128Load64Lane { .. } => 20,
        O::I8x16Popcnt => 10,
        O::If { .. }
        | O::I32TruncF32S
        | O::I32TruncF32U
        | O::I32TruncF64S
        | O::I32TruncF64U
        | O::I64TruncF32S
        | O::I64TruncF32U
        | O::I64TruncF64S
        | O::I64TruncF64U
        | O::I8x16Shl
        | O::I8x16ShrS
        | O::I8x16ShrU
        | O::I64x2ShrS
        | O::I32x4TruncSatF32x4S
        | O::I32x4TruncSatF32x4U
        | O::F32x4ConvertI32x4U => 8,
        O::Call { .. } | O::Loop { .. } => 6,
        O::BrIf { .. }
        | O::I32DivS
        | O::I32DivU
        | O::I32RemS
        | O::I32RemU
        | O::I64DivS
        | O::I64DivU
        | O::I64RemS
        | O::I64RemU
        | O::I32TruncSatF32S
        | O::I32TruncSatF32U
        | O::I32TruncSatF64S
        | O::I32TruncSatF64U
        | O::I64TruncSatF32S
        | O::I64TruncSatF32U
        | O::I64TruncSatF64S
        | O::I64TruncSatF64U
        | O::F32ConvertI64U
        | O::F64ConvertI64U => 4,
        O::V128Const { .. } | O::I8x16Shuffle { .. } => 1,
        _ if first == VECTOR => 4,
        O::F32Abs
        | O::F32Neg
        | O::F64Abs
        | O::F64Neg
        | O::F32Copysign
        | O::F64Copysign
        | O::F32Sqrt
        | O::F64Sqrt => 3,
        _ => 1,
    }
}

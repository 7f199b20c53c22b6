//! Measures what a module asks of the compiler, in time that is linear in what it measures, and
//! refuses one that asks too much.
//!
//! Compilers like this one need time that grows with products: of the values that are alive with
//! the places where branches meet, above all. `flow` finds those for one function; the rest is
//! counted here, and added up by `meter`.

mod flow;
mod meter;
mod weight;

use wasmer::wasmparser::{
    BlockType, FrameKind, FuncValidator, FuncValidatorAllocations, FunctionBody, ModuleArity, Operator,
    OperatorsReader, Parser, Payload, ValidPayload, Validator, ValidatorResources, WasmFeatures,
};

pub(crate) use self::meter::Unfit;
use self::{flow::Flow, meter::Meter};
use crate::limits::compile::{CompileBound, CompileLimits, times};

/// What was found in a module that may be compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Measured {
    /// The size of the largest body in bytes.
    pub(crate) largest_body: u64,
    /// Whether it is compiled with optimisations. They share results of equal computations and move
    /// what does not change out of loops, so that results are alive longer than the locals of the
    /// module tell. Where that could become too much, there are none.
    pub(crate) optimise: bool,
}

/// The most computations of a function times its blocks, summed up over all functions, of a module
/// of 1 MiB that is compiled with optimisations. It grows with the square of the size. The largest
/// modules of real compilers come to an eighth of it.
const OPTIMISED: u64 = 100_000_000;

/// The proposals that are accepted, as the validator here knows them. wasmer validates the module
/// once more.
fn features() -> WasmFeatures {
    WasmFeatures::BULK_MEMORY
        | WasmFeatures::REFERENCE_TYPES
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::SIMD
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::FLOATS
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::GC_TYPES
}

/// Measures a module in the binary format. `metered` tells that its code will count what it does,
/// which adds to its blocks.
pub(crate) fn measure(wasm: &[u8], limits: &CompileLimits, metered: bool) -> Result<Measured, Unfit> {
    let mut meter = Meter::new(limits, wasm);
    meter.check(CompileBound::ModuleBytes, wasm.len() as u64)?;
    let mut validator = Validator::new_with_features(features());
    let mut functions = Functions::new(wasm, metered);
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        match &payload {
            Payload::TypeSection(section) => meter.check(CompileBound::Types, section.count().into())?,
            Payload::ImportSection(section) => meter.check(CompileBound::Imports, section.count().into())?,
            Payload::ExportSection(section) => meter.check(CompileBound::Exports, section.count().into())?,
            Payload::FunctionSection(section) => {
                meter.check(CompileBound::Functions, section.count().into())?;
            }
            _ => {}
        }
        if let ValidPayload::Func(code, body) = validator.payload(&payload)? {
            let mut validator = code.into_validator(std::mem::take(&mut functions.allocations));
            meter.function = Some(validator.index());
            functions.measure(&mut validator, &body, &mut meter)?;
            meter.function = None;
            functions.allocations = validator.into_allocations();
        }
    }
    let most = OPTIMISED.saturating_mul(times(wasm.len() as u64).saturating_pow(2));
    Ok(Measured { largest_body: functions.largest_body, optimise: functions.shared <= most })
}

/// Measures one function after the other, with the same memory.
struct Functions<'a> {
    wasm: &'a [u8],
    metered: bool,
    allocations: FuncValidatorAllocations,
    flow: Flow,
    /// The size of the largest body so far, in bytes.
    largest_body: u64,
    /// Computations times blocks, of all functions so far.
    shared: u64,
}

impl<'a> Functions<'a> {
    fn new(wasm: &'a [u8], metered: bool) -> Self {
        let (allocations, flow) = (FuncValidatorAllocations::default(), Flow::default());
        Self { wasm, metered, allocations, flow, largest_body: 0, shared: 0 }
    }

    fn measure(
        &mut self,
        validator: &mut FuncValidator<ValidatorResources>,
        body: &FunctionBody<'_>,
        meter: &mut Meter<'_>,
    ) -> Result<(), Unfit> {
        let range = body.range();
        let size = range.end.saturating_sub(range.start);
        meter.check(CompileBound::BodyBytes, size)?;
        self.largest_body = self.largest_body.max(size);
        let mut groups = body.get_locals_reader()?;
        let mut locals = u64::from(validator.len_locals());
        for _ in 0..groups.get_count() {
            locals += u64::from(groups.read()?.0);
            meter.check(CompileBound::Locals, locals)?;
        }
        meter.add(CompileBound::AllLocals, locals)?;
        validator.read_locals(&mut body.get_binary_reader())?;
        self.flow.begin(validator.len_locals() as usize);
        let mut reader = OperatorsReader::new(body.get_binary_reader_for_operators()?);
        let mut loops = Loops::default();
        let (mut code, mut computations) = (0, 0_u64);
        while !reader.eof() {
            let position = reader.original_position();
            let operator = reader.read()?;
            let first = self.wasm.get(position as usize).copied().unwrap_or_default();
            code += weight::of(&operator, first, meter.operators);
            computations += u64::from(weight::computes(first));
            self.operator(&operator, validator, position, meter)?;
            validator.op(position, &operator)?;
            meter.check(CompileBound::Nesting, validator.control_stack_height().into())?;
            meter.check(CompileBound::LoopNesting, loops.follow(&operator))?;
            self.flow.stands_at(validator.operand_stack_height());
        }
        reader.finish()?;
        meter.check(CompileBound::Code, code)?;
        meter.add(CompileBound::AllCode, code)?;
        let spread = self.flow.finish(meter)?;
        self.shared = self.shared.saturating_add(computations.saturating_mul(spread.blocks));
        let live = spread.live.saturating_mul(if self.metered { 2 } else { 1 });
        meter.check(CompileBound::Joins, spread.joins)?;
        meter.check(CompileBound::Live, live)?;
        meter.add(CompileBound::Pressure, spread.pressure)?;
        meter.add(CompileBound::Work, spread.joins.saturating_mul(live))
    }

    /// Follows one operator, before it is validated: what a validator needs long for is bounded,
    /// too.
    fn operator(
        &mut self,
        operator: &Operator<'_>,
        validator: &mut FuncValidator<ValidatorResources>,
        position: u64,
        meter: &mut Meter<'_>,
    ) -> Result<(), Unfit> {
        let flow = &mut self.flow;
        let module = validator.visitor(position);
        match operator {
            Operator::LocalGet { local_index } => flow.read(*local_index),
            Operator::LocalSet { local_index } | Operator::LocalTee { local_index } => {
                flow.change(*local_index);
            }
            Operator::Block { blockty } | Operator::Loop { blockty } | Operator::If { blockty } => {
                let (parameters, results) = arity(&module, *blockty);
                meter.add(CompileBound::Operands, parameters + results)?;
                match operator {
                    Operator::Block { .. } => flow.block(results),
                    Operator::Loop { .. } => flow.enter_loop(parameters),
                    _ => flow.branch_in(results),
                }
            }
            Operator::Else => flow.other_branch(),
            Operator::End => flow.end(meter)?,
            Operator::Br { relative_depth } => {
                meter.add(CompileBound::Operands, label(&module, *relative_depth))?;
                flow.jump(*relative_depth);
                flow.stop();
            }
            Operator::BrIf { relative_depth } => {
                meter.add(CompileBound::Operands, label(&module, *relative_depth))?;
                flow.jump(*relative_depth);
                flow.go_on();
            }
            Operator::BrTable { targets } => {
                let count = u64::from(targets.len()) + 1;
                meter.add(CompileBound::BranchTargets, count)?;
                meter.add(CompileBound::Operands, count.saturating_mul(label(&module, targets.default())))?;
                for target in targets.targets() {
                    flow.jump(target?);
                }
                flow.jump(targets.default());
                flow.stop();
            }
            Operator::Call { .. } | Operator::CallIndirect { .. } => {
                let (taken, given) = operator.operator_arity(&module).unwrap_or_default();
                meter.add(CompileBound::Operands, u64::from(taken) + u64::from(given))?;
            }
            Operator::Return | Operator::Unreachable => flow.stop(),
            other if meter.operators.includes(other) => flow.go_on(),
            _ => {}
        }
        Ok(())
    }
}

/// How deep the loops are nested.
#[derive(Default)]
struct Loops {
    /// For each frame, whether it is a loop's.
    frames: Vec<bool>,
    depth: u64,
}

impl Loops {
    fn follow(&mut self, operator: &Operator<'_>) -> u64 {
        match operator {
            Operator::Block { .. } | Operator::If { .. } => self.frames.push(false),
            Operator::Loop { .. } => {
                self.frames.push(true);
                self.depth += 1;
            }
            Operator::End if self.frames.pop() == Some(true) => self.depth -= 1,
            _ => {}
        }
        self.depth
    }
}

fn arity(module: &impl ModuleArity, ty: BlockType) -> (u64, u64) {
    let (parameters, results) = module.block_type_arity(ty).unwrap_or_default();
    (parameters.into(), results.into())
}

/// How many values a branch takes along.
fn label(module: &impl ModuleArity, depth: u32) -> u64 {
    let Some((ty, kind)) = module.label_block(depth) else { return 0 };
    let (parameters, results) = arity(module, ty);
    if kind == FrameKind::Loop { parameters } else { results }
}

#[cfg(test)]
mod tests;

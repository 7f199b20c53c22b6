//! Measures what a module asks of the compiler, in time that is linear in what it measures, and refuses one that asks too much.
//!
//! Compilers like this one need time that grows with products: of the values that are alive with the places where branches meet, above all.
//! `flow` finds those for one function; the rest is counted here.

mod flow;
mod weight;

use wasmer::wasmparser::{
    BinaryReaderError, BlockType, FrameKind, FuncValidator, FuncValidatorAllocations, FunctionBody,
    ModuleArity, Operator, OperatorsReader, Parser, Payload, ValidPayload, Validator, ValidatorResources,
    WasmFeatures,
};

use self::flow::Flow;
use crate::{
    CompileBound, CompileLimits, limits::compile::times, wasmer::compile::operators::EngineOperators,
};

/// Why a module is not compiled.
#[derive(Debug)]
pub(crate) enum Unfit {
    /// It is not valid. The words are the validator's.
    Invalid(String),
    /// It asks too much.
    Over { bound: CompileBound, function: Option<u32>, requested: u64, limit: u64 },
}

/// What was found in a module that may be compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Measured {
    /// The size of the largest body in bytes.
    pub(crate) largest_body: u64,
    /// Whether it is compiled with optimisations. They share results of equal computations and move what does not change out of loops, so that results
    /// are alive longer than the locals of the module tell. Where that could become too much, there are none.
    pub(crate) optimise: bool,
}

/// The most computations of a function times its blocks, summed up over all functions, of a module of 1 MiB that is compiled with optimisations. It grows
/// with the square of the size. The largest modules of real compilers come to an eighth of it.
const OPTIMISED: u64 = 100_000_000;

impl From<BinaryReaderError> for Unfit {
    fn from(error: BinaryReaderError) -> Self {
        Self::Invalid(error.to_string())
    }
}

/// What an engine of ours accepts, as its own validator knows it. The next validation is the engine's.
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

/// Measures a module in the binary format. `metered` tells that its code will count what it does, which adds to its blocks.
pub(crate) fn measure(wasm: &[u8], limits: &CompileLimits, metered: bool) -> Result<Measured, Unfit> {
    let mut meter = Meter::new(limits, wasm, metered);
    meter.check(CompileBound::ModuleBytes, wasm.len() as u64)?;
    let mut validator = Validator::new_with_features(features());
    let mut function = Function::default();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        match &payload {
            Payload::TypeSection(section) => meter.check(CompileBound::Types, section.count().into())?,
            Payload::ImportSection(section) => meter.check(CompileBound::Imports, section.count().into())?,
            Payload::ExportSection(section) => meter.check(CompileBound::Exports, section.count().into())?,
            Payload::FunctionSection(section) => {
                meter.check(CompileBound::Functions, section.count().into())?;
            }
            Payload::CodeSectionEntry(body) => {
                let range = body.range();
                let size = range.end.saturating_sub(range.start);
                meter.measured.largest_body = meter.measured.largest_body.max(size);
            }
            _ => {}
        }
        if let ValidPayload::Func(code, body) = validator.payload(&payload)? {
            let mut validator = code.into_validator(std::mem::take(&mut function.allocations));
            meter.function = Some(validator.index());
            function.measure(&mut validator, &body, &mut meter)?;
            meter.function = None;
            function.allocations = validator.into_allocations();
        }
    }
    let most = OPTIMISED.saturating_mul(times(meter.size()).saturating_pow(2));
    meter.measured.optimise = meter.shared <= most;
    Ok(meter.measured)
}

/// Adds up, and compares with the limits.
struct Meter<'a> {
    limits: &'a CompileLimits,
    wasm: &'a [u8],
    metered: bool,
    engine: EngineOperators,
    measured: Measured,
    /// The function that is looked at.
    function: Option<u32>,
    code: u64,
    locals: u64,
    targets: u64,
    operands: u64,
    work: u64,
    pressure: u64,
    /// Computations times blocks.
    shared: u64,
    steps: u64,
}

impl<'a> Meter<'a> {
    fn new(limits: &'a CompileLimits, wasm: &'a [u8], metered: bool) -> Self {
        Self {
            limits,
            wasm,
            metered,
            engine: EngineOperators::of_this_machine(),
            measured: Measured { largest_body: 0, optimise: true },
            function: None,
            code: 0,
            locals: 0,
            targets: 0,
            operands: 0,
            work: 0,
            pressure: 0,
            shared: 0,
            steps: 0,
        }
    }

    fn size(&self) -> u64 {
        self.wasm.len() as u64
    }

    fn check(&self, bound: CompileBound, requested: u64) -> Result<(), Unfit> {
        let limit = self.limits.of_size(bound, self.size());
        if requested <= limit {
            return Ok(());
        }
        Err(Unfit::Over { bound, function: self.function, requested, limit })
    }

    /// Compares a sum over all functions, which is the module's and not a function's.
    fn check_sum(&self, bound: CompileBound, requested: u64) -> Result<(), Unfit> {
        self.check(bound, requested).map_err(|unfit| match unfit {
            Unfit::Over { bound, requested, limit, .. } => {
                Unfit::Over { bound, function: None, requested, limit }
            }
            invalid => invalid,
        })
    }

    fn add_steps(&mut self, steps: u64) -> Result<(), Unfit> {
        self.steps = self.steps.saturating_add(steps);
        self.check_sum(CompileBound::Steps, self.steps)
    }

    fn add_operands(&mut self, operands: u64) -> Result<(), Unfit> {
        self.operands = self.operands.saturating_add(operands);
        self.check_sum(CompileBound::Operands, self.operands)
    }
}

/// Measures one function after the other, with the same memory.
#[derive(Default)]
struct Function {
    allocations: FuncValidatorAllocations,
    flow: Flow,
}

impl Function {
    fn measure(
        &mut self,
        validator: &mut FuncValidator<ValidatorResources>,
        body: &FunctionBody<'_>,
        meter: &mut Meter<'_>,
    ) -> Result<(), Unfit> {
        let range = body.range();
        meter.check(CompileBound::BodyBytes, range.end.saturating_sub(range.start))?;
        let mut groups = body.get_locals_reader()?;
        let mut locals = u64::from(validator.len_locals());
        for _ in 0..groups.get_count() {
            locals += u64::from(groups.read()?.0);
            meter.check(CompileBound::Locals, locals)?;
        }
        meter.locals += locals;
        meter.check_sum(CompileBound::AllLocals, meter.locals)?;
        validator.read_locals(&mut body.get_binary_reader())?;
        self.flow.begin(validator.len_locals() as usize);
        let mut reader = OperatorsReader::new(body.get_binary_reader_for_operators()?);
        let mut loops = Loops::default();
        let (mut code, mut computations) = (0, 0_u64);
        while !reader.eof() {
            let position = reader.original_position();
            let operator = reader.read()?;
            let first = meter.wasm.get(position as usize).copied().unwrap_or_default();
            code += weight::of(&operator, first, meter.engine);
            computations += u64::from(weight::computes(first));
            self.operator(&operator, validator, position, meter)?;
            validator.op(position, &operator)?;
            meter.check(CompileBound::Nesting, validator.control_stack_height().into())?;
            meter.check(CompileBound::LoopNesting, loops.follow(&operator))?;
            self.flow.stands_at(validator.operand_stack_height());
        }
        reader.finish()?;
        meter.check(CompileBound::Code, code)?;
        meter.code += code;
        meter.check_sum(CompileBound::AllCode, meter.code)?;
        let spread = self.flow.finish(meter)?;
        meter.shared = meter.shared.saturating_add(computations.saturating_mul(spread.blocks));
        let live = spread.live.saturating_mul(if meter.metered { 2 } else { 1 });
        meter.check(CompileBound::Joins, spread.joins)?;
        meter.check(CompileBound::Live, live)?;
        meter.pressure = meter.pressure.saturating_add(spread.pressure);
        meter.check_sum(CompileBound::Pressure, meter.pressure)?;
        meter.work = meter.work.saturating_add(spread.joins.saturating_mul(live));
        meter.check_sum(CompileBound::Work, meter.work)
    }

    /// Follows one operator, before it is validated: what a validator needs long for is bounded, too.
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
                meter.add_operands(parameters + results)?;
                match operator {
                    Operator::Block { .. } => flow.block(results),
                    Operator::Loop { .. } => flow.enter_loop(parameters),
                    _ => flow.branch_in(results),
                }
            }
            Operator::Else => flow.other_branch(),
            Operator::End => flow.end(meter)?,
            Operator::Br { relative_depth } => {
                meter.add_operands(label(&module, *relative_depth))?;
                flow.jump(*relative_depth);
                flow.stop();
            }
            Operator::BrIf { relative_depth } => {
                meter.add_operands(label(&module, *relative_depth))?;
                flow.jump(*relative_depth);
                flow.go_on();
            }
            Operator::BrTable { targets } => {
                let count = u64::from(targets.len()) + 1;
                meter.targets += count;
                meter.check_sum(CompileBound::BranchTargets, meter.targets)?;
                meter.add_operands(count.saturating_mul(label(&module, targets.default())))?;
                for target in targets.targets() {
                    flow.jump(target?);
                }
                flow.jump(targets.default());
                flow.stop();
            }
            Operator::Call { .. } | Operator::CallIndirect { .. } => {
                let (taken, given) = operator.operator_arity(&module).unwrap_or_default();
                meter.add_operands(u64::from(taken) + u64::from(given))?;
            }
            Operator::Return | Operator::Unreachable => flow.stop(),
            other if meter.engine.carries_out(other) => flow.go_on(),
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

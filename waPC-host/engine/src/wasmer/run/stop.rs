//! Ends guests that are in the engine's functions when they have to end.
//!
//! A run may only be ended in the guest's own code. Where an interrupt or the end of the stack finds one of the engine's functions
//! instead, a sign is raised inside the instance; the guest's code looks at the sign behind each instruction that the engine carries
//! out (see [`EngineOperators`]). The sign is a global that is added to every module, as its last one.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicI32, AtomicPtr, Ordering::Relaxed},
};

use wasmer::{
    GlobalInit, GlobalType, LocalFunctionIndex, ModuleInfo, Mutability, Type,
    sys::{
        FunctionMiddleware, MiddlewareError, MiddlewareReaderState, ModuleMiddleware, vm::VMGlobalDefinition,
    },
    wasmparser::{BlockType, Operator},
};

use crate::wasmer::compile::operators::EngineOperators;

/// What has the code of one module look at the sign. It must come behind whatever else adds globals.
pub(crate) fn middleware() -> Arc<dyn ModuleMiddleware> {
    Arc::new(Looking::default())
}

/// Where the sign of an instance is.
#[derive(Debug, Clone, Default)]
pub(crate) struct StopSign(Arc<AtomicPtr<VMGlobalDefinition>>);

impl StopSign {
    /// Told of each global that is made for the instance. The sign is the last.
    pub(crate) fn place(&self, global: *mut VMGlobalDefinition) {
        self.0.store(global, Relaxed);
    }

    /// Has the guest's code end the run when it next looks. The sign is never lowered: an instance in which a run was ended is
    /// not entered again. Called from a signal handler, so this neither allocates nor locks.
    ///
    /// # Safety
    /// Only while the instance lives, and only for a module that [`middleware`] was applied to.
    pub(crate) unsafe fn raise(&self) {
        let global = self.0.load(Relaxed);
        if !global.is_null() {
            // SAFETY: the global lies in the instance, which lives. It is one of 32 bits, as `middleware` made it, aligned for more than that,
            // and only compiled code reads it beside, which loads it with one instruction each time.
            unsafe { AtomicI32::from_ptr((&raw mut (*global).val).cast()) }.store(1, Relaxed);
        }
    }
}

/// The sign of one instance, lent to other threads for as long as the instance lives.
#[derive(Debug, Default)]
pub(crate) struct LentSign(Mutex<Option<StopSign>>);

impl LentSign {
    /// Raises the sign, unless the instance is not there yet or no longer.
    pub(crate) fn raise(&self) {
        if let Some(sign) = self.lock().as_ref() {
            // SAFETY: the instance lives for as long as its loan does, which cannot be dropped before the lock is let go.
            unsafe { sign.raise() };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<StopSign>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lends the sign of an instance, which must be dropped later than this.
#[derive(Debug)]
pub(crate) struct SignLoan(Arc<LentSign>);

impl SignLoan {
    /// # Safety
    /// The loan must be dropped before the instance is.
    pub(crate) unsafe fn new(lent: &Arc<LentSign>, sign: StopSign) -> Self {
        *lent.lock() = Some(sign);
        Self(lent.clone())
    }
}

impl Drop for SignLoan {
    fn drop(&mut self) {
        *self.0.lock() = None;
    }
}

/// Adds the sign to a module and the looking to its functions.
#[derive(Debug, Default)]
struct Looking {
    sign: Mutex<u32>,
}

#[derive(Debug)]
struct FunctionLooking {
    engine: EngineOperators,
    /// The index of the sign among the module's globals.
    sign: u32,
}

impl ModuleMiddleware for Looking {
    fn transform_module_info(&self, module: &mut ModuleInfo) -> Result<(), MiddlewareError> {
        let sign = module.globals.push(GlobalType::new(Type::I32, Mutability::Var));
        module.global_initializers.push(GlobalInit::I32Const(0));
        *self.sign.lock().unwrap_or_else(PoisonError::into_inner) = sign.as_u32();
        Ok(())
    }

    fn generate_function_middleware<'a>(
        &self,
        _: LocalFunctionIndex,
    ) -> Box<dyn FunctionMiddleware<'a> + 'a> {
        let sign = *self.sign.lock().unwrap_or_else(PoisonError::into_inner);
        Box::new(FunctionLooking { engine: EngineOperators::of_this_machine(), sign })
    }
}

impl<'a> FunctionMiddleware<'a> for FunctionLooking {
    fn feed(
        &mut self,
        operator: Operator<'a>,
        state: &mut MiddlewareReaderState<'a>,
    ) -> Result<(), MiddlewareError> {
        let looks = self.engine.carries_out(&operator);
        state.push_operator(operator);
        if looks {
            state.extend([
                Operator::GlobalGet { global_index: self.sign },
                Operator::If { blockty: BlockType::Empty },
                Operator::Unreachable,
                Operator::End,
            ]);
        }
        Ok(())
    }
}

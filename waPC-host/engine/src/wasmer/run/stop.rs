//! Ends guests that are in a runtime function when they have to end.
//!
//! A run may only be ended in the guest's own code. Where an interrupt or the end of the stack
//! finds a runtime function instead, a stop flag is raised inside the instance; the guest's code
//! checks it after each instruction that calls a runtime function (see [`RuntimeOperators`]). The
//! flag is a global that is added to every module, as its last one.

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

use crate::wasmer::compile::operators::RuntimeOperators;

/// Has the code of one module check the stop flag. It must come after whatever else adds globals.
pub(crate) fn middleware() -> Arc<dyn ModuleMiddleware> {
    Arc::new(StopChecks::default())
}

/// Where the stop flag of an instance lies.
#[derive(Debug, Clone, Default)]
pub(crate) struct StopFlag(Arc<AtomicPtr<VMGlobalDefinition>>);

impl StopFlag {
    /// Told of each global that is made for the instance. The flag is the last.
    pub(crate) fn lies_at(&self, global: *mut VMGlobalDefinition) {
        self.0.store(global, Relaxed);
    }

    /// Has the guest's code end the run when it next checks. The flag is never lowered: an instance
    /// in which a run was ended is not entered again. Called from a signal handler, so this neither
    /// allocates nor locks.
    ///
    /// # Safety
    /// Only while the instance lives, and only for a module that [`middleware`] was applied to.
    pub(crate) unsafe fn raise(&self) {
        let global = self.0.load(Relaxed);
        if !global.is_null() {
            // SAFETY: the global lies in the instance, which lives. It is one of 32 bits, as
            // `middleware` made it, aligned for more than that, and nobody else but compiled code
            // reads it, with one load each time.
            unsafe { AtomicI32::from_ptr((&raw mut (*global).val).cast()) }.store(1, Relaxed);
        }
    }
}

/// The stop flag of one instance, lent to other threads for as long as the instance lives.
#[derive(Debug, Default)]
pub(crate) struct LentFlag(Mutex<Option<StopFlag>>);

impl LentFlag {
    /// Raises the flag, unless the instance is not there yet or no longer.
    pub(crate) fn raise(&self) {
        if let Some(flag) = self.lock().as_ref() {
            // SAFETY: the instance lives for as long as its loan does, which cannot be dropped
            // before the lock is released.
            unsafe { flag.raise() };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<StopFlag>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lends the stop flag of an instance, which must be dropped later than this.
#[derive(Debug)]
pub(crate) struct FlagLoan(Arc<LentFlag>);

impl FlagLoan {
    /// # Safety
    /// The loan must end, or be dropped, before the instance is.
    pub(crate) unsafe fn new(lent: &Arc<LentFlag>, flag: StopFlag) -> Self {
        *lent.lock() = Some(flag);
        Self(lent.clone())
    }

    /// Ends the loan: nobody raises the flag any more.
    pub(crate) fn end(&self) {
        *self.0.lock() = None;
    }
}

impl Drop for FlagLoan {
    fn drop(&mut self) {
        self.end();
    }
}

/// Adds the flag to a module and the checks to its functions.
#[derive(Debug, Default)]
struct StopChecks {
    flag: Mutex<u32>,
}

#[derive(Debug)]
struct FunctionChecks {
    runtime: RuntimeOperators,
    /// The index of the flag among the module's globals.
    flag: u32,
}

impl ModuleMiddleware for StopChecks {
    fn transform_module_info(&self, module: &mut ModuleInfo) -> Result<(), MiddlewareError> {
        let flag = module.globals.push(GlobalType::new(Type::I32, Mutability::Var));
        module.global_initializers.push(GlobalInit::I32Const(0));
        *self.flag.lock().unwrap_or_else(PoisonError::into_inner) = flag.as_u32();
        Ok(())
    }

    fn generate_function_middleware<'a>(
        &self,
        _: LocalFunctionIndex,
    ) -> Box<dyn FunctionMiddleware<'a> + 'a> {
        let flag = *self.flag.lock().unwrap_or_else(PoisonError::into_inner);
        Box::new(FunctionChecks { runtime: RuntimeOperators::of_this_machine(), flag })
    }
}

impl<'a> FunctionMiddleware<'a> for FunctionChecks {
    fn feed(
        &mut self,
        operator: Operator<'a>,
        state: &mut MiddlewareReaderState<'a>,
    ) -> Result<(), MiddlewareError> {
        let checks = self.runtime.includes(&operator);
        state.push_operator(operator);
        if checks {
            state.extend([
                Operator::GlobalGet { global_index: self.flag },
                Operator::If { blockty: BlockType::Empty },
                Operator::Unreachable,
                Operator::End,
            ]);
        }
        Ok(())
    }
}

//! Ends a compilation that takes too long, between two functions.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use wasmer::{
    LocalFunctionIndex,
    sys::{FunctionMiddleware, MiddlewareError, MiddlewareReaderState, ModuleMiddleware},
    wasmparser::Operator,
};

/// The time that one compilation has. Clones are the same one's.
#[derive(Debug, Clone)]
pub(crate) struct CompileTime {
    /// None when the clock cannot count that far.
    end: Option<Instant>,
    is_over: Arc<AtomicBool>,
}

impl CompileTime {
    /// `limit` from now.
    pub(crate) fn begin(limit: Duration) -> Self {
        Self { end: Instant::now().checked_add(limit), is_over: Arc::default() }
    }

    /// Has the clock read before each function.
    pub(crate) fn middleware(&self) -> Arc<dyn ModuleMiddleware> {
        Arc::new(self.clone())
    }

    /// Whether the compilation was ended.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Relaxed)
    }
}

impl ModuleMiddleware for CompileTime {
    fn generate_function_middleware<'a>(
        &self,
        _: LocalFunctionIndex,
    ) -> Box<dyn FunctionMiddleware<'a> + 'a> {
        if self.end.is_some_and(|end| Instant::now() >= end) {
            self.is_over.store(true, Relaxed);
        }
        Box::new(Looking { is_over: self.is_over() })
    }
}

#[derive(Debug)]
struct Looking {
    is_over: bool,
}

impl<'a> FunctionMiddleware<'a> for Looking {
    fn feed(
        &mut self,
        operator: Operator<'a>,
        state: &mut MiddlewareReaderState<'a>,
    ) -> Result<(), MiddlewareError> {
        if self.is_over {
            return Err(MiddlewareError::new("compile time", "it is over"));
        }
        state.push_operator(operator);
        Ok(())
    }
}

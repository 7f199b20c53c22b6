//! Has code count what it does, for modules that are compiled so.
//!
//! The counter lies in two globals that are added to the module. Nothing here touches a module that
//! is compiled without.

use std::sync::Arc;

use wasmer::{sys::ModuleMiddleware, wasmparser::Operator};
use wasmer_middlewares::Metering;

/// What a run has that was given no amount; at a thousand million instructions a second it lasts
/// for five hundred years.
pub(in crate::wasmer) const UNLIMITED: u64 = u64::MAX;
/// What the names of the globals begin with. A metered module cannot export others under them.
const GLOBALS: &str = "wasmer_metering_";

/// What makes the code of one module count: one unit for each instruction.
pub(crate) fn middleware() -> Arc<dyn ModuleMiddleware> {
    Arc::new(Metering::new(UNLIMITED, |_: &Operator<'_>| 1))
}

/// Whether an export of a metered module is one that the metering added.
pub(crate) fn added(export: &str) -> bool {
    export.starts_with(GLOBALS)
}

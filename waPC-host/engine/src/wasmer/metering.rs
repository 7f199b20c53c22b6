//! Fuel: code that counts what it does, for modules that were compiled so.
//!
//! The counter lies in two globals that are added to the module. Nothing here touches a module that is compiled without.

use std::sync::Arc;

use wasmer::{Instance, Store, sys::ModuleMiddleware, wasmparser::Operator};
use wasmer_middlewares::{
    Metering,
    metering::{MeteringPoints, get_remaining_points, set_remaining_points},
};

/// What a run has that was given no amount; at a thousand million instructions a second it lasts for five hundred years.
const UNLIMITED: u64 = u64::MAX;
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

/// The fuel of one instance of a metered module.
#[derive(Debug)]
pub(crate) struct Tank {
    limit: Option<u64>,
}

impl Tank {
    pub(crate) fn new() -> Self {
        Self { limit: None }
    }

    pub(crate) fn fill(&mut self, limit: Option<u64>, store: &mut Store, instance: &Instance) {
        self.limit = limit;
        set_remaining_points(store, instance, limit.unwrap_or(UNLIMITED));
    }

    /// How much was used since the tank was filled.
    pub(crate) fn used(&self, store: &mut Store, instance: &Instance) -> u64 {
        let filled = self.limit.unwrap_or(UNLIMITED);
        match get_remaining_points(store, instance) {
            MeteringPoints::Remaining(left) => filled.saturating_sub(left),
            MeteringPoints::Exhausted => filled,
        }
    }

    /// The amount, if it was used up, so that the run was ended for it.
    pub(crate) fn exhausted(&self, store: &mut Store, instance: &Instance) -> Option<u64> {
        let exhausted = get_remaining_points(store, instance) == MeteringPoints::Exhausted;
        exhausted.then(|| self.limit.unwrap_or(UNLIMITED))
    }
}

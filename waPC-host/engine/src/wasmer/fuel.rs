//! Fills and reads the fuel of an instance whose code counts what it does.

use wasmer_middlewares::metering::{MeteringPoints, get_remaining_points, set_remaining_points};

use super::{compile::metering::UNLIMITED, exports::Exports, store::Store};

/// The fuel of one instance of a metered module.
#[derive(Debug)]
pub(crate) struct Tank {
    limit: Option<u64>,
}

impl Tank {
    pub(crate) fn new() -> Self {
        Self { limit: None }
    }

    pub(crate) fn fill<T: Send>(&mut self, limit: Option<u64>, store: &mut Store<T>, exports: &Exports) {
        self.limit = limit;
        set_remaining_points(store.inner_mut(), exports.inner(), limit.unwrap_or(UNLIMITED));
    }

    /// How much was used since the tank was filled.
    pub(crate) fn used<T: Send>(&self, store: &mut Store<T>, exports: &Exports) -> u64 {
        let filled = self.limit.unwrap_or(UNLIMITED);
        match get_remaining_points(store.inner_mut(), exports.inner()) {
            MeteringPoints::Remaining(left) => filled.saturating_sub(left),
            MeteringPoints::Exhausted => filled,
        }
    }

    /// The amount, if it was used up, so that the run was ended for it.
    pub(crate) fn exhausted<T: Send>(&self, store: &mut Store<T>, exports: &Exports) -> Option<u64> {
        let exhausted = get_remaining_points(store.inner_mut(), exports.inner()) == MeteringPoints::Exhausted;
        exhausted.then(|| self.limit.unwrap_or(UNLIMITED))
    }
}

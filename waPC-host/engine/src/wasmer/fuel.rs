//! Fills and reads the fuel of an instance whose code counts what it does.

use wasmer_middlewares::metering::{MeteringPoints, get_remaining_points, set_remaining_points};

use super::{compile::metering::UNLIMITED, exports::Exports, store::Store};

/// The fuel of one instance of a metered module.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fuel {
    limit: Option<u64>,
}

impl Fuel {
    pub(crate) fn new() -> Self {
        Self { limit: None }
    }

    pub(crate) fn set<T: Send>(&mut self, limit: Option<u64>, store: &mut Store<T>, exports: &Exports) {
        self.limit = limit;
        set_remaining_points(store.inner_mut(), exports.inner(), limit.unwrap_or(UNLIMITED));
    }

    /// How much was used since the amount was set.
    pub(crate) fn used<T: Send>(&self, store: &mut Store<T>, exports: &Exports) -> u64 {
        let given = self.limit.unwrap_or(UNLIMITED);
        match get_remaining_points(store.inner_mut(), exports.inner()) {
            MeteringPoints::Remaining(left) => given.saturating_sub(left),
            MeteringPoints::Exhausted => given,
        }
    }

    /// The amount, if it was used up, so that the run was ended for it.
    pub(crate) fn exhausted<T: Send>(&self, store: &mut Store<T>, exports: &Exports) -> Option<u64> {
        let exhausted = get_remaining_points(store.inner_mut(), exports.inner()) == MeteringPoints::Exhausted;
        exhausted.then(|| self.limit.unwrap_or(UNLIMITED))
    }
}

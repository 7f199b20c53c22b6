//! Counts how much fuel calls have used.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// Adds up the fuel that calls use, in instructions. Clones share the sum, so that one counter can serve several calls.
#[derive(Debug, Clone, Default)]
pub struct FuelCounter(Arc<AtomicU64>);

impl FuelCounter {
    /// A counter that stands at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What finished calls have used.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.0.load(Relaxed)
    }

    pub(crate) fn add(&self, instructions: u64) {
        self.0.fetch_add(instructions, Relaxed);
    }
}

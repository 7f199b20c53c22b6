//! Describes what a host function sees of the instance that called it.

use std::fmt;

use crate::memory::GuestMemory;

/// What a host function sees of the instance that called it.
pub struct Caller<'a, T> {
    /// What the host keeps beside the instance.
    pub data: &'a mut T,
    /// The guest's memory; empty when it exports none.
    pub memory: GuestMemory<'a>,
    /// The bytes that the host lent for this run, see [`Instance::enter`](crate::Instance::enter).
    pub lent: [&'a [u8]; 2],
}

impl<T: fmt::Debug> fmt::Debug for Caller<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("data", &self.data)
            .field("memory", &self.memory)
            .finish_non_exhaustive()
    }
}

//! Keeps a linear memory from growing past its budget.

use std::{
    ptr::NonNull,
    sync::{
        Arc,
        atomic::{AtomicPtr, Ordering::Relaxed},
    },
};

use wasmer::{
    MemoryError, MemoryStyle, MemoryType, Pages,
    sys::vm::{LinearMemory, VMMemory, VMMemoryDefinition},
};

use super::budget::{Budget, PAGE};

/// Where wasmer keeps the base and size of an instance's own memory, for whoever reads them at
/// every import. A module has one memory at most: several are not accepted, and none can be
/// imported.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryPointer(Arc<AtomicPtr<VMMemoryDefinition>>);

impl MemoryPointer {
    pub(super) fn set(&self, definition: NonNull<VMMemoryDefinition>) {
        self.0.store(definition.as_ptr(), Relaxed);
    }

    /// The base and size, once the memory was made. It lies inside the instance and lives as long
    /// as its store.
    pub(crate) fn definition(&self) -> Option<NonNull<VMMemoryDefinition>> {
        NonNull::new(self.0.load(Relaxed))
    }
}

#[derive(Debug)]
pub(super) struct LimitedMemory {
    memory: VMMemory,
    budget: Budget,
}

impl LimitedMemory {
    pub(super) fn new(memory: VMMemory, budget: Budget) -> Self {
        Self { memory, budget }
    }

    pub(super) fn boxed(self) -> Box<dyn LinearMemory + Send + Sync + 'static> {
        Box::new(self)
    }

    fn check(&self, wanted: u64, delta: Pages) -> Result<(), MemoryError> {
        if self.budget.allows_memory(wanted.saturating_mul(PAGE)) {
            return Ok(());
        }
        Err(MemoryError::CouldNotGrow { current: self.memory.size(), attempted_delta: delta })
    }
}

impl LinearMemory for LimitedMemory {
    fn ty(&self) -> MemoryType {
        self.memory.ty()
    }

    fn size(&self) -> Pages {
        self.memory.size()
    }

    fn style(&self) -> MemoryStyle {
        self.memory.style()
    }

    fn grow(&mut self, delta: Pages) -> Result<Pages, MemoryError> {
        self.check(u64::from(self.memory.size().0) + u64::from(delta.0), delta)?;
        self.memory.grow(delta)
    }

    fn grow_at_least(&mut self, min_size: u64) -> Result<(), MemoryError> {
        self.check(min_size.div_ceil(PAGE), Pages(0))?;
        self.memory.grow_at_least(min_size)
    }

    fn vmmemory(&self) -> NonNull<VMMemoryDefinition> {
        self.memory.vmmemory()
    }

    fn try_clone(&self) -> Result<Box<dyn LinearMemory + Send + Sync + 'static>, MemoryError> {
        Err(MemoryError::MemoryNotShared)
    }

    fn copy(&self) -> Result<Box<dyn LinearMemory + Send + Sync + 'static>, MemoryError> {
        let copy = VMMemory::from(self.memory.copy()?);
        Ok(Self::new(copy, self.budget.clone()).boxed())
    }
}

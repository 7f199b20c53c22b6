//! A linear memory that does not grow past the budget, and remembers when it was asked to.

use std::ptr::NonNull;

use wasmer::{
    MemoryError, MemoryStyle, MemoryType, Pages,
    sys::vm::{LinearMemory, VMMemory, VMMemoryDefinition},
};

use crate::{
    limits::{PAGE, Refused},
    wasmer::memory::budget::Budget,
};

#[derive(Debug)]
pub(crate) struct LimitedMemory {
    memory: VMMemory,
    budget: Budget,
    refused: Refused,
}

impl LimitedMemory {
    pub(crate) fn new(memory: VMMemory, budget: Budget, refused: Refused) -> Self {
        Self { memory, budget, refused }
    }

    pub(crate) fn boxed(self) -> Box<dyn LinearMemory + Send + Sync + 'static> {
        Box::new(self)
    }

    fn admit(&self, wanted: u64, delta: Pages) -> Result<(), MemoryError> {
        let Err(requested) = self.budget.admit_memory(wanted.saturating_mul(PAGE)) else { return Ok(()) };
        self.refused.note(requested);
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
        self.admit(u64::from(self.memory.size().0) + u64::from(delta.0), delta)?;
        self.memory.grow(delta)
    }

    fn grow_at_least(&mut self, min_size: u64) -> Result<(), MemoryError> {
        self.admit(min_size.div_ceil(PAGE), Pages(0))?;
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
        Ok(Self::new(copy, self.budget.clone(), self.refused.clone()).boxed())
    }
}

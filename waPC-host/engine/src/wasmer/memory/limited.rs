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

use super::{
    budget::{Budget, PAGE},
    pages,
};

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

/// A memory that may be put back to a smaller size from outside, by writing it to its definition once
/// the pages behind it are [closed](pages::close).
#[derive(Debug)]
pub(super) struct LimitedMemory {
    memory: VMMemory,
    /// The largest size that it has had.
    highest: Pages,
    budget: Budget,
}

impl LimitedMemory {
    pub(super) fn new(memory: VMMemory, budget: Budget) -> Self {
        Self { highest: memory.size(), memory, budget }
    }

    pub(super) fn boxed(self) -> Box<dyn LinearMemory + Send + Sync + 'static> {
        Box::new(self)
    }

    fn check(&self, wanted: u64, delta: Pages) -> Result<(), MemoryError> {
        if self.budget.allows_memory(wanted.saturating_mul(PAGE)) {
            return Ok(());
        }
        Err(self.not_grown(delta))
    }

    fn not_grown(&self, delta: Pages) -> MemoryError {
        MemoryError::CouldNotGrow { current: self.memory.size(), attempted_delta: delta }
    }

    /// Goes back to a size that it had before it grew again.
    #[cold]
    fn shrink(&self, size: Pages) {
        let mut definition = self.memory.vmmemory();
        // SAFETY: as in `grow_again`; the pages are closed once nothing of the memory lies there.
        unsafe {
            let VMMemoryDefinition { base, current_length } = *definition.as_ref();
            let length = size.bytes().0;
            definition.as_mut().current_length = length;
            pages::close(&(base as usize + length..base as usize + current_length));
        }
    }

    /// Grows into pages that it has had before.
    fn grow_again(&self, wanted: u64, delta: Pages) -> Result<(), MemoryError> {
        let mut definition = self.memory.vmmemory();
        // SAFETY: the definition lives as long as the memory. The guest waits for this, and the pages
        // behind its memory are its own, and closed.
        unsafe {
            let VMMemoryDefinition { base, current_length } = *definition.as_ref();
            let end = wanted.min(u64::from(self.highest.0)) * PAGE;
            let grown = base as usize + current_length..base as usize + end as usize;
            if !pages::open(&grown) {
                return Err(self.not_grown(delta));
            }
            definition.as_mut().current_length = end as usize;
        }
        Ok(())
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
        let size = self.memory.size();
        let wanted = u64::from(size.0) + u64::from(delta.0);
        self.check(wanted, delta)?;
        if size < self.highest && delta.0 > 0 {
            self.grow_again(wanted, delta)?;
        }
        if let Some(more) = wanted.checked_sub(u64::from(self.highest.0)) {
            let grown = u32::try_from(more).map_err(|_| self.not_grown(delta));
            if let Err(error) = grown.and_then(|more| self.memory.grow(Pages(more))) {
                self.shrink(size);
                return Err(error);
            }
            self.highest = self.memory.size();
        }
        Ok(size)
    }

    fn grow_at_least(&mut self, min_size: u64) -> Result<(), MemoryError> {
        let more = min_size.div_ceil(PAGE).saturating_sub(self.memory.size().0.into());
        let delta = Pages(u32::try_from(more).unwrap_or(u32::MAX));
        if delta.0 > 0 { self.grow(delta).map(drop) } else { Ok(()) }
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

//! What one instance may use, and the memory that keeps to it.

pub(crate) mod compile;
pub(crate) mod deadline;

use std::{
    ptr::NonNull,
    sync::{
        Arc,
        atomic::{AtomicPtr, AtomicU64, Ordering},
    },
};

use wasmer::{
    GlobalType, MemoryError, MemoryStyle, MemoryType, TableStyle, TableType,
    sys::{
        BaseTunables, Tunables,
        vm::{VMGlobal, VMGlobalDefinition, VMMemory, VMMemoryDefinition, VMTable, VMTableDefinition},
    },
};

use crate::{
    Deadline, Error, Module, wasmer::memory::budget::Budget, wasmer::memory::limited::LimitedMemory,
    wasmer::run::stop::StopSign,
};

/// One page of WebAssembly memory, in bytes.
pub(crate) const PAGE: u64 = 65_536;

/// What one instance may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    memory: u64,
    table: u32,
}

impl Limits {
    /// 256 MiB for memory and tables, and 100,000 elements in each table.
    #[must_use]
    pub fn new() -> Self {
        Self { memory: 256 << 20, table: 100_000 }
    }

    /// The budget in bytes, out of which the memory (in whole pages of 64 KiB) and all tables are paid: 8 bytes for each element, and 32 more in a table
    /// of functions that cannot grow. For tables that may grow, their growth is set aside when the instance is made, up to a sixteenth of the budget for all of them.
    /// A guest that asks for more while it runs gets the answer that WebAssembly has for it (`memory.grow` and `table.grow` return -1).
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// The most elements in each table.
    #[must_use]
    pub fn table(mut self, elements: u32) -> Self {
        self.table = elements;
        self
    }

    /// The budget for memory and tables in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.memory
    }

    /// The most elements in each table.
    #[must_use]
    pub fn table_elements(&self) -> u32 {
        self.table
    }

    /// Refuses a module that declares more than an instance of it may have.
    ///
    /// # Errors
    /// [`Error::MemoryLimit`], [`Error::TableLimit`] and [`Error::SegmentLimit`], for the first that is too large.
    pub fn admit(&self, module: &Module) -> Result<(), Error> {
        Budget::new(self, module.wasmer().info()).map(drop)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

/// Remembers the largest size that a guest asked for and was refused, so that a trap that follows can be told for what it is.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    bytes: Arc<AtomicU64>,
    limit: u64,
}

impl Refused {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { bytes: Arc::default(), limit: limits.memory }
    }

    pub(crate) fn note(&self, bytes: u64) {
        self.bytes.fetch_max(bytes, Ordering::Relaxed);
    }

    /// Forgets what was refused in a run that went well all the same.
    #[inline]
    pub(crate) fn forget(&self) {
        if self.bytes.load(Ordering::Relaxed) != 0 {
            self.bytes.store(0, Ordering::Relaxed);
        }
    }

    /// The size that was refused since the last time that this was asked, and the limit, both in bytes.
    pub(crate) fn take(&self) -> Option<(u64, u64)> {
        match self.bytes.swap(0, Ordering::Relaxed) {
            0 => None,
            bytes => Some((bytes, self.limit)),
        }
    }
}

/// Where the engine keeps the base and size of an instance's own memory, for whoever reads them at every import. A module has
/// one memory at most: several are not accepted, and none can be imported.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryPlace(Arc<AtomicPtr<VMMemoryDefinition>>);

impl MemoryPlace {
    /// The place, once the memory was made. It lies inside the instance and lives as long as its store.
    pub(crate) fn definition(&self) -> Option<NonNull<VMMemoryDefinition>> {
        NonNull::new(self.0.load(Ordering::Relaxed))
    }
}

/// Makes memories and tables that keep to the limits of one instance, until its deadline.
pub(crate) struct LimitedTunables {
    base: BaseTunables,
    budget: Budget,
    refused: Refused,
    memory: MemoryPlace,
    stop: StopSign,
    deadline: Option<Deadline>,
}

impl LimitedTunables {
    pub(crate) fn new(
        budget: Budget,
        refused: Refused,
        memory: MemoryPlace,
        stop: StopSign,
        deadline: Option<Deadline>,
    ) -> Self {
        Self { base: BaseTunables::new(), budget, refused, memory, stop, deadline }
    }

    fn limited(&self, memory: VMMemory) -> VMMemory {
        VMMemory::from_custom(LimitedMemory::new(memory, self.budget.clone(), self.refused.clone()).boxed())
    }

    fn limited_table(&self, ty: &TableType) -> Result<TableType, String> {
        // Whoever asked for the instance looks at the clock again, and takes these words for nothing.
        if self.deadline.is_some_and(|deadline| deadline.is_over()) {
            return Err("the deadline is over".to_owned());
        }
        Ok(TableType { maximum: Some(self.budget.table_maximum(ty)), ..*ty })
    }
}

impl Tunables for LimitedTunables {
    fn memory_style(&self, memory: &MemoryType) -> MemoryStyle {
        self.base.memory_style(memory)
    }

    fn table_style(&self, table: &TableType) -> TableStyle {
        self.base.table_style(table)
    }

    fn create_host_memory(&self, ty: &MemoryType, style: &MemoryStyle) -> Result<VMMemory, MemoryError> {
        self.base.create_host_memory(ty, style).map(|memory| self.limited(memory))
    }

    unsafe fn create_vm_memory(
        &self,
        ty: &MemoryType,
        style: &MemoryStyle,
        location: NonNull<VMMemoryDefinition>,
    ) -> Result<VMMemory, MemoryError> {
        // SAFETY: the caller vouches for `location`, under the same contract.
        let memory = unsafe { self.base.create_vm_memory(ty, style, location) }?;
        self.memory.0.store(location.as_ptr(), Ordering::Relaxed);
        Ok(self.limited(memory))
    }

    fn create_host_table(&self, ty: &TableType, style: &TableStyle) -> Result<VMTable, String> {
        self.base.create_host_table(&self.limited_table(ty)?, style)
    }

    unsafe fn create_vm_table(
        &self,
        ty: &TableType,
        style: &TableStyle,
        location: NonNull<VMTableDefinition>,
    ) -> Result<VMTable, String> {
        let limited = self.limited_table(ty)?;
        // SAFETY: the caller vouches for `location`, under the same contract.
        unsafe { self.base.create_vm_table(&limited, style, location) }
    }

    unsafe fn create_vm_global(
        &self,
        ty: GlobalType,
        location: NonNull<VMGlobalDefinition>,
    ) -> Result<VMGlobal, String> {
        self.stop.place(location.as_ptr());
        // SAFETY: the caller vouches for `location`, under the same contract.
        unsafe { self.base.create_vm_global(ty, location) }
    }
}

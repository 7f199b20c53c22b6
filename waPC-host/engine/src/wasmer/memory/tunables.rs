//! Makes memories and tables that keep to the budget of one instance, until its deadline.

use std::ptr::NonNull;

use wasmer::{
    GlobalType, MemoryError, MemoryStyle, MemoryType, TableStyle, TableType,
    sys::{
        BaseTunables, Tunables,
        vm::{VMGlobal, VMGlobalDefinition, VMMemory, VMMemoryDefinition, VMTable, VMTableDefinition},
    },
};

use super::{
    budget::Budget,
    limited::{LimitedMemory, MemoryPointer},
};
use crate::{limits::deadline::Deadline, wasmer::run::stop::StopFlag};

pub(crate) struct LimitedTunables {
    base: BaseTunables,
    budget: Budget,
    memory: MemoryPointer,
    stop: StopFlag,
    deadline: Option<Deadline>,
}

impl LimitedTunables {
    pub(crate) fn new(
        budget: Budget,
        memory: MemoryPointer,
        stop: StopFlag,
        deadline: Option<Deadline>,
    ) -> Self {
        Self { base: BaseTunables::new(), budget, memory, stop, deadline }
    }

    fn limited(&self, memory: VMMemory) -> VMMemory {
        VMMemory::from_custom(LimitedMemory::new(memory, self.budget.clone()).boxed())
    }

    fn limited_table(&self, ty: &TableType) -> Result<TableType, String> {
        // Whoever makes the instance reads the clock once more, and does not show these words.
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
        self.memory.set(location);
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
        self.stop.lies_at(location.as_ptr());
        // SAFETY: the caller vouches for `location`, under the same contract.
        unsafe { self.base.create_vm_global(ty, location) }
    }
}
